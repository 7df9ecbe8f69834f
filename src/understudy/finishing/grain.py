"""Grain for what a network smoothed: of the strength and the structure that the plate's own has.

It is measured where the result has the plate's finest detail still, on even areas; what was smoothed gets as
much as it lacks there. Nothing is taken from the place itself, since what was painted out lies there.
"""

from __future__ import annotations

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

EVERYWHERE, LEAST = 17, 0.55
"""In a square of so many pixels grain has, at its weakest, this part of its mean energy."""

LEVELS = 12
SAMPLES = 400_000
EVEN = 0.4
NONE = 1e-4
"""Grain of this part of the brightness is the rounding of numbers."""

BLOCKS = (32, 16, 12)
FEWEST, MOST = 6, 1500
"""Its spectrum is told from blocks of one of these sizes, where there are so many; of more some are taken."""

QUIET = 0.3
"""At each frequency this part of the blocks has less: what the picture adds to some is left out. Of noise,
that is -log(1 - QUIET) of the mean."""

FLAT = 0.1, 0.15
"""Cycles per pixel: coarser than the first, grain is no stronger than from there to the second; what is, is
picture."""


@dataclass(frozen=True)
class Grain:
    """The grain of one frame. ``levels`` and ``strengths``, (LEVELS, channels): its standard deviation by
    brightness, in the frame's own values. White noise through ``kernels``, (count, size, size), mixed by
    ``mixing``, (channels, count), is grain whose finest detail is of strength 1."""

    levels: np.ndarray
    strengths: np.ndarray
    kernels: np.ndarray
    mixing: np.ndarray

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
    strength = Grain(*curves, np.zeros(0), np.zeros(0)).strength(base)
    even = _over(plate - _blurred(plate, WIDE), strength)
    structure = _structure(even, _over(fine, strength), unchanged)
    return Grain(*curves, *structure) if structure else None


def add_grain(plate: np.ndarray, result: np.ndarray, grain: Grain, seed: int) -> np.ndarray:
    """``result`` with as much grain as it lacks, where its finest detail is not the plate's; elsewhere bit
    for bit as it is. Each ``seed``, such as the frame's number, has grain of its own."""
    base = _blurred(result, FINE)
    fine = result - base
    wanted = grain.strength(base)
    lost = np.sqrt(_blurred((plate - _blurred(plate, FINE) - fine) ** 2, AREA))
    part = np.divide(lost, wanted, out=np.zeros_like(lost), where=wanted > 0).max(axis=-1, keepdims=True)
    lacks = np.sqrt(np.maximum(wanted**2 - _grain_in(fine), 0))
    amount = lacks * np.clip((part - SAME) / (OTHER - SAME), 0, 1)
    if not amount.any():
        return result
    return np.asarray(result + _field(grain, result.shape, seed) * amount)


def _grain_in(fine: np.ndarray) -> np.ndarray:
    """The energy of the grain in some finest detail: as much as there is everywhere around a pixel. What is
    here and there, such as edges and texture, is picture."""
    energy = _blurred(fine * fine, AREA)
    least = cv2.erode(energy, np.ones((EVERYWHERE, EVERYWHERE), np.uint8), borderType=cv2.BORDER_REPLICATE)
    return np.minimum(_blurred(least.reshape(fine.shape), AREA) / np.float32(LEAST), energy)


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
    if len(places) < BLOCKS[-1] ** 2:
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


def _over(grain: np.ndarray, strength: np.ndarray) -> np.ndarray:
    return np.divide(grain, strength, out=np.zeros_like(grain), where=strength > 0)


def _structure(
    even: np.ndarray, fine: np.ndarray, unchanged: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Kernels and mixing of grain that is ``even`` in strength, ``fine`` its finest detail; None where too
    little is unchanged."""
    for size in BLOCKS:
        places = _places(unchanged, size)
        if len(places) >= FEWEST:
            break
    else:
        return None
    axes = _axes(np.stack([fine[top : top + size, left : left + size] for top, left in places]))
    blocks = np.stack([even[top : top + size, left : left + size] for top, left in places])
    return _scaled(_kernels(_spectrum(blocks @ axes)), axes)


def _places(unchanged: np.ndarray, size: int) -> list[tuple[int, int]]:
    """Top and left of squares in what is unchanged, half over each other; of many some, evenly."""
    inside = cv2.erode(
        unchanged.view(np.uint8), np.ones((size, size), np.uint8), anchor=(0, 0), borderValue=0
    )
    rows, columns = np.nonzero(inside[:: size // 2, :: size // 2])
    found = np.stack([rows, columns], axis=1) * (size // 2)
    return [(int(top), int(left)) for top, left in found[:: 1 + len(found) // MOST]]


def _axes(blocks: np.ndarray) -> np.ndarray:
    """(channels, channels): the directions in colour in which the finest detail of the quieter half of the
    blocks varies by itself."""
    quiet = np.argsort((blocks**2).mean(axis=(1, 2, 3)))[: max(len(blocks) // 2, 1)]
    pixels = blocks[quiet].reshape(-1, blocks.shape[-1]).astype(np.float64)
    return np.asarray(np.linalg.eigh(pixels.T @ pixels)[1], np.float32)


def _spectrum(blocks: np.ndarray) -> np.ndarray:
    """The power of grain at each frequency, (count, size, size), of (blocks, size, size, count)."""
    size = blocks.shape[1]
    window = np.hanning(size + 2)[1:-1]
    faded = (blocks - blocks.mean(axis=(1, 2), keepdims=True)) * (window[:, None] * window)[None, ..., None]
    power = np.abs(np.fft.fft2(faded, axes=(1, 2))) ** 2
    grain = np.moveaxis(np.quantile(power, QUIET, axis=0) / -np.log1p(-QUIET), -1, 0)
    steps = np.fft.fftfreq(size)
    frequency = np.hypot(steps[:, None], steps)
    ring = (frequency >= FLAT[0]) & (frequency < FLAT[1])
    most = grain[:, ring].mean(axis=1)[:, None, None]
    return np.where(frequency < FLAT[0], np.minimum(grain, most), grain)


def _kernels(power: np.ndarray) -> np.ndarray:
    """Kernels (count, size, size) that give white noise these spectra."""
    centred = np.fft.fftshift(np.fft.ifft2(np.sqrt(power), axes=(1, 2)).real, axes=(1, 2))
    return np.asarray(centred, np.float32)


def _scaled(kernels: np.ndarray, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The kernels, and their mixing into channels whose finest detail is of strength 1."""
    margin = int(WIDE)
    wide = np.ascontiguousarray(
        np.moveaxis(np.pad(kernels, ((0, 0), (margin, margin), (margin, margin))), 0, -1)
    )
    detail = ((wide - _blurred(wide, FINE)) ** 2).sum(axis=(0, 1))
    size = np.sqrt((axes**2) @ detail)[:, None]
    return kernels, np.divide(axes, size, out=np.zeros_like(axes), where=size > 0)


def _field(grain: Grain, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Grain of strength 1, (height, width, channels)."""
    size = grain.kernels.shape[1]
    noise = np.random.default_rng(seed & 0xFFFFFFFF)
    spread = []
    for kernel in grain.kernels:
        white = noise.standard_normal((shape[0] + size, shape[1] + size), np.float32)
        spread.append(
            cv2.filter2D(white, cv2.CV_32F, kernel)[size // 2 :, size // 2 :][: shape[0], : shape[1]]
        )
    return np.asarray(np.stack(spread, axis=-1) @ grain.mixing.T)
