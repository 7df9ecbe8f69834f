"""In which order many pairs are learned from: each once in an epoch, every epoch in an order of its own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from understudy.dataset.numbers import hash_numbers

KEPT = 4
"""Epochs whose order is remembered: that under way, and those beside it."""


class Order:
    """Deals ``count`` pairs. The order of an epoch is a function of (seed, epoch) alone.

    ``shares``: how often each comes in an epoch, 1 where that is left out; 0.5 is every other one. Those of
    ``without`` never come. ValueError where none ever does.
    """

    def __init__(
        self, seed: int, count: int, shares: Sequence[float] = (), without: Sequence[int] = ()
    ) -> None:
        self._seed, self.count = seed, count
        self._shares = np.asarray(shares, np.float64) if len(shares) else np.ones(count)
        self._shares[list(without)] = 0.0
        # Pairs of one share do not all come in the same epochs.
        self._phases = np.random.default_rng([seed, count]).random(count)
        if not self._shares.sum() > 0:
            raise ValueError("no pair is ever dealt")
        self._ends: list[int] = []
        self._decks: OrderedDict[int, np.ndarray] = OrderedDict()

    @property
    def epoch_length(self) -> int:
        """How many pairs an epoch has, on average."""
        return max(1, round(float(self._shares.sum())))

    def at(self, place: int) -> int:
        """The pair at a place, counted from 0, of all epochs one after the other."""
        while not self._ends or self._ends[-1] <= place:
            before = self._ends[-1] if self._ends else 0
            self._ends.append(before + int(self._times(len(self._ends)).sum()))
        epoch = int(np.searchsorted(self._ends, place, side="right"))
        begins = self._ends[epoch - 1] if epoch else 0
        return int(self._deck(epoch)[place - begins])

    def _times(self, epoch: int) -> np.ndarray:
        """How often each pair comes in an epoch."""
        so_far, then = (np.floor(self._shares * each + self._phases) for each in (epoch, epoch + 1))
        return (then - so_far).astype(np.int64)

    def _deck(self, epoch: int) -> np.ndarray:
        deck = self._decks.get(epoch)
        if deck is None:
            cards = np.repeat(np.arange(self.count), self._times(epoch))
            deck = np.random.default_rng([hash_numbers(self._seed, epoch, 91), epoch]).permutation(cards)
            self._decks[epoch] = deck
            while len(self._decks) > KEPT:
                self._decks.popitem(last=False)
        return deck
