"""Launch the processes that train one network, or join those that torchrun or a farm has started.

    with shard_for(devices, batch_size) as shard: ...

- ``--devices 0,1,2,3`` or ``cpu:2``: this process starts the workers and leads them.
- torchrun has set RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, or a farm script the COPYCAT_ variables:
  this is one of the processes, and process 0 leads.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from understudy.device import core_count, resolve_devices
from understudy.errors import UnderstudyError
from understudy.settings import DeviceSettings
from understudy.training.distributed.role import Role, find_role
from understudy.training.distributed.shard import Shard
from understudy.training.distributed.worker_processes import WorkerProcesses

LOOPBACKS = ("lo", "lo0")

Say = Callable[[str], None]


def _silence(text: str) -> None:
    """The default of ``say``: discard the sentence."""


@contextlib.contextmanager
def shard_for(
    devices: DeviceSettings, batch_size: int | str, stop: Any = None, say: Say = _silence
) -> Iterator[Shard]:
    """This process's shard, as ``devices`` or the environment asks for. Workers that were started
    for it end with the block. ``batch_size`` is a number or ``auto``; ``stop`` becomes true to wait no
    longer; ``say`` is called with sentences on which process is awaited.

    Raises DeviceError and SettingError; TrainingError or UnderstudyError when processes do not join or are
    lost; Stopped when ``stop`` became true first.
    """
    role = find_role(os.environ)
    if role is not None and role.world_size > 1:
        with _launched_elsewhere(role, devices.devices, stop, say) as shard:
            yield shard
        return
    found = resolve_devices(devices.devices)
    used = len(found) if batch_size == "auto" else min(len(found), int(batch_size))
    notes = _say_used(used, len(found))
    if used == 1:
        shard = Shard()
        shard.device, shard.notes = found[0], notes
        yield shard
        return
    with _launched_here(found[:used], notes) as shard:
        yield shard


def _say_used(used: int, count: int) -> tuple[str, ...]:
    if used == count:
        return (f"Training on {count} devices together.",) if count > 1 else ()
    return (f"Batch size {used} is smaller than the number of devices: {used} of {count} are used.",)


# -- launched elsewhere: torchrun or a farm has started all processes -----------------------------------


@contextlib.contextmanager
def reporting_refusals() -> Iterator[None]:
    """The block in which an error of process 0, before it has a shard, is reported to the workers too."""
    try:
        yield
    except UnderstudyError as error:
        role = find_role(os.environ)
        if role is not None and role.world_size > 1 and role.rank == 0:
            with contextlib.suppress(UnderstudyError), _launched_elsewhere(role, "cpu", None, _silence):
                raise error
        raise


@contextlib.contextmanager
def _launched_elsewhere(role: Role, devices: str, stop: Any, say: Say) -> Iterator[Shard]:
    from understudy.training.distributed.process_group import ProcessGroup
    from understudy.training.distributed.rendezvous_store import hosts_store, open_store

    threads = max(1, core_count() // role.local_world_size) if not _set_by_hand() else core_count()
    process_group = ProcessGroup(role.rank, role.world_size, open_store(role, stop, say), None, threads)
    process_group.notes = (f"Training with {role.world_size} processes together.", *role.notes)
    process_group.rendezvous.where = ", ".join(role.names)
    process_group.rendezvous.processes_served = role.world_size if hosts_store(role) else 1
    try:
        process_group.device = _device_of(role, devices)
        yield process_group
    except BaseException as error:
        process_group.report_error(error)
        raise
    finally:
        process_group.leave()


def _device_of(role: Role, requested: str) -> torch.device:
    devices = resolve_devices(requested)
    device = devices[role.local_rank % len(devices)]
    if device.type == "cuda" and len(devices) == 1 and device.index == 0:
        device = torch.device("cuda", role.local_rank % torch.cuda.device_count())
    return device


def _set_by_hand() -> bool:
    """Whether OMP_NUM_THREADS is set: by the user, or by torchrun, which sets it for each process."""
    return bool(os.environ.get("OMP_NUM_THREADS"))


# -- launched here: this process starts the workers -----------------------------------------------------


@contextlib.contextmanager
def _launched_here(devices: list[torch.device], notes: tuple[str, ...]) -> Iterator[Shard]:
    import torch.distributed as dist

    from understudy.training.distributed.process_group import ProcessGroup

    threads = max(1, core_count() // len(devices))
    folder = Path(tempfile.mkdtemp(prefix="understudy-"))
    with _on_loopback():
        workers = WorkerProcesses(folder, devices, threads)
        store = dist.FileStore(str(folder / "store"), -1)
        process_group = ProcessGroup(0, len(devices), store, devices[0], threads, workers.find_ended)
        process_group.notes = notes
        try:
            yield process_group
        finally:
            process_group.leave()
            workers.end()
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Let gloo connect processes of one machine through the loopback, whatever the host name resolves to."""
    name = "GLOO_SOCKET_IFNAME"
    cards = [card for _, card in socket.if_nameindex() if card in LOOPBACKS] if os.name == "posix" else []
    if name in os.environ or not cards:
        yield
        return
    os.environ[name] = cards[0]
    try:
        yield
    finally:
        del os.environ[name]
