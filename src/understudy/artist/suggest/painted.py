"""What a run has learned from: the frames that are painted, and whether they are of the shot at hand."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from understudy.dataset.empty_frames import empty_sources
from understudy.dataset.matching import match
from understudy.dataset.pairs import load_data_set
from understudy.dataset.truth_values import decode_truth
from understudy.errors import UnderstudyError
from understudy.frames import Shot
from understudy.frames.matte import spread
from understudy.models.starts import is_keyer
from understudy.network.model_file import read_header
from understudy.runs import RunFolder
from understudy.runs.asked import settings_of_run
from understudy.runs.corrections import active_corrections
from understudy.settings import TrainSettings

MOST_OTHERS = 256
"""Painted frames of other shots that are looked at: of thousands of pictures a few stand for all."""


@dataclass(frozen=True, eq=False)
class Learned:
    """``own``: numbers of frames of the shot at hand that the run has learned from. ``others``: (shot,
    number) of the plates of all others. ``note``: a sentence where the painted frames are away.
    ``keys``: the run's network is a keyer."""

    settings: TrainSettings
    own: tuple[int, ...]
    others: tuple[tuple[Shot, int], ...] = ()
    note: str = ""
    keys: bool = False


def what_was_learned(run: RunFolder, shot: Shot) -> Learned:
    """The frames that ``run`` has learned from, corrections too. RunError when its settings are damaged."""
    settings = settings_of_run(run)
    try:
        painted = match(settings.data)[0]
        sources = [*painted, *empty_sources(settings.data, painted)[0]]
    except UnderstudyError as error:
        note = f"What the run learned from cannot be read ({error.message}): only its network is asked."
        return Learned(settings, (), (), note)
    here = [same_frame(source.plate, source.plate_number, shot) for source in sources]
    own = {source.plate_number for source, is_own in zip(sources, here, strict=True) if is_own}
    away = [source for source, is_own in zip(sources, here, strict=True) if not is_own]
    few = (away[place] for place in spread(range(len(away)), MOST_OTHERS))
    others = tuple((source.plate, source.plate_number) for source in few)
    if own or not others:
        corrected = {number for each in active_corrections(run.path) for number in each.frames}
        own |= {number for number in corrected if shot.has(number)}
    return Learned(settings, tuple(sorted(own)), others, keys=_is_keyer(run))


def _is_keyer(run: RunFolder) -> bool:
    with suppress(UnderstudyError):
        return is_keyer(read_header(run.best_or_newest()))
    return False


def same_frame(plate: Shot, number: int, shot: Shot) -> bool:
    """Whether a frame of ``plate`` is that of the same number of ``shot``: the same file."""
    if not shot.has(number) or not plate.has(number):
        return False
    try:
        return os.path.samefile(plate.path(number), shot.path(number))
    except OSError:
        return False


def truths_of(learned: Learned, shot: Shot) -> tuple[dict[int, np.ndarray], str]:
    """What was painted on frames of ``shot``, float32 (height, width, channels) in file values, a matte from
    0 to 1; and a sentence where it cannot be read, empty otherwise."""
    if not learned.own or learned.note:
        return {}, ""
    try:
        data = load_data_set(learned.settings.data, learned.settings.colour, reach=0, keys=learned.keys)
    except UnderstudyError as error:
        return {}, (
            f"The painted frames cannot be read ({error.message}): expected errors are plain beliefs about "
            "what doubts of the network mean."
        )
    pairs = zip(data.pairs, data.sampled_sources, strict=True)
    own = [pair for pair, source in pairs if same_frame(source.plate, source.plate_number, shot)]
    return {
        pair.number: np.where(
            pair.weight > 0, decode_truth(pair.truth, data.layers, data.colour_out), np.nan
        ).astype(np.float32)
        for pair in own
    }, ""
