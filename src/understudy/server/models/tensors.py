"""Pictures as ONNX and TorchScript files take and give them: colour, range, sizes padded to the stride."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.colour import ColourEncoding
from understudy.errors import RequestError, ServerError
from understudy.models.description import ImageSpec
from understudy.server.models.served import Call
from understudy.server.models.space import to_file, to_linear

RAW = ColourEncoding(space="raw")


@dataclass(frozen=True)
class Shape:
    """The size of a picture, and the size that it is padded to."""

    height: int
    width: int
    padded_height: int
    padded_width: int


def shape_for(call: Call, multiple: int) -> Shape:
    """The one size of a call's pictures. ``RequestError`` when they differ."""
    sizes = {planes.shape[1:] for planes in call.pictures}
    if len(sizes) != 1:
        raise RequestError("The images of one request differ in size.")
    height, width = sizes.pop()
    return Shape(height, width, -(-height // multiple) * multiple, -(-width // multiple) * multiple)


def to_tensor(planes: np.ndarray, image: ImageSpec, shape: Shape, linear: bool) -> np.ndarray:
    """Planes as the network wants them: float32 (channels, padded height, padded width). ``linear``: the
    planes are scene-linear."""
    colour = image.colour or RAW
    if linear:
        planes = to_file(planes, _names(image, len(planes)), colour)
    if colour.scale != 1.0:
        planes = planes / np.float32(colour.scale)
    below, right = shape.padded_height - shape.height, shape.padded_width - shape.width
    if below or right:
        planes = np.pad(planes, ((0, 0), (0, below), (0, right)), mode="edge")
    return planes


def from_tensor(values: np.ndarray, image: ImageSpec, shape: Shape, linear: bool) -> np.ndarray:
    """One result (channels, height, width) as planes, cut to the picture's size (times the network's
    scale).
    """
    planes = np.asarray(values, np.float32)
    if planes.ndim == 2:
        planes = planes[None]
    if planes.ndim != 3:
        raise ServerError("The model's result is not a picture (channels, height, width).")
    planes, colour = _cut(planes, shape), image.colour or RAW
    if colour.scale != 1.0:
        planes = planes * np.float32(colour.scale)
    return to_linear(planes, _names(image, len(planes)), colour) if linear else planes


def _names(image: ImageSpec, count: int) -> tuple[str, ...]:
    """Names of the channels, as far as they are known; without a name it is light."""
    return image.channels if len(image.channels) == count else ("",) * count


def _cut(planes: np.ndarray, shape: Shape) -> np.ndarray:
    scale_y, scale_x = planes.shape[1] / shape.padded_height, planes.shape[2] / shape.padded_width
    return planes[:, : max(1, round(shape.height * scale_y)), : max(1, round(shape.width * scale_x))]
