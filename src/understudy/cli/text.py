"""Numbers and tables for people."""

from __future__ import annotations

import inspect
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
    "terminal_width",
    "unbroken",
    "wrapped",
]


WIDTH, LEAST_WIDTH = 110, 30


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


def card_text(card: Mapping[str, Any], indent: str = "", room: int | None = None) -> str:
    """A card as aligned lines; lists stand below their heading, cards within cards are indented. No line is
    longer than ``room``, where there are spaces to break it at; None leaves all as long as they are."""
    width = max((len(name) for name in card), default=0) + 2
    return "\n".join(
        line for name, value in card.items() for line in _card_lines(name, value, width, indent, room)
    )


def _card_lines(name: str, value: Any, width: int, indent: str, room: int | None) -> list[str]:
    if isinstance(value, Mapping):
        return ["", f"{indent}{name}", card_text(value, indent + "  ", room)]
    items = [printable(str(item)) for item in (value if isinstance(value, list | tuple) else [value])]
    if room is not None:
        left = max(room - len(indent) - width, LEAST_WIDTH)
        items = [line for item in items for line in _broken(item, left)]
    heads = [name, *[""] * (len(items) - 1)]
    return [f"{indent}{head:<{width}}{item}" for head, item in zip(heads, items, strict=False)]


def _broken(item: str, room: int) -> list[str]:
    """The lines of an item: what belongs to the first is indented below it."""
    if len(item) <= room:
        return [item]
    return textwrap.wrap(
        item, room, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    ) or [item]


def terminal_width() -> int | None:
    """How many columns there are; None where nobody looks, as in a pipe or a file."""
    return shutil.get_terminal_size((0, 24)).columns or None


def unbroken(text: str) -> str:
    """A docstring whose paragraphs are one line each, as a terminal of any width is to break them."""
    lines: list[str] = []
    for line in inspect.cleandoc(text).splitlines():
        before = lines[-1] if lines else ""
        if _goes_on(before, line):
            lines[-1] = f"{before} {line.strip()}"
        else:
            lines.append(line)
    return "\n".join(lines)


def _goes_on(before: str, line: str) -> bool:
    """Whether a line belongs to the paragraph of the one before: as far indented, and no rule below a
    heading."""
    if not before.strip() or not line.strip() or {*line.strip()} == {"-"} or {*before.strip()} == {"-"}:
        return False
    return len(before) - len(before.lstrip()) == len(line) - len(line.lstrip())


def wrapped(text: str, indent: str = "") -> str:
    """``text`` in lines no longer than the terminal is wide, and than is easily read, each indented."""
    width = min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH)
    return textwrap.fill(
        printable(text), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def printable(text: str) -> str:
    """``text`` without what could move the cursor: file names and headers come from anywhere."""
    return "".join(c if c.isprintable() else "?" for c in text)
