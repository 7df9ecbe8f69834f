"""Lengths of time as people write them: 90, 90s, 10m, 1h30m, 1.5 h, 2d."""

from __future__ import annotations

import math
import re

from understudy.errors import SettingError

SECONDS_IN = {"d": 86400.0, "h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0}
PIECE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(d|h|min|m|s)?", re.ASCII)
LONGEST = 365 * 86400.0


def parse_duration(text: str | float) -> float:
    """Seconds from ``text``: a number of seconds, or pieces such as "1h30m" that are added up.

    SettingError when it is not a length of time, not above zero, or longer than a year.
    """
    seconds = _as_number(text) if isinstance(text, int | float) else _sum_of_pieces(str(text))
    if seconds is None or not 0 < seconds <= LONGEST:
        raise _not_a_duration(text)
    return seconds


def _as_number(value: float) -> float | None:
    return None if isinstance(value, bool) or not math.isfinite(value) else float(value)


def _sum_of_pieces(text: str) -> float | None:
    rest, total = text.strip().lower(), 0.0
    if not rest:
        return None
    bare_allowed = True  # only one number may stand alone: "90", but not "1h 30"
    while rest:
        piece = PIECE.match(rest)
        if piece is None or (piece[2] is None and not bare_allowed):
            return None
        total += float(piece[1]) * SECONDS_IN[piece[2] or "s"]
        rest, bare_allowed = rest[piece.end() :].strip(), False
        if piece[2] is None and rest:
            return None
    return total


def _not_a_duration(text: object) -> SettingError:
    return SettingError(
        "That is not a length of time.",
        expected="such as 90s, 10m, 1h30m; more than nothing and less than a year",
        found=repr(text),
        remedy="Write a number with d, h, m or s behind it.",
    )


def duration_text(seconds: float | None) -> str:
    """``seconds`` for people: "45 s", "2 min 5 s", "1 h 30 min"; "unknown" for None or nonsense."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return "unknown"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
