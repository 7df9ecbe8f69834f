"""How a movie is turned for showing: its display matrix <-> upright pixels.

A display matrix is nine integers as FFmpeg has them: where the first two columns of the first two rows send a
stored pixel. Only quarter turns and mirrorings are known here; anything else stays as it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_ONE = 1 << 16


@dataclass(frozen=True)
class Orientation:
    """``matrix``: the nine integers, or empty for upright. ``swapped``: rows become columns; ``left`` and
    ``up``: then mirrored from left to right, and upside down."""

    matrix: tuple[int, ...] = ()
    swapped: bool = False
    left: bool = False
    up: bool = False

    @property
    def is_upright(self) -> bool:
        return not (self.swapped or self.left or self.up)

    @property
    def degrees(self) -> int:
        """Clockwise turn for showing, apart from mirroring: 0, 90, 180 or 270."""
        if not self.swapped:
            return 180 if self.up else 0
        return 90 if self.left else 270

    @property
    def mirrored(self) -> bool:
        return self.left != self.up if not self.swapped else self.left == self.up

    def turn(self, pixels: np.ndarray) -> np.ndarray:
        """Stored pixels (height, width, channels) as they are to be shown."""
        shown = pixels.swapaxes(0, 1) if self.swapped else pixels
        return self._mirror(shown)

    def turn_back(self, pixels: np.ndarray) -> np.ndarray:
        """Undoes ``turn``."""
        stored = self._mirror(pixels)
        return stored.swapaxes(0, 1) if self.swapped else stored

    def _mirror(self, pixels: np.ndarray) -> np.ndarray:
        rows = slice(None, None, -1) if self.up else slice(None)
        columns = slice(None, None, -1) if self.left else slice(None)
        return np.ascontiguousarray(pixels[rows, columns])


UPRIGHT = Orientation()


def orientation_of(matrix: tuple[int, ...]) -> Orientation:
    """The orientation that a display matrix asks for; upright for one that is no quarter turn."""
    if len(matrix) != 9:
        return UPRIGHT
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if b == c == 0 and abs(a) == abs(d) == _ONE:
        return _kept(Orientation(matrix, False, a < 0, d < 0))
    if a == d == 0 and abs(b) == abs(c) == _ONE:
        return Orientation(matrix, True, c < 0, b < 0)
    return UPRIGHT


def _kept(found: Orientation) -> Orientation:
    return UPRIGHT if found.is_upright else found
