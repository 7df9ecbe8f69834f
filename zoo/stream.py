"""A stream of batches, each a function of the seed and the number of its step alone.

One thread makes the next batches while the network learns from this one: what makes them (numpy, OpenCV)
gives the interpreter free meanwhile. A training that goes on makes the same ones again.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from zoo.recipe import Crop, Recipe

AHEAD = 3


class Batch(NamedTuple):
    """(N, C, H, W) float32, channels last in memory."""

    input: Tensor
    truth: Tensor


def make_batch(recipe: Recipe, pictures: Any, seed: int, step: int) -> Batch:
    """The crops of a step, or its shot."""
    if recipe.shot:
        return to_batch(recipe.shot(np.random.default_rng([seed, step]), pictures, recipe.side))
    crops = [
        recipe.make(np.random.default_rng([seed, step, sample]), pictures, recipe.side)
        for sample in range(recipe.crops)
    ]
    return to_batch(crops)


def to_batch(crops: list[Crop]) -> Batch:
    sides = (np.stack([getattr(crop, side) for crop in crops]) for side in Crop._fields)
    return Batch(*(torch.from_numpy(side.astype(np.float32)).permute(0, 3, 1, 2) for side in sides))


class Stream:
    """Gives the batches of ``step``, ``step + 1`` and so on, made ahead by ``workers`` threads."""

    def __init__(self, recipe: Recipe, pictures: Any, seed: int, step: int, workers: int = 1) -> None:
        self._made = recipe, pictures, seed
        self._pool = ThreadPoolExecutor(workers)
        self._next = step
        self._waiting: list[Future[Batch]] = []

    def __next__(self) -> Batch:
        while len(self._waiting) < AHEAD:
            self._waiting.append(self._pool.submit(make_batch, *self._made, self._next))
            self._next += 1
        return self._waiting.pop(0).result()

    def close(self) -> None:
        """Make no more."""
        self._pool.shutdown(cancel_futures=True)
