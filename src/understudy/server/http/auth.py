"""Who may use the HTTP endpoint: a token where there is one, else only callers that mean this server."""

from __future__ import annotations

import hmac
import ipaddress
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

OPEN_PATHS = ("/v2/health/live", "/v2/health/ready")


class AuthMiddleware:
    """Lets through requests with the right token. Without a token it refuses what a foreign web page sends
    through a visitor's browser: a Host that is a name on the Internet, an Origin that is another page."""

    def __init__(self, app: Any, token: str) -> None:
        self.app = app
        self.token = token

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        if scope["path"] in OPEN_PATHS or (
            self._has_token(headers) if self.token else is_local_call(headers)
        ):
            await self.app(scope, receive, send)
            return
        status, text = (
            (401, "A token is needed: Authorization: Bearer ...") if self.token else (403, "Not from there.")
        )
        answer = JSONResponse(
            {"error": text}, status, headers={"www-authenticate": "Bearer", "connection": "close"}
        )
        await answer(scope, receive, send)

    def _has_token(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self.token.encode())


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
