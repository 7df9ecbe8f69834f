"""Bringing in a network of another program: try what its TOML says, find out what it leaves open, keep both.

The pair that comes out, NAME.onnx or NAME.pt with NAME.toml, is a model to apply and to serve.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from understudy.errors import ModelFileError, SettingError
from understudy.export.metadata import read_info
from understudy.models.description import ANY
from understudy.models.imported import ImageFunction, check_range, describe_imported, names_of, open_file
from understudy.models.imported_network import fitted, last_line, scale_between
from understudy.models.opening import describe_effect, refuse_unsupported
from understudy.models.sidecar import ENDINGS, PortText, Sidecar, is_imported, read_sidecar, sidecar_text
from understudy.runs.files import write_atomically

MULTIPLES = (1, 2, 4, 8, 16, 32, 64, 128)
CHANNELS = (3, 4, 1, 2, 5, 6)
SIDES = ((3, 5), (2, 3))
LEAST = 24


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
    side = _with_own_words(file, read_sidecar(_settings_file(file, settings)))
    network = _open(file, side)
    side = _with_range(network, side)
    refuse_unsupported(describe_imported(file, side, network), file)
    side = _complete(file, network, side)
    target = Path(os.path.abspath(output)) / _name(file, name)
    beside = _write(file, target, side)
    return Imported(target, beside, (*_sentences(side), *_limits(target)))


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


def _settings_file(file: Path, settings: Path | None) -> Path:
    if settings is None:
        return file.with_suffix(".toml")
    if not settings.is_file():
        raise SettingError("There is no such file.", expected="a TOML file", where=str(settings))
    return settings


def _open(file: Path, side: Sidecar) -> ImageFunction:
    if not is_imported(file):
        raise ModelFileError(
            "This is no network that can be brought in.",
            expected=f"a file ending in {', '.join(ENDINGS)}",
            found=file.name,
            where=str(file),
        )
    return open_file(file, side, torch.get_num_threads())


def _with_range(network: ImageFunction, side: Sidecar) -> Sidecar:
    """The sidecar, in which white is 255 to a network of 8 bits where it does not say what white is."""
    whole = all(image.dtype == "uint8" for image in (*network.inputs, *network.outputs))
    if whole and "range" not in side.model_fields_set:
        return side.model_copy(update={"range": 255.0})
    check_range(network, side.range)
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


def _complete(file: Path, network: ImageFunction, side: Sidecar) -> Sidecar:
    """The sidecar with inputs, outputs, scale and size multiple, all of them tried."""
    given = "size_multiple" in side.model_fields_set
    multiples = (side.size_multiple,) if given else MULTIPLES
    for counts in _possible_counts(network, side):
        for multiple in multiples:
            made = _outputs(network, counts, multiple, side.range)
            if made is not None:
                return _agreed(file, side, counts, *made, multiple)
    raise ModelFileError(
        "The network does not run on any picture that fits its description.",
        expected="a result [1, channels, height, width] of the input's size, or of whole times as much",
        found=_last_trouble(network, side),
        where=str(file),
        remedy="Say its inputs, their channels and its size_multiple in a TOML, and give it with --settings.",
    )


def _possible_counts(network: ImageFunction, side: Sidecar) -> list[list[int]]:
    """Channels of each input: as told, as the file says, or to be tried."""
    if side.inputs and all(port.channels != ANY for port in side.inputs):
        return [[port.channels for port in side.inputs]]
    known = _known_counts(network)
    return (
        [[count if each is None else each for each in known] for count in CHANNELS]
        if None in known
        else [known]
    )


def _known_counts(network: ImageFunction) -> list[Any]:
    """Channels of each input by the file itself; None where it does not say."""
    known = network.knows_channels
    return [image.count if known and image.count != ANY else None for image in network.inputs]


def _outputs(network: ImageFunction, counts: list[int], multiple: int, span: float) -> tuple[int, int] | None:
    """Channels of the result, and how many times larger it is, where the network takes two different sizes;
    None where it does not."""
    found = set()
    for rows, columns in SIDES:
        try:
            made = _run(network, counts, _side(rows, multiple), _side(columns, multiple), span)
        except Exception:  # a network may fail in any way that its maker did not think of
            return None
        found.add(made)
    return found.pop() if len(found) == 1 else None


def _side(count: int, multiple: int) -> int:
    """An odd number of multiples, large enough for most networks."""
    least = -(-LEAST // multiple)
    return multiple * (least + count + (least + count + 1) % 2)


def _run(network: ImageFunction, counts: list[int], height: int, width: int, span: float) -> tuple[int, int]:
    generator = torch.Generator().manual_seed(0)
    pictures = [torch.rand(1, count, height, width, generator=generator) * span for count in counts]
    options = {option.name: option.default for option in network.options}
    with torch.inference_mode():
        made = network(pictures, options)
    scale = scale_between(made, pictures[0])
    return int(fitted(made, pictures[0], scale=scale).shape[1]), scale


def _last_trouble(network: ImageFunction, side: Sidecar) -> str:
    counts = _possible_counts(network, side)[0]
    try:
        side_of = _side(3, side.size_multiple if side.size_multiple > 1 else MULTIPLES[-1])
        _run(network, counts, side_of, side_of, side.range)
    except ModelFileError as error:
        return error.found
    except Exception as error:
        return last_line(error)
    return "results of different kinds at different sizes"


def _agreed(file: Path, side: Sidecar, counts: list[int], outputs: int, scale: int, multiple: int) -> Sidecar:
    """The sidecar filled in. ModelFileError when it says other channels, or another scale, than came out."""
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
    ports = side.inputs or [PortText(name="plate" if i == 0 else f"extra_{i}") for i in range(len(counts))]
    inputs = [port.model_copy(update={"channels": n}) for port, n in zip(ports, counts, strict=True)]
    first = side.outputs[0] if side.outputs else PortText(name="result")
    results = [first.model_copy(update={"channels": outputs}), *side.outputs[1:]]
    changes = {
        "inputs": inputs,
        "outputs": results,
        "scale": scale,
        "size_multiple": multiple,
        "label": side.label or file.stem,
    }
    return side.model_copy(update=changes)


def _write(file: Path, target: Path, side: Sidecar) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_suffix(".toml")
    text = sidecar_text(side, (f"What {target.name} takes and gives; see docs/export.md.",))
    if not (target.exists() and target.samefile(file)):
        write_atomically(target, lambda path: shutil.copyfile(file, path))
    write_atomically(beside, text)
    return beside


def _sentences(side: Sidecar) -> tuple[str, ...]:
    takes = "; ".join(f"{port.name}: {', '.join(names_of(port.channels))}" for port in side.inputs)
    gives = "; ".join(f"{port.name}: {_count(port.channels)}" for port in side.outputs)
    return (
        f"It takes {takes}.",
        f"It gives {gives}.",
        f"Values are {side.colour}, and 1.0 is {side.range:g} to the network.",
        f"Sizes are padded to multiples of {side.size_multiple}.",
        *([f"It makes a picture {side.scale} times larger."] if side.scale > 1 else []),
    )


def _limits(target: Path) -> tuple[str, ...]:
    """What apply says against a network that only the server can use."""
    try:
        describe_effect(target)
    except ModelFileError as error:
        return (f"{error.message} {error.remedy}",)
    return ()


def _count(channels: int) -> str:
    return "1 channel" if channels == 1 else f"{channels} channels"
