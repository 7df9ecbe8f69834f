"""Choosing the few frames that tell most of all others: those under which least is left unknown.

What a painted frame tells of another one is thought of as the covariance of a Gaussian process. A frame
between two painted ones is then known better than one as far from a single painted one, which no sum of
distances to the nearest says: at its ends a shot is not left to one side, and one that flows on is painted
about evenly.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

ROUNDS = 10
NOISE = 0.02
"""What a painted frame leaves unknown of itself."""


def kernel_of(distances: np.ndarray, length: float) -> np.ndarray:
    """What frames tell of each other, (n, n): 1 of themselves, ever less with their distance over ``length``.

    Distances across cuts and to other shots are set, and need be none of any space: what is then no
    covariance is brought to the nearest that is."""
    kernel = np.exp(-distances.astype(np.float64) / length)
    values, axes = np.linalg.eigh(kernel)
    if values[0] < 0:
        kernel = (axes * np.maximum(values, 0.0)) @ axes.T
        size = np.sqrt(np.diagonal(kernel))
        kernel /= size[:, None] * size
    return kernel.astype(np.float32)


def choose(
    kernel: np.ndarray,
    count: int,
    fixed: Collection[int] = (),
    candidates: Collection[int] | None = None,
    weights: np.ndarray | None = None,
) -> list[int]:
    """The places of up to ``count`` frames that, with the ``fixed`` ones, leave least unknown, each of them
    telling most of what those before it left.

    ``kernel`` (n, n): what frames tell of each other. ``weights``: how much each of the first of them counts;
    all the same by default. ``candidates``: which may be chosen. First each in turn that tells most, then
    exchanges until none helps. Fewer come where there are no more candidates.
    """
    allowed = np.array(sorted(set(range(len(kernel)) if candidates is None else candidates) - set(fixed)))
    chosen = _greedily(kernel, allowed, fixed, count, weights)
    if len(chosen) > 1:
        chosen = _exchanged(kernel, allowed, fixed, chosen, weights)
        chosen = _greedily(kernel, np.array(chosen), fixed, count, weights)
    return chosen


def unknown(kernel: np.ndarray, known: Collection[int] = ()) -> np.ndarray:
    """The covariance that is left of all frames once the ``known`` ones are, (n, n): on its diagonal how
    little is known of each, 0 to 1."""
    at = sorted(known)
    if not at:
        return kernel
    inner = kernel[np.ix_(at, at)] + NOISE * np.eye(len(at), dtype=kernel.dtype)
    told = np.linalg.solve(inner.astype(np.float64), kernel[at].astype(np.float64))
    return np.asarray(kernel - kernel[:, at] @ told.astype(kernel.dtype))


def gains_of(left: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """How much less of all frames would be unknown if each one were painted too, (n,), where ``left`` is what
    ``unknown`` says; ``weights`` as in ``choose``."""
    squares = np.square(left if weights is None else left[: len(weights)])
    sums = squares.sum(0) if weights is None else weights @ squares
    return np.asarray(sums / (np.maximum(np.diagonal(left), 0.0) + NOISE))


def left(distances: np.ndarray, chosen: Collection[int]) -> np.ndarray:
    """How far each frame is from the nearest of those ``chosen``; the largest distance where there are
    none."""
    if not len(chosen):
        return np.full(len(distances), distances.max(initial=0.0), distances.dtype)
    return np.asarray(distances[:, sorted(chosen)].min(1))


def _greedily(
    kernel: np.ndarray, allowed: np.ndarray, fixed: Collection[int], count: int, weights: np.ndarray | None
) -> list[int]:
    chosen: list[int] = []
    for _ in range(min(count, len(allowed))):
        chosen.append(_best(kernel, allowed, [*fixed, *chosen], weights)[0])
    return chosen


def _exchanged(
    kernel: np.ndarray,
    allowed: np.ndarray,
    fixed: Collection[int],
    chosen: Sequence[int],
    weights: np.ndarray | None,
) -> list[int]:
    now = list(chosen)
    for _ in range(ROUNDS):
        before = list(now)
        for place in range(len(now)):
            others = [*fixed, *now[:place], *now[place + 1 :]]
            best, gains = _best(kernel, allowed, others, weights)
            if gains[best] > gains[now[place]] * (1 + 1e-6):
                now[place] = best
        if now == before:
            break
    return now


def _best(
    kernel: np.ndarray, allowed: np.ndarray, known: Sequence[int], weights: np.ndarray | None
) -> tuple[int, np.ndarray]:
    """Which of those ``allowed`` tells most beside the ``known`` ones; and what each would."""
    gains = gains_of(unknown(kernel, known), weights)
    told = np.where(np.isin(allowed, known), -np.inf, gains[allowed])
    return int(allowed[int(told.argmax())]), gains
