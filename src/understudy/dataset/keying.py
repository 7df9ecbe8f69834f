"""What a network that keys learns from: a ground truth with alpha and colours, or with an alpha alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from understudy.errors import ChannelError
from understudy.frames import Frame
from understudy.frames.frame import is_colour
from understudy.frames.matte_names import is_alpha

if TYPE_CHECKING:
    from understudy.dataset.layers import Layers


class NotKeyedError(ChannelError):
    """The channels are there, and are none that a network that keys learns from."""


def keyed_layers(layers: Layers, truth: Frame) -> Layers:
    """The same channels, for a network that keys. NotKeyedError where there is no alpha to learn, where there
    are several, or where the plate is not red, green and blue."""
    if len(layers.inputs) != 3 or not all(map(_is_light, layers.inputs)):
        raise NotKeyedError(
            "A keyer sees red, green and blue of the plate.",
            expected="three colours",
            found=", ".join(layers.inputs),
            where="--input-channels, with the Initial Weights of a keyer",
            remedy="Leave --input-channels out, or --initial-weights.",
        )
    if layers.unmix == "off" and (layers.kind != "matte" or len(layers.outputs) > 1):
        raise _no_alpha(layers, truth)
    return replace(layers, keys=True)


def _is_light(name: str) -> bool:
    return is_colour(name) and not is_alpha(name)


def _no_alpha(layers: Layers, truth: Frame) -> NotKeyedError:
    several = layers.kind == "matte"
    return NotKeyedError(
        "A keyer learns one alpha." if several else "A keyer learns an alpha, with or without colours.",
        expected="one alpha" if several else "a ground truth of one channel, or alpha and colours by --unmix",
        found=", ".join(layers.outputs),
        where=f"{truth.path.name}, with the Initial Weights of a keyer",
        remedy="Name it with --ground-truth-channels, such as alpha, or say with --unmix straight or --unmix "
        "premultiplied that alpha and colours are to be learned; or choose other Initial Weights.",
    )
