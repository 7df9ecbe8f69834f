"""SMPTE timecode: ``01:00:00:05`` <-> the number of a frame <-> the two integers that EXR and DPX
headers hold."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

_TEXT = re.compile(r"^(\d{1,2}):(\d\d):(\d\d)([:;.])(\d{2,3})$")
_DROP_BIT = 1 << 6


@dataclass(frozen=True)
class Timecode:
    """A point in time on the tape; ``drop`` marks the drop-frame count of 29.97 and 59.94."""

    hours: int
    minutes: int
    seconds: int
    frames: int
    drop: bool = False

    def __str__(self) -> str:
        mark = ";" if self.drop else ":"
        return f"{self.hours:02d}:{self.minutes:02d}:{self.seconds:02d}{mark}{self.frames:02d}"


def parse_timecode(text: str) -> Timecode | None:
    """``01:00:00:05``, with ``;`` before the frames for drop-frame; None for anything else."""
    match = _TEXT.match(text.strip())
    if match is None:
        return None
    hours, minutes, seconds, frames = (int(match.group(at)) for at in (1, 2, 3, 5))
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return Timecode(hours, minutes, seconds, frames, match.group(4) in ";.")


def later(start: Timecode, frames: int, rate: Fraction) -> Timecode:
    """The timecode ``frames`` frames after ``start`` at ``rate`` frames per second."""
    base = max(round(rate), 1)
    minutes = (start.hours * 60 + start.minutes) % (24 * 60)
    count = (minutes * 60 + start.seconds) * base + start.frames
    drop = start.drop and base % 30 == 0
    if drop:
        count -= _dropped_in(minutes, base)
    count += frames
    if drop:
        count = _with_dropped(count, base)
    seconds, rest = divmod(count % (24 * 3600 * base), base)
    return replace(
        start, hours=seconds // 3600, minutes=seconds // 60 % 60, seconds=seconds % 60, frames=rest, drop=drop
    )


def to_smpte(timecode: Timecode) -> tuple[int, int]:
    """The two integers of an EXR or DPX ``timeCode``: binary-coded decimals, user bits 0."""
    fields = (timecode.frames, timecode.seconds, timecode.minutes, timecode.hours)
    packed = sum(_bcd(value) << shift for value, shift in zip(fields, (0, 8, 16, 24), strict=True))
    return packed | (_DROP_BIT if timecode.drop else 0), 0


def from_smpte(packed: int) -> Timecode:
    """The timecode in the first of the two integers."""
    parts = (packed >> 24 & 0x3F, packed >> 16 & 0x7F, packed >> 8 & 0x7F, packed & 0x3F)
    hours, minutes, seconds, frames = ((part >> 4) * 10 + (part & 0xF) for part in parts)
    return Timecode(hours, minutes, seconds, frames, bool(packed & _DROP_BIT))


def _bcd(value: int) -> int:
    return (value // 10 % 10) << 4 | value % 10


def _dropped_in(minutes: int, base: int) -> int:
    """Frame numbers left out in so many minutes: two at 30, but not in every tenth minute."""
    return base // 15 * (minutes - minutes // 10)


def _with_dropped(count: int, base: int) -> int:
    each = base // 15
    in_minute, in_ten = base * 60 - each, base * 600 - 9 * each
    tens, rest = divmod(count, in_ten)
    return count + 9 * each * tens + (each * ((rest - each) // in_minute) if rest >= each else 0)
