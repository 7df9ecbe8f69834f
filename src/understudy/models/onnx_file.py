"""ONNX files by onnxruntime: what they take and give, and running them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.errors import MissingPackageError, ModelFileError
from understudy.models.declared import images_of
from understudy.models.description import ImageSpec
from understudy.models.onnx_tensors import (
    TYPES,
    constant_arrays,
    fed_inputs,
    fixed_size,
    further_outputs,
    given_image,
    images_in_order,
    is_free,
    is_image,
    picked_results,
    scalar_options,
    taken_image,
)
from understudy.models.options import usable_options
from understudy.models.ports import cast
from understudy.models.sidecar import Sidecar
from understudy.models.state import first_shape, first_value, state_outputs

if TYPE_CHECKING:
    from torch import Tensor

CPU = ("CPUExecutionProvider",)


class OnnxFile:
    """An ONNX file, ready to run. Images are its inputs of four dimensions, options its scalar inputs.

    ``inputs`` and ``outputs``: in the order of the sidecar where it names tensors. ``options``: those that
    can become knobs; the others stay at their defaults. ``fed``: inputs that are neither, by name.
    ``takes_batches``: whether several images may go in at once. ``fixed_size``: (height, width) where the
    file says both. ``bytes_per_pixel``: of memory that torch does not know of, worked out when asked for.
    """

    format = "ONNX"
    runtime = "onnxruntime"
    knows_channels = True

    def __init__(self, path: Path, side: Sidecar, threads: int = 0, providers: Sequence[str] = CPU) -> None:
        self.path = path
        self.session = open_session(path, threads, providers)
        given, made = self.session.get_inputs(), self.session.get_outputs()
        names = [each.name for each in given]
        self.state = state_outputs(side, names, [each.name for each in made], path)
        self._side, self._states = side, [each for each in given if each.name in self.state]
        self._constants = constant_arrays(given, side, path)
        self.fed = fed_inputs(given, side, path)
        own = [each for each in given if each.name not in {*self.fed, *self.state, *self._constants}]
        images = [] if side.encoder else images_in_order([each for each in own if is_image(each)], side)
        self._further = tuple(dict.fromkeys((*further_outputs(made, side, path), *self.state.values())))
        results = picked_results(made, side, self._further, path)
        self._scalars = {each.name: each for each in own if each not in images}
        self._options = scalar_options(self._scalars, side)
        self.options = usable_options(self._options.values())
        taken = [taken_image(each, side, index, path) for index, each in enumerate(images)]
        self.inputs = images_of(side.inputs, taken, "inputs", path) if images else ()
        given_back = [given_image(each, side, taken[0].stack if taken else "") for each in results]
        if side.instances:
            given_back = [ImageSpec("instances", len(side.instances.channels))]
        self.outputs = images_of([] if side.joins else side.outputs, given_back, "outputs", path)
        self._results = [each.name for each in results[: len(self.outputs)]]
        self._single = {each.name for each in images if len(each.shape) == 3}
        batched = [each.tensor for each in taken if each.stack == "batch"]
        beside = bool(self.fed or self._further or self._single or batched)
        self.takes_batches = not beside and all(is_free(each) for each in [*images, *results])
        self.fixed_size = fixed_size(images, taken, side)
        alone = [each for each in images if each.name not in batched]
        self._batches = {each.name: each.shape[0] for each in alone if not is_free(each)}

    @property
    def bytes_per_pixel(self) -> float:
        from understudy.models.onnx_memory import bytes_per_pixel

        return bytes_per_pixel(self.path)

    def __call__(self, images: Sequence[Tensor], options: Mapping[str, Any]) -> list[Tensor]:
        """All results for images (N, C, H, W), float32. MemoryError when there was not enough memory."""
        return self.with_feeds(images, options, {})[0]

    def with_feeds(
        self, images: Sequence[Tensor], options: Mapping[str, Any], feeds: Mapping[str, np.ndarray]
    ) -> tuple[list[Tensor], dict[str, np.ndarray]]:
        """The same where tensors that are no pictures, ``fed``, go in as they are; and the outputs that the
        TOML wants beside the pictures, by name, as they are."""
        import torch

        feed = self._feed(images) | self._constants | self._values(options) | dict(feeds)
        everything = self._run(feed, (*self._results, *self._further))
        made = everything[: len(self._results)]
        if any(each > 1 for each in self._batches.values()):
            made = [each[:1] for each in made]
        device = images[0].device if images else torch.device("cpu")
        pictures = [torch.from_numpy(np.array(each, np.float32)).to(device) for each in made]
        return pictures, dict(zip(self._further, everything[len(made) :], strict=True))

    def first_state(self, size: tuple[int, int]) -> dict[str, np.ndarray]:
        """What goes into the inputs that take outputs again with the first frame, of this (height, width)."""
        return {
            each.name: np.full(
                first_shape(each.name, each.shape, self._side, size, self.path),
                first_value(each.name, self._side),
                TYPES[each.type],
            )
            for each in self._states
        }

    def all_of(self, images: Sequence[Tensor]) -> dict[str, np.ndarray]:
        """Every output for images (1, C, H, W), by name, as it is."""
        names = [each.name for each in self.session.get_outputs()]
        return dict(zip(names, self._run(self._feed(images) | self._values({}), names), strict=True))

    def _feed(self, images: Sequence[Tensor]) -> dict[str, np.ndarray]:
        return {
            spec.tensor: self._filled(spec, np.ascontiguousarray(image.cpu().numpy()))
            for spec, image in zip(self.inputs, images, strict=True)
        }

    def _filled(self, spec: ImageSpec, picture: np.ndarray) -> np.ndarray:
        """One picture as often as a file with a fixed number of them in each call wants it; alone, where it
        wants no number of them."""
        count, picture = self._batches.get(spec.tensor), cast(picture, np.dtype(spec.dtype))
        if spec.tensor in self._single:
            return picture[0]
        return picture if count in (None, len(picture)) else np.repeat(picture[:1], count, axis=0)

    def _run(self, feed: Mapping[str, np.ndarray], names: Sequence[str]) -> list[np.ndarray]:
        unique = list(dict.fromkeys(names))
        try:
            made = dict(zip(unique, self.session.run(unique, dict(feed)), strict=True))
            return [made[name] for name in names]
        except Exception as error:  # onnxruntime's own errors have no common base
            text = str(error).lower()
            if "failed to allocate" in text or "bad_alloc" in text or "bad allocation" in text:
                raise MemoryError(text[-200:]) from error
            raise

    def _values(self, options: Mapping[str, Any]) -> dict[str, np.ndarray]:
        return {
            tensor: np.full(
                [1] * len(spec.shape),
                options.get(self._options[tensor].name, self._options[tensor].default),
                TYPES[spec.type],
            )
            for tensor, spec in self._scalars.items()
        }


def onnx_runtime() -> Any:
    """The module onnxruntime. MissingPackageError without it."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingPackageError(
            "ONNX files need onnxruntime.", remedy='pip install "understudy[onnx]"'
        ) from error
    return onnxruntime


def open_session(path: Path, threads: int, providers: Sequence[str]) -> Any:
    """A session with those of ``providers`` that are there. MissingPackageError, ModelFileError."""
    onnxruntime = onnx_runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    there = [each for each in providers if each in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=there)
    except Exception as error:  # onnxruntime's own errors have no common base
        raise ModelFileError(
            "This network cannot be used.",
            expected="an ONNX file that takes images [1, channels, height, width]",
            found=str(error).strip()[:300],
            where=str(path),
        ) from error
