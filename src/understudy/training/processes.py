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
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import understudy
from understudy.device import core_count, resolve_devices
from understudy.errors import SettingError
from understudy.settings import TrainSettings
from understudy.training.learner import Share

TORCHRUN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
COPYCAT = ("COPYCAT_RANK", "COPYCAT_WORLD_SIZE", "COPYCAT_MAIN_ADDR", "COPYCAT_MAIN_PORT")
MOST_PROCESSES = 4096
LEAVE_SECONDS = 5.0
ABORT_SECONDS = 10.0
LOOPBACKS = ("lo", "lo0")


@dataclass(frozen=True)
class Place:
    """Where this process stands among those that something else has started. ``local_rank`` of
    ``local_world`` on this machine; ``farm`` tells that the names were CopyCat's."""

    rank: int
    world: int
    address: str
    port: int
    local_rank: int = 0
    local_world: int = 1
    farm: bool = False
    notes: tuple[str, ...] = ()


def find_place(environment: Mapping[str, str]) -> Place | None:
    """The place that the environment names, or None. SettingError when it names half of one."""
    given = [name for name in COPYCAT if environment.get(name)]
    if given:
        return _copycat_place(environment, given)
    if not all(environment.get(name) for name in TORCHRUN):
        return None
    local_world = _number(environment, "LOCAL_WORLD_SIZE", 1, MOST_PROCESSES, "1")
    return _place(
        environment,
        TORCHRUN,
        local_rank=_number(environment, "LOCAL_RANK", 0, MOST_PROCESSES, "0"),
        local_world=local_world,
    )


def _copycat_place(environment: Mapping[str, str], given: list[str]) -> Place:
    missing = [name for name in COPYCAT if name not in given]
    if missing:
        raise SettingError(
            "Training on several machines needs all of CopyCat's variables, or none.",
            expected=", ".join(COPYCAT),
            found=f"no {', '.join(missing)}",
            where="the environment",
            remedy="Set what is missing, or unset the others to train on this machine alone.",
        )
    notes = []
    if environment.get("COPYCAT_SYNC_INTERVAL", "1") != "1":
        notes.append("COPYCAT_SYNC_INTERVAL is not needed: gradients are exchanged in every step.")
    if environment.get("COPYCAT_LOCAL_ADDR"):
        notes.append(
            "COPYCAT_LOCAL_ADDR is not used: GLOO_SOCKET_IFNAME names the network card, where needed."
        )
    return _place(environment, COPYCAT, farm=True, notes=tuple(notes))


def _place(environment: Mapping[str, str], names: tuple[str, ...], **more: Any) -> Place:
    rank, world, address, port = names
    count = _number(environment, world, 1, MOST_PROCESSES)
    place = _number(environment, rank, 0, count - 1)
    return Place(place, count, environment[address], _number(environment, port, 1, 65535), **more)


def _number(environment: Mapping[str, str], name: str, least: int, most: int, default: str = "") -> int:
    text = environment.get(name, default)
    if text.isdecimal() and least <= int(text) <= most:
        return int(text)
    raise SettingError(
        "A variable for training on several machines makes no sense.",
        expected=f"a whole number from {least} to {most}",
        found=text,
        where=name,
        remedy="Correct it, or unset it to train on this machine alone.",
    )


def is_called_to_help() -> bool:
    """Whether another process leads the training that this one was started for."""
    place = find_place(os.environ)
    return place is not None and place.rank > 0


