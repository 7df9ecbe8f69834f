"""Which channels of a frame a result fills: the plate's own, new ones, or those of a layer of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from understudy.errors import SettingError
from understudy.frames import Frame, channel_or_new
from understudy.frames.matte_names import MATTE, matte_labels, short_of
from understudy.models.channels import makes_mattes

FLAG = "--output-layer (Output Layer)"


def target_channels(frame: Frame, header: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """The channels of the frame that the output fills; empty when a matte becomes a file of its own.
    ``names`` are those that go in: an output that bears an input's name replaces what went in there.

    A matte goes into the alpha of their layer where the plate has one, and the colours are kept. What an
    image effect makes beside that, and each of several mattes, replaces the plate's channel of that name, or
    is a new one where the plate has none.
    """
    if makes_mattes(header):
        return tuple(name if name in frame.channels else bare(name) for name in header.output_channels)
    if header.kind == "matte":
        layer = names[0].rpartition(".")[0]
        return tuple(name for name in frame.part.channels if _is_alpha_of(layer, name))[:1]
    taken = dict(zip(header.input_channels, names, strict=True))
    return tuple(taken.get(name) or channel_or_new(frame, name) for name in header.output_channels)


def bare(name: str) -> str:
    """A channel's name without the part that it is of."""
    return name.rpartition(":")[2]


def _is_alpha_of(layer: str, name: str) -> bool:
    owner, _, short = name.rpartition(".")
    return owner == layer and short.lower() in ("a", "alpha")


def channels_of_layer(header: Any, layer: str) -> tuple[str, ...]:
    """What the channels of a result are called in a layer of its own: ``NAME.R`` and so on for an image,
    ``NAME.A`` for a matte, ``NAME.hero`` and ``NAME.car`` for several."""
    outputs: Sequence[str] = header.output_channels
    if makes_mattes(header):
        short = matte_labels(outputs)
    elif header.kind == "matte":
        short = (MATTE,)
    else:
        short = tuple(map(short_of, outputs))
    if len(set(short)) < len(short):  # such as forward.u and backward.u
        short = tuple(bare(name) for name in outputs)
    return tuple(f"{layer}.{name.replace('.', '_')}" for name in short)


def check_layer(frame: Frame, layer: str) -> None:
    """SettingError where the plate has a layer of this name: its own channels stay as they are."""
    own = [name for name in frame.channels if name not in frame.added]
    if not any(bare(name).startswith(layer + ".") for name in own):
        return
    raise SettingError(
        "The plate has a layer of this name, and its own channels stay as they are.",
        expected="the name of a layer that the plate has not",
        found=f"{layer}, where the plate has {', '.join(own)}",
        where=FLAG,
        remedy="Name another layer.",
    )
