"""Is a named space no more than a curve and a matrix? Exporters without OCIO can then rebuild it.

Nothing is read from the config: the space is sampled, and the answer is held against random colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from understudy.colour.named_space import NamedSpace, convert
from understudy.colour.scene_linear import ROLE, srgb_to_linear

TOLERANCE = 1e-3
SAMPLES = 4096
CurveKind = Literal["linear", "srgb", "gamma", "sampled"]


@dataclass(frozen=True)
class MatrixCurve:
    """scene_linear = matrix @ curve(file value), the curve on each of red, green and blue by itself.

    ``curve``: ``linear``, ``srgb``, ``gamma`` (value ** gamma, odd for negatives), or ``sampled``: then
    interpolate ``samples_out`` over ``samples_in`` (both float64 (4096,), ``samples_in`` from 0 to 1).
    ``matrix``: float64 (3, 3).
    """

    curve: CurveKind
    gamma: float
    samples_in: np.ndarray
    samples_out: np.ndarray
    matrix: np.ndarray

    def to_linear(self, pixels: np.ndarray) -> np.ndarray:
        """File values (..., 3) -> scene-linear (..., 3), float64; what an exporter has to rebuild."""
        return _apply_curve(self, np.asarray(pixels, dtype=np.float64)) @ self.matrix.T


def matrix_and_curve(space: NamedSpace) -> MatrixCurve | None:
    """The curve and matrix of a space, or None when the two do not explain it within 0.1 %."""
    ramp = np.linspace(0.0, 1.0, SAMPLES)
    grey = _sample(space, np.repeat(ramp[:, None], 3, axis=1))
    curve = grey.mean(axis=1)
    if curve[-1] > 0.0 and np.allclose(curve / curve[-1], ramp, atol=TOLERANCE * 0.1):
        curve = ramp
    matrix = _solve_matrix(space, ramp, curve)
    if matrix is None:
        return None
    kind, gamma = _name_curve(ramp, curve)
    found = MatrixCurve(kind, gamma, ramp, curve, matrix)
    return found if _explains(found, space) else None


def _sample(space: NamedSpace, colours: np.ndarray) -> np.ndarray:
    """Scene-linear values (N, 3) float64 of colours (N, 3) in the space."""
    converted = convert(colours[None].astype(np.float32), space, ROLE)
    return converted[0].astype(np.float64)


def _solve_matrix(space: NamedSpace, ramp: np.ndarray, curve: np.ndarray) -> np.ndarray | None:
    """Least squares over ramps of red, green and blue alone: column c is what channel c brings in."""
    rise = curve - curve[0]
    power = float(rise @ rise)
    if not np.isfinite(power) or power <= 0.0:
        return None
    base = _sample(space, np.zeros((1, 3)))
    columns = []
    for channel in range(3):
        colours = np.zeros((ramp.size, 3))
        colours[:, channel] = ramp
        columns.append(rise @ (_sample(space, colours) - base) / power)
    return np.stack(columns, axis=1)


def _name_curve(ramp: np.ndarray, curve: np.ndarray) -> tuple[CurveKind, float]:
    near = TOLERANCE * 0.1
    if np.allclose(curve, ramp, atol=near):
        return "linear", 1.0
    if np.allclose(curve, srgb_to_linear(ramp), atol=near):
        return "srgb", 1.0
    middle = ramp.size // 2
    if 0.0 < curve[middle] < 1.0:
        gamma = float(np.log(curve[middle]) / np.log(ramp[middle]))
        if np.allclose(curve, ramp**gamma, atol=near):
            return "gamma", round(gamma, 4)
    return "sampled", 1.0


def _apply_curve(found: MatrixCurve, values: np.ndarray) -> np.ndarray:
    if found.curve == "linear":
        return values
    if found.curve == "srgb":
        return srgb_to_linear(values).astype(np.float64)
    if found.curve == "gamma":
        return np.copysign(np.abs(values) ** found.gamma, values)
    return np.interp(values, found.samples_in, found.samples_out)


def _explains(found: MatrixCurve, space: NamedSpace) -> bool:
    colours = np.random.default_rng(0).random((512, 3))
    truth = _sample(space, colours)
    # Against each colour's own brightest channel: log curves reach far, their dark end must be right too.
    allowed = TOLERANCE * np.maximum(np.abs(truth).max(axis=1, keepdims=True), 0.05)
    return bool((np.abs(found.to_linear(colours) - truth) <= allowed).all())
