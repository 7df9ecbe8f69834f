"""Mattes of a data set, one or several: which value is white, and which frames each is painted on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from understudy.dataset.layers import Layers
from understudy.dataset.sources import Source, Values
from understudy.errors import PairingError
from understudy.frames import format_numbers
from understudy.frames.matte import largest_of, white_note, white_of
from understudy.frames.matte_names import matte_labels

ONE = np.ones(1, np.float32)
"""The white of what has no other."""


def whites_of(layers: Layers, truths: Iterable[np.ndarray]) -> tuple[np.ndarray, list[str]]:
    """Which file value is white in each matte, (mattes,), told from all ``truths`` (height, width, mattes)
    together; 1 for an image. With sentences on whites that are not 1, and on mattes that are far from
    white."""
    if layers.kind != "matte":
        return ONE, []
    labels = matte_labels(layers.outputs)
    largest = [0.0] * len(labels)
    for values in truths:
        largest = [max(each, largest_of(values[..., index])) for index, each in enumerate(largest)]
    names = [f"matte {label}" if len(labels) > 1 else "matte" for label in labels]
    notes = [note for name, each in zip(names, largest, strict=True) for note in white_note(each, name)]
    return np.array([white_of(each) for each in largest], np.float32), notes


def note_painted(layers: Layers, sources: Sequence[Source], values: Sequence[Values]) -> list[str]:
    """Sentences on which of several mattes is painted where. PairingError for one that is painted nowhere."""
    if layers.mattes < 2:
        return []
    labels = matte_labels(layers.outputs)
    painted = {
        label: tuple(
            source.plate_number
            for source, each in zip(sources, values, strict=True)
            if not np.isnan(each.after[..., index]).all()
        )
        for index, label in enumerate(labels)
    }
    missing = [label for label in labels if not painted[label]]
    numbers = tuple(sorted({source.plate_number for source in sources}))
    if missing:
        raise PairingError(
            f"The matte {' and '.join(missing)} is painted on no frame that the plate has.",
            expected=f"a painting of each of {', '.join(labels)} on at least one frame",
            found=f"frames {format_numbers(numbers)} with {', '.join(n for n in labels if n not in missing)}",
            where=" and ".join(dict.fromkeys(source.truth.spec for source in sources)),
            remedy="Paint one, check the frame numbers, or leave this matte out.",
        )
    if all(len(each) == len(sources) for each in painted.values()):
        return []
    each = "; ".join(f"{label} on {format_numbers(tuple(sorted(set(n))))}" for label, n in painted.items())
    return [f"Not all mattes are painted on every frame: {each}. A frame counts for those that it has."]
