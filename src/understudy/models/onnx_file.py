"""ONNX files by onnxruntime: what they take and give, and running them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.errors import MissingPackageError, ModelFileError
from understudy.models.declared import constants_of, declared_options, images_of, picked_output
from understudy.models.description import ANY, ImageSpec
from understudy.models.options import Option, usable_options
from understudy.models.sidecar import Sidecar
from understudy.models.stacking import check_count, of_one, stack_of
from understudy.models.state import first_shape, first_value, state_outputs

if TYPE_CHECKING:
    from torch import Tensor

TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(uint16)": np.uint16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}
SCALARS = {
    np.float32: "float",
    np.float64: "float",
    np.float16: "float",
    np.int32: "int",
    np.int64: "int",
    np.bool_: "bool",
}
DEFAULTS: dict[str, Any] = {"float": 1.0, "int": 0, "bool": False}
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
        self._constants = _constants(given, side, path)
        self.fed = _fed(given, side, path)
        own = [each for each in given if each.name not in {*self.fed, *self.state, *self._constants}]
        images = [] if side.encoder else _in_order([each for each in own if _is_image(each)], side)
        self._further = tuple(dict.fromkeys((*_further(made, side, path), *self.state.values())))
        results = _picked(made, side, self._further, path)
        self._scalars = {each.name: each for each in own if each not in images}
        self._options = _options(self._scalars, side)
        self.options = usable_options(self._options.values())
        taken = [_taken(each, side, index, path) for index, each in enumerate(images)]
        self.inputs = images_of(side.inputs, taken, "inputs", path) if images else ()
        given_back = [_given(each, side, taken[0].stack if taken else "") for each in results]
        if side.instances:
            given_back = [ImageSpec("instances", len(side.instances.channels))]
        self.outputs = images_of([] if side.joins else side.outputs, given_back, "outputs", path)
        self._results = [each.name for each in results[: len(self.outputs)]]
        self._single = {each.name for each in images if len(each.shape) == 3}
        batched = [each.tensor for each in taken if each.stack == "batch"]
        beside = bool(self.fed or self._further or self._single or batched)
        self.takes_batches = not beside and all(_is_free(each) for each in [*images, *results])
        self.fixed_size = _fixed_size(images, taken, side)
        alone = [each for each in images if each.name not in batched]
        self._batches = {each.name: each.shape[0] for each in alone if not _is_free(each)}

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
        count, picture = self._batches.get(spec.tensor), _cast(picture, np.dtype(spec.dtype))
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


def _is_image(spec: Any) -> bool:
    if spec.type not in TYPES:
        raise ModelFileError(
            "An input of this ONNX file is of a type that cannot be used.",
            expected=", ".join(TYPES),
            found=f"{spec.name}: {spec.type}",
        )
    shape = spec.shape
    return len(shape) in (4, 5) or (len(shape) == 3 and 3 in (shape[0], shape[2]))


def _dimensions(spec: Any) -> list[Any]:
    """Of a picture that comes alone, as of one of several."""
    shape = list(spec.shape or [])
    return [1, *shape] if len(shape) == 3 and 3 in (shape[0], shape[2]) else shape


def _fed(given: Sequence[Any], side: Sidecar, path: Path) -> dict[str, Any]:
    """The inputs that are neither pictures nor options, by name. ModelFileError where the TOML names others
    than there are."""
    told = set(side.prompts.inputs if side.prompts else ())
    _check_there(told, [each.name for each in given], "inputs", path)
    return {each.name: each for each in given if each.name in told or (side.encoder and len(each.shape) >= 3)}


def _further(results: Sequence[Any], side: Sidecar, path: Path) -> tuple[str, ...]:
    """The outputs that are no pictures and are wanted all the same. ModelFileError for one that is not
    there."""
    wanted = side.prompts.outputs if side.prompts else side.instances.outputs if side.instances else ()
    _check_there(wanted, [each.name for each in results], "outputs", path)
    return tuple(wanted)


def _check_there(wanted: Iterable[str], there: Sequence[str], what: str, path: Path) -> None:
    missing = [name for name in wanted if name not in there]
    if missing:
        raise ModelFileError(
            f"The TOML beside the model names {what} that are not there.",
            expected=", ".join(there),
            found=", ".join(missing),
            where=str(path.with_suffix(".toml")),
        )


def _is_free(spec: Any) -> bool:
    """Whether the number of images in one call is free."""
    return not spec.shape or not isinstance(spec.shape[0], int)


def _layout(shape: Sequence[Any], told: str | None = None) -> str:
    """As it is told; else NHWC where the last dimension can only be channels and the second one cannot."""
    if told is not None and len(shape) == 4:
        return told
    if len(shape) != 4 or not isinstance(shape[3], int) or shape[3] > 4:
        return "NCHW"
    return "NCHW" if isinstance(shape[1], int) and shape[1] <= 4 else "NHWC"


def _fixed_size(specs: list[Any], taken: list[ImageSpec], side: Sidecar) -> tuple[int, int] | None:
    shapes = [of_one(_dimensions(spec), own.stack) for spec, own in zip(specs, taken, strict=True)]
    sizes = [tuple(each[2:] if _layout(each, side.layout) == "NCHW" else each[1:3]) for each in shapes]
    fixed = [(h, w) for h, w in sizes if isinstance(h, int) and isinstance(w, int)]
    return fixed[0] if fixed else None


def _in_order(specs: list[Any], side: Sidecar) -> list[Any]:
    """The image inputs in the order of the sidecar, where it names their tensors."""
    if not specs:
        raise ModelFileError(
            "This ONNX file takes no image.", expected="an input [N, channels, height, width]"
        )
    names = [text.tensor for text in side.inputs]
    if not all(names) or not names:
        return specs
    by_name = {each.name: each for each in specs}
    unknown = [name for name in names if name not in by_name]
    if unknown or len(names) != len(specs):
        raise ModelFileError(
            "The TOML beside the model names other tensors.",
            expected=", ".join(by_name),
            found=", ".join(names),
        )
    return [by_name[name] for name in names]


def _taken(tensor: Any, side: Sidecar, index: int, path: Path) -> ImageSpec:
    """A picture input, of which the channels are those of one frame where several lie in it. ModelFileError
    where it takes another number of frames than the TOML says."""
    count = len(side.offsets_of(index, tensor.name, *(text.name for text in side.inputs[index : index + 1])))
    shape = _dimensions(tensor)
    stack = stack_of(shape, count, side.stack)
    check_count(shape, stack, count, tensor.name, path)
    spec = _spec(tensor, side.layout, stack)
    return replace(spec, count=spec.count // count) if stack == "channels" and spec.count > 0 else spec


def _given(tensor: Any, side: Sidecar, stack: str) -> ImageSpec:
    """A picture output; of one with a dimension for frames, which is left out, laid out as the input."""
    return _spec(tensor, side.layout, stack if len(tensor.shape or ()) == 5 else "")


def _spec(tensor: Any, told: str | None, stack: str = "") -> ImageSpec:
    shape: Sequence[Any] = of_one(_dimensions(tensor), stack)
    layout = _layout(shape, told)
    count = shape[3 if layout == "NHWC" else 1] if len(shape) == 4 else 1 if len(shape) == 3 else ANY
    dtype = np.dtype(TYPES.get(tensor.type, np.float32)).name
    count = count if isinstance(count, int) else ANY
    return ImageSpec(tensor.name, count, dtype=dtype, layout=layout, tensor=tensor.name, stack=stack)


def _picked(results: list[Any], side: Sidecar, beside: Sequence[str], path: Path) -> list[Any]:
    """The outputs that are asked for, else those that may be pictures. ModelFileError for one that is not
    there."""
    if side.instances:
        return []
    if side.output is None:
        own = [each for each in results if each.name not in beside] or results
        pictures = [each for each in own if len(each.shape or ()) in (0, 4, 5)] or own
        return pictures[:1] if side.prompts else pictures
    names = [each.name for each in results]
    wanted = side.output if isinstance(side.output, list) else [side.output]
    return [results[picked_output(each, names, path)] for each in wanted]


def _constants(specs: Sequence[Any], side: Sidecar, path: Path) -> dict[str, np.ndarray]:
    """What the TOML gives to inputs with every frame, as their types and dimensions want it. ModelFileError
    where it does not fit."""
    told = constants_of(side, [each.name for each in specs], path)
    return {each.name: _constant(each, told[each.name], path) for each in specs if each.name in told}


def _constant(spec: Any, value: Any, path: Path) -> np.ndarray:
    kind, shape = TYPES.get(spec.type), [each if isinstance(each, int) else 1 for each in spec.shape]
    if kind is not None and not isinstance(value, str):
        values = np.asarray(value, kind)
        if values.ndim <= 1 and values.size == 1:
            return np.full(shape, values.ravel()[0], kind)
        made = values.reshape((1,) * (len(spec.shape) - values.ndim) + values.shape)
        known = zip(made.shape, spec.shape, strict=False)
        if made.ndim == len(spec.shape) and all(a == b for a, b in known if isinstance(b, int)):
            return made
    raise ModelFileError(
        "A constant in the TOML does not fit its input.",
        expected=f"{spec.name}: {spec.type} of shape {list(spec.shape)}",
        found=f"{value!r}"[:100],
        where=str(path.with_suffix(".toml")),
    )


def _options(scalars: dict[str, Any], side: Sidecar) -> dict[str, Option]:
    """An option for each scalar input, by the name of its tensor."""
    declared = declared_options(side, tuple(scalars))
    return {name: declared.get(name) or _scalar_option(spec) for name, spec in scalars.items()}


def _scalar_option(spec: Any) -> Option:
    kind = SCALARS.get(TYPES[spec.type])
    if kind is None or any(isinstance(each, int) and each != 1 for each in spec.shape):
        raise ModelFileError("An input of this ONNX file is neither an image nor an option.", found=spec.name)
    return Option(spec.name, kind, DEFAULTS[kind])


def _cast(planes: np.ndarray, kind: np.dtype) -> np.ndarray:
    if np.issubdtype(kind, np.integer):
        ends = np.iinfo(kind)
        return np.rint(np.clip(np.nan_to_num(planes), ends.min, min(ends.max, 1 << 24))).astype(kind)
    return planes.astype(kind, copy=False)
