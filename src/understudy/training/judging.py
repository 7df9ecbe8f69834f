"""How well a network does on many pairs: figures of each, and of all together."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from understudy.dataset.pairs import Pair
from understudy.measure import (
    PrecisionRecall,
    gradient_error,
    iou,
    mean_absolute_error,
    s_measure,
    sad,
    ssim,
)
from understudy.training.evaluation import known_truth, psnr_of

Measure = Callable[[np.ndarray, np.ndarray], float]
OF_IMAGES: dict[str, Measure] = {"dB": psnr_of, "SSIM": ssim, "L1": mean_absolute_error}
OF_MATTES: dict[str, Measure] = {
    "IoU": iou,
    "MAE": mean_absolute_error,
    "S": s_measure,
    "SAD": sad,
    "gradient": gradient_error,
}
MAX_F = "max F"


class Judge:
    """Adds up what is measured, pair by pair: of images PSNR (dB), SSIM and L1 of network values; of mattes
    IoU, mean absolute error (MAE), the S-measure, SAD and the gradient error in thousands, as means over
    pairs and mattes, and the largest F-measure of all of them together."""

    def __init__(self, matte: bool) -> None:
        self._measures = OF_MATTES if matte else OF_IMAGES
        self._values: dict[str, list[float]] = {name: [] for name in self._measures}
        self._all = PrecisionRecall() if matte else None

    @property
    def metric(self) -> str:
        """The name of the figure that chooses the best network; higher is better."""
        return next(iter(self._measures))

    def add(self, pair: Pair, result: np.ndarray) -> None:
        """What a network made of a pair: network values (height, width, outputs)."""
        truth = known_truth(pair)
        if self._all is None:
            self._note(result, truth)
            return
        for index in range(truth.shape[2]):
            one, other = result[..., index], truth[..., index]
            if np.isfinite(other).any():
                self._note(one, other)
                self._all.add(one, other)

    def _note(self, result: np.ndarray, truth: np.ndarray) -> None:
        for name, measure in self._measures.items():
            value = measure(result, truth)
            if math.isfinite(value):
                self._values[name].append(value)

    def figures(self) -> dict[str, float]:
        """Each figure by its name, the one that counts first; those that nothing told are left out."""
        found = {name: float(np.mean(values)) for name, values in self._values.items() if values}
        if self._all is not None and self._all.count:
            found[MAX_F] = self._all.max_f()
        return {name: round(value, 5) for name, value in found.items()}
