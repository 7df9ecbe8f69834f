"""OpenVINO's own files, an .xml with its weights in a .bin: what they take and give, and running them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.errors import MissingPackageError, ModelFileError
from understudy.models.declared import declared_options, images_of
from understudy.models.description import ANY, ImageSpec
from understudy.models.options import Option, usable_options
from understudy.models.ports import cast, channels_of, layout_of, output_places, size_of
from understudy.models.sidecar import Sidecar

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = ".bin"


@dataclass(frozen=True)
class _Port:
    """One tensor that goes in or comes out; None for a side that is free."""

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype

    @property
    def is_image(self) -> bool:
        return len(self.shape) == 4

    def spec(self, told: str | None) -> ImageSpec:
        layout = layout_of(self.shape, told)
        count = channels_of(self.shape, layout) or ANY
        return ImageSpec(self.name, count, dtype=self.dtype.name, layout=layout, tensor=self.name)


class OpenVinoFile:
    """An OpenVINO network on the CPU, in float32. Images are its inputs of four dimensions, options those of
    one number. ``bytes_per_pixel``: of memory that torch does not know of."""

    format = "OpenVINO"
    runtime = "openvino"
    knows_channels = True
    bytes_per_pixel = 1024.0

    def __init__(self, path: Path, side: Sidecar, threads: int = 0) -> None:
        self.path = path
        self._model = _compiled(path, threads)
        self._local = threading.local()
        self._ports = [_port(each, place) for place, each in enumerate(self._model.inputs)]
        results = [_port(each, place) for place, each in enumerate(self._model.outputs)]
        images = [each for each in self._ports if each.is_image]
        if not images:
            raise _unusable(path, "a network that takes no image [N, channels, height, width]")
        self._options = _options([each for each in self._ports if not each.is_image], side)
        self.options = usable_options(self._options.values())
        places = output_places([each.name for each in results], side.output, path)
        if side.output is None:  # lists and numbers are no pictures
            places = [place for place in places if results[place].is_image] or places
        specs = [each.spec(side.layout) for each in images]
        self.inputs = images_of(side.inputs, specs, "inputs", path)
        made = [results[place].spec(side.layout) for place in places]
        self.outputs = images_of([] if side.joins else side.outputs, made, "outputs", path)
        self._places = places[: len(self.outputs)]
        self.takes_batches = all(each.shape[0] is None for each in images)
        sizes = [size_of(each.shape, spec.layout) for each, spec in zip(images, specs, strict=True)]
        self.fixed_size = next((each for each in sizes if each), None)

    def __call__(self, images: Sequence[Tensor], options: Mapping[str, Any]) -> list[Tensor]:
        """All results for images, laid out as the file wants them, float32."""
        import torch

        waiting = iter(images)
        given = {}
        for place, port in enumerate(self._ports):
            if port.is_image:
                given[place] = cast(np.ascontiguousarray(next(waiting).cpu().numpy()), port.dtype)
            else:
                option = self._options[port.name]
                value = options.get(option.name, option.default)
                given[place] = np.full([1] * len(port.shape), value, port.dtype)
        made = self._request().infer(given)
        return [torch.from_numpy(np.array(made[place], np.float32)).to(images[0].device)
                for place in self._places]  # fmt: skip

    def _request(self) -> Any:
        """The one of this thread: each answers one caller at a time."""
        if not hasattr(self._local, "request"):
            self._local.request = self._model.create_infer_request()
        return self._local.request


def _compiled(path: Path, threads: int) -> Any:
    """The network, compiled. MissingPackageError, ModelFileError."""
    try:
        import openvino
    except ImportError as error:
        raise MissingPackageError(
            "OpenVINO files need openvino.", remedy='pip install "understudy[openvino]"'
        ) from error
    weights = path.with_suffix(WEIGHTS)
    if not weights.is_file():
        raise _unusable(
            path,
            f"no {weights.name} beside it, which holds the weights",
            f"Copy {weights.name} into the folder of {path.name}.",
        )
    options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
    options |= {"INFERENCE_NUM_THREADS": threads} if threads else {}
    try:
        core = openvino.Core()
        return core.compile_model(core.read_model(str(path), str(weights)), "CPU", options)
    except (RuntimeError, ValueError, TypeError) as error:
        raise _unusable(path, str(error).strip().splitlines()[-1][:300]) from error


def _unusable(path: Path, found: str, remedy: str = "") -> ModelFileError:
    return ModelFileError(
        "This network cannot be used.",
        expected="an OpenVINO .xml that takes images, and its .bin",
        found=found,
        where=str(path),
        remedy=remedy,
    )


def _port(port: Any, place: int) -> _Port:
    sides = [None if side.is_dynamic else side.get_length() for side in port.get_partial_shape()]
    name = port.get_any_name() if port.get_names() else str(place + 1)
    return _Port(name, tuple(sides), np.dtype(port.get_element_type().to_dtype()))


def _options(ports: list[_Port], side: Sidecar) -> dict[str, Option]:
    """An option for each input of one number. ModelFileError for any other."""
    large = [each for each in ports if any(length not in (1, None) for length in each.shape)]
    if large:
        raise ModelFileError(
            "An input of this OpenVINO file is neither an image nor an option.",
            expected="tensors [N, channels, height, width], or of one number",
            found=f"{large[0].name}: {list(large[0].shape)}",
        )
    declared = declared_options(side, tuple(each.name for each in ports))
    return {each.name: declared.get(each.name) or _own(each) for each in ports}


def _own(port: _Port) -> Option:
    if port.dtype == np.bool_:
        return Option(port.name, "bool", False)
    whole = np.issubdtype(port.dtype, np.integer)
    return Option(port.name, "int", 0) if whole else Option(port.name, "float", 1.0)
