"""Sentences on what pairs lack: values that are none, and pairs that show no effect."""

from __future__ import annotations

import numpy as np

from understudy.dataset.pair import Pair
from understudy.frames import format_numbers
from understudy.frames.matte_names import matte_labels
from understudy.frames.nonfinite import HUGE


def note_unknown(pairs: tuple[Pair, ...], region: str | None, apart: bool = False) -> list[str]:
    """A sentence on pixels that are no numbers; a region leaves pixels out anyhow. ``apart``: of plates that
    are taken apart, of whose parts not each is known everywhere."""
    counts = {pair.number: _count_unknown(pair, apart) for pair in pairs}
    hit = tuple(sorted(number for number, count in counts.items() if count))
    if region or not hit:
        return []
    total = sum(counts.values())
    return [
        f"Not learned from, as they are NaN, Inf or beyond {HUGE:g}: {total} pixels of frames "
        f"{format_numbers(hit)}"
    ]


def _count_unknown(pair: Pair, apart: bool) -> int:
    """How many pixels do not count, in a matte that was painted."""
    if apart:
        return int(np.count_nonzero(~pair.weight.any(2)))
    painted = pair.weight.any((0, 1))
    unknown = (pair.weight == 0)[..., painted].any(2) if painted.any() else pair.weight[..., 0] == 0
    return int(np.count_nonzero(unknown))


def note_nothing_to_learn(
    kind: str, outputs: tuple[str, ...], same_channels: bool, painted: tuple[Pair, ...]
) -> list[str]:
    """Sentences where none of the ``painted`` pairs shows an effect. It is no error: the answer is the plate
    as it is."""
    if kind == "matte":
        return _note_flat_mattes(outputs, painted)
    if not same_channels or not all(_is_unchanged(pair) for pair in painted):
        return []
    return [
        f"Plate and ground truth are the same in all pairs ({', '.join(outputs)}): there is "
        "nothing to learn. Is the painted shot the ground truth, and what is painted in these channels?"
    ]


def _note_flat_mattes(outputs: tuple[str, ...], painted: tuple[Pair, ...]) -> list[str]:
    """Of mattes that are black, or white, wherever they are painted."""
    notes = []
    labels = matte_labels(outputs)
    for index, label in enumerate(labels):
        which = f"The matte {label}" if len(labels) > 1 else "The matte"
        seen = [(p.truth[..., index], p.weight[..., index % p.weight.shape[2]]) for p in painted]
        if not any((truth * weight).any() for truth, weight in seen):
            notes.append(
                f"{which} is empty in all pairs: there is nothing to learn. Is the right channel painted?"
            )
        elif all(((truth == 1) | (weight == 0)).all() for truth, weight in seen):
            notes.append(
                f"{which} is white everywhere in all pairs: there is nothing to learn. Is the right one "
                "taken?"
            )
    return notes


def _is_unchanged(pair: Pair) -> bool:
    """Whether truth and plate are equal wherever the pair counts."""
    same = pair.truth == pair.input[..., : pair.truth.shape[2]]
    return bool((same | (pair.weight == 0)).all())
