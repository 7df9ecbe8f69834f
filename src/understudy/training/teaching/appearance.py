"""Which parts of a frame look like what was corrected: they are free to change, all else is to stay."""

from __future__ import annotations

import numpy as np

CELL = 8
SAMPLES = 256
NEAR = 0.6
"""How far cells may be apart, in standard deviations, that count as alike."""


def features(planes: np.ndarray) -> np.ndarray:
    """(height, width, channels) -> (rows, columns, 2 x channels): mean and deviation in cells of CELL
    pixels; a last cell that is not whole repeats the frame's edge."""
    below, right = (-side % CELL for side in planes.shape[:2])
    whole = np.pad(planes, ((0, below), (0, right), (0, 0)), mode="edge")
    rows, columns = (side // CELL for side in whole.shape[:2])
    cells = whole.reshape(rows, CELL, columns, CELL, -1)
    return np.concatenate([cells.mean((1, 3)), cells.std((1, 3))], 2)


def of_places(planes: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(cells, 2 x channels): the features of the cells of a frame that ``mask`` (height, width) touches, at
    most SAMPLES of them."""
    chosen = features(planes)[features(mask[:, :, None])[..., 0] > 0]
    return chosen[:: max(1, -(-len(chosen) // SAMPLES))]


def unlike(planes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(height, width, 1), 0 to 1: how much each place of a frame differs from all of the ``known`` ones."""
    height, width = planes.shape[:2]
    if not len(known):
        return np.ones((height, width, 1), np.float32)
    own = features(planes)
    scale = own.std((0, 1)) + 1e-3
    flat = (own / scale).reshape(-1, own.shape[2])
    nearest = np.full(len(flat), np.inf)
    for each in known / scale:
        nearest = np.minimum(nearest, np.square(flat - each).mean(1))
    cells = (1 - np.exp(-nearest / (2 * NEAR**2))).reshape(own.shape[:2]).astype(np.float32)
    return np.asarray(cells.repeat(CELL, 0).repeat(CELL, 1)[:height, :width, None])
