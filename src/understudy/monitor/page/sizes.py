"""Sizes of files as text."""

from __future__ import annotations


def size_text(size: float) -> str:
    """Bytes in the unit that suits: "12 kB", "3.4 GB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
