"""A lesson: the stretch of a training in which corrections are learned. It is stored in the run's plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

WARM_UP = 10
RATE = 0.004
STILL = 1e-9
"""The rate of the one step that is taken where a run goes back to what it was."""
SHARES = (0.5, 0.3, 0.2)
"""Which part of the crops comes from what was learned before, from the new corrections, and from frames that
are to stay as they are."""
MOST_DEALT = 4000

Step = Annotated[int, Field(ge=0, lt=1 << 63)]
Ids = Annotated[list[Annotated[int, Field(ge=1, le=9999)]], Field(max_length=9999)]


class Lesson(BaseModel):
    """``step``: after which it begins; ``active``: the corrections that are learned from; ``new``: those of
    them that it is about; ``reference``: the correction that holds the network from before it, which tells
    what is to stay; ``held``: the frames that are to stay, each by plate and number.

    ``alone``: it has its own rate, as nothing else is learned at the same time; else it goes along with a
    run that is under way. ``seconds`` is how long it takes, or ``steps``, if not 0. ``rest``: Total Steps
    that the run had planned when it came between, 0 where it was finished. ``ended``: the last step, once it
    is over. ``digest`` tells what is learned from."""

    model_config = ConfigDict(extra="ignore")

    step: Step
    active: Ids
    new: Ids
    reference: int | None = Field(default=None, ge=1, le=9999)
    held: list[tuple[int, int]] = Field(default_factory=list, max_length=1000)
    alone: bool = True
    seconds: float = Field(default=20.0, gt=0)
    steps: int = Field(default=0, ge=0)
    rest: Step = 0
    rate: float = Field(default=RATE, gt=0, le=1)
    ended: int | None = Field(default=None, ge=0)
    digest: str = Field(default="", max_length=100)

    @property
    def is_still(self) -> bool:
        """Whether nothing is to be learned, as the run only goes back to what it was."""
        return self.rate <= STILL

    def lasts(self, step: int) -> bool:
        """Whether ``step`` is one of its steps."""
        return self.step < step and (self.ended is None or step <= self.ended)

    def rate_at(self, step: int, total: int) -> float:
        """The learning rate of one of its steps, when the last is to be ``total``: a short warm-up, then half
        a cosine down to nothing."""
        own, count = step - self.step, max(1, total - self.step)
        warm = min(1.0, own / min(WARM_UP, max(1, count // 4)))
        return self.rate * warm * 0.5 * (1 + math.cos(math.pi * min(1.0, (own - 1) / count)))


def dealt(groups: Sequence[Sequence[int]], shares: Sequence[float] = SHARES) -> list[int]:
    """Pairs, each as often as its group's share of all says; a group without pairs leaves its share to the
    others."""
    some = [(list(group), share) for group, share in zip(groups, shares, strict=True) if group]
    whole = sum(share for _, share in some)
    total = min(MOST_DEALT, max(math.ceil(len(group) * whole / share) for group, share in some))
    total = max(total, 20)
    cards: list[int] = []
    for group, share in some:
        count = max(1, round(total * share / whole))
        cards += [group[index % len(group)] for index in range(count)]
    return cards
