"""Which frames are there already, and whether they are the ones that would be made now."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import ModelFileError, SequenceError, SettingError
from understudy.frames import FrameSink, Shot, format_numbers, read_provenance
from understudy.inference.finish import FINISHING, in_provenance
from understudy.inference.layers import CHANNEL
from understudy.inference.origins import Origins, knows_origins
from understudy.inference.painted import Painted
from understudy.models.further_files import weight_files
from understudy.models.sidecar import is_imported, read_sidecar
from understudy.runs.files import what_is_there
from understudy.settings import FinishingSettings, OutputSettings, PlateSettings, PromptSettings

WHOLE_MIX = "1"
PAINTED = "painted"
PAINTED_WORDS = "the painted frames"
SCALE = "scale"
ALWAYS = (
    "region",
    "confidence",
    "output_layer",
    "stabilise",
    SCALE,
    FINISHING,
    "points",
    "box",
    "prompts",
)
"""What no frame was ever made with that does not say so."""
LATER = ("extra", "part", "input_channels", "precision")
"""What was not always noted. ``precision`` always is since the others are, so a frame without it is older."""


def fingerprint(model: Path) -> str:
    """A hash of the model file, and of the TOML that tells how an imported one is used: the same for the same
    bytes, wherever they lie."""
    try:
        with model.open("rb") as file:
            made = hashlib.file_digest(file, "sha256")
        if is_imported(model):
            for beside in (model.with_suffix(".toml"), *weight_files(model)):
                made.update(beside.read_bytes())
            if (encoder := read_sidecar(model.with_suffix(".toml")).encoder) is not None:
                made.update((model.parent / encoder).read_bytes())
        return made.hexdigest()[:32]
    except OSError as error:
        raise ModelFileError(
            "The model file cannot be read.", found=error.strerror or str(error), where=str(model)
        ) from error


def provenance_of(
    model: str,
    plate: PlateSettings,
    output: OutputSettings,
    precision: str,
    finishing: FinishingSettings | None = None,
) -> dict[str, str]:
    """What goes with every frame: the model, what else it was made from, how much of the effect shows
    where, and its last touch.

    ``precision`` is the one that was asked for, as machines that share a shot may differ in what ``auto`` is
    there. ``extra`` is a list in JSON, since a path may hold any sign.
    """
    made = {"model": model, "mix": f"{output.mix:g}", "precision": precision}
    if output.mask:
        made["mask"] = output.mask
    if output.region:
        made["region"] = output.region
    if output.stabilise:
        made["stabilise"] = f"{output.stabilise:g}" if output.stabilise != "auto" else "auto"
    if output.confidence:
        made["confidence"] = "yes"
    if output.output_layer:
        made["output_layer"] = output.output_layer
    if plate.extra:
        made["extra"] = json.dumps(plate.extra)
    if plate.part:
        made["part"] = plate.part
    if plate.input_channels:
        made["input_channels"] = plate.input_channels
    return made | (in_provenance(finishing) if finishing else {})


def prompts_in_provenance(settings: PromptSettings) -> dict[str, str]:
    """What the network was told of the frames: points and box as text, a file by its hash. SettingError for a
    file that cannot be read."""
    made = {name: value for name, value in (("points", settings.points), ("box", settings.box)) if value}
    if settings.prompts:
        try:
            made["prompts"] = hashlib.sha256(Path(settings.prompts).read_bytes()).hexdigest()[:16]
        except OSError as error:
            raise SettingError(
                "The prompts cannot be read.",
                expected="a file of points and boxes by frame",
                found=error.strerror or str(error),
                where=f"--prompts {settings.prompts}",
                remedy="Check the path.",
            ) from error
    return made


def networks_of(shot: Shot) -> dict[str, tuple[int, ...]]:
    """The networks, as ``fingerprint`` has them, that made the frames of a shot, and which each of them made;
    "" made those that do not say it. Empty where none does."""
    found: dict[str, list[int]] = {}
    said: dict[Path, str] = {}
    for number in shot.numbers:
        path = shot.path(number)
        if path not in said:
            said[path] = read_provenance(path).get("model", "")
        found.setdefault(said[path], []).append(number)
    return {} if set(found) <= {""} else {network: tuple(numbers) for network, numbers in found.items()}


def check_folder(folder: Path) -> None:
    """Make the output's folder and try it. SequenceError when nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, prefix="."):
            pass
    except (OSError, ValueError) as error:
        raise SequenceError(
            "Nothing can be written to the output's folder.",
            expected="a folder that can be written to",
            found=what_is_there(error) if isinstance(error, OSError) else str(error),
            where=str(folder),
            remedy="Correct the rights of the folder, free some space, or write somewhere else.",
        ) from error


@dataclass(frozen=True)
class Sorted:
    """Which frames are to be made, and which are there already and kept. ``changed`` has those to be made
    that are there, but were made from something else: what it is, in words. ``compared`` are those to be
    made that are written only if they differ from what is there."""

    to_do: tuple[int, ...]
    kept: tuple[int, ...]
    changed: Mapping[int, tuple[str, ...]]
    compared: frozenset[int] = frozenset()


