"""Bringing in a network of another program: try what its TOML says, find out what it leaves open, keep both.

The pair that comes out, such as NAME.onnx with NAME.toml, is a model to apply and to serve.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from understudy.errors import ModelFileError, SettingError
from understudy.export.import_words import hints, sentences
from understudy.export.metadata import read_info
from understudy.export.network_files import copy_network
from understudy.export.recognising import recognised
from understudy.export.recurrent import beginnings, with_state
from understudy.export.trial import Trial, try_out
from understudy.models.adapted import AdaptedFile
from understudy.models.description import ANY
from understudy.models.imported import check_range, describe_imported, open_file
from understudy.models.opening import describe_effect
from understudy.models.openvino_ir_file import WEIGHTS
from understudy.models.pickles import ENDINGS as PICKLES
from understudy.models.pickles import REMEDY as PICKLED
from understudy.models.pickles import refuse_pickle
from understudy.models.sidecar import ENDINGS, Sidecar, is_imported, read_sidecar, sidecar_text
from understudy.models.sidecar_parts import PortText
from understudy.runs.files import write_atomically


@dataclass(frozen=True)
class Imported:
    """``model``: what apply and serve take. ``sidecar``: the TOML beside it. ``found``: sentences."""

    model: Path
    sidecar: Path
    found: tuple[str, ...]


def import_network(
    file: Path, output: Path, name: str | None = None, settings: Path | None = None
) -> Imported:
    """Copy ``file`` into the folder ``output`` with a TOML that says all that apply and serve need.

    ``settings``: the TOML to go by; by default the one beside the file, if any. What it leaves open is tried
    out. ModelFileError, with what was expected, when it does not fit the file, and nothing is written.
    """
    side = _with_own_words(file, read_sidecar(settings_file(file, settings)))
    side, known = recognised(file, side)
    side, carries = with_state(file, side)
    network = _open(file, side)
    side = _with_range(network, side)
    if side.span != network.side.span or side.black != network.side.black:
        network = _open(file, side)
    describe_imported(file, side, network)
    network, side, trial = _tried(file, network, side)
    side = _with_reading(network, _agreed(file, network, side, trial), trial)
    target = Path(os.path.abspath(output)) / _name(file, name)
    beside = _write(file, target, side)
    several = _one_of_several(network, side)
    said = (*known, *carries, *sentences(side), *several, *hints(side, trial), *_limits(target))
    return Imported(target, beside, said)


def _with_own_words(file: Path, side: Sidecar) -> Sidecar:
    """An export of our own says by itself what a TOML says of others; what the TOML says goes before it."""
    try:
        info = read_info(file)
    except ModelFileError:
        return side
    model = info.description
    if model.extra and len(info.inputs) == 1:
        raise ModelFileError(
            "This export has its extra inputs in one tensor with the plate.",
            expected="an export in which each picture is an input of its own",
            found=f"one input of {', '.join(info.inputs[0][1])}",
            where=str(file),
            remedy=f"Use {info.model_name} itself, or export it with --to onnx.",
        )
    space = "linear" if info.values == "scene-linear" else model.colour_in.space
    own: dict[str, Any] = {
        "matte": model.kind == "matte",
        "reach": model.reach,
        "scale": model.scale,
        "size_multiple": model.stride,
    }
    own |= {"colour": space} if space in ("linear", "srgb", "raw") else {}
    return side.model_copy(update={k: v for k, v in own.items() if k not in side.model_fields_set})


def settings_file(file: Path, settings: Path | None) -> Path:
    """The TOML that is given, else the one beside the file. SettingError where the given one is missing."""
    if settings is None:
        return file.with_suffix(".toml")
    if not settings.is_file():
        raise SettingError("There is no such file.", expected="a TOML file", where=str(settings))
    return settings


def _open(file: Path, side: Sidecar) -> AdaptedFile:
    refuse_pickle(file)
    if not is_imported(file):
        raise ModelFileError(
            "This is no network that can be brought in.",
            expected=f"a file ending in {', '.join(ENDINGS)}",
            found=file.name,
            where=str(file),
            remedy=_instead_of(file),
        )
    return open_file(file, side, torch.get_num_threads())


def _instead_of(file: Path) -> str:
    """What to do where a file of this ending is no network."""
    if file.suffix.lower() == WEIGHTS and file.with_suffix(".xml").is_file():
        return f"Give {file.stem}.xml, whose weights it holds."
    return PICKLED if file.suffix.lower() in PICKLES else ""


def _tried(file: Path, network: AdaptedFile, side: Sidecar) -> tuple[AdaptedFile, Sidecar, Trial]:
    """The network and its sidecar, with the first state that it runs with where that was open. ModelFileError
    when it does not run."""
    try:
        return network, side, try_out(file, network, side)
    except ModelFileError as error:
        for told in beginnings(file, side):
            opened = _open(file, told)
            try:
                return opened, told, try_out(file, opened, told)
            except ModelFileError:
                continue
        raise error


def _with_range(network: AdaptedFile, side: Sidecar) -> Sidecar:
    """The sidecar, in which white is 255 to a network of 8 bits where it does not say what white is."""
    if network.inputs[0].dtype == "uint8" and "range" not in side.model_fields_set:
        return side.model_copy(update={"range": 255.0})
    check_range(network, side.span)
    return side


def _name(file: Path, name: str | None) -> str:
    made = file.stem if name is None else name
    if not made or made != Path(made).name or made[0] == "." or "\\" in made:
        raise SettingError(
            "This cannot be the name of a file.",
            expected="a name without slashes",
            found=made,
            where="--name",
        )
    return made + file.suffix.lower()


def _with_reading(network: AdaptedFile, side: Sidecar, trial: Trial) -> Sidecar:
    """The sidecar with how the network is fitted to frames, and what its values are, where that was open."""
    told = side.model_fields_set
    changes: dict[str, Any] = {}
    if network.size is not None:
        is_image = trial.outputs == trial.counts[0] and not side.is_matte
        changes["size"] = (network.size[1], network.size[0])
        changes["fit"] = side.fit or ("tile" if is_image or trial.scale > 1 else "resize")
        changes["size_multiple"] = 1
    if side.layout is None and network.channels_last:
        changes["layout"] = "NHWC"
    if "colour" not in told and (side.mean is not None or side.black or network.format == "spandrel"):
        changes["colour"] = "srgb"
    if side.output_range is None and has_own_range(side, trial):
        changes["output_range"] = 1.0
    return side.model_copy(update=changes)


def has_own_range(side: Sidecar, trial: Trial) -> bool:
    """Whether what came out means 0 to 1 although the pictures that go in are of another range: where these
    are of 8 bits, or where a matte of pictures from below 0 never lies there."""
    if side.output_black < 0:
        return trial.outputs == 1 != trial.counts[0] and trial.smallest + side.output_black >= 0
    return not side.output_black and side.output_span >= 100 and trial.is_unit


def _agreed(file: Path, network: AdaptedFile, side: Sidecar, trial: Trial) -> Sidecar:
    """The sidecar filled in. ModelFileError when it says other channels, or another scale, than came out."""
    scale, outputs = trial.scale, trial.outputs
    if "scale" in side.model_fields_set and side.scale != scale:
        raise ModelFileError(
            "The TOML does not fit the network.",
            expected=f"scale = {scale}, as came out",
            found=f"{side.scale}",
            where=str(file.with_suffix(".toml")),
        )
    channels = side.outputs[0].channels if side.outputs else ANY
    if channels not in (ANY, outputs):
        raise ModelFileError(
            "The TOML does not fit the network.",
            expected=f"{outputs} channels in outputs, as came out",
            found=f"{channels}",
            where=str(file.with_suffix(".toml")),
        )
    pairs = zip(side.inputs or _ports(network), _counts(network, trial), strict=True)
    inputs = [port.model_copy(update={"channels": count}) for port, count in pairs]
    first = side.outputs[0] if side.outputs else PortText(name="result")
    results = [first.model_copy(update={"channels": outputs}), *side.outputs[1:]]
    changes = {
        "inputs": inputs,
        "outputs": results,
        "scale": scale,
        "size_multiple": trial.multiple,
        "label": side.label or file.stem,
    }
    return side.model_copy(update=changes)


def _ports(network: AdaptedFile) -> list[PortText]:
    """Names for the inputs of the file: those of which frames are told keep their own."""
    told = network.side.frames if isinstance(network.side.frames, dict) else {}
    plate, ports = network.pictures[0].input, []
    for index, spec in enumerate(network.file.inputs):
        own = spec.name if {spec.name, spec.tensor} & told.keys() else f"extra_{index}"
        name = "plate" if index == plate and own.startswith("extra") else own
        ports.append(PortText(name=name, tensor=spec.tensor if told else ""))
    return ports


def _counts(network: AdaptedFile, trial: Trial) -> list[int]:
    """The channels of a picture of each input of the file."""
    of_picture = list(zip(network.pictures, trial.counts, strict=True))
    return [
        next(count for picture, count in of_picture if picture.input == index)
        for index in range(len(network.file.inputs))
    ]


def _write(file: Path, target: Path, side: Sidecar) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_suffix(".toml")
    is_there = target.exists() and target.samefile(file)
    if side.encoder and not is_there:  # by a name of its own, as another network's may be called the same
        encoder = f"{target.stem}.encoder.onnx"
        copy_network(file.parent / side.encoder, target.parent / encoder)
        side = side.model_copy(update={"encoder": encoder})
    text = sidecar_text(side, (f"What {target.name} takes and gives; see docs/export.md.",))
    if not is_there:
        copy_network(file, target)
    write_atomically(beside, text)
    return beside


def _one_of_several(network: AdaptedFile, side: Sidecar) -> tuple[str, ...]:
    """Which of several outputs is used, where nobody has said it."""
    names = [each.tensor or each.name for each in network.file.outputs]
    if side.output is not None or side.instances or side.prompts or len(names) < 2:
        return ()
    return (
        f"Of its outputs {', '.join(names)} the first is taken: output = NAME in the TOML takes another.",
    )


def _limits(target: Path) -> tuple[str, ...]:
    """What apply says against a network that only the server can use."""
    try:
        describe_effect(target)
    except ModelFileError as error:
        return (f"{error.message} {error.remedy}",)
    return ()
