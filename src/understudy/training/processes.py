"""Starting several processes that train one network, or finding those that a farm has started.

    with share_for(settings, batch_size) as share: ...

- ``--devices 0,1,2,3`` or ``cpu:2``: this process starts the others as children of its own and leads them.
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
from understudy.settings import TrainSettings
from understudy.training.children import Children
from understudy.training.learner import Share
from understudy.training.place import Place, find_place

LOOPBACKS = ("lo", "lo0")

Say = Callable[[str], None]


def _silence(text: str) -> None:
    """What happens to sentences when nobody listens."""


@contextlib.contextmanager
def share_for(
    settings: TrainSettings, batch_size: int | str, stop: Any = None, say: Say = _silence
) -> Iterator[Share]:
    """The share of this process, as ``settings.devices`` or the environment ask for; what was started for it
    ends with the block. ``batch_size`` is a number or ``auto``; ``stop`` becomes true to wait no longer;
    ``say`` is told whom this process waits for.

    Raises DeviceError and SettingError; TrainingError or UnderstudyError when others do not come or are lost;
    Stopped when ``stop`` became true first.
    """
    place = find_place(os.environ)
    if place is not None and place.world > 1:
        with _called(place, settings.devices, stop, say) as share:
            yield share
        return
    devices = resolve_devices(settings.devices)
    used = len(devices) if batch_size == "auto" else min(len(devices), int(batch_size))
    notes = _say_used(used, len(devices))
    if used == 1:
        share = Share()
        share.device, share.notes = devices[0], notes
        yield share
        return
    with _started(devices[:used], notes) as share:
        yield share


def _say_used(used: int, count: int) -> tuple[str, ...]:
    if used == count:
        return (f"Training on {count} devices together.",) if count > 1 else ()
    return (f"Batch size {used} is smaller than the number of devices: {used} of {count} are used.",)


# -- called: something else has started all of them -----------------------------------------------------


@contextlib.contextmanager
def telling_others() -> Iterator[None]:
    """The block in which process 0 may be refused before it asks for its share: the others hear of it."""
    try:
        yield
    except UnderstudyError as error:
        place = find_place(os.environ)
        if place is not None and place.world > 1 and place.rank == 0:
            with contextlib.suppress(UnderstudyError), _called(place, "cpu", None, _silence):
                raise error
        raise


@contextlib.contextmanager
def _called(place: Place, devices: str, stop: Any, say: Say) -> Iterator[Share]:
    from understudy.training.company import Company
    from understudy.training.meeting_point import open_store, opens_store

    threads = max(1, core_count() // place.local_world) if not _set_by_hand() else core_count()
    company = Company(place.rank, place.world, open_store(place, stop, say), None, threads)
    company.notes = (f"Training with {place.world} processes together.", *place.notes)
    company.meeting.where = ", ".join(place.names)
    company.meeting.keeps_for = place.world if opens_store(place) else 1
    try:
        company.device = _device_of(place, devices)
        yield company
    except BaseException as error:
        company.tell(error)
        raise
    finally:
        company.leave()


def _device_of(place: Place, wish: str) -> torch.device:
    devices = resolve_devices(wish)
    device = devices[place.local_rank % len(devices)]
    if device.type == "cuda" and len(devices) == 1 and device.index == 0:
        device = torch.device("cuda", place.local_rank % torch.cuda.device_count())
    return device


def _set_by_hand() -> bool:
    """torchrun sets this itself where several processes are on a machine; it is meant for each of them."""
    return bool(os.environ.get("OMP_NUM_THREADS"))


# -- started: this process starts the others ------------------------------------------------------------


@contextlib.contextmanager
def _started(devices: list[torch.device], notes: tuple[str, ...]) -> Iterator[Share]:
    import torch.distributed as dist

    from understudy.training.company import Company

    threads = max(1, core_count() // len(devices))
    folder = Path(tempfile.mkdtemp(prefix="understudy-"))
    with _on_loopback():
        children = Children(folder, devices, threads)
        store = dist.FileStore(str(folder / "store"), -1)
        company = Company(0, len(devices), store, devices[0], threads, children.gone)
        company.notes = notes
        try:
            yield company
        finally:
            company.leave()
            children.end()
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Processes of one machine talk to each other within it, whatever its name resolves to."""
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
