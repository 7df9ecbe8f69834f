"""The JSON that Flame's Inference node reads beside an ONNX file of the same name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from understudy.errors import ChannelError
from understudy.export.metadata import ExportInfo

MINIMUM_VERSION = "2025.2"
COLOURS = ("R", "G", "B", "A")


def flame_values(info: ExportInfo) -> dict[str, Any]:
    """The model as Flame wants it told. ChannelError for channels that no socket can carry.

    The network pads and cuts by itself, so Flame is asked for no padding: what is at the border is then what
    apply makes of it.
    """
    plate, *extras = info.inputs
    inputs = _sockets(plate[0], plate[1], "Front", "Matte", "The plate")
    for name, channels in extras:
        inputs += _sockets(name, channels, "Aux", "Aux", "An extra input")
    made = ["A"] if info.description.kind == "matte" else info.outputs[0][1]
    outputs = _sockets(info.outputs[0][0], made, "Result", "OutMatte", "The result")
    return {
        "ModelDescription": {
            "MinimumVersion": MINIMUM_VERSION,
            "Name": info.name,
            "Description": f"Learned with Understudy; {_colour(info)}",
            "SupportsSceneLinear": info.description.colour_in.space == "linear",
            "KeepAspectRatio": True,
            "Padding": 1,
            "Inputs": [{**socket, "Gain": 1.0} for socket in inputs],
            "Outputs": [
                {**socket, "InverseGain": 1.0, "ScalingFactor": float(info.description.scale)}
                for socket in outputs
            ],
        }
    }


def _colour(info: ExportInfo) -> str:
    if info.description.colour_in.space == "linear":
        return "takes scene-linear values, unbounded."
    return f"takes values as in the files it learned from ({info.description.colour_in.space})."


def _sockets(name: str, channels: Sequence[str], light: str, matte: str, text: str) -> list[dict[str, Any]]:
    """One socket for the colours and one, of the same name, for the alpha; in the tensor's order."""
    letters = [channel.rpartition(".")[2].upper()[:1] for channel in channels]
    colours = "".join(letter for letter in letters if letter != "A")
    made = []
    if len(channels) == 1:
        made.append((matte if letters == ["A"] else light, letters[0] if letters[0] in COLOURS else "R"))
    elif _is_told(letters):
        made.append((light, colours))
        if letters[-1] == "A":
            made.append((matte, "A"))
    else:
        raise ChannelError(
            "Flame has no socket for these channels.",
            expected="red, green and blue in any order, with or without alpha after them, or one channel",
            found=", ".join(channels),
            remedy="Export with --to onnx, or train on other channels.",
        )
    return [{"Name": name, "Description": text, "Type": kind, "Channels": letters} for kind, letters in made]


def _is_told(letters: list[str]) -> bool:
    unique = len(set(letters)) == len(letters)
    return unique and all(letter in COLOURS for letter in letters) and "A" not in letters[:-1]
