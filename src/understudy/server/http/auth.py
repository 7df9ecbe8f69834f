"""Who may use the HTTP endpoint: those with a token where there are any, else only callers that mean this
server."""

from __future__ import annotations

import ipaddress
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse

from understudy.server.tokens import EVERYBODY, Access, Grant

OPEN_PATHS = ("/v2/health/live", "/v2/health/ready")


class AuthMiddleware:
    """Lets through requests with a right token, whose ``Grant`` then is ``request.state.grant``. Without any
    token it refuses what a foreign web page sends through a visitor's browser: a Host that is a name on the
    Internet, an Origin that is another page."""

    def __init__(self, app: Any, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        grant = self._grant(headers)
        if grant is not None or scope["path"] in OPEN_PATHS:
            scope.setdefault("state", {})["grant"] = grant or EVERYBODY
            await self.app(scope, receive, send)
            return
        status, text = (
            (403, "Not from there.")
            if self.access.is_open
            else (401, "A token is needed: Authorization: Bearer ...")
        )
        answer = JSONResponse(
            {"error": text}, status, headers={"www-authenticate": "Bearer", "connection": "close"}
        )
        await answer(scope, receive, send)

    def _grant(self, headers: Headers) -> Grant | None:
        if self.access.is_open:
            return EVERYBODY if is_local_call(headers) else None
        kind, _, given = headers.get("authorization", "").partition(" ")
        return self.access.find(given.strip()) if kind.lower() == "bearer" else None


def grant_of(request: Request) -> Grant:
    """Whose request it is."""
    return request.state.grant


def is_local_call(headers: Headers) -> bool:
    """Whether Host is a literal address or localhost, and Origin, when there is one, is the same."""
    host = headers.get("host", "")
    origin = headers.get("origin")
    return _is_literal(host) and (origin is None or origin.partition("://")[2] == host)


def _is_literal(host: str) -> bool:
    name = host.rpartition(":")[0] if host.count(":") == 1 or host.startswith("[") else host
    name = (name or host).strip("[]")
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
