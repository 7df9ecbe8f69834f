"""The training of a recipe whose network finds motion: as any other, but for what is lost and how it is
judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from understudy.device import autocast, memory_format
from understudy.network.motion import MotionArchitecture, MotionNetwork
from zoo.recipe import Recipe
from zoo.rivals import dense_inverse_search
from zoo.stream import Batch
from zoo.training import CPU, Training

COLOURS = 3


class MotionTraining(Training):
    """``at.score``: how far the motion is off on validation photographs, in pixels; ``at.before``: of Dense
    Inverse Search."""

    figures = ("pixels", "dis_pixels")

    @staticmethod
    def make_network(recipe: Recipe) -> MotionNetwork:
        assert isinstance(recipe.architecture, MotionArchitecture)
        network: Any = MotionNetwork(recipe.architecture)
        return network.to(memory_format=memory_format(CPU))

    def _loss(self, batch: Batch) -> Tensor:
        assert self.recipe.motion_loss is not None
        with autocast(CPU, self.precision):
            found = self.network.levels(*frames_of(batch))
        return self.recipe.motion_loss(found, batch.truth)

    @torch.no_grad()
    def judge(self, held: list[Batch]) -> None:
        ours, theirs = [], []
        for batch in held:
            with autocast(CPU, self.precision):
                found = self.average(*frames_of(batch))
            ours.append(errors(found.permute(0, 2, 3, 1).numpy(), batch))
            searched = [dense_inverse_search(first, second) for first, second in _pairs(batch)]
            theirs.append(errors(np.stack(searched), batch))
        self.at.score, self.at.before = (round(float(np.mean(each)), 3) for each in (ours, theirs))


def frames_of(batch: Batch) -> list[Tensor]:
    """The first frames, the second ones, and what a search has found."""
    return list(batch.input.split(COLOURS, 1))


def _pairs(batch: Batch) -> list[tuple[np.ndarray, np.ndarray]]:
    both = batch.input.permute(0, 2, 3, 1).numpy()
    return [(each[..., :COLOURS], each[..., COLOURS : 2 * COLOURS]) for each in both]


def errors(found: np.ndarray, batch: Batch) -> np.ndarray:
    """By how many pixels motion (N, H, W, 2) is off, at each pixel."""
    truth = batch.truth[:, :2].permute(0, 2, 3, 1).numpy()
    return np.asarray(np.linalg.norm(found - truth, axis=3))
