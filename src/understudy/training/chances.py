"""What is asked for by probabilities and ranges, as crops and colours are varied by it."""

from __future__ import annotations

import math
from dataclasses import replace

from understudy.dataset.crops import Augmentation
from understudy.dataset.pairs import DataSet
from understudy.errors import SettingError
from understudy.settings import AugmentationSettings
from understudy.settings.augmentation import parse_range
from understudy.training.variation import Chance, ColourVariation

COLOURS = (("r", "red"), ("g", "green"), ("b", "blue"))


def with_chances(augmentation: Augmentation, settings: AugmentationSettings) -> Augmentation:
    """The same, with what else is asked for: mirrored, turned, and made larger or smaller."""
    varied = replace(
        augmentation,
        flop=settings.flop_probability,
        flip=settings.flip_probability,
        rotation=settings.rotation_probability,
    )
    if not settings.scale_probability:
        return varied
    zoom = max(varied.zoom, math.log(settings.scale_range))
    share = max(varied.warped if varied.warps else 0.0, settings.scale_probability)
    return replace(varied, zoom=zoom, warped=share)


def colour_variation(settings: AugmentationSettings, data: DataSet) -> ColourVariation | None:
    """How colours are varied; None where that is not asked for. SettingError where there are none."""
    chances = [
        Chance(probability, *parse_range(text))
        for probability, text in (
            (settings.gain_probability, settings.gain_range),
            (settings.contrast_probability, settings.contrast_range),
            (settings.saturation_probability, settings.saturation_range),
        )
    ]
    if not any(chance.probability for chance in chances):
        return None
    names = [name.rpartition(".")[2].lower() for name in data.input_channels]
    places = [next((index for index, name in enumerate(names) if name in each), None) for each in COLOURS]
    if None in places:
        raise SettingError(
            "Colours are varied where there are some.",
            expected="a plate with red, green and blue",
            found=", ".join(data.input_channels),
            where="--gain-probability, --contrast-probability, --saturation-probability",
            remedy="Leave them out.",
        )
    red, green, blue = (int(place) for place in places if place is not None)
    count = len(names)
    layers = tuple(
        (red + count * index, green + count * index, blue + count * index)
        for index in range(1 + len(data.layers.offsets))
    )
    changed = data.same_channels and len(data.output_channels) > max(red, green, blue)
    if data.layers.keys:  # the clean plate behind the plate, and a foreground's colours, change alike
        layers = (*layers, (3, 4, 5))
        changed = data.kind == "image"
    gain, contrast, saturation = chances
    return ColourVariation(gain, contrast, saturation, data.colour_in, data.colour_out, layers, changed)
