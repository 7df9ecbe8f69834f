"""Numbers and tables for people."""

from __future__ import annotations

import math
import shutil
import textwrap
import time
from collections.abc import Mapping, Sequence
from typing import Any

from understudy.durations import duration_text

__all__ = [
    "card_text",
    "columns",
    "date_text",
    "duration_text",
    "number_text",
    "printable",
    "size_text",
    "wrapped",
]


WIDTH = 110


def size_text(size: float) -> str:
    """Bytes in the unit that suits: "12 kB", "3.4 GB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def number_text(value: float | None, digits: int = 4) -> str:
    """A number with ``digits`` that count, or a hyphen."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.{digits}g}"


def date_text(seconds: float | None) -> str:
    """Unix ``seconds`` as local date and time."""
    if not seconds:
        return "-"
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return "-"


def columns(rows: Sequence[Sequence[str]], gap: int = 2) -> str:
    """``rows`` as text with aligned columns; wide characters of other scripts count as they show."""
    from rich.cells import cell_len

    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(cell_len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "".join(c + " " * (w - cell_len(c) + gap) for c, w in zip(row, widths, strict=True)) for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def card_text(card: Mapping[str, Any], indent: str = "") -> str:
    """A card as aligned lines; lists stand below their heading, cards within cards are indented."""
    width = max((len(name) for name in card), default=0) + 2
    return "\n".join(line for name, value in card.items() for line in _card_lines(name, value, width, indent))


def _card_lines(name: str, value: Any, width: int, indent: str) -> list[str]:
    if isinstance(value, Mapping):
        return ["", f"{indent}{name}", card_text(value, indent + "  ")]
    items = [printable(str(item)) for item in (value if isinstance(value, list | tuple) else [value])]
    heads = [name, *[""] * (len(items) - 1)]
    return [f"{indent}{head:<{width}}{item}" for head, item in zip(heads, items, strict=False)]


def wrapped(text: str, indent: str = "") -> str:
    """``text`` in lines no longer than the terminal is wide, and than is easily read, each indented."""
    width = min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH)
    return textwrap.fill(
        printable(text), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def printable(text: str) -> str:
    """``text`` without what could move the cursor: file names and headers come from anywhere."""
    return "".join(c if c.isprintable() else "?" for c in text)
