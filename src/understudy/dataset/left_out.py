"""Pairs that cannot be read: named, and left out as long as they are few."""

from __future__ import annotations

from collections.abc import Iterable

from understudy.errors import PairingError, TrainingError, UnderstudyError

NAMED = 10


class LeftOut:
    """Of ``count`` pairs those that cannot be read, at most ``most``. ``indices`` is the list that they are
    kept in; what is in it already counts. ``is_training``: the work has begun, and fails."""

    def __init__(self, count: int, most: int, indices: list[int]) -> None:
        self.count, self.most, self.indices = count, most, indices
        self.is_training = False
        self._said: list[str] = []

    def add(self, index: int, name: str, error: UnderstudyError) -> None:
        """Leave a pair out from now on. PairingError, in a training TrainingError, where it is one too
        many."""
        if index in self.indices:
            return
        self.check([index], [f"{name}: {error.message} {error.found}".strip()], error.where)
        self.indices.append(index)
        left = len(self.indices)
        self._said.append(
            f"Left out, as it cannot be read: {name} ({error.message} {error.found}) - {left} of "
            f"{self.most} that may be."
        )

    def check(self, more: Iterable[int], names: Iterable[str], where: str = "") -> None:
        """Raises as ``add`` where these are too many beside those that are left out already."""
        left = len({*self.indices, *more})
        if left > self.most or left >= self.count:
            kind = TrainingError if self.is_training else PairingError
            raise _too_many(kind, self.most, left, names, where)

    def stand_in(self, index: int) -> int:
        """The pair that is taken instead of one: itself, or the next that can be read."""
        while index in self.indices:
            index = (index + 1) % self.count
        return index

    def news(self) -> list[str]:
        """Sentences on what was left out since this was last asked."""
        said, self._said = self._said, []
        return said


def _too_many(
    kind: type[UnderstudyError], most: int, left: int, names: Iterable[str], where: str
) -> UnderstudyError:
    listed = list(names)
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return kind(
        "A pair cannot be read." if left == 1 else "More pairs cannot be read than may be left out.",
        expected=f"at most {most} that cannot be read (--allow-broken {most})",
        found="; ".join(listed[:NAMED]) + more,
        where=where,
        remedy=f"Mend the files, or leave them out: --allow-broken {max(2 * left, left + 5)}.",
    )
