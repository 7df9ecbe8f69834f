"""Which colours the plates hold, which the ground truths, and the way from the ones to the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from understudy.colour import SpaceDecision, are_alike, convert_between, decide_space, is_linear_space
from understudy.dataset.layers import COLOURS, Layers
from understudy.dataset.sources import Source, read_both
from understudy.errors import ColourError
from understudy.frames import Frame, check_size, header_colour
from understudy.settings import ColourSettings

TRUTH = "Ground Truth Colour"
Convert = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class TruthColour:
    """``decision``: what a ground truth holds where that is not what its plate holds, so that it has to be
    converted, else None. ``notes``: sentences for the artist."""

    decision: SpaceDecision | None = None
    notes: tuple[str, ...] = ()


def settle_colours(
    settings: ColourSettings,
    sources: Sequence[Source],
    first: tuple[Frame, Frame],
    layers: Layers,
    earlier: bool = False,
) -> tuple[SpaceDecision, list[Source], list[str]]:
    """The space of the plates, the sources with their truths' way into it, and sentences for the artist.

    ``first`` is the first pair. ``earlier``: as before version 0.2.0, when headers did not count and no truth
    was converted. ColourError where plates differ, where plate and truth are in different
    encodings of which one is not known, and where a space does not exist.
    """
    if earlier:
        return decide_space(settings.colour, first[0].is_integer), list(sources), []
    plate = decide_plate(settings, first[0])
    settled: dict[int, TruthColour] = {}
    for source in sources:
        if id(source.truth) not in settled:
            pair = first if source is sources[0] else read_both(source)
            check_size(*pair, "ground truth")
            _check_alike(settings, plate, pair[0])
            has_colours = layers.kind == "image" and bool(_colours_of(layers.truths))
            settled[id(source.truth)] = decide_truth(settings, plate, *pair) if has_colours else TruthColour()
    ways = {key: _way(found, plate, layers) for key, found in settled.items()}
    notes = dict.fromkeys(note for found in settled.values() for note in found.notes)
    ready = [
        source if ways[id(source.truth)] is None else replace(source, convert=ways[id(source.truth)])
        for source in sources
    ]
    return plate, ready, [plate.sentence, *notes]


def say_colours(settings: ColourSettings, before: Frame, after: Frame, layers: Layers) -> list[str]:
    """What is said of the colours of one pair before a training begins. ColourError as ``settle_colours``."""
    plate = decide_plate(settings, before)
    has_colours = layers.kind == "image" and bool(_colours_of(layers.truths))
    return [plate.sentence, *(decide_truth(settings, plate, before, after).notes if has_colours else ())]


def decide_plate(settings: ColourSettings, plate: Frame) -> SpaceDecision:
    """What the plate holds: as asked, as its header says, or as its data type lets guess."""
    return decide_space(settings.colour, plate.is_integer, header_colour(plate))


def decide_truth(settings: ColourSettings, plate: SpaceDecision, before: Frame, after: Frame) -> TruthColour:
    """What the truth ``after`` holds, beside its plate ``before``. ColourError where it cannot be told."""
    requested = settings.ground_truth_colour or "auto"
    truth = decide_space(requested, after.is_integer, header_colour(after), TRUTH)
    if are_alike(plate, truth) or "raw" in (plate.space, truth.space):
        return TruthColour(None, (truth.sentence,) if truth.asked else ())
    if plate.asked and not truth.asked and (not truth.said or _say_the_same(before, after)):
        return _taken_alike(before, after, plate, "as --colour says")
    if truth.asked or (truth.said and plate.known):
        return TruthColour(truth, (_say_converted(truth, plate),))
    if _is_linear(plate) and _is_linear(truth):
        return _taken_alike(before, after, plate, "as both are linear and one does not name its primaries")
    if plate.said and before.file_format == after.file_format:
        return _taken_alike(before, after, plate, "as its own header says nothing")
    raise _refused(plate, truth, before, after)


def _say_the_same(before: Frame, after: Frame) -> bool:
    """Whether the headers of plate and truth make one statement: who overrules it for the one means both."""
    return header_colour(before) == header_colour(after)


def _taken_alike(before: Frame, after: Frame, plate: SpaceDecision, why: str) -> TruthColour:
    if plate.asked and before.is_integer == after.is_integer:
        return TruthColour()
    return TruthColour(
        None, (f"{TRUTH}: {plate.words} like the plate, {why} (--ground-truth-colour says otherwise).",)
    )


def _say_converted(truth: SpaceDecision, plate: SpaceDecision) -> str:
    return f"{truth.sentence} The ground truth is converted to the plate's {plate.words}."


def _is_linear(decision: SpaceDecision) -> bool:
    return is_linear_space(decision.named) if decision.named else decision.space == "linear"


def _refused(plate: SpaceDecision, truth: SpaceDecision, before: Frame, after: Frame) -> ColourError:
    return ColourError(
        "Plate and ground truth are in files of different encoding, and not both say which.",
        expected="one encoding, or two that are known: then the ground truth is converted to the plate's",
        found=f"{_kind(before, plate)}; {_kind(after, truth)}",
        where=f"{before.path.name} and {after.path.name}",
        remedy="Say what the ground truth holds: --ground-truth-colour srgb, linear, or the name of a space; "
        "and where the plate is taken wrongly, --colour.",
    )


def _kind(frame: Frame, decision: SpaceDecision) -> str:
    what = "the plate" if decision.sentence.startswith("Colour") else "the ground truth"
    header = header_colour(frame)
    holds = "integers" if frame.is_integer else "floats"
    why = header.words if header else "its header says nothing"
    return f"{what} holds {holds}, {why}, which makes it {decision.words}"


def _check_alike(settings: ColourSettings, first: SpaceDecision, plate: Frame) -> None:
    """A network has one encoding: a plate that holds another would teach it wrong colours."""
    own = decide_plate(settings, plate)
    if are_alike(first, own):
        return
    raise ColourError(
        "The plates are in different encodings.",
        expected=f"{first.words}, as in the first",
        found=f"{own.words} in {plate.path.name}",
        where=str(plate.path),
        remedy="Convert the plates to one encoding, or say with --colour what all of them hold.",
    )


def _colours_of(names: Sequence[str]) -> list[int]:
    """Where red, green and blue are, in this order."""
    short = [name.rpartition(".")[2].rpartition(":")[2].lower() for name in names]
    where = {name[0]: index for index, name in reversed(list(enumerate(short))) if name in COLOURS}
    return [where[each] for each in "rgb" if each in where]


def _way(found: TruthColour, plate: SpaceDecision, layers: Layers) -> Convert | None:
    truth = found.decision
    if truth is None:
        return None
    at = _colours_of(layers.truths)
    if len(at) != 3 and (truth.named or plate.named):
        raise ColourError(
            "The ground truth cannot be converted to the plate's colours.",
            expected="red, green and blue",
            found=", ".join(layers.truths),
            where="--ground-truth-channels",
            remedy="Convert the ground truth to the plate's colour space first.",
        )

    def convert(pixels: np.ndarray) -> np.ndarray:
        result = np.array(pixels, np.float32)
        own = result[..., at]
        result[..., at] = np.where(np.isfinite(own), convert_between(own, truth, plate), own)
        return result

    return convert
