"""Taking a plate apart: a truth with alpha and colours becomes alpha, foreground and the background behind
it, which together are the plate again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from understudy.colour import ColourEncoding, from_scene_linear, to_scene_linear
from understudy.errors import ChannelError
from understudy.frames import Frame, resolve_channels

if TYPE_CHECKING:
    from understudy.dataset.layers import Layers
    from understudy.settings import DataSettings

COLOURS = ("R", "G", "B")
OUTPUTS = ("alpha", *(f"foreground.{c}" for c in COLOURS), *(f"background.{c}" for c in COLOURS))
KEYED = (*OUTPUTS[1:4], "alpha")
"""What a network that keys makes of them: what is behind is the screen, which it finds by itself."""
LEAST = 1e-4
KNOWN = 0.05
"""How much of a pixel a colour has to cover to be known from it: less is noise divided by next to nothing."""


def truth_channels(truth: Frame, request: str | None) -> tuple[str, ...]:
    """Alpha, red, green and blue of a truth: those of ``request``, or its own. ChannelError where there are
    no such four."""
    names = resolve_channels(truth, request, "rgba")
    alphas = [name for name in names if name.rpartition(".")[2].lower() in ("a", "alpha")]
    if len(names) == 4 and len(alphas) == 1:
        return (*alphas, *(name for name in names if name not in alphas))
    raise ChannelError(
        "What is to be unmixed needs an alpha and three colours.",
        expected="red, green, blue and alpha",
        found=", ".join(names),
        where=f"{truth.path.name}, --unmix",
        remedy="Name them with --ground-truth-channels, such as hero.R,hero.G,hero.B,hero.A.",
    )


def unmixed(
    plate: np.ndarray, truth: np.ndarray, premultiplied: bool, colour: ColourEncoding, painted: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """File values (height, width, 7) of ``OUTPUTS``, and how much each is known (height, width, 7), 0 to 1.

    ``plate`` (height, width, 3) and ``truth`` (height, width, 4), its alpha first, in file values of
    ``colour``. A colour is known as far as it covers the pixel; where it does not, the plate's stands for it,
    or, as ``painted``, what the truth has. What is behind is what the plate has in scene-linear light beside
    the foreground's share.
    """
    alpha, colours = np.clip(truth[..., :1], 0, 1), truth[..., 1:]
    if premultiplied:
        colours = colours / np.maximum(alpha, LEAST)
    covered, open_ = alpha > KNOWN, alpha < 1 - KNOWN
    foreground = colours if painted else np.where(covered, colours, plate)
    light, own = to_scene_linear(plate, colour), to_scene_linear(colours.astype(np.float32), colour)
    behind = (light - alpha * own) / np.maximum(1 - alpha, KNOWN)
    behind = np.clip(behind, min(0.0, float(light.min(initial=0.0))), light.max(initial=0.0))
    background = np.where(open_, from_scene_linear(behind.astype(np.float32), colour), plate)
    background = np.where(alpha > 0, background, plate)  # bit for bit where nothing is before it
    values = np.concatenate([alpha, foreground, background], 2)
    return values.astype(np.float32), known_of(alpha, OUTPUTS)


def known_of(alpha: np.ndarray, outputs: Sequence[str]) -> np.ndarray:
    """How much each of the parts ``outputs`` is known where the alpha (height, width, 1) is this: float32
    (height, width, parts), 0 to 1."""
    alpha = np.clip(alpha, 0, 1)
    counts = {
        "alpha": np.ones_like(alpha),
        "foreground": alpha * (alpha > KNOWN),
        "background": (1 - alpha) * (alpha < 1 - KNOWN),
    }
    return np.concatenate([counts[name.partition(".")[0]] for name in outputs], 2).astype(np.float32)


def parts_of(
    layers: Layers, plate: np.ndarray, truth: np.ndarray, colour: ColourEncoding, painted: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """As ``unmixed``, of the parts that ``layers`` has as outputs, in their order."""
    values, counts = unmixed(plate, truth, layers.unmix == "premultiplied", colour, painted)
    places = [OUTPUTS.index(name) for name in layers.outputs]
    return values[..., places], counts[..., places]


def unmix_layers(data: DataSettings, plate: Frame, truth: Frame, keys: bool = False) -> Layers:
    """The channels of plate and truth that are unmixed. ``keys``: for a network that finds what is behind by
    itself. ChannelError where they are not there."""
    from understudy.dataset.layers import Layers, extras_of

    inputs = resolve_channels(plate, data.input_channels, "rgb")
    if len(inputs) != 3:
        raise ChannelError(
            "What is to be unmixed are three colours of the plate.",
            expected="red, green and blue",
            found=", ".join(inputs),
            where="--input-channels, with --unmix",
        )
    extras, notes = extras_of(data)
    truths = truth_channels(truth, data.ground_truth_channels)
    parts = "foreground and alpha" if keys else "alpha, foreground and background"
    said = (
        f"Channels: {', '.join(inputs)} in; {parts} out, taken apart as "
        f"{', '.join(truths)} of the ground truth say ({data.unmix} colours)."
    )
    sentence = " ".join((said, *notes))
    outputs = KEYED if keys else OUTPUTS
    return Layers(inputs, truths, outputs, "image", extras, sentence, unmix=data.unmix)
