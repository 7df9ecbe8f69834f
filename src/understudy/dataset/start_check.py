"""The short form of the check at the start of a training: the pairs as they are in memory."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from understudy.dataset.checks import Sample, check_samples, small_sample
from understudy.dataset.pairs import DataSet, Pair
from understudy.frames.matte_names import matte_labels

MOST = 8
"""Pairs that are looked at, evenly spread: a training shall not wait."""


def say_findings(data: DataSet) -> list[str]:
    """Sentences on what is wrong with the pairs of ``data``; never an error, as a training goes on anyway.
    Where a region or values that are none leave something out, or sizes differ, nothing is said. Of several
    mattes each is looked at by itself, on the frames that it is painted on."""
    if data.layers.mattes < 2:
        return [f"Check: {said}" for said in _findings(data, list(data.painted))]
    notes = []
    for index, label in enumerate(matte_labels(data.output_channels)):
        painted = [_one_matte(pair, index) for pair in data.painted if pair.weight[..., index].any()]
        notes += [f"Check of {label}: {said}" for said in _findings(data, painted)]
    return notes


def _one_matte(pair: Pair, index: int) -> Pair:
    one = slice(index, index + 1)
    return replace(pair, truth=pair.truth[..., one], weight=pair.weight[..., one])


def _findings(data: DataSet, painted: list[Pair]) -> list[str]:
    places = np.unique(np.linspace(0, len(painted) - 1, MOST).round().astype(int))
    pairs = [painted[place] for place in places]
    if len({pair.input.shape for pair in pairs}) != 1 or any((pair.weight < 1).any() for pair in pairs):
        return []
    try:
        samples = [_sample(data, pair) for pair in pairs]
        found = check_samples(samples, data.kind, data.same_channels)
    except (ArithmeticError, ValueError, np.linalg.LinAlgError, cv2.error):
        return []  # odd values that no measure foresaw are no reason not to train
    return [finding.sentence for finding in found]


def _sample(data: DataSet, pair: Pair) -> Sample:
    plate = pair.input[..., : len(data.input_channels)]
    small = small_sample(Sample(pair.name, pair.number, plate, pair.truth), data.kind == "matte")
    return replace(small, plate=np.nan_to_num(small.plate), truth=np.nan_to_num(small.truth))
