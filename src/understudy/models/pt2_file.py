"""Programs of torch.export (.pt2): what they take and give, and running them without trusting them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.errors import ModelFileError
from understudy.models.declared import declared_options, images_of
from understudy.models.description import ANY, ImageSpec
from understudy.models.options import Option, usable_options
from understudy.models.ports import channels_of, layout_of, output_places, size_of
from understudy.models.pt2_archive import DAMAGED, Program, dtype_of, read_program, unusable
from understudy.models.pt2_graph import Graph
from understudy.models.sidecar import Sidecar

if TYPE_CHECKING:
    from torch import Tensor

TIMES = re.compile(r"(?:Mul\(Integer\((\d{1,6})\), )?Symbol\('(\w{1,32})'[^()]*\)\)?")
"""How a side that is free is written: a name, or a number times a name."""


@dataclass(frozen=True)
class _Side:
    """One side of a tensor: ``fixed``, or free within what is said."""

    fixed: int | None = None
    multiple: int = 1
    least: int = 0
    most: int = 1 << 62

    def allows(self, length: int) -> bool:
        if self.fixed is not None:
            return length == self.fixed
        return length % self.multiple == 0 and self.least <= length <= self.most


@dataclass(frozen=True)
class _Port:
    """One tensor that goes in."""

    name: str
    dtype: str
    sides: tuple[_Side, ...]

    @property
    def shape(self) -> list[int | None]:
        return [side.fixed for side in self.sides]

    @property
    def is_image(self) -> bool:
        return len(self.sides) == 4


class ExportedFile:
    """A program of torch.export, ready to run. Images are its tensors of four dimensions, options those of
    one number; plain numbers among the arguments were fixed when it was exported."""

    format = "torch.export"
    runtime = "torch.export"
    knows_channels = True
    bytes_per_pixel = 0.0

    def __init__(self, path: Path, side: Sidecar) -> None:
        self.path = path
        program = read_program(path)
        try:
            self._graph = Graph(program)
            self._ports = [_port(name, program) for name in self._graph.inputs if name]
            names = _output_names(program, self._graph.outputs)
        except DAMAGED as error:
            raise unusable(path, f"a damaged program ({type(error).__name__}: {error})"[:200]) from error
        images = [each for each in self._ports if each.is_image]
        if not images:
            raise unusable(path, "a program that takes no image [N, channels, height, width]")
        self._options = _options([each for each in self._ports if not each.is_image], side)
        self.options = usable_options(self._options.values())
        specs = [_spec(each, side.layout) for each in images]
        self._places = output_places(names, side.output, path)
        results = [ImageSpec(names[place], ANY, tensor=names[place]) for place in self._places]
        self.inputs = images_of(side.inputs, specs, "inputs", path)
        self.outputs = images_of([] if side.joins else side.outputs, results, "outputs", path)
        self.takes_batches = all(each.sides[0].fixed is None for each in images)
        sizes = [size_of(each.shape, spec.layout) for each, spec in zip(images, specs, strict=True)]
        self.fixed_size = next((each for each in sizes if each), None)

    def __call__(self, images: Sequence[Tensor], options: Mapping[str, Any]) -> list[Tensor]:
        """All results for images (N, C, H, W), float32, on the device of the images."""
        import torch

        waiting, given = iter(images), []
        for port in self._ports:
            if port.is_image:
                given.append(self._entered(next(waiting), port))
            else:
                option = self._options[port.name]
                value = options.get(option.name, option.default)
                shape = [1] * len(port.sides)
                made = torch.full(shape, value, dtype=getattr(torch, port.dtype), device=images[0].device)
                given.append(made)
        results = self._graph(given, str(images[0].device))
        return [results[place].float() for place in self._places]

    def _entered(self, image: Tensor, port: _Port) -> Tensor:
        """A picture of the type that the program takes. ValueError for a size that it was not made for."""
        import torch

        for side, length in zip(port.sides, image.shape, strict=True):
            if not side.allows(length):
                raise ValueError(f"{port.name} takes {_words(side)}, and {length} came")
        kind = getattr(torch, port.dtype)
        held = image if kind.is_floating_point else image.nan_to_num().round().clamp(*_ends(kind))
        return held.to(kind, copy=True)


def _words(side: _Side) -> str:
    if side.fixed is not None:
        return str(side.fixed)
    most = f" to {side.most}" if side.most < 1 << 31 else ""
    return f"multiples of {side.multiple} from {side.least}{most}"


def _ends(kind: Any) -> tuple[int, int]:
    import torch

    if kind == torch.bool:
        return 0, 1
    ends = torch.iinfo(kind)
    return max(ends.min, -(1 << 24)), min(ends.max, 1 << 24)


def _port(name: str, program: Program) -> _Port:
    meta = program.graph["tensor_values"][name]
    dtype = str(dtype_of(meta["dtype"])).removeprefix("torch.")
    return _Port(name, dtype, tuple(_side(each, program.ranges) for each in meta["sizes"]))


def _side(said: Mapping[str, Any], ranges: Mapping[str, Any]) -> _Side:
    if "as_int" in said:
        return _Side(fixed=int(said["as_int"]))
    found = TIMES.fullmatch(said["as_expr"]["expr_str"])
    if found is None:
        return _Side()
    multiple, within = int(found[1] or 1), ranges.get(found[2], {})
    least, most = within.get("min_val") or 0, within.get("max_val") or 1 << 62
    return _Side(None, max(1, multiple), int(least) * multiple, int(most) * multiple)


def _output_names(program: Program, tensors: list[str]) -> list[str]:
    """Names of what comes out: those of the dictionary that forward gave, else of the tensors."""
    try:
        spec = json.loads(program.calls[0]["signature"]["out_spec"])[1]
        names = json.loads(spec["context"]) if spec["type"] == "builtins.dict" else None
    except DAMAGED:
        names = None
    plain = isinstance(names, list) and len(names) == len(tensors) and all(isinstance(n, str) for n in names)
    return list(names or ()) if plain else tensors


def _spec(port: _Port, told: str | None) -> ImageSpec:
    layout = layout_of(port.shape, told)
    return ImageSpec(port.name, channels_of(port.shape, layout) or ANY, dtype=port.dtype, layout=layout,
                     tensor=port.name)  # fmt: skip


def _options(ports: list[_Port], side: Sidecar) -> dict[str, Option]:
    """An option for each tensor of one number, by its name. ModelFileError for any other."""
    large = [each for each in ports if any(s.fixed != 1 for s in each.sides)]
    if large:
        raise ModelFileError(
            "An input of this program is neither an image nor an option.",
            expected="tensors [N, channels, height, width], or of one number",
            found=f"{large[0].name}: {len(large[0].sides)} dimensions",
        )
    declared = declared_options(side, tuple(each.name for each in ports))
    return {each.name: declared.get(each.name) or _own(each) for each in ports}


def _own(port: _Port) -> Option:
    if port.dtype == "bool":
        return Option(port.name, "bool", False)
    return Option(port.name, "int", 0) if "int" in port.dtype else Option(port.name, "float", 1.0)
