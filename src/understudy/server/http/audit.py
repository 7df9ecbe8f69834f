"""A line in the audit for each HTTP request, whatever came of it."""

from __future__ import annotations

import time
from typing import Any

from understudy.server.audit import Audit

LONGEST_PATH = 300


class AuditMiddleware:
    """Counts what comes and goes of each request, and notes it when it is over."""

    def __init__(self, app: Any, audit: Audit) -> None:
        self.app, self.audit = app, audit

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        started, counts = time.monotonic(), {"status": 0, "received": 0, "sent": 0}

        async def received() -> Any:
            message = await receive()
            counts["received"] += len(message.get("body", b""))
            return message

        async def sent(message: Any) -> None:
            await send(message)
            counts["status"] = message.get("status", counts["status"])
            counts["sent"] += len(message.get("body", b""))

        # One dictionary for what is within: a middleware that copied the scope would keep it to itself.
        state = scope.setdefault("state", {})
        try:
            await self.app(scope, received, sent)
        finally:
            self.audit.note(
                door="http",
                client=scope["client"][0] if scope.get("client") else "?",
                token=getattr(state.get("grant"), "name", ""),
                method=scope["method"],
                path=scope["path"][:LONGEST_PATH],
                model=state.get("model", ""),
                **counts,
                seconds=round(time.monotonic() - started, 4),
            )
