"""A rectangle of pixels in the coordinates of a shot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """``width`` x ``height`` pixels whose first pixel is at (``x``, ``y``); y grows downwards.

    Origins may be negative. A window without pixels has a width or height of 0.
    """

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column after the window."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row after the window."""
        return self.y + self.height

    @property
    def is_empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    def contains(self, other: Window) -> bool:
        """True when every pixel of ``other`` is in this window."""
        return other.is_empty or self.intersect(other) == other

    def intersect(self, other: Window) -> Window:
        """The pixels that both have; without pixels when they do not meet."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Window(x, y, max(right - x, 0), max(bottom - y, 0))

    def union(self, other: Window) -> Window:
        """The smallest window that contains both."""
        if self.is_empty or other.is_empty:
            return other if self.is_empty else self
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Window(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    def scaled(self, factor: int) -> Window:
        """The same place where there are ``factor`` times as many pixels across and down."""
        return Window(self.x * factor, self.y * factor, self.width * factor, self.height * factor)

    def slices_of(self, inner: Window) -> tuple[slice, slice]:
        """Where ``inner``, which must lie in this window, is in an array that covers this window."""
        top, left = inner.y - self.y, inner.x - self.x
        return slice(top, top + inner.height), slice(left, left + inner.width)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}{self.x:+d}{self.y:+d}"


def union_of(windows: Iterable[Window]) -> Window:
    """The smallest window that contains all of ``windows``; without pixels when there are none."""
    whole = Window(0, 0, 0, 0)
    for window in windows:
        whole = whole.union(window)
    return whole
