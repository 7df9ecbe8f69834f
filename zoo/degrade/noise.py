"""The noise of cameras: of light itself, of the sensor, and as demosaicing and smoothing leave it.

In linear light the variance of a pixel is ``shot * light + read``. How both grow with ISO follows what Brooks
et al. (Unprocessing Images for Learned Raw Denoising, 2019) found on real sensors. White balance multiplies
red and blue, and their noise with them. A sensor has one colour at each pixel: the others are interpolated,
which makes the noise coarser, most of all in red and blue.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

LEAST_SHOT, MOST_SHOT = 1e-4, 1.2e-2
READ_SLOPE, READ_START, READ_SPREAD = 2.18, 1.2, 0.26
GREEN = np.asarray([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float32) / 4
RED_AND_BLUE = np.asarray([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 4


@dataclass(frozen=True)
class CameraNoise:
    """``shot`` and ``read``: variances as above, of the sensor's own green. ``gains``: of red, green and blue
    by the white balance. ``mosaic``: one colour at each pixel, the others interpolated. ``softness``: sigma
    of what a camera's own smoothing does to the noise, in pixels; 0 for none."""

    shot: float
    read: float
    gains: tuple[float, float, float] = (2.0, 1.0, 1.7)
    mosaic: bool = True
    softness: float = 0.0

    def sample(self, random: np.random.Generator, light: np.ndarray) -> np.ndarray:
        """Noise for light (H, W, 3), of its shape, in its units."""
        gains = np.asarray(self.gains, np.float32)
        variance = np.maximum(light, 0) * (self.shot * gains) + self.read * gains**2
        noise = random.standard_normal(light.shape, np.float32) * np.sqrt(variance)
        if self.mosaic:
            noise = demosaiced(noise, random.integers(2, size=2))
        return softened(noise, self.softness) if self.softness else noise


def at_iso(iso: float, mosaic: bool = True) -> CameraNoise:
    """The noise of a common camera at an ISO, 100 to 12800."""
    shot = LEAST_SHOT * iso / 100
    return CameraNoise(shot, _read_of(shot), mosaic=mosaic)


def _read_of(shot: float, spread: float = 0.0) -> float:
    return float(np.exp(READ_SLOPE * np.log(shot) + READ_START + spread))


def draw_camera(random: np.random.Generator) -> CameraNoise:
    """The noise of some camera at some ISO."""
    shot = float(np.exp(random.uniform(np.log(LEAST_SHOT), np.log(MOST_SHOT))))
    read = _read_of(shot, random.normal(0, 2 * READ_SPREAD))
    gains = (random.uniform(1.2, 2.4), 1.0, random.uniform(1.2, 2.4))
    softness = random.uniform(0.3, 0.9) if random.random() < 0.3 else 0.0
    return CameraNoise(shot, read, gains, bool(random.random() < 0.6), softness)


def demosaiced(noise: np.ndarray, first: np.ndarray) -> np.ndarray:
    """What bilinear demosaicing makes of noise (H, W, 3): of each channel only the sites of a Bayer pattern
    count. ``first``: row and column, 0 or 1, of the first red site."""
    sites = np.zeros_like(noise)
    row, column = (int(each) for each in first)
    sites[row::2, column::2, 0] = noise[row::2, column::2, 0]
    sites[1 - row :: 2, 1 - column :: 2, 2] = noise[1 - row :: 2, 1 - column :: 2, 2]
    for offset in (0, 1):
        at = slice((row + offset) % 2, None, 2), slice((column + 1 + offset) % 2, None, 2), 1
        sites[at] = noise[at]
    kernels = (RED_AND_BLUE, GREEN, RED_AND_BLUE)
    planes = [
        cv2.filter2D(np.ascontiguousarray(sites[..., channel]), -1, kernel, borderType=cv2.BORDER_REFLECT_101)
        for channel, kernel in enumerate(kernels)
    ]
    return np.stack(planes, 2)


def softened(noise: np.ndarray, sigma: float) -> np.ndarray:
    """Noise through a Gaussian, as a camera's smoothing leaves it: weaker, and coarser."""
    return cv2.GaussianBlur(noise, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)


def draw_grain(random: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """Film grain on encoded values (H, W, 3): as coarse as its crystals, strongest in the middle tones,
    mostly alike in the three layers."""
    strength = float(np.exp(random.uniform(np.log(0.008), np.log(0.08))))
    shared = random.standard_normal((*values.shape[:2], 1), np.float32)
    own = random.standard_normal(values.shape, np.float32)
    mix = np.float32(random.uniform(0.2, 1))
    grain = own * mix + shared * np.sqrt(1 - mix * mix)
    sigma = random.uniform(0.0, 1.3)
    if sigma > 0.3:
        grain = softened(grain, sigma) * np.float32(2 * sigma * np.pi**0.5)
    middle = np.clip(values, 0, 1)
    return grain * np.float32(strength) * (0.35 + 2.6 * middle * (1 - middle))
