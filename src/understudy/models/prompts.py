"""Prompts: points and a box that tell a network what is meant, as text and as numbers.

They are counted in pixels from the left and the top of the frame, as ``--region`` is: 0,0 is the corner
of its first pixel, and 0.5,0.5 the middle of that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from understudy.errors import RequestError
from understudy.models.options import Option

Point = tuple[float, float, int]
"""x, y, and 1 for the subject, 0 for what is not."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
MOST_POINTS = 1000
MOST_TEXT = 64 * MOST_POINTS
HOW = "x,y,1 of each point, parted by semicolons; 1 is the subject, 0 is not; from left and top, in pixels"


@dataclass(frozen=True)
class Prompts:
    """What is told of one frame."""

    points: tuple[Point, ...] = ()
    box: Box | None = None

    def __bool__(self) -> bool:
        return bool(self.points) or self.box is not None

    @property
    def options(self) -> dict[str, str]:
        """The same as the options of a network; ``read_prompts`` reads them back."""
        points = ";".join(f"{x:.10g},{y:.10g},{label}" for x, y, label in self.points)
        return {"points": points, "box": ",".join(f"{each:.10g}" for each in self.box or ())}

    def moved(self, right: float, down: float) -> Prompts:
        """The same in a picture that begins so much further left and up."""
        box = self.box and (
            self.box[0] + right,
            self.box[1] + down,
            self.box[2] + right,
            self.box[3] + down,
        )
        return Prompts(tuple((x + right, y + down, label) for x, y, label in self.points), box or None)

    def check_within(self, width: int, height: int) -> None:
        """RequestError for a point, or a corner of the box, that does not lie in the frame."""
        corners = [(self.box[0], self.box[1]), (self.box[2], self.box[3])] if self.box else []
        for x, y in [*((x, y) for x, y, _ in self.points), *corners]:
            if not (0 <= x <= width and 0 <= y <= height):
                raise RequestError(
                    f"The prompt {x:g},{y:g} lies outside the frame, which has {width} x {height} pixels, "
                    "counted from its left and its top."
                )


def prompts_of(points: Iterable[Sequence[float]], box: Sequence[float] | None) -> Prompts:
    """Prompts of numbers: points (x, y) or (x, y, label), and the box by two of its corners. RequestError."""
    made = tuple(_point([float(each) for each in point]) for point in points)
    if len(made) > MOST_POINTS:
        raise RequestError(f"There are {len(made)} points for one frame; {MOST_POINTS} are the most.")
    return Prompts(made, None if box is None else _box([float(each) for each in box]))


def read_prompts(points: str, box: str) -> Prompts:
    """Prompts of text: ``x,y,1;x,y,0`` and ``x,y,x,y``, either of them empty. RequestError."""
    if max(len(points), len(box)) > MOST_TEXT or points.count(";") > MOST_POINTS:
        raise RequestError(f"There are too many points for one frame; {MOST_POINTS} are the most.")
    rows = [_numbers(row, "The points", HOW) for row in points.split(";") if row.strip()]
    corners = _numbers(box, "The box", "x,y,x,y: two corners, in pixels") if box.strip() else None
    return prompts_of(rows, corners)


def turned_over(points: str, box: str, height: int) -> dict[str, str]:
    """The options of prompts whose y is counted from the bottom of a frame, as Nuke does, counted from its
    top. RequestError."""
    told = read_prompts(points, box)
    turned = tuple((x, height - y, label) for x, y, label in told.points)
    corners = told.box and (told.box[0], height - told.box[3], told.box[2], height - told.box[1])
    return Prompts(turned, corners or None).options


def _numbers(text: str, what: str, how: str) -> list[float]:
    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        raise RequestError(f'{what} cannot be read: "{text.strip()[:40]}". Expected: {how}.') from None


def _point(numbers: list[float]) -> Point:
    if len(numbers) == 2:
        numbers = [*numbers, 1.0]
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)) or numbers[2] not in (0, 1):
        said = ",".join(f"{each:g}" for each in numbers[:6])
        raise RequestError(f'This is no point: "{said}". Expected: {HOW}.')
    return numbers[0], numbers[1], int(numbers[2])


def _box(numbers: list[float]) -> Box:
    said = ",".join(f"{each:g}" for each in numbers[:6])
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise RequestError(f'This is no box: "{said}". Expected: x,y,x,y: two corners, in pixels.')
    left, right = sorted((numbers[0], numbers[2]))
    top, bottom = sorted((numbers[1], numbers[3]))
    if left == right or top == bottom:
        raise RequestError(f"The box {said} has no pixels: two corners of it are expected.")
    return left, top, right, bottom


POINTS = Option("points", "string", "", description=f"What is meant: {HOW}.")
BOX = Option("box", "string", "", description="A box around what is meant: x,y,x,y of two corners.")
PROMPTS = (POINTS, BOX)
