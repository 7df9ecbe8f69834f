"""The path below which a proxy serves the monitor: taken off requests, put before links and redirects."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

HEADER = b"x-forwarded-prefix"
ROOT_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+")


def is_root_path(text: str) -> bool:
    """Whether ``text`` is "" or a path such as /understudy, without a slash at its end."""
    return text == "" or (len(text) <= 200 and ROOT_PATH.fullmatch(text) is not None)


def path_below_root(scope: Scope) -> str:
    """The path of the request without the root path: "/" for the page."""
    return scope["path"].removeprefix(scope.get("root_path", ""))


class RootPath:
    """ASGI middleware that sets ``root_path`` of every request, whether or not the proxy has taken it off.

    ``root_path`` is the one of --root-path. Without it, the proxy's X-Forwarded-Prefix counts.
    """

    def __init__(self, app: ASGIApp, root_path: str = "") -> None:
        self.app = app
        self.root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = self._rewritten(scope)
        await self.app(scope, receive, send)

    def _rewritten(self, scope: Scope) -> Scope:
        root = self.root_path or _forwarded_prefix(scope)
        path = scope["path"]
        below = path[len(root) :] if path == root or path.startswith(root + "/") else path
        # The page's framework would put the header's prefix before the root path once more.
        headers = [(name, value) for name, value in scope["headers"] if name.lower() != HEADER]
        full = root + (below or "/")
        return {**scope, "root_path": root, "path": full, "raw_path": full.encode(), "headers": headers}


def _forwarded_prefix(scope: Scope) -> str:
    text = Headers(scope=scope).get(HEADER.decode(), "").partition(",")[0].strip().rstrip("/")
    return text if is_root_path(text) else ""
