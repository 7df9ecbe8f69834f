"""Pairs that were graded frame by frame, and what a frame that is painted later has of such a grade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from understudy.network.colour_fit import ColourFit, Scaling, predict
from understudy.network.drift import Drift, find_drift, steady
from understudy.network.places import PLACES, place_planes

UNPAINTED = 0.5
"""Where so much of a truth beside its strokes is the plate itself, nobody has made the effect there."""


@dataclass(frozen=True)
class Steadied:
    """A truth (height, width, channels) without the grade of its frame; ``most``: how much that was, in
    network values, 0 where there is none."""

    truth: np.ndarray
    most: float = 0.0


@dataclass(frozen=True)
class Drifting:
    """The pairs of a run differ in overall colour from frame to frame: what is learned is what they agree
    on. A frame that is painted later has a grade of its own too, which is not true of other frames. ``fit``
    and ``scaling`` are those of the pairs, ``common`` is what all their truths have beyond the fit."""

    fit: ColourFit
    scaling: Scaling
    common: ColourFit
    same_channels: bool

    def of_frame(self, plate: np.ndarray, truth: np.ndarray, counts: np.ndarray) -> Steadied:
        """A truth that was painted as a whole, where ``counts`` (height, width, 1) is above 0, without its
        own grade: as those of the pairs."""
        places = place_planes(*plate.shape[:2]).permute(1, 2, 0).reshape(-1, PLACES)
        where = places if self.fit.kind == "placed" else None
        pixels, wanted = self._flat(plate), _rows(truth)
        base = predict(pixels, self.fit, self.scaling, self.same_channels, where)
        told = torch.from_numpy(np.flatnonzero(counts))
        drift = find_drift(pixels[told], (wanted - base)[told], self.scaling, self.common)
        return self._without(drift, pixels, truth)

    def of_strokes(
        self, plate: np.ndarray, truth: np.ndarray, beside: np.ndarray, seen: np.ndarray
    ) -> Steadied:
        """A truth that counts under strokes, without the grade that it has ``beside`` (height, width, 1)
        them, against what the artist has ``seen``: the network's result. So strokes teach what is another
        there than around them. Where the truth beside them is the plate, or the result, it says nothing."""
        told = np.flatnonzero(beside)
        own = plate[..., : truth.shape[2]]
        if self.same_channels and len(told):
            untouched = (own == truth).all(2).reshape(-1)[told]
            if untouched.mean() > UNPAINTED:
                return Steadied(truth)
        pixels, rows = self._flat(plate), torch.from_numpy(told)
        rest = _rows(truth)[rows] - _rows(seen)[rows]
        return self._without(find_drift(pixels[rows], rest, self.scaling), pixels, truth)

    def _flat(self, plate: np.ndarray) -> Tensor:
        return _rows(plate)[:, : len(self.scaling.low)]

    def _without(self, drift: Drift | None, pixels: Tensor, truth: np.ndarray) -> Steadied:
        if drift is None:
            return Steadied(truth)
        rows = steady(pixels, _rows(truth), drift, self.scaling)
        return Steadied(rows.reshape(truth.shape).numpy(), float(drift.most.max()))


def _rows(planes: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(planes)).reshape(-1, planes.shape[2])
