"""Networks of other programs, for the tests: small TorchScript and ONNX files."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn


class Brighten(nn.Module):
    """0..255 in and out; height and width must be multiples of four."""

    def forward(self, x: Tensor, strength: float = 0.5) -> Tensor:
        small = torch.pixel_unshuffle(x, 4)
        return torch.pixel_shuffle(small + 51.0 * strength, 4)


class Depth(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True)


class Two(nn.Module):
    def forward(self, plate: Tensor, hint: Tensor) -> Tensor:
        return plate * hint[:, :1]


class Double(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.repeat_interleave(torch.repeat_interleave(x, 2, 2), 2, 3)


def script(module: nn.Module, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(module).save(str(path))
    return path


class Blur(nn.Module):
    """Sees three pixels around each, mirrored at the border; ``channels`` in and out."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("kernel", torch.full((channels, 1, 7, 7), 1 / 49))

    def forward(self, x: Tensor) -> Tensor:
        mirrored = nn.functional.pad(x, [3, 3, 3, 3], mode="reflect")
        return nn.functional.conv2d(mirrored, self.kernel, groups=self.channels)


class Colours(nn.Module):
    """Red, green and blue out of four channels."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3] * x[:, 3:]


def onnx_blur(path: Path, channels: int = 3) -> Path:
    """A blur of 7 x 7 as an ONNX file of any height and width, zeros beyond the border."""
    from onnx import TensorProto, helper, numpy_helper, save

    kernel = numpy_helper.from_array(np.full((channels, 1, 7, 7), 1 / 49, np.float32), "kernel")
    shape = [1, channels, "height", "width"]
    node = helper.make_node("Conv", ["in", "kernel"], ["out"], pads=[3, 3, 3, 3], group=channels)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("in", "out")]
    graph = helper.make_graph([node], "blur", ends[:1], ends[1:], [kernel])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), str(path))
    return path


def blurred(pixels: np.ndarray) -> np.ndarray:
    """What ``onnx_blur`` makes of float32 (H, W, C), computed without it."""
    wide = np.pad(pixels.astype(np.float64), ((3, 3), (3, 3), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(wide, (7, 7), axis=(0, 1))
    return windows.mean(axis=(-1, -2)).astype(np.float32)


def onnx_same(path: Path, kind: str = "uint8", shape: tuple[object, ...] = (1, 3, "height", "width")) -> Path:
    """An ONNX file that gives what it takes, of one type and shape."""
    from onnx import TensorProto, helper, save

    number = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT}[kind]
    node = helper.make_node("Identity", ["in"], ["out"])
    ends = [helper.make_tensor_value_info(name, number, list(shape)) for name in ("in", "out")]
    graph = helper.make_graph([node], "same", ends[:1], ends[1:])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), str(path))
    return path


def onnx_of(
    path: Path,
    nodes: list[tuple],
    given: dict[str, tuple[str, tuple[object, ...]]],
    made: dict[str, tuple[str, tuple[object, ...]]],
    constants: dict[str, np.ndarray] | None = None,
) -> Path:
    """An ONNX file of ``nodes`` (operator, inputs, outputs, attributes); ``given`` and ``made`` are the type
    and the shape of its inputs and outputs."""
    from onnx import TensorProto, helper, numpy_helper, save

    def ends(specs: dict[str, tuple[str, tuple[object, ...]]]) -> list:
        return [
            helper.make_tensor_value_info(name, getattr(TensorProto, kind.upper()), list(shape))
            for name, (kind, shape) in specs.items()
        ]

    made_nodes = [helper.make_node(kind, ins, outs, **more) for kind, ins, outs, more in nodes]
    weights = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(made_nodes, "network", ends(given), ends(made), weights)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), str(path))
    return path
