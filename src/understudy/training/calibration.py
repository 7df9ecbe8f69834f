"""How sure a network may be of its pixels, measured on a pair that it has not learned."""

from __future__ import annotations

import torch

from understudy.dataset.pairs import Pair
from understudy.inference.confidence import doubt_of, moved, moved_back, right_pixels
from understudy.network.confidence import ConfidenceTable, fit_table
from understudy.network.effect import EffectNetwork
from understudy.training.evaluation import middle_of, predict


def calibrate(
    network: EffectNetwork, pair: Pair, device: torch.device, precision: str, matte: bool
) -> ConfidenceTable | None:
    """The table of ``network``, from the pixels of ``pair`` that have weight; of a large frame from its
    middle. None where they are too few."""
    middle = middle_of(pair)
    result = predict(network, middle.input, device, precision)
    other = moved_back(predict(network, moved(middle.input), device, precision))
    if not matte:  # as ``evaluate`` limits them
        low, high = float(middle.truth.min(initial=0.0)), float(middle.truth.max(initial=1.0))
        result, other = result.clip(low, high), other.clip(low, high)
    counts = (middle.weight > 0).all(2)
    right = right_pixels(result, middle.truth, matte)
    return fit_table(doubt_of(result, other, matte)[counts], right[counts])
