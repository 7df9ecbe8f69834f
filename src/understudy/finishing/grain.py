"""Grain for what a network smoothed: of the strength and the structure that the plate's own has.

It is measured where the result has the plate's finest detail still, on even areas; what was smoothed gets as
much as it lacks there. Nothing is taken from the place itself, since what was painted out lies there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

FINE = 2.5
"""Grain is what a Gaussian of this many pixels takes away."""

WIDE = 3 * FINE
"""Its structure is taken from what a Gaussian of this many pixels takes away, coarser grain and all."""

AREA = 3.0
"""A Gaussian of this many pixels is the surrounding in which its strength is told."""

SAME, OTHER = 0.25, 0.5
"""A difference of this part of the grain is none; from the second on it counts in full."""

LEVELS = 12
SAMPLES = 400_000
EVEN = 0.4
NONE = 1e-4
"""Grain of this part of the brightness is the rounding of numbers."""

PATCHES = (48, 24, 12)
DONORS = 4


@dataclass(frozen=True)
class Grain:
    """The grain of one frame. ``levels`` and ``strengths``, (LEVELS, channels): its standard deviation by
    brightness, in the frame's own values. ``patches``: pieces of it, (size, size, channels), even in
    strength."""

    levels: np.ndarray
    strengths: np.ndarray
    patches: tuple[np.ndarray, ...]

    def strength(self, brightness: np.ndarray) -> np.ndarray:
        """Its standard deviation at each value of (..., channels)."""
        out = np.empty_like(brightness)
        for channel in range(brightness.shape[-1]):
            known = self.levels[:, channel], self.strengths[:, channel]
            out[..., channel] = np.interp(brightness[..., channel], *known)
        return out


def measure_grain(plate: np.ndarray, result: np.ndarray) -> Grain | None:
    """The grain of a plate where ``result`` has it still, both finite float32 (height, width, channels). None
    where there is no place to tell it from."""
    base = _blurred(plate, FINE)
    fine = plate - base
    energy = _blurred(fine * fine, AREA)
    lost = _blurred((result - _blurred(result, FINE) - fine) ** 2, AREA)
    unchanged = _inner(np.all(lost <= SAME**2 * energy, axis=-1))
    curves = _curves(base, energy, unchanged)
    if curves is None:
        return None
    grain = Grain(*curves, ())
    patches = _patches(plate - _blurred(plate, WIDE), energy, grain.strength(base), unchanged)
    return Grain(*curves, patches) if patches else None


def add_grain(plate: np.ndarray, result: np.ndarray, grain: Grain, seed: int) -> np.ndarray:
    """``result`` with as much grain as it lacks, where its finest detail is not the plate's; elsewhere bit
    for bit as it is. Each ``seed``, such as the frame's number, has grain of its own."""
    base = _blurred(result, FINE)
    fine = result - base
    wanted = grain.strength(base)
    lost = np.sqrt(_blurred((plate - _blurred(plate, FINE) - fine) ** 2, AREA))
    part = np.divide(lost, wanted, out=np.zeros_like(lost), where=wanted > 0).max(axis=-1, keepdims=True)
    lacks = np.sqrt(np.maximum(wanted**2 - _blurred(fine * fine, AREA), 0))
    amount = lacks * np.clip((part - SAME) / (OTHER - SAME), 0, 1)
    if not amount.any():
        return result
    return np.asarray(result + _field(grain.patches, result.shape, seed) * amount)


