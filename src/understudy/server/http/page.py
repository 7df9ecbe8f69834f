"""The OpenAPI description as a page that needs nothing from outside."""

from __future__ import annotations

from html import escape
from typing import Any

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#222;background:#fff}code{font-size:14px}h2{font-size:16px;margin:1.6rem 0 .2rem}"
    "b{display:inline-block;min-width:4rem;color:#06c}"
    "p{margin:.2rem 0;white-space:pre-line}"
)


def page(description: dict[str, Any]) -> str:
    """All paths of an OpenAPI description with their sentences."""
    sections = [
        f"<h2><b>{method.upper()}</b> <code>{escape(path)}</code></h2><p>{escape(_sentence(operation))}</p>"
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    title = escape(description["info"]["title"])
    summary = escape(description["info"].get("description", ""))
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
        f'<h1>{title}</h1><p>{summary}</p><p>Machine-readable: <a href="/openapi.json">/openapi.json</a></p>'
        + "".join(sections)
        + "</html>"
    )


def _sentence(operation: dict[str, Any]) -> str:
    return operation.get("description") or operation.get("summary", "")
