"""Timecode."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.frames.timecode import Timecode, from_smpte, later, parse_timecode, to_smpte

NTSC = Fraction(30000, 1001)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 29), st.booleans())
def test_text_and_header_integers_hold_the_same_timecode(h: int, m: int, s: int, f: int, drop: bool) -> None:
    timecode = Timecode(h, m, s, f, drop)
    assert parse_timecode(str(timecode)) == timecode
    assert from_smpte(to_smpte(timecode)[0]) == timecode


@pytest.mark.parametrize(
    ("start", "frames", "rate", "expected"),
    [
        ("01:00:00:05", 0, Fraction(24000, 1001), "01:00:00:05"),
        ("01:00:00:05", 24, Fraction(24), "01:00:01:05"),
        ("23:59:59:24", 1, Fraction(25), "00:00:00:00"),
        ("00:00:59;29", 1, NTSC, "00:01:00;02"),
        ("00:09:59;29", 1, NTSC, "00:10:00;00"),
        ("01:00:00;00", 107892, NTSC, "02:00:00;00"),
        ("00:00:59;59", 1, Fraction(60000, 1001), "00:01:00;04"),
        ("00:00:59:29", 1, NTSC, "00:01:00:00"),
    ],
)
def test_counting_frames_on_follows_the_rate_and_the_drop_frame_rule(
    start: str, frames: int, rate: Fraction, expected: str
) -> None:
    timecode = parse_timecode(start)
    assert timecode is not None
    assert str(later(timecode, frames, rate)) == expected


@given(st.integers(0, 30 * 3600 * 3), st.integers(0, 5000))
def test_counting_on_twice_is_counting_on_once(first: int, second: int) -> None:
    start = Timecode(0, 0, 0, 0, drop=True)
    assert later(later(start, first, NTSC), second, NTSC) == later(start, first + second, NTSC)


@pytest.mark.parametrize("text", ["", "1:2:3", "25:00:00:00", "00:60:00:00", "00:00:61:00", "aa:bb:cc:dd"])
def test_what_is_no_timecode_is_none(text: str) -> None:
    assert parse_timecode(text) is None