def sort_out(
    numbers: tuple[int, ...],
    sink: FrameSink,
    provenance: Mapping[str, str],
    origins: Origins,
    overwrite: bool,
    painted: Painted | None = None,
    update: bool = False,
) -> Sorted:
    """What is to do. SettingError names the frames there that another model made, or in another way; where
    they are to ``update``, another model is none in the way. A movie is compared once it is whole."""
    if sink.is_movie:
        compared = frozenset(numbers if update and sink.path(numbers[0]).is_file() else ())
        return Sorted(numbers, (), {}, compared)
    there = [] if overwrite and not update else [number for number in numbers if sink.exists(number)]
    carried = {number: sink.provenance(number) for number in there}
    foreign = [
        number
        for number in there
        if not overwrite and not _is_ours(carried[number], provenance, any_model=update)
    ]
    if foreign:
        raise _foreign(foreign, sink, carried[foreign[0]], provenance)
    found = {number: _changed(number, carried[number], sink, origins, painted) for number in there}
    changed = {number: why for number, why in found.items() if why}
    compared = _compared(there, carried, provenance, changed) if update else frozenset()
    kept = frozenset(there) - changed.keys() - compared
    to_do = tuple(number for number in numbers if number not in kept)
    return Sorted(to_do, tuple(sorted(kept)), changed, compared)


def _compared(
    there: Sequence[int],
    carried: Mapping[int, Mapping[str, str]],
    provenance: Mapping[str, str],
    changed: Mapping[int, tuple[str, ...]],
) -> frozenset[int]:
    """The frames there that another model made, or with other painted frames, of the same sources."""
    others = (number for number in there if carried[number].get("model") != provenance["model"])
    return frozenset(
        [each for each in others if changed.get(each, (PAINTED_WORDS,)) == (PAINTED_WORDS,)]
        + [each for each, why in changed.items() if why == (PAINTED_WORDS,)]
    )


def _foreign(
    numbers: Sequence[int], sink: FrameSink, carried: Mapping[str, str], wanted: Mapping[str, str]
) -> SettingError:
    """``carried``: what the first of the frames says of itself."""
    other = _differing(carried, wanted) if "model" in carried else []
    told = f", {numbers[0]} with " + ", ".join(_told(name, carried, wanted) for name in other)
    alike = f"take over how they were made with --like {sink.path(numbers[0])}"
    update = "where only the model is another, bring them up to date with --update"
    return SettingError(
        "Frames are there already that were made by another model, or with other settings.",
        expected="no frames, or frames that the same model made with the same mix, region, input "
        "channels, part, precision, output layer, stabilising, prompts and last touch, with a mask, extra "
        "inputs and confidence where these have them",
        found=f"frames {format_numbers(tuple(numbers))}" + (told if other else ""),
        where=str(sink.path(numbers[0]).parent),
        remedy=f"Write somewhere else, allow it with --overwrite, or {alike if other else update}.",
    )


def _told(name: str, carried: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """How a setting of a frame differs from the one that is wanted, in words."""
    words = name.replace("_", " ") if name != FINISHING else "last touch"
    return f"{words} {carried.get(name, 'none')} (now {wanted.get(name, 'none')})"


def _changed(
    number: int, carried: Mapping[str, str], sink: FrameSink, origins: Origins, painted: Painted | None
) -> tuple[str, ...]:
    """What has changed since a frame was made, in words. One that does not carry what it was made from, as it
    is older than that, has to be newer than the files."""
    other = painted is not None and carried.get(PAINTED, "") != painted.mark(number)
    if knows_origins(carried):
        return (*origins.changed(number, carried), *([PAINTED_WORDS] if other else []))
    return ("what it is made from",) if sink.made_at(number) < origins.newest(number) else ()


def _is_ours(found: Mapping[str, str], wanted: Mapping[str, str], any_model: bool = False) -> bool:
    """Whether this model, or ``any_model``, made a frame in this way, as far as is known of it.

    What the mask and the extra inputs are called does not matter where a frame carries their content. A frame
    from before all was noted is kept where the model, mix and mask agree: a shot that was begun then goes on,
    as it would have, instead of being refused for what nobody can tell.
    """
    model = found.get("model")
    known = bool(model) and (any_model or model == wanted["model"])
    return known and not _differing(found, wanted)


def _differing(found: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """The settings, by name, in which a frame was made otherwise; the model is none of them."""
    mix = [] if found.get("mix", WHOLE_MIX) == wanted["mix"] else ["mix"]
    if knows_origins(found):
        later = [name for name in ("mask", *LATER) if _way(found, name) != _way(wanted, name)]
    else:
        noted = ("mask", *LATER) if "precision" in found else ("mask",)
        later = [name for name in noted if found.get(name, "") != wanted.get(name, "")]
    return [*mix, *(name for name in ALWAYS if found.get(name, "") != wanted.get(name, "")), *later]


def _way(made: Mapping[str, str], name: str) -> object:
    """What is to be the same in how frames are made: of the mask, unless it is the plate's own channel, that
    there is one; of extra inputs, how many."""
    text = made.get(name, "")
    if name == "mask" and not text.startswith(CHANNEL):
        return bool(text)
    return len(json.loads(text)) if name == "extra" and text.startswith("[") else text
