"""Access control for page and API: from this machine, or with the token; never from another web site.

Browsers tell where a request comes from in ``Sec-Fetch-Site`` (on HTTPS and loopback addresses only) and in
``Origin``. Behind a proxy that rewrites ``Host``, as nginx does by default, ``Origin`` and ``Host`` differ.
Over plain HTTP the page's own connection is then known by the page key: a random value in the page's source,
which other sites cannot read.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.monitor.root_path import path_below_root

COOKIE = "understudy_token"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SAFE_METHODS = ("GET", "HEAD")
ASSETS = ("/_nicegui/", "/monitor/")  # the same for everybody, and published: scripts, styles, fonts
CONNECTION = "/_nicegui_ws/"
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": "frame-ancestors 'none'; base-uri 'self'; object-src 'none'",
}


@dataclass(frozen=True)
class _Rejection(Exception):
    """Why a request is rejected. ``status``: the HTTP status."""

    status: int
    message: str
    remedy: str = ""

    def response(self) -> Response:
        error = {"message": self.message, "expected": "", "found": "", "where": "", "remedy": self.remedy}
        return JSONResponse({"error": error}, self.status)


class AccessControl:
    """ASGI middleware around the application. Without ``token`` only requests to a loopback host pass.

    ``page_key`` is what the page's own connection brings in its query."""

    def __init__(self, app: ASGIApp, token: str = "", page_key: str = "") -> None:
        self.app = app
        self.token = token
        self.page_key = page_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check(scope, headers)
        except _Rejection as rejection:
            await _reject(rejection, scope, receive, send)
            return
        sign_in = self._sign_in(scope)
        await (sign_in or self.app)(scope, receive, _with_headers(send))

    def _check(self, scope: Scope, headers: Headers) -> None:
        if not self.token and _host(headers.get("host", "")) not in LOOPBACK:
            raise _Rejection(
                403,
                "This name is not this machine's.",
                "Open http://127.0.0.1 with the port; for another name start the monitor with --token.",
            )
        if not self._same_site(scope, headers):
            raise _Rejection(403, "Another web site may not do this.", "Open the monitor's own page.")
        if self.token and not self._has_token(scope, headers):
            raise _Rejection(401, "A token is needed.", "Open the address that understudy monitor printed.")
        if not _is_json(scope, headers):
            raise _Rejection(415, "The request must be JSON.", "Send content-type: application/json.")

    def _has_token(self, scope: Scope, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._is_token(given.strip()):
            return True
        return self._is_token(_cookie(headers)) or self._is_token(_query(scope).get("token", ""))

    def _is_token(self, given: str) -> bool:
        return _equal(given, self.token)

    def _sign_in(self, scope: Scope) -> ASGIApp | None:
        """For a visit with the token in the address: a redirect that moves it into a cookie. Else None."""
        query = _query(scope)
        if not self.token or scope["type"] != "http" or path_below_root(scope) != "/" or "token" not in query:
            return None
        rest = urlencode({name: value for name, value in query.items() if name != "token"})
        root = scope.get("root_path", "")
        response = RedirectResponse(f"{root}/" + (f"?{rest}" if rest else ""), 303)
        if self._is_token(query["token"]):
            response.set_cookie(
                COOKIE, self.token, path=root or "/", httponly=True, samesite="strict", max_age=30 * 86_400
            )
        return response

    def _same_site(self, scope: Scope, headers: Headers) -> bool:
        """Whether the request comes from the monitor's own page, a program, or a link that was followed."""
        site = headers.get("sec-fetch-site", "none")
        if site == "same-origin":  # no page can set it, and no other name leads here: see the check of Host
            return True
        origin = headers.get("origin")
        if origin is not None:
            return _is_own_origin(origin, headers) or self._is_of_the_page(scope, site)
        return site == "none" or _is_followed_link(scope, headers)

    def _is_of_the_page(self, scope: Scope, site: str) -> bool:
        """Whether the request reads the page or its files, which only the page's own site can then read, or
        is the page's connection."""
        path = path_below_root(scope)
        if site != "none":
            return False
        if path == "/" or path.startswith(ASSETS):
            return scope.get("method") in SAFE_METHODS
        return path.startswith(CONNECTION) and _equal(_query(scope).get("page_key", ""), self.page_key)


def _equal(given: str, expected: str) -> bool:
    """Whether they are the same, and not empty; takes the same time wherever they differ."""
    return bool(given) and hmac.compare_digest(given.encode(), expected.encode())


def _is_own_origin(origin: str, headers: Headers) -> bool:
    scheme, _, host = origin.partition("://")
    forwarded = headers.get("x-forwarded-host", "").partition(",")[0].strip()
    return scheme in ("http", "https") and host in filter(None, (headers.get("host", ""), forwarded))


def _is_followed_link(scope: Scope, headers: Headers) -> bool:
    """A link on another site to the page itself."""
    followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return followed and scope.get("method") == "GET" and path_below_root(scope) == "/"


def _is_json(scope: Scope, headers: Headers) -> bool:
    """Whether the body is JSON. Browsers send plain forms to any site, but ask it before they send JSON."""
    if scope["type"] != "http" or not path_below_root(scope).startswith("/api/"):
        return True
    if scope["method"] in (*SAFE_METHODS, "DELETE", "OPTIONS"):
        return True
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _host(value: str) -> str:
    """``Host`` without its port: [::1]:8420 -> ::1"""
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.partition(":")[0].lower()


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            extra = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return sending


async def _reject(rejection: _Rejection, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": rejection.message})
        return
    await rejection.response()(scope, receive, _with_headers(send))