def _blurred(planes: np.ndarray, sigma: float) -> np.ndarray:
    blurred = cv2.GaussianBlur(planes, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return blurred.reshape(planes.shape)


def _inner(places: np.ndarray) -> np.ndarray:
    """Those away from the frame's border, where a Gaussian knows one side only."""
    margin = int(3 * FINE)
    inner = np.zeros_like(places)
    inner[margin:-margin, margin:-margin] = places[margin:-margin, margin:-margin]
    return inner


def _curves(
    base: np.ndarray, energy: np.ndarray, unchanged: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Brightness and strength, (LEVELS, channels), of the most even parts of each brightness."""
    places = np.flatnonzero(unchanged)
    if len(places) < PATCHES[-1] ** 2:
        return None
    places = places[:: 1 + len(places) // SAMPLES]
    slope = _slope(base)
    channels = base.shape[-1]
    found = [
        _curve(*(planes[..., channel].ravel()[places] for planes in (base, energy, slope)))
        for channel in range(channels)
    ]
    levels, strengths = zip(*found, strict=True)
    return np.stack(levels, axis=1), np.stack(strengths, axis=1)


def _slope(base: np.ndarray) -> np.ndarray:
    """How uneven the picture is around each pixel, apart from its grain."""
    coarse = _blurred(base, FINE)
    return np.hypot(np.gradient(coarse, axis=0), np.gradient(coarse, axis=1))


def _curve(base: np.ndarray, energy: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(base, kind="stable")
    split = np.array_split(order, LEVELS)
    even = [some[slope[some] <= np.quantile(slope[some], EVEN)] for some in split]
    levels = np.array([base[some].mean() for some in even])
    strengths = np.array([np.sqrt(np.median(energy[some])) for some in even])
    return levels, np.where(strengths > NONE * np.abs(levels), strengths, 0)


def _patches(
    grain: np.ndarray, energy: np.ndarray, strength: np.ndarray, unchanged: np.ndarray
) -> tuple[np.ndarray, ...]:
    """The pieces whose strength is nearest to what their brightness has, that lie in what is unchanged."""
    even = np.divide(grain, strength, out=np.zeros_like(grain), where=strength > 0)
    floor = np.finfo(np.float32).tiny
    odd = np.abs(np.log((energy + floor) / (strength**2 + floor))).mean(axis=-1)
    for size in PATCHES:
        places = _places(odd, unchanged, size)
        if places:
            return tuple(even[top : top + size, left : left + size] for top, left in places)
    return ()


def _places(odd: np.ndarray, unchanged: np.ndarray, size: int) -> list[tuple[int, int]]:
    """Top and left of the least odd squares of a grid in what is unchanged, the least odd first."""
    rows, columns = (length // size for length in unchanged.shape)
    if not rows or not columns:
        return []
    blocks = (rows, size, columns, size)
    whole = unchanged[: rows * size, : columns * size].reshape(blocks).all(axis=(1, 3))
    mean = odd[: rows * size, : columns * size].reshape(blocks).mean(axis=(1, 3))
    order = np.argsort(np.where(whole, mean, np.inf), axis=None)[: min(DONORS, int(whole.sum()))]
    return [(int(each) // columns * size, int(each) % columns * size) for each in order]


def _field(patches: Sequence[np.ndarray], shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Grain of strength 1, (height, width, channels): white noise in the shape of the patches, which gives it
    their spectrum, and their channels the same in common."""
    field = np.zeros(shape, np.float32)
    size = patches[0].shape[0]
    for index, patch in enumerate(patches):
        noise = np.random.default_rng([seed & 0xFFFFFFFF, index])
        white = noise.standard_normal((shape[0] + size, shape[1] + size), np.float32)
        for channel, kernel in enumerate(_kernels(patch)):
            spread = cv2.filter2D(white, cv2.CV_32F, kernel)
            field[..., channel] += spread[size // 2 :, size // 2 :][: shape[0], : shape[1]]
    return field / np.float32(np.sqrt(len(patches)))


def _kernels(patch: np.ndarray) -> list[np.ndarray]:
    """A patch's channels, faded to its border, which make grain whose finest detail is of strength 1."""
    window = np.hanning(patch.shape[0] + 2)[1:-1].astype(np.float32)
    faded = (patch - patch.mean(axis=(0, 1))) * (window[:, None] * window)[..., None]
    wide = np.pad(faded, ((int(WIDE), int(WIDE)), (int(WIDE), int(WIDE)), (0, 0)))
    size = np.sqrt(((wide - _blurred(wide, FINE)) ** 2).sum(axis=(0, 1)))
    scaled = np.divide(faded, size, out=np.zeros_like(faded), where=size > 0)
    return [np.ascontiguousarray(scaled[..., channel]) for channel in range(patch.shape[-1])]
