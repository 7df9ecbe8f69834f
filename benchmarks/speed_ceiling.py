"""What the machine can do at most: single convolutions, in the runtime and precision of what is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from speed_timing import Task
from torch import Tensor, nn

from understudy.device import core_count, memory_format

FIXED_CHANNELS, FIXED_SIDE = 64, 512
CHAIN = 4
"""Convolutions in a row in OpenVINO, so that the float32 planes that go in and out weigh little."""


@dataclass(frozen=True)
class Shape:
    """A convolution with its batch and picture: ``channels`` in, ``outputs`` out, ``kernel`` pixels wide."""

    batch: int
    channels: int
    outputs: int
    kernel: int
    stride: int
    height: int
    width: int

    def __str__(self) -> str:
        size = f"{self.kernel}x{self.kernel} {self.channels} to {self.outputs}"
        return f"{size} at {self.batch}x{self.height}x{self.width}"

    @property
    def flops(self) -> float:
        """Operations of one forward pass."""
        pixels = (self.height // self.stride) * (self.width // self.stride)
        return 2.0 * self.batch * pixels * self.channels * self.outputs * self.kernel**2


def fixed_shape(side: int = FIXED_SIDE) -> Shape:
    """The convolution that every network is compared with: 3x3, 64 to 64 channels."""
    return Shape(1, FIXED_CHANNELS, FIXED_CHANNELS, 3, 1, side, side)


def heaviest_shapes(network: nn.Module, run: Callable[[], Any]) -> list[Shape]:
    """The convolutions of ``network`` that have the most to do in ``run``; several where they tie."""
    seen: set[Shape] = set()

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        batch, channels, height, width = inputs[0].shape
        kernel, stride = int(module.kernel_size[0]), int(module.stride[0])
        seen.add(Shape(batch, channels, module.out_channels, kernel, stride, height, width))

    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    most = max(shape.flops for shape in seen)
    return sorted((shape for shape in seen if shape.flops >= 0.999 * most), key=lambda shape: shape.channels)


def torch_task(shape: Shape, device: torch.device, precision: str, backward: bool) -> Task:
    """One convolution in torch, forward only or there and back."""
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    layout: Any = memory_format(device)
    layer = _layer(shape).to(device=device, dtype=kind).to(memory_format=layout)
    x = _picture(shape).to(device=device, dtype=kind).contiguous(memory_format=layout)
    if not backward:
        return Task(lambda: _forward(layer, x), shape.flops)
    x.requires_grad_()
    gradient = torch.ones_like(layer(x).detach())

    def there_and_back() -> None:
        x.grad = None
        layer.zero_grad(set_to_none=True)
        layer(x).backward(gradient)

    return Task(there_and_back, 3 * shape.flops)


def openvino_task(shape: Shape, precision: str) -> Task:
    """A chain of one convolution in OpenVINO, on all cores."""
    import openvino

    chained = shape.channels == shape.outputs and shape.stride == 1
    layers = nn.Sequential(*(_layer(shape) for _ in range(CHAIN if chained else 1))).eval()
    x = _picture(shape)
    model = openvino.convert_model(layers, example_input=x, input=[openvino.PartialShape(list(x.shape))])
    options = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": str(core_count()),
    }
    request = openvino.Core().compile_model(model, "CPU", options).create_infer_request()
    planes = {0: x.numpy()}
    return Task(
        lambda: request.infer(planes, share_inputs=True, share_outputs=True), shape.flops * len(layers)
    )


def _forward(layer: nn.Module, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return layer(x)


def _layer(shape: Shape) -> nn.Conv2d:
    padding = shape.kernel // 2 if shape.stride == 1 else 0
    return nn.Conv2d(shape.channels, shape.outputs, shape.kernel, shape.stride, padding)


def _picture(shape: Shape) -> Tensor:
    return torch.rand(shape.batch, shape.channels, shape.height, shape.width)
