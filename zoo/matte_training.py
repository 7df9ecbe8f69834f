"""The training of a recipe whose network makes mattes: of frames or of whole pictures, and judged by IoU."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from understudy.device import autocast
from understudy.network.losses import make_loss
from zoo.recipe import Recipe
from zoo.stream import Batch
from zoo.training import CPU, Training, effect_of, make_network

EMPTY = 0.002
"""Of a picture, what a matte covers at least for its IoU to say something."""


class MatteTraining(Training):
    """``at.score``: mean IoU at 0.5 on pictures with something to find, none of which it learns from;
    ``at.before``: the share of pixels that are wrong on all of them."""

    figures = ("iou", "wrong")

    @staticmethod
    def make_network(recipe: Recipe) -> torch.nn.Module:
        return make_network(recipe).lay_out(CPU)

    def _loss(self, batch: Batch) -> Tensor:
        with autocast(CPU, self.precision):
            answer = self.network.answer(batch.input)
        given = self.recipe.loss
        term = make_loss(given, effect_of(self.recipe).kind) if isinstance(given, str) else given
        return term(answer.float(), batch.truth, torch.ones_like(batch.truth[:, :1]))

    @torch.no_grad()
    def judge(self, held: list[Batch]) -> None:
        found, wrong = [], []
        for batch in held:
            with autocast(CPU, self.precision):
                made = self.average.answer(batch.input)
            for matte, truth in zip(made.float() > 0, batch.truth > 0.5, strict=True):
                wrong.append(float((matte ^ truth).float().mean()))
                if truth.float().mean() > EMPTY:
                    found.append(float((matte & truth).sum() / (matte | truth).sum()))
        self.at.score = round(float(np.mean(found)) if found else 0.0, 4)
        self.at.before = round(float(np.mean(wrong)), 4)
