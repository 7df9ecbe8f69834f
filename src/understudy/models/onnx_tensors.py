"""What the inputs and outputs of an ONNX file are: pictures, options, constants, or what goes in beside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import ModelFileError
from understudy.models.declared import constants_of, declared_options, picked_output
from understudy.models.description import ANY, ImageSpec
from understudy.models.options import Option
from understudy.models.ports import channels_of, layout_of, size_of
from understudy.models.sidecar import Sidecar
from understudy.models.stacking import check_count, of_one, stack_of

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


def is_image(spec: Any) -> bool:
    """Whether an input is a picture, by its dimensions. ModelFileError for one of an unknown type."""
    if spec.type not in TYPES:
        raise ModelFileError(
            "An input of this ONNX file is of a type that cannot be used.",
            expected=", ".join(TYPES),
            found=f"{spec.name}: {spec.type}",
        )
    shape = spec.shape
    return len(shape) in (4, 5) or (len(shape) == 3 and 3 in (shape[0], shape[2]))


def _dimensions(spec: Any) -> list[Any]:
    """Of a picture that comes alone, as of one of several; None for a length that is open."""
    shape = [each if isinstance(each, int) else None for each in spec.shape or []]
    return [1, *shape] if len(shape) == 3 and 3 in (shape[0], shape[2]) else shape


def fed_inputs(given: Sequence[Any], side: Sidecar, path: Path) -> dict[str, Any]:
    """The inputs that are neither pictures nor options, by name. ModelFileError where the TOML names others
    than there are."""
    told = set(side.prompts.inputs if side.prompts else ())
    _check_there(told, [each.name for each in given], "inputs", path)
    return {each.name: each for each in given if each.name in told or (side.encoder and len(each.shape) >= 3)}


def further_outputs(results: Sequence[Any], side: Sidecar, path: Path) -> tuple[str, ...]:
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


def is_free(spec: Any) -> bool:
    """Whether the number of images in one call is free."""
    return not spec.shape or not isinstance(spec.shape[0], int)


def fixed_size(specs: list[Any], taken: list[ImageSpec], side: Sidecar) -> tuple[int, int] | None:
    """(height, width) that the pictures have to have, where the file says both."""
    shapes = [of_one(_dimensions(spec), own.stack) for spec, own in zip(specs, taken, strict=True)]
    sizes = [size_of(each, layout_of(each, side.layout)) for each in shapes]
    return next((each for each in sizes if each), None)


def images_in_order(specs: list[Any], side: Sidecar) -> list[Any]:
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


def taken_image(tensor: Any, side: Sidecar, index: int, path: Path) -> ImageSpec:
    """A picture input, of which the channels are those of one frame where several lie in it. ModelFileError
    where it takes another number of frames than the TOML says."""
    count = len(side.offsets_of(index, tensor.name, *(text.name for text in side.inputs[index : index + 1])))
    shape = _dimensions(tensor)
    stack = stack_of(shape, count, side.stack)
    check_count(shape, stack, count, tensor.name, path)
    spec = _spec(tensor, side.layout, stack)
    return replace(spec, count=spec.count // count) if stack == "channels" and spec.count > 0 else spec


def given_image(tensor: Any, side: Sidecar, stack: str) -> ImageSpec:
    """A picture output; of one with a dimension for frames, which is left out, laid out as the input."""
    return _spec(tensor, side.layout, stack if len(tensor.shape or ()) == 5 else "")


def _spec(tensor: Any, told: str | None, stack: str = "") -> ImageSpec:
    shape: Sequence[Any] = of_one(_dimensions(tensor), stack)
    layout = layout_of(shape, told)
    count = channels_of(shape, layout)
    dtype = np.dtype(TYPES.get(tensor.type, np.float32)).name
    count = ANY if count is None else count
    return ImageSpec(tensor.name, count, dtype=dtype, layout=layout, tensor=tensor.name, stack=stack)


def picked_results(results: list[Any], side: Sidecar, beside: Sequence[str], path: Path) -> list[Any]:
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


def constant_arrays(specs: Sequence[Any], side: Sidecar, path: Path) -> dict[str, np.ndarray]:
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


def scalar_options(scalars: dict[str, Any], side: Sidecar) -> dict[str, Option]:
    """An option for each scalar input, by the name of its tensor."""
    declared = declared_options(side, tuple(scalars))
    return {name: declared.get(name) or _scalar_option(spec) for name, spec in scalars.items()}


def _scalar_option(spec: Any) -> Option:
    kind = SCALARS.get(TYPES[spec.type])
    if kind is None or any(isinstance(each, int) and each != 1 for each in spec.shape):
        raise ModelFileError("An input of this ONNX file is neither an image nor an option.", found=spec.name)
    return Option(spec.name, kind, DEFAULTS[kind])
