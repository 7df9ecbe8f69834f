"""Pictures of the ML-Server endpoint <-> planes of a model, and the small differences between the two."""

from __future__ import annotations

import math

import numpy as np

from understudy.errors import RequestError
from understudy.models.description import ANY, SENT, ImageSpec, ModelDescription, wrong_channels, wrong_number
from understudy.models.names import printable
from understudy.server import messages
from understudy.server.messages import Image, ImagePrototype, Model


def planes_of(image: Image) -> np.ndarray:
    """The picture's float32 planes (channels, height, width), the top row first; a view where memory
    allows.
    """
    width, height, channels = image.width or 0, image.height or 0, image.channels or 0
    data = image.image if image.image is not None else b""
    if min(width, height, channels) < 1 or math.prod((width, height, channels, 4)) != len(data):
        raise RequestError(
            f"An image of {width} x {height} x {channels} float values came with {len(data)} bytes."
        )
    values = np.frombuffer(data, "<f4")
    if not values.flags.aligned:
        values = values.copy()
    return values.reshape(channels, height, width)[:, ::-1]


def image_of(planes: np.ndarray) -> Image:
    """The picture as it travels: the bottom row first. One channel (a matte) is repeated in r, g and b; two
    (mattes) are r and g, and b is 0."""
    if len(planes) == 1:
        planes = np.repeat(planes, SENT, axis=0)
    elif len(planes) < SENT:
        planes = np.concatenate([planes, np.zeros_like(planes[: SENT - len(planes)])])
    channels, height, width = planes.shape
    rows = np.ascontiguousarray(planes[:, ::-1], "<f4")
    return Image(width, height, channels, rows.data.cast("B"))


def split_ports(description: ModelDescription) -> list[tuple[ImageSpec, int, int]]:
    """The inputs as Nuke can fill them: an input of more than three channels becomes several.

    Each is (port, index of the model's input, first channel in it). The parts of ``input`` with five
    channels are ``input`` (3) and ``input_2`` (2).
    """
    if description.accepts_any_channels:
        return [(port, index, 0) for index, port in enumerate(description.inputs)]
    out = []
    for index, port in enumerate(description.inputs):
        for number, first in enumerate(range(0, max(port.count, 1), SENT)):
            name = port.name if not number else f"{port.name}_{number + 1}"
            width = SENT if port.count == ANY else min(SENT, port.count - first)
            out.append((ImageSpec(name, width), index, first))
    return out


def gather(description: ModelDescription, came: list[np.ndarray]) -> list[np.ndarray]:
    """The pictures for the model's inputs, out of those that came. ``RequestError`` when they do not fit."""
    if _fits(description, came):
        return came
    parts = split_ports(description)
    if len(came) != len(parts):
        raise wrong_number(description.label, [port for port, _, _ in parts], len(came))
    gathered: list[list[np.ndarray]] = [[] for _ in description.inputs]
    for (port, index, _), planes in zip(parts, came, strict=True):
        if len(planes) not in (port.count, SENT):
            raise wrong_channels(description.label, port, len(planes))
        gathered[index].append(planes[: port.count])
    return [_stacked(description, planes) for planes in gathered]


def _fits(description: ModelDescription, came: list[np.ndarray]) -> bool:
    return len(came) == len(description.inputs) and all(
        description.fits(port, len(planes)) for port, planes in zip(description.inputs, came, strict=True)
    )


def _stacked(description: ModelDescription, planes: list[np.ndarray]) -> np.ndarray:
    if len(planes) == 1:
        return planes[0]
    if len({each.shape[1:] for each in planes}) > 1:
        raise RequestError(f'The images of one input of "{description.label}" differ in size.')
    return np.concatenate(planes)


def model_message(description: ModelDescription) -> Model:
    """The description as the plug-in reads it."""
    message = Model(name=description.name, label=description.label)
    message.inputs = [ImagePrototype(port.name, port.count) for port, _, _ in split_ports(description)]
    message.outputs = [
        ImagePrototype(port.name, SENT if port.count == ANY else port.count) for port in description.outputs
    ]
    for option in description.options:
        kind = {
            "bool": messages.BoolAttrib,
            "int": messages.IntAttrib,
            "float": messages.FloatAttrib,
            "string": messages.StringAttrib,
        }[option.kind]
        getattr(message, f"{option.kind}_options").append(kind(option.name, [option.default]))
    message.button_options = [messages.BoolAttrib(name, [False]) for name in description.buttons]
    return message


def options_of(model: Model) -> dict[str, object]:
    """All options that a request carries. ``RequestError`` when one has no value, or comes twice."""
    found: dict[str, object] = {}
    carried: list[messages.BoolAttrib | messages.IntAttrib | messages.FloatAttrib | messages.StringAttrib]
    carried = [*model.bool_options, *model.int_options, *model.float_options, *model.string_options]
    for each in carried:
        _add(found, each.name, each.values)
    return found


def buttons_of(model: Model) -> dict[str, object]:
    """All buttons that a request carries."""
    found: dict[str, object] = {}
    for each in model.button_options:
        _add(found, each.name, each.values)
    return found


def _add(found: dict[str, object], name: str | None, values: list) -> None:
    if not name or not values:
        raise RequestError(f'The option "{printable(name or "")}" came without a value.')
    if name in found:
        raise RequestError(f'The option "{printable(name)}" came twice.')
    found[name] = values[0]
