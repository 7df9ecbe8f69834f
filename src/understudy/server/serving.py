"""THE JOB: models behind two doors until somebody says stop, then a polite end."""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from understudy.errors import ServerError, SettingError
from understudy.server.house import House, ServerSettings
from understudy.server.http.door import HttpDoor
from understudy.server.log import ServerLog
from understudy.server.mlserver import MLServerDoor
from understudy.server.models.builtin import GaussianBlur, MotionVectors
from understudy.server.sources import Sources

START_PATIENCE = 20.0
KEPT_FREE = 256 << 20
LARGEST_BLOCK = 1 << 30


@dataclass(frozen=True)
class Listening:
    """Where the server can be reached."""

    host: str
    port: int
    http_port: int
    models: tuple[str, ...]


def serve(
    settings: ServerSettings, report: Callable[[Listening], None], log: ServerLog | None = None
) -> None:
    """Serve until SIGTERM or SIGINT (when run in the main thread). ``report`` is told once both doors are
    open.

    Raises ``ModelFileError`` for a path that cannot be served, ``SettingError`` for an unsafe choice, and
    ``ServerError`` when a port is taken.
    """
    check_safety(settings)
    keep_one_heap()
    allow_many_connections()
    house = House(settings, log or ServerLog())
    warn_of_strangers(house)
    sources = Sources(settings.models, house)
    stop = threading.Event()
    _on_signals(stop)
    start_models(house, sources)
    try:
        doors = open_doors(house, report)
        stop.wait()
        drain(house, *doors)
    finally:
        sources.close()
    house.log.info("the server has ended")


def check_safety(settings: ServerSettings) -> None:
    """Off loopback, the HTTP door needs a token."""
    if not is_loopback(settings.host) and not settings.token:
        raise SettingError(
            "The HTTP door needs a token when it can be reached from other machines.",
            found=f"--host {settings.host} without --token-file",
            remedy="--token-file FILE (made, with a new token in it, when it does not exist)",
        )


def keep_one_heap() -> None:
    """Let all threads share one heap that keeps some memory for the next picture.

    The system's allocator (glibc) would give each thread a heap of its own, and keep in each the memory of
    past pictures: with many clients that is several times what is in use. And it would fetch the memory of
    each large picture anew, whose pages are then cleared one by one.
    """
    trim_threshold, mmap_threshold, arena_max = -1, -3, -8
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(arena_max, 1)
        mallopt(mmap_threshold, LARGEST_BLOCK)
        mallopt(trim_threshold, KEPT_FREE)


def allow_many_connections() -> None:
    """Raise the number of open files as far as the system lets this process."""
    try:
        import resource
    except ImportError:
        return
    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def warn_of_strangers(house: House) -> None:
    """The ML-Server protocol has no token, so everybody who reaches its port is served."""
    if not is_loopback(house.settings.host):
        house.log.warning(
            "THE ML-SERVER DOOR IS OPEN TO EVERY MACHINE THAT CAN REACH IT: its protocol knows no token. "
            "Let a firewall admit the artists' machines only.",
            host=house.settings.host,
            port=house.settings.port,
        )


def start_models(house: House, sources: Sources) -> None:
    """The built-in models when none is named; else those that are. Waits a while for models that need to
    start.
    """
    if not house.settings.models:
        for model in (GaussianBlur(), MotionVectors()):
            house.registry.add(model, pinned=True)
    sources.start()
    until = time.monotonic() + START_PATIENCE
    while any(model.state == "starting" for model in house.registry.listed()) and time.monotonic() < until:
        time.sleep(0.02)


def open_doors(house: House, report: Callable[[Listening], None]) -> tuple[MLServerDoor, HttpDoor]:
    """Open both doors and say where they are."""
    from understudy import __version__

    ml_server, http = MLServerDoor(house), HttpDoor(house, __version__)
    port = _opened(ml_server, house.settings.port, "--port")
    http_port = _opened(http, house.settings.http_port, "--http-port")
    names = tuple(model.card.name for model in house.registry.listed())
    house.log.info("listening", host=house.settings.host, port=port, http_port=http_port, models=names)
    report(Listening(house.settings.host, port, http_port, names))
    return ml_server, http


def _opened(door: MLServerDoor | HttpDoor, port: int, flag: str) -> int:
    try:
        return door.open()
    except OSError as error:
        raise ServerError(
            "The port cannot be opened.",
            found=str(error),
            where=f"{flag} {port}",
            remedy="choose another port",
        ) from error


def drain(house: House, ml_server: MLServerDoor, http: HttpDoor) -> None:
    """Finish what is in work, refuse the rest politely, then close the doors."""
    house.log.info("shutting down: finishing what is in work", in_work=house.lanes.busy())
    house.draining.set()
    house.lanes.close()
    until = time.monotonic() + house.settings.drain
    while time.monotonic() < until and (house.lanes.busy() or ml_server.at_work() or http.busy()):
        time.sleep(0.02)
    ml_server.close()
    http.close()


def _on_signals(stop: threading.Event) -> None:
    """The first SIGTERM or Ctrl-C drains; the second ends at once."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda caught, frame: _stop(stop, caught))


def _stop(stop: threading.Event, caught: int) -> None:
    if stop.is_set():
        signal.signal(caught, signal.SIG_DFL)
        signal.raise_signal(caught)
    stop.set()
