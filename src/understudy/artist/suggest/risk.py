"""From signs to an expected error: what they meant on painted frames, whose errors are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from understudy.artist.suggest.unsure import LEAST, Signs

PRIOR = 500.0
"""How many blocks' worth of belief there is in what signs mean before a painted frame has been looked at."""
FAR = {"matte": 0.25, "image": 0.02}
"""How much larger the error is thought to be on a frame as far from a painted one as two are in the mean."""
MEASURES = {"matte": "1 - IoU", "image": "RMS, 0 to 1"}


@dataclass(frozen=True, eq=False)
class Risk:
    """``expected`` (n,): the error of each frame, in the unit of ``MEASURES``. ``blocks`` (n, blocks): where
    in the frame it is thought to be."""

    expected: np.ndarray
    blocks: np.ndarray


def risk_of(signs: Mapping[int, Signs], count: int, kind: str, far: np.ndarray) -> Risk:
    """The expected error of ``count`` frames, of which those at the keys of ``signs`` were looked at; the
    others lie between. ``far`` (n,): how far each is from the nearest painted one, 1 for two in the mean."""
    places = sorted(signs)
    weights, mean = fit([each for each in signs.values() if each.error is not None], _prior(signs, kind))
    probed = np.stack(
        [np.exp(np.clip((signs[p].features - mean) @ weights[:-1] + weights[-1], -20, 2)) for p in places]
    )
    areas = np.array([signs[place].area for place in places])
    blocks = _between(places, probed, count) * (1 + FAR[kind] * far[:, None])
    area = _between(places, areas[:, None], count)[:, 0]
    total = blocks.mean(1)
    expected = _one_minus_iou(total, area) if kind == "matte" else np.sqrt(total)
    return Risk(expected, blocks)


def fit(known: Sequence[Signs], prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regression of the logarithm of a block's error on its features, drawn to ``prior`` (n + 1,); the
    weights, the last of them for the constant, and the mean of the features that they are to be taken from.
    """
    count = len(prior) - 1
    if not known:
        return prior, np.zeros(count)
    features = np.concatenate([each.features for each in known]).astype(np.float64)
    errors = np.concatenate([np.asarray(each.error) for each in known])
    mean = features.mean(0)
    level = float(np.log(errors.mean() + LEAST))
    x = np.hstack([features - mean, np.ones((len(features), 1))])
    y = np.log(errors + LEAST) - level
    start = np.append(prior[:-1], 0.0)
    weights = start + np.linalg.solve(x.T @ x + PRIOR * np.eye(count + 1), x.T @ (y - x @ start))
    made = np.exp(np.clip(x @ weights, -20, 20)).mean()  # the mean of what is said is that of what is so
    weights[-1] += level - np.log(max(float(made), 1e-9))
    return weights, mean


def _prior(signs: Mapping[int, Signs], kind: str) -> np.ndarray:
    """Passes that differ twice as much mean twice the error of a matte, and four times the squared one."""
    count = next(iter(signs.values())).features.shape[1]
    prior = np.zeros(count + 1)
    power = 1.0 if kind == "matte" else 2.0
    prior[:2] = 0.4 * power
    if kind == "matte":
        prior[2] = 0.2
    return prior


def _one_minus_iou(wrong: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Of the share of wrong pixels and of the matte's, half of the wrong ones being its own."""
    union = np.maximum(area + 0.5 * wrong, wrong)
    return np.asarray(wrong / np.maximum(union, 1e-6))


def _between(places: Sequence[int], values: np.ndarray, count: int) -> np.ndarray:
    """Rows of every place, between those that are known."""
    at = np.arange(count)
    return np.stack([np.interp(at, places, column) for column in values.T], axis=1)
