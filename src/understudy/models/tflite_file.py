"""TensorFlow Lite files by ai-edge-litert: what they take and give, and running them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.errors import MissingPackageError, ModelFileError
from understudy.models.declared import images_of
from understudy.models.description import ANY, ImageSpec
from understudy.models.options import Option
from understudy.models.ports import output_places
from understudy.models.sidecar import Sidecar

if TYPE_CHECKING:
    from torch import Tensor


class TfliteFile:
    """A TensorFlow Lite file, ready to run, one picture at a time. Whole numbers that stand for others
    (quantised) are converted, so that what goes in and comes out are the numbers that they stand for."""

    format = "TensorFlow Lite"
    runtime = "ai-edge-litert"
    knows_channels = True
    takes_batches = False
    bytes_per_pixel = 512.0
    options: tuple[Option, ...] = ()

    def __init__(self, path: Path, side: Sidecar, threads: int = 0) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._interpreter = _interpreter(path, threads)
        self._given = self._interpreter.get_input_details()
        others = [each["name"] for each in self._given if len(each["shape"]) != 4]
        if others or not self._given:
            raise ModelFileError(
                "An input of this TensorFlow Lite file is no image.",
                expected="inputs [1, height, width, channels]",
                found=", ".join(others) or "no inputs",
                where=str(path),
            )
        self._results = _picked(self._interpreter.get_output_details(), side, path)
        inputs = [_spec(each, side.layout) for each in self._given]
        outputs = [_spec(each, side.layout) for each in self._results]
        self.inputs = images_of(side.inputs, inputs, "inputs", path)
        self.outputs = images_of([] if side.joins else side.outputs, outputs, "outputs", path)
        self.fixed_size = _fixed_size(self._given[0], inputs[0].layout)

    def __call__(self, images: Sequence[Tensor], options: Mapping[str, Any]) -> list[Tensor]:
        """All results for one image of each input, laid out as the file wants them, float32."""
        import torch

        with self._lock:  # an interpreter works for one caller at a time
            arrays = [np.ascontiguousarray(each.cpu().numpy(), np.float32) for each in images]
            self._make_room(arrays)
            for array, detail in zip(arrays, self._given, strict=True):
                self._interpreter.set_tensor(detail["index"], _quantised(array, detail))
            self._interpreter.invoke()
            made = [
                _plain(self._interpreter.get_tensor(each["index"]), each)
                for each in self._results[: len(self.outputs)]
            ]
        return [torch.from_numpy(each).to(images[0].device) for each in made]

    def _make_room(self, arrays: Sequence[np.ndarray]) -> None:
        """Tell the interpreter of pictures of another size than the last ones."""
        changed, now = False, self._interpreter.get_input_details()
        for array, detail, there in zip(arrays, self._given, now, strict=True):
            if tuple(there["shape"]) != array.shape:
                self._interpreter.resize_tensor_input(detail["index"], array.shape)
                changed = True
        if changed:
            self._interpreter.allocate_tensors()


def _interpreter(path: Path, threads: int) -> Any:
    """An interpreter for the file. MissingPackageError, ModelFileError."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise MissingPackageError(
            "TensorFlow Lite files need ai-edge-litert.", remedy='pip install "understudy[tflite]"'
        ) from error
    try:
        made = Interpreter(model_path=str(path), num_threads=threads or None)
        made.allocate_tensors()
        return made
    except (ValueError, RuntimeError) as error:
        raise ModelFileError(
            "This network cannot be used.",
            expected="a TensorFlow Lite file that takes images, of the operators that come with its runtime",
            found=str(error).strip()[:300],
            where=str(path),
        ) from error


def _picked(results: list[Any], side: Sidecar, path: Path) -> list[Any]:
    """The output that is asked for, else those that may be pictures, before lists of points and numbers."""
    if side.output is None:
        return [each for each in results if _may_be_picture(each)] or results
    return [results[place] for place in output_places([each["name"] for each in results], side.output, path)]


def _may_be_picture(detail: Any) -> bool:
    shape = [int(each) for each in detail["shape"]]
    return len(shape) == 4 and sorted(shape[1:])[1] > 1


def _spec(detail: Any, told: str | None) -> ImageSpec:
    shape = [int(each) for each in detail.get("shape_signature", detail["shape"])]
    layout = told or ("NCHW" if len(shape) == 4 and 0 < shape[1] <= 4 < shape[3] else "NHWC")
    count = shape[3 if layout == "NHWC" else 1] if len(shape) == 4 else ANY
    quantised = detail["quantization"][0] > 0
    dtype = "float32" if quantised else np.dtype(detail["dtype"]).name
    return ImageSpec(detail["name"], count if count > 0 else ANY, dtype=dtype, layout=layout)


def _fixed_size(detail: Any, layout: str) -> tuple[int, int] | None:
    shape = [int(each) for each in detail.get("shape_signature", detail["shape"])]
    height, width = shape[1:3] if layout == "NHWC" else shape[2:4]
    return (height, width) if height > 0 and width > 0 else None


def _quantised(array: np.ndarray, detail: Any) -> np.ndarray:
    kind, (scale, zero) = np.dtype(detail["dtype"]), detail["quantization"]
    if not np.issubdtype(kind, np.integer):
        return array.astype(kind, copy=False)
    ends = np.iinfo(kind)
    stored = array / scale + zero if scale > 0 else array
    return np.rint(np.clip(np.nan_to_num(stored), ends.min, ends.max)).astype(kind)


def _plain(array: np.ndarray, detail: Any) -> np.ndarray:
    scale, zero = detail["quantization"]
    plain = np.array(array, np.float32)
    return (plain - zero) * np.float32(scale) if scale > 0 else plain
