"""A shot that several readers ask for the same frames, one after the other."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from understudy.frames.beside import Neighbours
from understudy.frames.frame import Frame
from understudy.frames.shot import Shot


class HeldShot(Shot):
    """``shot``, of whose frames as many as fit into ``most`` bytes, the last that were read, are held."""

    def __init__(self, shot: Shot, most: int) -> None:
        self._shot, self._most = shot, most
        self._held = Neighbours(shot)
        self.spec, self.numbers, self.missing = shot.spec, shot.numbers, shot.missing
        self.requested, self.is_movie, self.is_still = shot.requested, shot.is_movie, shot.is_still
        self.as_held = shot.as_held

    def read(self, number: int) -> Frame:
        frame = self._held.read(number)
        self._held.keep(max(1, self._most // max(1, frame.nbytes)))
        return frame

    def let_go(self) -> None:
        """Hold nothing any more."""
        self._most, self._held = 0, Neighbours(self._shot)

    @property
    def frame_rate(self) -> Fraction | None:
        return self._shot.frame_rate

    @property
    def name(self) -> str:
        return self._shot.name

    @property
    def extension(self) -> str:
        return self._shot.extension

    @property
    def part_name(self) -> str:
        return self._shot.part_name

    def path(self, number: int) -> Path:
        return self._shot.path(number)

    def close(self) -> None:
        self._shot.close()
