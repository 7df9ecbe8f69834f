"""The matte in a band about an edge, drawn anew from the picture: for hair and whatever else is too fine to
paint.

Outside the band the matte is known. Two things tell it inside: near it, what the inside and the outside look
like, and which of the two a pixel is more like, on the line between both colours; and that the matte follows
the picture, as in any small window it is nearly a linear function of the colours. The second is the matting
Laplacian, here never built: multiplying with it is a guided filter in box sums, and conjugate gradients need
no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

INSIDE, OUTSIDE = 0.9, 0.1
KNOWN = 100.0  # weight of what is known, against the smoothness
GUESSED = 0.3  # weight of the guess by colour, where inside and outside differ well
SMOOTH = 1e-4  # regularises the covariance of colours, in squares of display values
CLEAR = 0.01  # square of the distance in colour at which inside and outside differ well
ROUNDS = 60
ENOUGH = 1e-3


def redraw_edge(picture: np.ndarray, matte: np.ndarray, band: np.ndarray, reach: float) -> np.ndarray:
    """The matte, new where ``band``.

    ``picture``: float32 (height, width, 3) in display values, 0 to 1; ``matte``: float32 (height, width), the
    one there is; ``band``: bool (height, width). ``reach``: about how far, in pixels, the sure inside and the
    sure outside may lie from a pixel of the band. Where either is missing, the matte stays as it is.
    """
    inside, outside = _sure(matte, band)
    if not (band.any() and inside.any() and outside.any()):
        return matte
    guess, trust = _by_colour(picture, inside, outside, reach)
    weight = np.where(band, GUESSED * trust, np.float32(KNOWN)).astype(np.float32)
    target = np.where(band, guess, matte).astype(np.float32)
    solved = _solve(_Windows(picture), weight, target)
    return np.where(band, np.clip(solved, 0, 1), matte)


def _sure(matte: np.ndarray, band: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels are inside and which outside for sure: those so beside the band; where it leaves none of a
    kind, its own that the matte was sure of."""
    inside, outside = (matte > INSIDE) & ~band, (matte < OUTSIDE) & ~band
    inside = inside if inside.any() else _eroded(matte > INSIDE)
    outside = outside if outside.any() else _eroded(matte < OUTSIDE)
    return inside, outside


def _eroded(area: np.ndarray) -> np.ndarray:
    return cv2.erode(area.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)


def _by_colour(
    picture: np.ndarray, inside: np.ndarray, outside: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """(matte, trust from 0 to 1) of each pixel alone, by the mean colours of the inside and the outside about
    it."""
    front, back = (_mean_about(picture, area, reach) for area in (inside, outside))
    line = front - back
    length = (line * line).sum(2)
    matte = ((picture - back) * line).sum(2) / np.maximum(length, np.float32(1e-6))
    return np.clip(matte, 0, 1), length / (length + np.float32(CLEAR))


def _mean_about(picture: np.ndarray, area: np.ndarray, reach: float) -> np.ndarray:
    """The mean colour of ``area`` about each pixel: of the nearest of it, over ever wider windows."""
    mask = area.astype(np.float32)
    total = np.zeros_like(picture)
    count = np.zeros_like(mask)
    scale = np.float32(1.0)
    for sigma in (reach / 4, reach / 2, reach, 2 * reach, 8 * reach):
        size = (0, 0), max(float(sigma), 0.5)
        total += scale * cv2.GaussianBlur(picture * mask[..., None], *size)
        count += scale * cv2.GaussianBlur(mask, *size)
        scale *= np.float32(1e-3)  # the wider matter only where the nearer say nothing
    mean = (picture * mask[..., None]).sum((0, 1)) / max(float(mask.sum()), 1.0)
    sparse = np.float32(1e-12)
    return (total + sparse * mean.astype(np.float32)) / (count + sparse)[..., None]


@dataclass
class _Windows:
    """Colours in the windows of 3 x 3 pixels, for the product with the matting Laplacian."""

    picture: np.ndarray

    def __post_init__(self) -> None:
        ones = np.ones(self.picture.shape[:2], np.float32)
        self.count = _box(ones)
        self.mean = _box(self.picture) / self.count[..., None]
        pairs = [self.picture[..., i] * self.picture[..., j] for i in range(3) for j in range(3)]
        square = _box(np.stack(pairs, 2)).reshape(*ones.shape, 3, 3) / self.count[..., None, None]
        covariance = square - self.mean[..., :, None] * self.mean[..., None, :]
        self.inverse = np.linalg.inv(covariance + SMOOTH * np.eye(3, dtype=np.float32)).astype(np.float32)

    def product(self, p: np.ndarray) -> np.ndarray:
        """The Laplacian times ``p``: how far it is, over all windows, from a linear function of the colours
        there."""
        mean = _box(p) / self.count
        cross = _box(self.picture * p[..., None]) / self.count[..., None] - self.mean * mean[..., None]
        slope = (self.inverse @ cross[..., None])[..., 0]
        offset = mean - (slope * self.mean).sum(2)
        told = (_box(slope) * self.picture).sum(2) + _box(offset)
        return self.count * p - told


def _box(planes: np.ndarray) -> np.ndarray:
    """Sums over 3 x 3 pixels, of those that are there."""
    parts = [planes] if planes.ndim == 2 else [planes[..., i : i + 4] for i in range(0, planes.shape[2], 4)]
    sums = [
        cv2.boxFilter(np.ascontiguousarray(p), -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
        for p in parts
    ]
    if planes.ndim == 2:
        return sums[0]
    return np.concatenate([s if s.ndim == 3 else s[..., None] for s in sums], axis=2)


def _solve(windows: _Windows, weight: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The ``target`` where ``weight`` is large, else what makes the Laplacian small: conjugate gradients."""
    x = target.copy()
    residual = -windows.product(x)
    scale = 1 / (weight + windows.count)  # what is known is stiff: each pixel in its own measure
    z = scale * residual
    way, rho = z, float((residual * z).sum())
    first = max(rho, 1e-12)
    for _ in range(ROUNDS):
        if rho < ENOUGH**2 * first:
            break
        step = windows.product(way) + weight * way
        alpha = rho / max(float((way * step).sum()), 1e-20)
        x = x + np.float32(alpha) * way
        residual = residual - np.float32(alpha) * step
        z = scale * residual
        before, rho = rho, float((residual * z).sum())
        way = z + np.float32(rho / max(before, 1e-20)) * way
    return x
