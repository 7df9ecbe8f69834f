"""How much of a brush lies on each pixel: a round soft profile along a stroke, from the distance to it.

Not from stamps: a stroke is smooth however far apart its points are, and does not thicken where it crosses
itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, dist, floor

import numpy as np

from understudy.artist.strokes.document import Stroke
from understudy.errors import SettingError
from understudy.frames import Window

STEP = 0.02  # of the diameter: points nearer to each other are one
MOST_WORK = 1_500_000_000  # pixels that the segments of one stroke may cover in all, some ten seconds

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Coverage:
    """``values``: float32 (height, width), 0 to 1, over ``window`` of the frame, counted from its top left
    pixel; 0 outside."""

    window: Window
    values: np.ndarray


def cover(stroke: Stroke, height: int, width: int) -> Coverage:
    """What the brush covers of a frame: its profile times the pressure, without the opacity. SettingError
    where it would take too long."""
    points = _thinned(stroke.points, stroke.size * STEP)
    reach = stroke.size / 2 + 1
    window = _box(points, reach).intersect(Window(0, 0, width, height))
    values = np.zeros((max(window.height, 0), max(window.width, 0)), np.float32)
    segments = list(pairwise(points)) or [(points[0], points[0])]
    boxes = [_box(segment, reach).intersect(window) for segment in segments]
    _check_work(sum(box.width * box.height for box in boxes if not box.is_empty))
    for segment, box in zip(segments, boxes, strict=True):
        if not box.is_empty:
            part = values[window.slices_of(box)]
            np.maximum(part, _along(*segment, box, stroke), out=part)
    return Coverage(window, values)


def _along(start: Point, end: Point, box: Window, stroke: Stroke) -> np.ndarray:
    """Profile times pressure about one straight piece of a stroke, over ``box``."""
    x = np.arange(box.x, box.right, dtype=np.float32)[None, :] + np.float32(0.5 - start[0])
    y = np.arange(box.y, box.bottom, dtype=np.float32)[:, None] + np.float32(0.5 - start[1])
    across, down = end[0] - start[0], end[1] - start[1]
    squared = across * across + down * down
    if squared < 1e-9:
        distance = np.hypot(x, y)
        return profile(distance, stroke) * np.float32(max(start[2], end[2]))
    along = np.clip((x * np.float32(across) + y * np.float32(down)) * np.float32(1 / squared), 0, 1)
    distance = np.hypot(x - along * np.float32(across), y - along * np.float32(down))
    pressure = np.float32(start[2]) + along * np.float32(end[2] - start[2])
    return profile(distance, stroke) * pressure


def profile(distance: np.ndarray, stroke: Stroke) -> np.ndarray:
    """1 up to ``hardness`` of the radius, from there smoothly to 0 at the radius, over no less than a pixel
    about it. ``distance`` is in pixels."""
    radius = stroke.size / 2
    inner = radius * stroke.hardness
    if radius - inner < 1.0:
        return np.clip(np.float32(radius + 0.5) - distance, 0, 1)
    t = np.clip((np.float32(radius) - distance) * np.float32(1 / (radius - inner)), 0, 1)
    return t * t * (3 - 2 * t)


def _thinned(points: Sequence[Point], least: float) -> list[Point]:
    """Without the points that lie nearer than ``least`` pixels to the one before and press alike; the last
    stays."""
    kept = [points[0]]
    for point in points[1:]:
        if dist(point[:2], kept[-1][:2]) >= max(least, 0.25) or abs(point[2] - kept[-1][2]) > 0.05:
            kept.append(point)
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def _box(points: Sequence[Point], reach: float) -> Window:
    left, top = (floor(min(point[axis] for point in points) - reach) for axis in (0, 1))
    right, bottom = (ceil(max(point[axis] for point in points) + reach) for axis in (0, 1))
    return Window(left, top, right - left, bottom - top)


def _check_work(pixels: int) -> None:
    if pixels > MOST_WORK:
        raise SettingError(
            "A stroke is too long for its size.",
            expected="one that can be laid down in a few seconds",
            remedy="Draw it in several strokes, or with a smaller brush.",
        )
