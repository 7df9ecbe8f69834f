"""How unlike the frames of a shot are: by what is where in them, by their shapes, and by what they are of.

No network is asked: what matters is what another one, trained on few frames, has seen of the shot. Three
descriptors of each frame, Lab colours where they are, gradient orientations where they are (as in HOG), and
how often small patches of each sort occur wherever they are (a bag of words), are held against each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from understudy.artist.suggest.looks import Look
from understudy.temporal import reduced

LAYOUT = 24
"""Pixels of the longer side at which colours are compared place by place."""
GRID, BINS = (8, 6), 8
PATCH, STRIDE, PATCHES = 7, 4, 128
WORDS, COMPONENTS, SAMPLES = 48, 12, 20_000
FLOORS = (0.02, 0.1, 0.1)
"""The least mean distance of layouts, gradients and words that counts as one: a shot that hardly changes is
not blown up until its grain looks like events."""
WEIGHTS = (0.35, 0.35, 0.3)
SAME_MEAN, SAME_MOST = 0.4, 6
"""8-bit code values, in the mean and at most, below which two small pictures are the same."""


def unlikeness(looks: Sequence[Look]) -> np.ndarray:
    """How unlike the frames are, float32 (n, n): 0 is the same, 1 as unlike as two of them in the mean."""
    described = (
        np.stack([_layout(look) for look in looks]),
        np.stack([_gradients(look) for look in looks]),
        _words(looks),
    )
    total = np.zeros((len(looks), len(looks)), np.float32)
    for vectors, floor, weight in zip(described, FLOORS, WEIGHTS, strict=True):
        distances = _distances(vectors)
        total += np.float32(weight) * distances / max(mean_between(distances), floor)
    return total


def mean_between(distances: np.ndarray) -> float:
    """The mean of all but the diagonal of a square; 0 of a single frame."""
    count = len(distances)
    return float(distances.sum()) / (count * (count - 1)) if count > 1 else 0.0


def same_as_earlier(looks: Sequence[Look]) -> list[int]:
    """For each frame the place of the first one that shows the same picture: mostly its own."""
    first: list[int] = []
    kept: dict[int, list[int]] = {}
    for place, look in enumerate(looks):
        key = round(float(look.pixels.mean()))
        near = [other for code in (key - 1, key, key + 1) for other in kept.get(code, ())]
        found = next((other for other in near if _same(looks[other], look)), place)
        first.append(found)
        if found == place:
            kept.setdefault(key, []).append(place)
    return first


def _same(one: Look, other: Look) -> bool:
    apart = cv2.absdiff(one.pixels, other.pixels)
    return float(apart.mean()) <= SAME_MEAN and int(apart.max()) <= SAME_MOST


def _lab(look: Look, longest: int) -> np.ndarray:
    pixels = reduced(look.pixels.astype(np.float32) / np.float32(255), longest)
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2LAB)) / np.float32(100)


def _layout(look: Look) -> np.ndarray:
    lab = _lab(look, LAYOUT)
    return lab.ravel() / np.float32(np.sqrt(lab.size / 3))


def _gradients(look: Look) -> np.ndarray:
    """Square roots of how much of the frame's contrast each cell has in each direction."""
    plane = cv2.GaussianBlur(look.grey, (0, 0), 1.0)
    x, y = cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1)
    size, angle = np.hypot(x, y), np.mod(np.arctan2(y, x), np.pi) * (BINS / np.pi)
    low = np.floor(angle)
    share = angle - low
    cells = []
    for each in range(BINS):
        here = size * ((low % BINS == each) * (1 - share) + ((low + 1) % BINS == each) * share)
        cells.append(cv2.resize(here.astype(np.float32), GRID, interpolation=cv2.INTER_AREA))
    total = np.stack(cells)
    return np.sqrt(total / max(float(total.sum()), 1e-6)).ravel()


def _words(looks: Sequence[Look]) -> np.ndarray:
    """Square roots of how often each sort of patch occurs; the sorts are those of this shot."""
    patches = [_patches(look) for look in looks]
    some = _thinned(patches)
    mean = some.mean(0)
    axes = np.linalg.svd(some - mean, full_matrices=False)[2][:COMPONENTS].T
    cv2.setRNGSeed(1)  # the same suggestions each time
    criteria = (cv2.TERM_CRITERIA_MAX_ITER + cv2.TERM_CRITERIA_EPS, 12, 1e-4)
    known = min(WORDS, len(some))
    centres = cv2.kmeans(
        np.ascontiguousarray((some - mean) @ axes),
        known,
        None,
        criteria,
        1,
        cv2.KMEANS_PP_CENTERS,  # type: ignore[call-overload]
    )[2]
    return np.stack([_counted((each - mean) @ axes, np.asarray(centres)) for each in patches])


def _patches(look: Look) -> np.ndarray:
    """float32 (n, PATCH * PATCH + 3): the light of each patch about its mean, and its mean colour."""
    lab = _lab(look, PATCHES)
    short = [(0, max(0, PATCH - side)) for side in lab.shape[:2]]
    lab = np.pad(lab, [*short, (0, 0)], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(lab, (PATCH, PATCH), axis=(0, 1))
    windows = windows[::STRIDE, ::STRIDE].reshape(-1, 3, PATCH * PATCH)
    colour = windows.mean(2)
    light = windows[:, 0] - colour[:, :1]
    return np.hstack([light, colour * np.float32(PATCH / 2)]).astype(np.float32)


def _thinned(patches: Sequence[np.ndarray]) -> np.ndarray:
    step = max(1, sum(map(len, patches)) // SAMPLES)
    return np.concatenate(list(patches))[::step]


def _counted(patches: np.ndarray, centres: np.ndarray) -> np.ndarray:
    nearest = (np.square(centres).sum(1) - 2 * patches @ centres.T).argmin(1)
    counts = np.bincount(nearest, minlength=len(centres)).astype(np.float32)
    return np.sqrt(counts / counts.sum())


def _distances(vectors: np.ndarray) -> np.ndarray:
    """Euclidean, float32 (n, n)."""
    lengths = np.square(vectors).sum(1)
    squares = lengths[:, None] + lengths[None, :] - 2 * vectors @ vectors.T
    np.fill_diagonal(squares, 0.0)
    return np.sqrt(np.maximum(squares, 0.0)).astype(np.float32)
