"""Serves the page and the API over HTTP."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import SettingError
from understudy.monitor.app_state import AppState
from understudy.monitor.root_path import is_root_path


@dataclass(frozen=True)
class ListenAddress:
    """Where the monitor listens. ``token`` is "" where none is needed, ``root_path`` without one."""

    host: str
    port: int
    token: str
    data_directory: Path
    root_path: str = ""

    @property
    def address(self) -> str:
        """What to open in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.host in ("0.0.0.0", "::"):
            host = socket.gethostname()
        return f"http://{host}:{self.port}{self.root_path}/" + (f"?token={self.token}" if self.token else "")


def serve(
    data_directory: str | Path,
    footage: Sequence[str | Path],
    host: str,
    port: int,
    token: str | None,
    on_listening: Callable[[ListenAddress], None],
    *,
    follow_links: bool = False,
    root_path: str = "",
) -> None:
    """Serve until Ctrl-C or SIGTERM. ``port`` 0 takes a free one. ``on_listening`` is called once it listens.

    ``follow_links``: links in ``footage`` may lead out of it. ``root_path``: the path below which a proxy
    serves the monitor. SettingError when a folder is not there, the address is taken, or ``token`` or
    ``root_path`` is not allowed. Runs that were started go on after it.
    """
    root_path = _root_path(root_path)
    _make(Path(data_directory))
    app_state = AppState(data_directory, footage, follow_links)
    key = _token(host, token)
    with _listen(host, port) as listener:
        app_state.watcher.scan()
        with contextlib.suppress(KeyboardInterrupt):
            _run(
                app_state,
                key,
                root_path,
                listener,
                lambda at: on_listening(ListenAddress(host, at, key, app_state.data_directory, root_path)),
            )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(
            "The data directory cannot be made.",
            found=error.strerror or str(error),
            where=str(folder),
            remedy="Name a folder that may be written to.",
        ) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _token(host: str, given: str | None) -> str:
    if given is None:
        return "" if is_loopback(host) else secrets.token_urlsafe(24)
    if len(given) < 12 or not given.isascii() or not given.isprintable() or " " in given or ";" in given:
        raise SettingError(
            "The token is too weak.",
            expected="at least 12 printable characters without blanks",
            where="--token",
            remedy="Leave it out: then a good one is made.",
        )
    return given


def _root_path(given: str) -> str:
    text = given.rstrip("/")
    if not is_root_path(text):
        raise SettingError(
            "This is no path for a proxy.",
            expected="a path such as /understudy: letters, digits, - . _ ~ and /",
            found=given[:200],
            where="--root-path",
        )
    return text


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
        return listener
    except OSError as error:
        raise SettingError(
            "The monitor cannot listen there.",
            found=error.strerror or str(error),
            where=f"{host}, port {port}",
            remedy="Choose another --port, 0 for any that is free, or another --host.",
        ) from error


def _run(
    app_state: AppState,
    token: str,
    root_path: str,
    listener: socket.socket,
    on_listening: Callable[[int], None],
) -> None:
    import uvicorn

    from understudy.monitor.api.app import make_app
    from understudy.monitor.page.main import add_page

    page_key = secrets.token_urlsafe(24)
    app = make_app(app_state, token, page_key=page_key, root_path=root_path)
    add_page(app, app_state, page_key)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, ws_max_size=4_000_000
    )
    on_listening(listener.getsockname()[1])
    uvicorn.Server(config).run(sockets=[listener])