@contextlib.contextmanager
def share_for(settings: TrainSettings, batch_size: int | str, stop: Any = None) -> Iterator[Share]:
    """The share of this process, as ``settings.devices`` or the environment ask for; what was started for it
    ends with the block. ``batch_size`` is a number or ``auto``; ``stop`` becomes true to wait no longer.

    Raises DeviceError and SettingError; TrainingError or UnderstudyError when others do not come or are lost.
    """
    place = find_place(os.environ)
    devices = resolve_devices(settings.devices)
    if place is not None and place.world > 1:
        with _called(place, devices, stop) as share:
            yield share
        return
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
def _called(place: Place, devices: list[torch.device], stop: Any) -> Iterator[Share]:
    from understudy.training.company import Company

    device = devices[place.local_rank % len(devices)]
    if device.type == "cuda" and len(devices) == 1 and device.index == 0:
        device = torch.device("cuda", place.local_rank % torch.cuda.device_count())
    threads = max(1, core_count() // place.local_world) if not _set_by_hand() else core_count()
    company = Company(place.rank, place.world, _meeting_point(place, stop), device, threads)
    company.notes = (f"Training with {place.world} processes together.", *place.notes)
    try:
        yield company
    except BaseException as error:
        company.refuse(error)
        raise
    finally:
        company.leave()


def _set_by_hand() -> bool:
    """torchrun sets this itself where several processes are on a machine; it is meant for each of them."""
    return bool(os.environ.get("OMP_NUM_THREADS"))


def _meeting_point(place: Place, stop: Any) -> Any:
    """Process 0 opens the port, unless torchrun has opened it for all."""
    import datetime

    import torch.distributed as dist

    from understudy.training.company import JOIN_SECONDS, did_not_join

    if place.rank:
        _wait_for_port(place, stop)
    leads = place.rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    try:
        store = dist.TCPStore(
            place.address,
            place.port,
            is_master=leads or (place.farm and place.rank == 0),
            timeout=datetime.timedelta(seconds=JOIN_SECONDS),
            wait_for_workers=False,
        )
    except RuntimeError as error:
        raise did_not_join(f"no connection to {place.address}, port {place.port}") from error
    return dist.PrefixStore(f"understudy/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


def _wait_for_port(place: Place, stop: Any) -> None:
    """Until process 0 is there. Tried here, as torch's own waiting hears no signal."""
    from understudy.training.company import JOIN_SECONDS, did_not_join

    until = time.monotonic() + JOIN_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection((place.address, place.port), 2.0):
            return
        if stop or time.monotonic() > until:
            found = "a request to stop" if stop else f"nobody at {place.address}, port {place.port}"
            raise did_not_join(found)
        time.sleep(0.2)


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


class Children:
    """The other processes, from 1 on. Their standard input is a line of life: it closes with this process."""

    def __init__(self, folder: Path, devices: list[torch.device], threads: int) -> None:
        self.folder, self.devices = folder, devices
        self._ending = False
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            for rank in range(1, len(devices)):
                self._processes.append(self._start(rank, threads))
        except BaseException:
            self.end()
            raise
        if devices[0].type == "cuda":
            threading.Thread(target=self._watch, name="children", daemon=True).start()

    def _start(self, rank: int, threads: int) -> subprocess.Popen[bytes]:
        place = [str(self.folder), str(rank), str(len(self.devices)), str(self.devices[rank]), str(threads)]
        source = str(Path(understudy.__file__).parents[1])
        paths = [source, *filter(None, [os.environ.get("PYTHONPATH")])]
        with self._log(rank).open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "understudy.training.worker", *place],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": os.pathsep.join(paths)},
                start_new_session=True,  # Ctrl-C is for process 0, which stops all of them after their step
            )

    def _log(self, rank: int) -> Path:
        return self.folder / f"process-{rank}.log"

    def gone(self) -> str:
        """In words which of them has ended, with its last words; nothing while all are there."""
        for rank, process in enumerate(self._processes, 1):
            code = process.poll()
            if code is not None:
                how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
                return f"process {rank} on {self.devices[rank]} {how}{self._last_words(rank)}"
        return ""

    def _last_words(self, rank: int) -> str:
        with contextlib.suppress(OSError):
            lines = self._log(rank).read_text(errors="replace").strip().splitlines()
            return f": {' '.join(line.strip() for line in lines[-5:])[-500:]}" if lines else ""
        return ""

    def _watch(self) -> None:
        """A GPU waits for one that is gone without end: wake this process up when a child is lost."""
        from understudy.training.company import abort

        while not self._ending and all(process.poll() in (None, 0) for process in self._processes):
            time.sleep(1.0)
        time.sleep(ABORT_SECONDS)
        if not self._ending:
            abort()

    def end(self) -> None:
        """They leave by themselves; whoever does not is ended."""
        self._ending = True
        for process in self._processes:
            with contextlib.suppress(OSError):
                if process.stdin:
                    process.stdin.close()
        until = time.monotonic() + LEAVE_SECONDS
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, until - time.monotonic()))
            if process.poll() is None:
                process.kill()
                process.wait()
