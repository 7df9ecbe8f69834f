"""Which frames of a plate a network with state goes through, and where its state begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from understudy.frames import format_numbers


@dataclass(frozen=True)
class StatePlan:
    """``numbers``: the whole plate's; ``asked``: those that are asked for; ``lead_in``: how many before each
    of them are gone through for their state.

    Frames follow on each other where no number is missing between them, by the smallest step that the plate
    has. Where a state begins depends on what is asked for and on the plate alone, never on which frames are
    there already.
    """

    numbers: tuple[int, ...]
    asked: tuple[int, ...]
    lead_in: int
    _begins: dict[int, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        asked = frozenset(self.asked)
        since = covered = -1
        for place, number in enumerate(self.numbers):
            if place == 0 or number - self.numbers[place - 1] != self._step:
                since = place
            if number not in asked:
                continue
            start = max(since, place - self.lead_in)
            for each in range(max(start, covered + 1), place + 1):
                goes_on = each > since and each - 1 <= covered
                before = self._begins.get(self.numbers[each - 1]) if goes_on else None
                self._begins[self.numbers[each]] = self.numbers[each] if before is None else before
                covered = each

    @cached_property
    def _step(self) -> int:
        return min((b - a for a, b in zip(self.numbers, self.numbers[1:], strict=False)), default=1)

    @cached_property
    def _places(self) -> dict[int, int]:
        return {number: place for place, number in enumerate(self.numbers)}

    def begin(self, number: int) -> int:
        """The first frame whose state goes into this one; of one that is not gone through for those that are
        asked for, by its own lead-in."""
        if number in self._begins:
            return self._begins[number]
        place = first = self._places[number]
        while first > 0 and place - first < self.lead_in and self.before(self.numbers[first]) is not None:
            first -= 1
        return self.numbers[first]

    def before(self, number: int) -> int | None:
        """The frame that this one follows on; None after a gap, and for the first."""
        place = self._places[number]
        there = self.numbers[place - 1] if place else None
        return there if there is not None and number - there == self._step else None

    def from_begin(self, begin: int, number: int) -> tuple[int, ...]:
        """The frames from one to another, both among them."""
        return self.numbers[self._places[begin] : self._places[number] + 1]

    def reaches(self, begin: int, number: int) -> bool:
        """Whether no gap lies between one frame and a later one."""
        first, last = self._places.get(begin), self._places.get(number)
        return first is not None and last is not None and last - first == (number - begin) / self._step >= 0

    def notes(self, to_do: Sequence[int], kept: Sequence[int] = ()) -> tuple[str, ...]:
        """Sentences on frames that are gone through and not written; ``kept``: those that are there
        already."""
        wanted = set(to_do)
        gone: set[int] = set()
        done: dict[int, int] = {}
        for number in sorted(wanted):
            begin = self.begin(number)
            gone |= {*self.from_begin(max(begin, done.get(begin, begin)), number)}
            done[begin] = number
        there = tuple(sorted(gone & {*kept} - wanted))
        lead = tuple(sorted(gone - wanted - {*kept}))
        said = []
        if lead:
            said.append(
                f"The network carries state: frames {format_numbers(lead)} are gone through first, and not "
                f"written (lead_in = {self.lead_in} in its TOML)."
            )
        if there:
            said.append(
                f"The network carries state: frames {format_numbers(there)}, which are there already, are "
                "gone through again for what follows on them."
            )
        return tuple(said)
