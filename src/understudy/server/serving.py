"""THE JOB: models served at two endpoints until told to stop, then a graceful shutdown."""

from __future__ import annotations

import contextlib
import ipaddress
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from understudy.errors import MissingPackageError, ModelFileError, ServerError, SettingError
from understudy.models.zoo import zoo_networks
from understudy.network.kinds import MOTION
from understudy.server.heap import HeapTrimmer, keep_one_heap
from understudy.server.http.endpoint import HttpEndpoint
from understudy.server.log import ServerLog
from understudy.server.mlserver import MLServerEndpoint
from understudy.server.models.builtin import GaussianBlur, MotionVectors
from understudy.server.reloading import Reloaded, Reloader
from understudy.server.repository import ModelRepository
from understudy.server.state import Replicate, ServerSettings, ServerState, grants_of

START_TIMEOUT = 20.0


@dataclass(frozen=True)
class Listening:
    """Where the server can be reached."""

    host: str
    port: int
    http_port: int
    models: tuple[str, ...]
    encrypted: bool = False
    grpc_port: int | None = None


class Endpoint(Protocol):
    """One way to the models."""

    def open(self) -> int:
        """Start to listen; the port. ``OSError`` when it is taken."""

    def busy(self) -> int:
        """How many requests are between their first byte and the last byte of their answer."""

    def close(self) -> None:
        """Listen no more."""


def serve(
    settings: ServerSettings,
    report: Callable[[Listening], None],
    log: ServerLog | None = None,
    replicate: Replicate | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT (when run in the main thread). ``report`` is told once both endpoints are
    open. ``replicate``: what other processes answer for models, where there are any.

    Raises ``ModelFileError`` for a path that cannot be served, ``SettingError`` for an unsafe choice, and
    ``ServerError`` when a port is taken.
    """
    check_safety(settings)
    keep_one_heap()
    allow_many_connections()
    state = ServerState(settings, log or ServerLog(), replicate=replicate)
    warn_if_exposed(state)
    repository = ModelRepository(settings.models or trained_networks(state), state)
    stop = threading.Event()
    _on_signals(stop)
    start_models(state, repository)
    try:
        endpoints = open_endpoints(state, report)
        reloader = Reloader(reloaded(state), state.log)
        reloader.start()
        trimmer = HeapTrimmer()
        trimmer.start()
        stop.wait()
        reloader.close()
        trimmer.close()
        drain(state, *endpoints)
    finally:
        repository.close()
    state.log.info("the server has ended")


def check_safety(settings: ServerSettings) -> None:
    """Off loopback, the HTTP endpoint needs a token."""
    if not is_loopback(settings.host) and not settings.token and settings.tokens is None:
        raise SettingError(
            "The HTTP endpoint needs a token when it can be reached from other machines.",
            found=f"--host {settings.host} without --token-file or --tokens",
            remedy="--token-file FILE (made, with a new token in it, when it does not exist)",
        )


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


def warn_if_exposed(state: ServerState) -> None:
    """The ML-Server protocol has no token, so everybody who reaches its port is served."""
    if not is_loopback(state.settings.host):
        state.log.warning(
            "THE ML-SERVER PORT IS OPEN TO EVERY MACHINE THAT CAN REACH IT: its protocol knows no token. "
            "Let a firewall admit the artists' machines only.",
            host=state.settings.host,
            port=state.settings.port,
        )
        if state.settings.tls is None:
            state.log.warning(
                "tokens and pictures travel by HTTP as they are: give --tls-cert and --tls-key, or put a "
                "proxy with TLS before it"
            )


def start_models(state: ServerState, repository: ModelRepository) -> None:
    """The built-in models, and those that come trained, when none is named; else those that are.
    Waits a while for models that need to start.
    """
    if not state.settings.models:
        for model in (GaussianBlur(), MotionVectors(trained_motion(state), state.settings.devices)):
            state.registry.add(model, pinned=True)
    repository.start()
    until = time.monotonic() + START_TIMEOUT
    while any(model.state == "starting" for model in state.registry.listed()) and time.monotonic() < until:
        time.sleep(0.02)


def trained_motion(state: ServerState) -> Path | None:
    """The network that finds motion, which comes trained, for the built-in model to work with."""
    found = [path for path, kind in _trained(state) if kind == MOTION]
    return found[0] if found else None


def trained_networks(state: ServerState) -> tuple[Path, ...]:
    """The networks that come trained and are models by themselves."""
    return tuple(path for path, kind in _trained(state) if kind != MOTION)


def _trained(state: ServerState) -> list[tuple[Path, str]]:
    """Those that come trained, and their kinds; a damaged one is no reason to serve nothing."""
    try:
        return [(each.path, each.header.kind) for each in zoo_networks()]
    except ModelFileError as error:
        state.log.error("the networks that come trained could not be read", said=error.text)
        return []


def open_endpoints(state: ServerState, report: Callable[[Listening], None]) -> tuple[Endpoint, ...]:
    """Open the endpoints and say where they are."""
    from understudy.version import __version__

    settings = state.settings
    ml_server, http = MLServerEndpoint(state), HttpEndpoint(state, __version__)
    port = _opened(ml_server, settings.port, "--port")
    http_port = _opened(http, settings.http_port, "--http-port")
    grpc = _grpc_endpoint(state, __version__) if settings.grpc_port is not None else None
    grpc_port = None if grpc is None else _opened(grpc, settings.grpc_port or 0, "--grpc-port")
    names = tuple(model.description.name for model in state.registry.listed())
    ports = {"port": port, "http_port": http_port} | ({"grpc_port": grpc_port} if grpc else {})
    state.log.info("listening", host=settings.host, **ports, models=names)
    report(Listening(settings.host, port, http_port, names, settings.tls is not None, grpc_port))
    return (ml_server, http, grpc) if grpc else (ml_server, http)


def _grpc_endpoint(state: ServerState, version: str) -> Endpoint:
    try:
        from understudy.server.grpc.endpoint import GrpcEndpoint
    except ImportError as error:
        raise MissingPackageError(
            "The gRPC endpoint needs a package that is not installed.",
            found=str(error),
            where="--grpc-port",
            remedy='pip install "understudy[grpc]"',
        ) from error
    return GrpcEndpoint(state, version)


def reloaded(state: ServerState) -> list[Reloaded]:
    """The files that may change while the server runs."""
    settings, found = state.settings, []
    if settings.tokens is not None:
        found.append(
            Reloaded("the tokens", (settings.tokens,), lambda: state.access.replace(grants_of(settings)))
        )
    if state.certificate is not None:
        found.append(Reloaded("the certificate", state.certificate.files, state.certificate.load))
    return found


def _opened(endpoint: Endpoint, port: int, flag: str) -> int:
    try:
        return endpoint.open()
    except OSError as error:
        raise ServerError(
            "The port cannot be opened.",
            found=str(error),
            where=f"{flag} {port}",
            remedy="choose another port",
        ) from error


def drain(state: ServerState, *endpoints: Endpoint) -> None:
    """Finish what is in work, refuse the rest politely, then close the endpoints."""
    state.log.info("shutting down: finishing what is in work", in_work=state.executors.busy())
    state.draining.set()
    state.executors.close()
    until = time.monotonic() + state.settings.drain
    while time.monotonic() < until and (state.executors.busy() or any(each.busy() for each in endpoints)):
        time.sleep(0.02)
    for endpoint in endpoints:
        endpoint.close()


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
