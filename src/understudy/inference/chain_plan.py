"""Which frames of a plate go into each other where what was made of one goes on to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol


class Chain(Protocol):
    """The frames that go into a frame beside itself, as ``Origins`` asks for them."""

    def begin(self, number: int) -> int:
        """The first frame that goes into this one."""

    def from_begin(self, begin: int, number: int) -> tuple[int, ...]:
        """The frames from one to another, both among them."""

    def reaches(self, begin: int, number: int) -> bool:
        """Whether a frame that was made from ``begin`` on may be kept."""


@dataclass(frozen=True)
class ChainPlan:
    """``numbers``: the whole plate's, in order; ``first``: the frame, before or after, from which what goes
    into this one comes."""

    numbers: tuple[int, ...]
    first: Callable[[int], int]

    @cached_property
    def _places(self) -> dict[int, int]:
        return {number: place for place, number in enumerate(self.numbers)}

    def begin(self, number: int) -> int:
        return self.first(number)

    def from_begin(self, begin: int, number: int) -> tuple[int, ...]:
        a, b = self._places[begin], self._places[number]
        return self.numbers[a : b + 1] if a <= b else self.numbers[b : a + 1][::-1]

    def reaches(self, begin: int, number: int) -> bool:
        return begin in self._places and number in self._places
