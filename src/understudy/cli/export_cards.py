"""The cards of exported files: first what the file is, then the model that it was made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from understudy.cli.text import number_text, size_text
from understudy.errors import ModelFileError

Card = dict[str, Any]
HOSTS = {
    "nuke": "TorchScript for Nuke's CatFileCreator",
    "torchscript": "TorchScript",
    "onnx": "ONNX",
    "flame": "ONNX for Flame's Inference",
    "openvino": "OpenVINO",
}


def export_card(path: Path) -> Card:
    """The card of a .pt, .onnx or .xml: of ours by what it says of itself, of others by its TOML."""
    from understudy.export.metadata import read_info

    try:
        info = read_info(path)
    except ModelFileError:
        if path.with_suffix(".toml").is_file():
            return imported_card(path)
        raise
    return _card(path, info)


def script_card(path: Path) -> Card:
    """The card of a .nk that export wrote: that of the TorchScript beside it."""
    from understudy.export.nk import read_script

    try:
        nodes = read_script(path.read_text("utf-8")[: 1 << 20])
        script = next(node.knob("torchScriptFile") for node in nodes if node.kind == "CatFileCreator")
    except (UnicodeDecodeError, StopIteration, KeyError) as error:
        raise _unknown(path) from error
    name = _plain_name(script)
    return {"Script": str(path), **export_card(path.parent / name)}


def flame_card(path: Path) -> Card:
    """The card of a Flame JSON: that of the ONNX file of the same name."""
    if not path.with_suffix(".onnx").is_file():
        raise _unknown(path)
    return {"Sidecar": str(path), **export_card(path.with_suffix(".onnx"))}


def _plain_name(text: str) -> str:
    """The last part of a file knob, without the escapes that keep Nuke from running it."""
    last = text.rpartition("/")[2]
    for escaped in "\\[]$":
        last = last.replace("\\" + escaped, escaped)
    return last


def _unknown(path: Path) -> ModelFileError:
    return ModelFileError(
        "There is nothing to tell about this.",
        expected="a file that understudy export wrote",
        where=str(path),
        remedy="Give the .pt, .onnx or .xml itself.",
    )


def _card(path: Path, info: Any) -> Card:
    from understudy.cli.cards import network_lines

    channels = {"Inputs": info.inputs, "Outputs": info.outputs}
    lines = {
        "File": str(path),
        "Format": HOSTS.get(info.host, info.host),
        "Takes and gives": info.values,
        **{
            name: [f"{port}: {', '.join(names)}" for port, names in ports] for name, ports in channels.items()
        },
        "Checked": _checked(path),
        "Made from": f"{info.model_name}, sha256 {info.model_hash[:16]}",
        "Made with": ", ".join(f"{name} {version}" for name, version in info.made_with.items()),
        "Exported": info.date,
        "Size": size_text(_size(path)),
        "Network": network_lines(info.description),
    }
    return {name: value for name, value in lines.items() if value}


def _size(path: Path) -> int:
    weights = path.with_suffix(".bin")
    return path.stat().st_size + (
        weights.stat().st_size if path.suffix == ".xml" and weights.is_file() else 0
    )


def _checked(path: Path) -> str:
    """What the record beside the file says, where it is of this very file."""
    import hashlib

    record = path.with_name(path.name + ".check.json")
    try:
        values = json.loads(record.read_bytes()[: 1 << 20])
        if values["sha256"] != hashlib.sha256(path.read_bytes()).hexdigest():
            return "the record beside it is of another file"
        worst = number_text(float(values["largest_difference"]), 2)
        return (
            f"largest difference {worst} from understudy apply, on {len(values['comparisons'])} comparisons"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "no record beside it"


def imported_card(path: Path) -> Card:
    """The card of a network of another program, by the TOML beside it."""
    from understudy.models.opening import describe
    from understudy.models.sidecar import read_sidecar

    model, side = describe(path), read_sidecar(path.with_suffix(".toml"))
    lines = {
        "File": str(path),
        "Format": f"{model.format} of another program",
        "Label": model.label,
        "About": model.text,
        "Inputs": [_input_words(image) for image in model.inputs],
        "Outputs": [f"{image.name}: {image.count} channels" for image in model.outputs],
        "State": [f"{image.tensor} goes into {image.name} with the next frame" for image in model.state],
        "Lead-in": f"{model.lead_in} frames" if model.state else "",
        "Given": [f"{name} = {value}" for name, value in side.constants.items()],
        "Colour": model.space,
        "Range": f"1.0 becomes {1 / model.colour_in.scale:g}" if model.colour_in.scale != 1 else "",
        "Scale": f"{model.scale} times the plate's size" if model.scale != 1 else "",
        "Works at": "{1} x {0}".format(*model.fixed_size) if model.fixed_size else "",
        "Size multiple": "" if model.fixed_size else str(model.stride),
        "Told by": ", ".join(model.prompts),
        "Finds": ", ".join(model.output_channels) if model.finds_instances else "",
        "Encoder": side.encoder or "",
        "Matte": "yes" if model.kind == "matte" else "",
        "Size": size_text(path.stat().st_size),
    }
    return {name: value for name, value in lines.items() if value}


def _input_words(image: Any) -> str:
    """One picture that goes in, and of which frame it is."""
    frame = f", the frame at {image.offset:+d}" if image.offset else ""
    return f"{image.name}: {image.count} channels{frame}"
