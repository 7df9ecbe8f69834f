"""Choosing the few frames that stand for all: k medoids, painted ones among them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

ROUNDS = 20


def choose(
    distances: np.ndarray,
    count: int,
    fixed: Collection[int] = (),
    candidates: Collection[int] | None = None,
    weights: np.ndarray | None = None,
) -> list[int]:
    """The places of up to ``count`` frames that, with the ``fixed`` ones, leave the least distance, each of
    them bringing most of what those before it left.

    ``distances`` (n, n): how badly the frame of each column stands for that of each row. ``weights`` (n,):
    how much each row counts. ``candidates``: which may be chosen. First each in turn that helps most, then
    exchanges until none helps. Fewer come where there are no more candidates.
    """
    weighted = distances if weights is None else distances * weights[:, None]
    allowed = np.array(sorted(set(range(len(distances)) if candidates is None else candidates) - set(fixed)))
    chosen = _greedily(weighted, allowed, fixed, count)
    if len(chosen) > 1:
        chosen = _exchanged(weighted, allowed, fixed, chosen)
        chosen = _greedily(weighted, np.array(chosen), fixed, count)
    return chosen


def left(distances: np.ndarray, chosen: Collection[int]) -> np.ndarray:
    """How far each frame is from the nearest of those ``chosen``; the largest distance where there are
    none."""
    if not len(chosen):
        return np.full(len(distances), distances.max(initial=0.0), distances.dtype)
    return np.asarray(distances[:, sorted(chosen)].min(1))


def _greedily(distances: np.ndarray, allowed: np.ndarray, fixed: Collection[int], count: int) -> list[int]:
    near = left(distances, fixed)
    if not len(fixed):
        near = np.asarray(distances.max(1))
    chosen: list[int] = []
    for _ in range(min(count, len(allowed))):
        costs = np.minimum(near[:, None], distances[:, allowed]).sum(0)
        costs[np.isin(allowed, chosen)] = np.inf
        best = int(allowed[int(costs.argmin())])
        chosen.append(best)
        near = np.minimum(near, distances[:, best])
    return chosen


def _exchanged(
    distances: np.ndarray, allowed: np.ndarray, fixed: Collection[int], chosen: Sequence[int]
) -> list[int]:
    now = list(chosen)
    for _ in range(ROUNDS):
        before = list(now)
        for place in range(len(now)):
            others = [*fixed, *now[:place], *now[place + 1 :]]
            costs = np.minimum(left(distances, others)[:, None], distances[:, allowed]).sum(0)
            costs[np.isin(allowed, others)] = np.inf
            best = int(allowed[int(costs.argmin())])
            if costs.min() < costs[int(np.flatnonzero(allowed == now[place])[0])]:
                now[place] = best
        if now == before:
            break
    return now
