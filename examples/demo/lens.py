"""What a lens and film add: softness, glow, vignette, grain. Images are float32 (height, width, channels)."""

from __future__ import annotations

import numpy as np
from vectors import floats


def blur(image: np.ndarray, radius: float) -> np.ndarray:
    """``image`` blurred by a Gaussian of deviation ``radius`` pixels, its edges held."""
    reach = max(1, int(np.ceil(2.6 * radius)))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / radius) ** 2).astype(np.float32)
    weights /= weights.sum()
    for axis in (0, 1):
        size = image.shape[axis]
        pad = [(reach, reach) if each == axis else (0, 0) for each in range(image.ndim)]
        padded = np.pad(image, pad, mode="edge")
        image = np.zeros_like(image)
        for at, weight in enumerate(weights):
            image += weight * (padded[at : at + size] if axis == 0 else padded[:, at : at + size])
    return image


def glow(image: np.ndarray) -> np.ndarray:
    """Light that the lens scatters around bright places: a warm halo and a wide veil."""
    eighth = _shrink(np.minimum(image, 12.0), 5)
    halo = _grow(blur(eighth, 2.2), image.shape) * floats([0.035, 0.026, 0.018])
    veil = _grow(blur(eighth, 9.0), image.shape) * np.float32(0.022)
    return image * np.float32(0.945) + halo + veil


def vignette(image: np.ndarray, strength: float = 0.34) -> np.ndarray:
    height, width, _ = image.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    square = ((x - width / 2) ** 2 + (y - height / 2) ** 2) / np.float32((width / 2) ** 2 + (height / 2) ** 2)
    return image / ((1 + strength * square) ** 2)[..., None]


def grain_field(seed: int, height: int, width: int) -> np.ndarray:
    """Grain of unit deviation (height, width, 3), a little coarser than a pixel, much of it in all layers."""
    chance = np.random.default_rng(seed)
    shared = chance.standard_normal((height, width, 1), np.float32)
    own = chance.standard_normal((height, width, 3), np.float32)
    field = blur(0.8 * shared + 0.6 * own, 0.62)
    return field / field.std()


def grain(image: np.ndarray, field: np.ndarray, amount: float) -> np.ndarray:
    """``image`` with ``field`` on it, as strong as film shows it: with the root of the light."""
    strength = amount * np.sqrt(np.maximum(image, 0) * np.float32(0.18) + np.float32(0.0003))
    return image + field * strength * floats([0.95, 0.9, 1.25])


def _shrink(image: np.ndarray, by: int) -> np.ndarray:
    height, width, channels = image.shape
    cut = image[: height // by * by, : width // by * by]
    return cut.reshape(height // by, by, width // by, by, channels).mean((1, 3))


def _grow(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """``image`` at ``shape``, between its pixels."""
    for axis in (0, 1):
        size, wanted = image.shape[axis], shape[axis]
        at = np.clip((np.arange(wanted, dtype=np.float32) + 0.5) * (size / wanted) - 0.5, 0, size - 1)
        low = np.minimum(at.astype(np.int32), size - 2)
        part = (at - low).reshape([-1 if each == axis else 1 for each in range(3)])
        image = np.take(image, low, axis) * (1 - part) + np.take(image, low + 1, axis) * part
    return image
