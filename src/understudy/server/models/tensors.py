"""What ONNX and TorchScript files share: planes into tensors and back, by the rules of the sidecar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.errors import ServerError
from understudy.server.models.card import Call, Port, RequestError
from understudy.server.models.sidecar import Sidecar


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


def to_tensor(planes: np.ndarray, side: Sidecar, shape: Shape, linear: bool) -> np.ndarray:
    """Planes as the network wants them: float32 (channels, padded height, padded width)."""
    if linear and side.colour == "srgb":
        from understudy.colour.scene_linear import linear_to_srgb

        planes = linear_to_srgb(planes)
    if side.range != 1.0:
        planes = planes * np.float32(side.range)
    below, right = shape.padded_height - shape.height, shape.padded_width - shape.width
    if below or right:
        planes = np.pad(planes, ((0, 0), (0, below), (0, right)), mode="edge")
    return planes


def from_tensor(values: np.ndarray, side: Sidecar, shape: Shape, linear: bool) -> np.ndarray:
    """One result (channels, height, width) as planes, cut to the picture's size (times the network's
    scale).
    """
    planes = np.asarray(values, np.float32)
    if planes.ndim == 2:
        planes = planes[None]
    if planes.ndim != 3:
        raise ServerError("The model's result is not a picture (channels, height, width).")
    planes = _cut(planes, shape)
    if side.range != 1.0:
        planes = planes / np.float32(side.range)
    if linear and side.colour == "srgb" and not side.matte:
        from understudy.colour.scene_linear import srgb_to_linear

        planes = srgb_to_linear(planes)
    return planes


def _cut(planes: np.ndarray, shape: Shape) -> np.ndarray:
    scale_y, scale_x = planes.shape[1] / shape.padded_height, planes.shape[2] / shape.padded_width
    return planes[:, : max(1, round(shape.height * scale_y)), : max(1, round(shape.width * scale_x))]


def check_ports(ports: tuple[Port, ...], tensors: int, what: str) -> None:
    """The sidecar must not speak of inputs or outputs that the file does not have."""
    if len(ports) != tensors:
        from understudy.errors import ModelFileError

        raise ModelFileError(
            f"The file beside the model does not fit its {what}.",
            expected=f"{tensors} {what}",
            found=f"{len(ports)}",
        )
