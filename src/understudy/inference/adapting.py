"""Networks that learned display-referred and scene-linear values alike take a plate's as they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from understudy.colour import LINEAR, SRGB, decide_space, is_linear_space
from understudy.errors import FrameError
from understudy.frames import Frame, Shot, header_colour
from understudy.models.description import ImageSpec, ModelDescription

PROBES = 10
"""Frames that are tried to find one that can be read."""


def adapted(model: ModelDescription, plate: Shot) -> ModelDescription:
    """The description of a model for a plate: as it is, or, where that is scene-linear and the model takes
    both, with the encoding of scene-linear values."""
    if not model.adapts or not any(_is_linear(frame) for frame in _first_readable(plate)):
        return model
    return on_scene_linear(model)


def on_scene_linear(model: ModelDescription) -> ModelDescription:
    """A model that takes both, for scene-linear values; any other as it is."""
    if not model.adapts:
        return model
    inputs, outputs = (tuple(map(_linear, images)) for images in (model.inputs, model.outputs))
    return replace(model, inputs=inputs, outputs=outputs)


def taken_as(model: ModelDescription) -> tuple[str, ...]:
    """A sentence on how a plate's values are taken by a model, adapted to it, that takes both kinds."""
    if not model.adapts:
        return ()
    how = "scene-linear" if model.colour_in == LINEAR else "display-referred (sRGB)"
    return (f"The plate's values are taken as {how}, by its header and data type.",)


def _linear(image: ImageSpec) -> ImageSpec:
    return replace(image, colour=LINEAR) if image.colour == SRGB else image


def _first_readable(plate: Shot) -> Iterable[Frame]:
    """One frame, or none."""
    for number in plate.numbers[:PROBES]:
        try:
            return [plate.read(number)]
        except FrameError:
            continue
    return []


def _is_linear(frame: Frame) -> bool:
    """Whether it holds scene-linear values, as its header says or its data type lets guess."""
    found = decide_space("auto", frame.is_integer, header_colour(frame))
    return is_linear_space(found.named) if found.named else found.space == "linear"
