"""Checks of the pairs: whether ground truths are shifted against their plates, or belong to other plates."""

from __future__ import annotations

import numpy as np

LONGEST = 512
ALIKE = 0.3  # correlation of edges from which two frames show the same thing
BETTER = 0.12  # by which a shift must raise the correlation before it is believed


def grey(pixels: np.ndarray, longest: int = LONGEST) -> tuple[np.ndarray, int]:
    """float32 (height, width) brightness, shrunk by whole blocks; and the size of a block in pixels."""
    block = max(1, -(-max(pixels.shape[:2]) // longest))
    high, wide = (max(1, side // block) for side in pixels.shape[:2])
    down, across = min(block, pixels.shape[0]), min(block, pixels.shape[1])
    cut = np.nan_to_num(pixels[: high * down, : wide * across], nan=0.0, posinf=1e4, neginf=-1e4).mean(axis=2)
    # Compressed, so that one lamp does not outweigh the rest of a scene-linear frame.
    curve = np.sign(cut) * np.log1p(16 * np.abs(cut))
    return curve.reshape(high, down, wide, across).mean(axis=(1, 3)), block


def shift_between(plate: np.ndarray, truth: np.ndarray) -> tuple[int, int] | None:
    """(right, down) in pixels by which ``truth`` is shifted against ``plate``; None when that is unclear.

    Both float32 (height, width, channels) of the same size. Precise to one block of the shrunk frame.
    """
    (one, block), (other, _) = grey(plate), grey(truth)
    if one.shape != other.shape or min(one.shape) < 16:
        return None
    ones, others = _edges(one), _edges(other)
    right, down = _peak(ones, others)
    before, after = _correlation(ones, others), _correlation(np.roll(ones, (down, right), (0, 1)), others)
    if after < ALIKE or after < before + BETTER:
        return (0, 0) if before >= ALIKE else None
    return right * block, down * block


def _peak(ones: np.ndarray, others: np.ndarray) -> tuple[int, int]:
    """The shift (right, down) at which the two sets of edges agree best: phase correlation."""
    window = np.hanning(ones.shape[0])[:, None] * np.hanning(ones.shape[1])[None]
    first, second = (np.fft.rfft2(image * window) for image in (ones, others))
    product = second * np.conj(first)
    peak = np.fft.irfft2(product / np.maximum(np.abs(product), 1e-9), s=ones.shape)
    row, column = (int(at) for at in np.unravel_index(int(peak.argmax()), peak.shape))
    high, wide = ones.shape
    return column - (wide if column > wide // 2 else 0), row - (high if row > high // 2 else 0)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation of two images of the same shape."""
    a, b = one - one.mean(), other - other.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-12))


def _edges(image: np.ndarray) -> np.ndarray:
    across, down = np.gradient(image)
    return np.hypot(across, down)


def mismatched_pairs(plates: list[np.ndarray], truths: list[np.ndarray]) -> list[tuple[int, int]]:
    """(pair, better plate) where the ground truth of a pair clearly looks like another pair's plate.

    Looks at how the frames differ from the average frame, so that a grade common to all counts for nothing.
    """
    if len(plates) < 2 or len({image.shape for image in (*plates, *truths)}) != 1:
        return []
    ones = _descriptors([grey(image, 64)[0] for image in plates])
    others = _descriptors([grey(image, 64)[0] for image in truths])
    correlation = others @ ones.T
    best = correlation.argmax(axis=1)
    own = correlation.diagonal()
    return [
        (pair, int(plate))
        for pair, plate in enumerate(best)
        if plate != pair and correlation[pair, plate] > max(own[pair] + 0.2, 0.6)
    ]


def _descriptors(images: list[np.ndarray]) -> np.ndarray:
    """(images, pixels) float64: each image minus the average image, as a unit vector."""
    table = np.stack([image.ravel() for image in images]).astype(np.float64)
    table -= table.mean(axis=0)
    return table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
