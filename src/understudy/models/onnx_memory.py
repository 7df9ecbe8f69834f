"""How much memory an ONNX file needs for a pixel, by its graph: torch does not see what it allocates."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

SIDE = 256
UNKNOWN = 2048.0
"""Bytes for each pixel of a network whose graph does not tell: 64 channels, with what is made of them."""


def bytes_per_pixel(path: Path) -> float:
    """The most bytes of activations that are alive at one time, for each pixel of the picture."""
    try:
        import onnx

        model = onnx.load(str(path), load_external_data=False)
        for value in model.graph.input:
            _fix(value, SIDE)
        shaped = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:  # what onnx cannot read, onnxruntime may run all the same
        return UNKNOWN
    sizes = _sizes(shaped.graph)
    if not sizes:
        return UNKNOWN
    return _most_alive(shaped.graph, sizes) / (SIDE * SIDE)


def _fix(value: Any, side: int) -> None:
    """A picture input at one size; other inputs are small."""
    dims = value.type.tensor_type.shape.dim
    if len(dims) != 4:
        return
    for dim, size in zip(dims, (1, 3, side, side), strict=True):
        if not dim.dim_value:
            dim.Clear()
            dim.dim_value = size


def _sizes(graph: Any) -> dict[str, int]:
    """Bytes of every value whose shape is known, four for each number."""
    found = {}
    for value in (*graph.value_info, *graph.output, *graph.input):
        dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        if dims and all(dims):
            found[value.name] = 4 * math.prod(dims)
    return found


def _most_alive(graph: Any, sizes: dict[str, int]) -> float:
    """Goes through the nodes in order; a value is dropped after the last node that reads it."""
    weights = {each.name for each in graph.initializer}
    last = {name: index for index, node in enumerate(graph.node) for name in node.input}
    alive = {value.name: sizes.get(value.name, 0) for value in graph.input if value.name not in weights}
    typical = max(sizes.values())
    most = sum(alive.values())
    for index, node in enumerate(graph.node):
        small = node.op_type in ("Constant", "Shape")
        alive.update({name: sizes.get(name, 0 if small else typical) for name in node.output})
        most = max(most, sum(alive.values()))
        for name in [name for name in alive if last.get(name, len(graph.node)) <= index]:
            del alive[name]
    return float(most)
