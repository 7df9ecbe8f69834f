"""What lies beside a plate frame: the same place in another frame, and the frames before and after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from understudy.errors import ChannelError, FrameError, SizeError
from understudy.frames.alpha import seen_planes
from understudy.frames.channels import resolve_like
from understudy.frames.frame import Frame
from understudy.frames.once import Once
from understudy.frames.shot import Shot
from understudy.frames.window import Window


def have_same_size(frame: Frame, other: Frame) -> bool:
    """Whether their display windows have the same size."""
    ours, theirs = frame.display_window, other.display_window
    return (ours.width, ours.height) == (theirs.width, theirs.height)


def check_size(plate: Frame, other: Frame, what: str) -> None:
    """SizeError unless ``other``, the plate's ``what``, has a display window of the plate's size."""
    if have_same_size(plate, other):
        return
    ours, theirs = plate.display_window, other.display_window
    raise SizeError(
        f"The {what} has another size than the plate.",
        expected=f"a display window of {ours.width} x {ours.height}, as in {plate.path.name}",
        found=f"{theirs.width} x {theirs.height} in {other.path.name}",
        where=str(other.path),
        remedy=f"Bring the {what} to the plate's size{_or_plate(what, ours, theirs)}.",
    )


def _or_plate(what: str, ours: Window, theirs: Window) -> str:
    """Of a ground truth that is larger by a whole number, the other way: that is how enlarging is learned."""
    times = theirs.width // max(ours.width, 1)
    whole = (theirs.width, theirs.height) == (times * ours.width, times * ours.height)
    if what != "ground truth" or times < 2 or not whole:
        return ""
    return f", or, to learn enlarging, enlarge the plate {times} times first"


def planes_beside(frame: Frame, names: Sequence[str], plate: Frame, window: Window) -> np.ndarray:
    """Channels of ``frame`` over ``window`` of the plate's coordinates, display window on display window, as
    its file holds them."""
    return frame.planes(names, window_beside(frame, plate, window))


def window_beside(frame: Frame, plate: Frame, window: Window) -> Window:
    """``window`` of the plate's coordinates in those of ``frame``."""
    left = frame.display_window.x - plate.display_window.x
    top = frame.display_window.y - plate.display_window.y
    return Window(window.x + left, window.y + top, window.width, window.height)


class Neighbours:
    """The frames about each frame of ``shot``. The last ``kept`` that were read are held, as the next frame
    asks for most of them again. Safe for threads.

    Where there is no frame at an offset, or it cannot be read or has another size, the next nearer one on
    that side stands in for it, and in the end the frame itself.
    """

    def __init__(self, shot: Shot, kept: int = 1) -> None:
        self.shot = shot
        self._known = frozenset(() if shot.is_set else shot.numbers)
        self._frames: Once[Frame] = Once(kept)

    def read(self, number: int) -> Frame:
        """A frame of the shot, read once for all that ask for it. As ``Shot.read``."""
        return self._frames.get(number, lambda: self.shot.read(number))

    def keep(self, count: int) -> None:
        """Hold so many frames from now on."""
        self._frames.hold(count)

    def has(self, number: int, offsets: Sequence[int]) -> bool:
        """Whether the shot has a frame at every one of the offsets."""
        return all(number + offset in self._known for offset in offsets)

    def about(
        self, frame: Frame, names: Sequence[str], offsets: Sequence[int], window: Window | None = None
    ) -> Iterator[np.ndarray]:
        """float32 (height, width, len(names)) of file values for each offset, over ``window`` of the frame's
        coordinates, its display window by default."""
        for offset in offsets:
            yield self._beside(frame, names, offset, window or frame.display_window)

    def _beside(self, frame: Frame, names: Sequence[str], offset: int, window: Window) -> np.ndarray:
        step = 1 if offset > 0 else -1
        for number in range(frame.number + offset, frame.number, -step):
            if number not in self._known:
                continue
            try:
                other = self.read(number)
                if have_same_size(frame, other):
                    own = resolve_like(other, names)
                    return seen_planes(other, own, window_beside(other, frame, window))
            except (FrameError, ChannelError):
                continue
        return seen_planes(frame, resolve_like(frame, names), window)

    def close(self) -> None:
        self.shot.close()
