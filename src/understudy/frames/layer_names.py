"""The layers of renders by the names that renderers give them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from understudy.errors import ChannelError
from understudy.frames.channels import resolve_channels
from understudy.frames.formats import is_image_path, is_movie_path
from understudy.frames.frame import Frame, part_label

KINDS = {
    "albedo": (
        "albedo",
        "diffusealbedo",
        "denoisingalbedo",
        "denoisealbedo",
        "basecolor",
        "basecolour",
        "diffusefilter",
        "diffcol",
    ),
    "normal": (
        "normal",
        "normals",
        "n",
        "nn",
        "shn",
        "denoisingnormal",
        "denoisenormal",
        "shadingnormal",
        "worldnormal",
        "nworld",
    ),
}
"""What Arnold, Cycles, Karma, Mitsuba, RenderMan, V-Ray and others call them, without signs and capitals; the
first that a file has is taken."""
ORDERS = (("r", "g", "b"), ("red", "green", "blue"), ("x", "y", "z"))
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ :-]{0,99}(\.[A-Za-z0-9_ -]{1,99}){0,4}")
MOST = 12


def is_layer_name(spec: str) -> bool:
    """Whether a text is the name of a layer, and not that of a file, a folder, a sequence or a movie; one
    that lies in the folder goes first."""
    file = is_image_path(spec) or is_movie_path(spec)
    return bool(_NAME.fullmatch(spec)) and not file and not Path(spec).exists()


def kind_of(name: str) -> str:
    """The kind of layer that a name stands for; empty for any other."""
    names = _names_of(name)
    return next((kind for kind, known in KINDS.items() if names & set(known)), "")


def find_layer(frame: Frame, name: str) -> tuple[str, ...]:
    """The three channels, in the order RGB or XYZ, of the layer or part ``name`` of a frame: as it is
    written, else in other letters or within another layer, else by another name of its kind. Where it has
    one channel, or others than three, those. ChannelError, which lists the layers that there are."""
    layers = _layers(frame)
    if name in layers:
        return layers[name]
    alike = [each for each in layers if _names_of(name) & _names_of(each)]
    found = alike or _of_kind(layers, kind_of(name))
    if found:
        return layers[found[0]]
    raise ChannelError(
        "The plate has no such layer.",
        expected=f"a layer {name} of the plate, or a file, a folder or a sequence of that name",
        found=f"the layers {_listed(layers)}" if any(layers) else f"only {', '.join(frame.channels)}",
        where=str(frame.path),
        remedy="Name one of its layers with --extra, render the layer, or give its files.",
    )


def layer_in_file(frame: Frame, channels: Sequence[str], kind: str) -> tuple[str, ...]:
    """The channels of a file of its own that stand for ``channels``, a layer of a kind: those of these names,
    those of a layer of that kind, or the file's own colours. ChannelError."""
    with suppress(ChannelError):
        return resolve_channels(frame, ",".join(channels))
    layers = _layers(frame)
    found = _of_kind(layers, kind) or ([""] if len(layers.get("", ())) == len(channels) else [])
    only = found or (list(layers) if len(layers) == 1 else [])
    if only and len(layers[only[0]]) == len(channels):
        return layers[only[0]]
    return resolve_channels(frame, ",".join(channels))


def _of_kind(layers: dict[str, tuple[str, ...]], kind: str) -> list[str]:
    """Those of a kind, the most usual name first."""
    return [each for known in KINDS.get(kind, ()) for each in layers if known in _names_of(each)]


def _names_of(layer: str) -> set[str]:
    """A name in small letters alone, whole and without the layers and the part that it lies in."""
    short = layer.rpartition(":")[2].rpartition(".")[2]
    return {_folded(layer), _folded(short)} - {""}


def _folded(name: str) -> str:
    return "".join(each for each in name.lower() if each.isalnum())


def _layers(frame: Frame) -> dict[str, tuple[str, ...]]:
    """Layer or part -> its channels; those of the selected part that are in no layer under the empty name."""
    found: dict[str, dict[str, str]] = {}
    for full in frame.channels:
        part, channel = frame.locate(full)
        layer, dot, short = channel.rpartition(".")
        label = part_label(part, frame.parts.index(part))
        owner = layer if dot else ("" if part is frame.part else label)
        found.setdefault(owner, {})[short.lower()] = full
    return {layer: _in_order(channels) for layer, channels in found.items()}


def _in_order(channels: dict[str, str]) -> tuple[str, ...]:
    """Colours or coordinates in their order, without what else the layer has; all of any other layer."""
    for order in ORDERS:
        if all(each in channels for each in order):
            return tuple(channels[each] for each in order)
    return tuple(channels.values())


def _listed(layers: dict[str, tuple[str, ...]]) -> str:
    names = [each for each in layers if each]
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more
