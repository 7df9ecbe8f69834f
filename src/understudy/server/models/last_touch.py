"""The last touch on what a network of ours answers: options by the names of apply's, none by default."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from understudy.errors import RequestError, SettingError
from understudy.finishing import check_clip, finish_matte
from understudy.frames import fill_nonfinite
from understudy.frames.matte_names import is_alpha
from understudy.inference.blend import blend
from understudy.inference.finish import with_grain
from understudy.models.description import ModelDescription
from understudy.models.options import Option
from understudy.settings import ApplySettings, FinishingSettings, SettingInfo, settings_of

OF_IMAGES = ("grain",)
LEFT_OUT = ("premultiply", "motion_blur")
"""What the server does not do: a compositing program multiplies the plate's colours itself, and one frame
alone tells of no motion."""

_INFOS = {info.name: info for info in settings_of(ApplySettings) if info.section == "finishing"}


def touch_options(kind: str) -> tuple[Option, ...]:
    """The options of a network that makes a ``kind``: matte or image."""
    names = [name for name in _INFOS if name not in LEFT_OUT and (name in OF_IMAGES) == (kind != "matte")]
    return tuple(_option(_INFOS[name]) for name in names)


def asked_of(options: Mapping[str, Any]) -> FinishingSettings | None:
    """The last touch that a call's options ask for; None where they ask for none. RequestError."""
    given = {
        name: value for name, value in options.items() if name in _INFOS and value != _INFOS[name].default
    }
    if not given:
        return None
    try:
        asked = FinishingSettings(**given)
        check_clip(asked)
    except SettingError as error:
        raise RequestError(" ".join(filter(None, (error.message, error.expected, error.found)))) from error
    return asked


def finished(
    model: Any, frame: np.ndarray, result: np.ndarray, asked: FinishingSettings, mix: float
) -> np.ndarray:
    """The ``result`` for a frame, both (height, width, channels) in file values, with its last touch, laid
    over the frame as much as ``mix`` says."""
    description: ModelDescription = model.description
    if description.kind == "matte":
        planes = [finish_matte(np.ascontiguousarray(plane), asked) for plane in np.moveaxis(result, -1, 0)]
        made = np.stack(planes, axis=-1)
    else:
        made = _with_grain(description, frame, result)
    return blend(model.plate_of(frame[..., : len(description.input_channels)]), made, mix)


def _with_grain(description: ModelDescription, frame: np.ndarray, result: np.ndarray) -> np.ndarray:
    """Grain in the colours that the frame had; each frame has grain of its own, the same frame the same."""
    plate_names = description.input_channels
    own = [
        index
        for index, name in enumerate(description.output_channels)
        if name in plate_names and not is_alpha(name)
    ]
    taken = [plate_names.index(description.output_channels[index]) for index in own]
    plate = fill_nonfinite(frame[..., taken])[0]
    seed = zlib.crc32(np.ascontiguousarray(plate[::8, ::8]).tobytes())
    grained = with_grain(plate, result, own, seed)
    return result if grained is None else grained


def _option(info: SettingInfo) -> Option:
    kind = {"yes-no": "bool", "whole": "int", "number": "float", "choice": "string"}[info.kind]
    words = info.help.removeprefix("Mattes: ").removeprefix("Images: ")
    words = words[:1].upper() + words[1:]
    return Option(info.name, kind, info.default, info.minimum, info.maximum, info.choices, words, spare=True)
