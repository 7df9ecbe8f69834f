"""A run's network asked about a shot: how wrong it is thought to be on every frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

import numpy as np

from understudy.artist.suggest.cover import left
from understudy.artist.suggest.painted import Learned, truths_of
from understudy.artist.suggest.risk import Risk, risk_of
from understudy.artist.suggest.study import Study
from understudy.artist.suggest.unsure import Prober, Signs
from understudy.errors import UnderstudyError
from understudy.frames import Shot
from understudy.inference.model import load
from understudy.runs import RunFolder
from understudy.settings import PlateSettings

PROBED = 80
"""Frames that the network is asked about; those of a longer shot are thought to lie between."""
Done = Callable[[int, int, int], None]


def probe(
    study: Study,
    shot: Shot,
    run: RunFolder,
    learned: Learned,
    plate: PlateSettings,
    done: Done,
    stop: object = None,
) -> tuple[Risk, str, str]:
    """The risk of every frame of ``study``, the kind of the run's effect, image or matte, and a sentence
    where what was painted cannot be read, empty otherwise.

    Raises ModelFileError when the run has no network yet, SettingError for missing extra inputs, and what
    reading raises when no frame can be asked about.
    """
    model = load(str(run.path))
    painted, note = truths_of(learned, shot)
    with closing(Prober(model, shot, plate)) as prober:
        signs = _signs(study, prober, painted, done, stop)
    kind = model.description.kind
    far = left(study.distances, study.known) / np.float32(study.scale)
    return risk_of(signs, len(study.looks), kind, far), kind, note


def _signs(
    study: Study, prober: Prober, truths: Mapping[int, np.ndarray], done: Done, stop: object
) -> dict[int, Signs]:
    asked = places_asked(study, list(truths))
    signs: dict[int, Signs] = {}
    error: UnderstudyError | None = None
    for count, place in enumerate(asked, start=1):
        number = study.looks[place].number
        try:
            signs[place] = prober.signs(number, truths.get(number))
        except UnderstudyError as failed:
            error = error or failed
        done(number, count, len(asked))
        if stop:
            raise KeyboardInterrupt
    if not signs:
        assert error is not None
        raise error
    return signs


def places_asked(study: Study, painted: Sequence[int]) -> list[int]:
    """Evenly spread places, and those of painted frames."""
    count = len(study.looks)
    even = np.linspace(0, count - 1, min(count, PROBED)).round().astype(int)
    own = {look.number: place for place, look in enumerate(study.looks)}
    return sorted({*even.tolist(), *(own[number] for number in painted if number in own)})
