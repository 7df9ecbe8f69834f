"""The drawings of the page: inline SVG without text, so that they can be as wide as the page is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import median

from understudy.artist.report.facts import FrameFacts

HEIGHT = 100.0


def risk_strip(frames: Sequence[FrameFacts]) -> str:
    """A bar for every frame: how far up says what error is expected of it, of the largest there is, and how
    red by how much that is above the middle one, up to twice it. Below it a mark in one colour for painted
    and in another for corrected frames."""
    most = max((each.expected_error or 0.0 for each in frames), default=0.0)
    known = [each.expected_error for each in frames if each.expected_error is not None]
    scale = most, median(known) if known else 0.0
    bars = "".join(_bar(x, each, *scale) for x, each in enumerate(frames))
    return (
        f'<svg class="risk" viewBox="0 0 {max(1, len(frames))} 48" preserveAspectRatio="none" role="img" '
        f'aria-label="Expected error of every frame">{bars}</svg>'
    )


def _bar(x: int, frame: FrameFacts, most: float, middle: float) -> str:
    error = frame.expected_error or 0.0
    height = 4 + 32 * (error / most if most > 0 else 0.0)
    share = min(1.0, max(0.0, error / middle - 1.0)) if middle > 0 else 0.0
    known = frame.expected_error is not None
    fill = f"hsl({round(165 - 155 * share)} {round(35 + 40 * share)}% 50%)" if known else "var(--line)"
    mark = "corrected" if frame.corrected else "painted" if frame.painted else ""
    below = f'<rect class="{mark}" x="{x}" y="41" width="1" height="7"/>' if mark else ""
    title = f"<title>{_said(frame)}</title>"
    bar = f'x="{x + 0.05}" y="{37 - height:.1f}" width="0.9" height="{height:.1f}" fill="{fill}"'
    behind = f'<rect x="{x}" y="0" width="1" height="48" fill="transparent"/>'
    return f"<g>{title}{behind}<rect {bar}/>{below}</g>"


def _said(frame: FrameFacts) -> str:
    words = [f"frame {frame.frame}"]
    words += [f"expected error {frame.expected_error:.4g}"] if frame.expected_error is not None else []
    words += ["painted"] if frame.painted else []
    words += ["corrected"] if frame.corrected else []
    return ", ".join(words)


def change_curve(frames: Sequence[FrameFacts], top: float) -> str:
    """The change along the motion from frame to frame, of result and plate, 0 to ``top`` code values."""
    lines = _lines(frames, "plate", top) + _lines(frames, "result", top)
    grid = "".join(
        f'<line class="grid" x1="0" x2="{_width(frames)}" y1="{y}" y2="{y}"/>' for y in (0, 50, 100)
    )
    return (
        f'<svg class="curve" viewBox="0 0 {_width(frames)} {HEIGHT:.0f}" preserveAspectRatio="none" '
        f'role="img" aria-label="Change along the motion from frame to frame">{grid}{lines}</svg>'
    )


def top_of(frames: Sequence[FrameFacts]) -> float:
    """The upper end of the curve: the largest change, rounded up to a number that reads well."""
    most = max(
        (value for each in frames for value in (each.result, each.plate) if value is not None), default=1.0
    )
    for size in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100):
        if most <= size:
            return float(size)
    return 255.0


def _lines(frames: Sequence[FrameFacts], name: str, top: float) -> str:
    """One line for each stretch without a gap; a stretch of one frame is drawn as wide as a frame."""
    return "".join(
        f'<polyline class="{name}" points="{points}"/>' for points in _stretches(frames, name, top)
    )


def _stretches(frames: Sequence[FrameFacts], name: str, top: float) -> Iterator[str]:
    values = [(x, getattr(each, name)) for x, each in enumerate(frames)]
    for known, group in groupby(values, key=lambda each: each[1] is not None):
        if known:
            points = [(float(x), HEIGHT - HEIGHT * min(1.0, value / top)) for x, value in group]
            points += [(points[0][0] + 0.8, points[0][1])] if len(points) == 1 else []
            yield " ".join(f"{x:g},{y:.1f}" for x, y in points)


def _width(frames: Sequence[FrameFacts]) -> int:
    return max(1, len(frames) - 1)
