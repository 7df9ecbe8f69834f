"""Which frames before and after the plate's own go into the network beside it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np

from understudy.colour import ColourEncoding, encode
from understudy.dataset.layers import Layers
from understudy.dataset.sources import READERS, Source, Values
from understudy.dataset.temporal import FEWEST, MOST, MOST_REACH, Trial, Views
from understudy.errors import SettingError
from understudy.frames import fill_nonfinite


@dataclass(frozen=True)
class Found:
    """The offsets of the frames that go in, the nearest first, and sentences on them for the artist."""

    offsets: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def offsets_within(reach: int) -> tuple[int, ...]:
    """-1, 1, -2, 2 and so on."""
    return tuple(side * step for step in range(1, reach + 1) for side in (-1, 1))


def choose_neighbours(
    requested: int | Literal["auto"],
    decided: int | None,
    sources: Sequence[Source],
    values: Sequence[Values],
    layers: Layers,
    colour_in: ColourEncoding,
    colour_out: ColourEncoding,
) -> Found:
    """What was ``decided`` before, or is ``requested``; ``auto`` is what a trial on the pairs finds useful.

    SettingError when frames are wished for and no painted frame has any about it.
    """
    if decided is not None:
        return Found(offsets_within(decided))
    if requested != "auto":
        return _as_wished(requested, sources)
    if layers.kind == "matte" or layers.unmix != "off":
        return Found()
    reach = _try_out(sources, values, layers, colour_in, colour_out)
    return Found(offsets_within(reach), _note(reach))


def _as_wished(reach: int, sources: Sequence[Source]) -> Found:
    offsets = offsets_within(reach)
    if offsets and not any(s.beside.has(s.plate_number, [o]) for s in sources for o in offsets):
        raise SettingError(
            "No painted frame has a frame before or after it.",
            expected="the whole shot as --input, and not the painted frames alone",
            found=", ".join(sorted({source.plate.spec for source in sources})),
            where=f"--neighbours {reach}",
            remedy="Give the whole shot, or leave --neighbours out.",
        )
    return Found(offsets)


def _note(reach: int) -> tuple[str, ...]:
    if not reach:
        return ()
    frames = "frames right" if reach == 1 else f"{reach} frames"
    return (
        f"The {frames} before and after each one tell more of this effect, and go into the network as well; "
        "--neighbours 0 makes one that takes single frames.",
    )


def _try_out(
    sources: Sequence[Source],
    values: Sequence[Values],
    layers: Layers,
    colour_in: ColourEncoding,
    colour_out: ColourEncoding,
) -> int:
    """How many frames on each side tell more, by the pairs that have as many."""
    for most in range(MOST_REACH, 0, -1):
        offsets = offsets_within(most)
        useful = [i for i, s in enumerate(sources) if s.beside.has(s.plate_number, offsets)]
        if len(useful) >= FEWEST:
            break
    else:
        return 0
    trial = Trial()
    for place in np.linspace(0, len(useful) - 1, min(MOST, len(useful))):
        index = useful[round(place)]
        views = _views(sources[index], values[index], layers, offsets, colour_in, colour_out)
        if views.weight.any():
            trial.add(views)
    return trial.reach()


def _views(
    source: Source,
    values: Values,
    layers: Layers,
    offsets: Sequence[int],
    colour_in: ColourEncoding,
    colour_out: ColourEncoding,
) -> Views:
    plate, bad = _grey(values.before, colour_in, layers.written)
    truth, bad_truth = _grey(values.after, colour_out, range(len(layers.truths)))
    frame = source.plate.read(source.plate_number)

    def about(offset: int) -> np.ndarray:
        (planes,) = source.beside.about(frame, layers.inputs, [offset])
        return _grey(planes, colour_in, ())[0]

    with ThreadPoolExecutor(READERS) as pool:
        beside = list(pool.map(about, offsets))
    return Views(plate, truth, values.region[..., 0] * ~(bad | bad_truth), beside)


def _grey(planes: np.ndarray, colour: ColourEncoding, judged: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Network values of the mean of all channels, and where one of those ``judged`` is no number."""
    filled, bad = fill_nonfinite(planes)
    return encode(filled.mean(2, keepdims=True), colour)[..., 0], np.asarray(bad[..., list(judged)].any(2))
