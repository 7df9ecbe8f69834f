"""ONNX files by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import ModelFileError
from understudy.inference.onnx_runtime import TYPES, runtime
from understudy.server.models.card import (
    ANY,
    Answer,
    Call,
    Card,
    Option,
    Port,
    safe_label,
    safe_name,
    usable_options,
)
from understudy.server.models.devices import EXECUTOR, cores, pool_for
from understudy.server.models.sidecar import Sidecar, option_of, ports_of, read_sidecar
from understudy.server.models.tensors import check_ports, from_tensor, shape_for, to_tensor

MAX_BATCH = 4
SCALARS = {
    np.float32: "float",
    np.float64: "float",
    np.float16: "float",
    np.int32: "int",
    np.int64: "int",
    np.bool_: "bool",
}


class OnnxModel:
    """An ONNX file; pictures are its inputs of four dimensions, options its scalar inputs."""

    executor = EXECUTOR
    state = "ready"
    trouble = ""

    def __init__(self, path: Path, devices: str) -> None:
        self._pool = pool_for(devices)
        self.workers = len(self._pool.all())
        self._session = open_session(path, [device.type for device in self._pool.all()])
        self._side = side = read_sidecar(path.with_suffix(".toml"))
        self._images = _ordered([each for each in self._session.get_inputs() if _is_picture(each)], side)
        self._outputs = [each for each in self._session.get_outputs() if len(each.shape or ()) in (0, 4)]
        self._scalars = self._options(side)
        self.card = Card(
            name=safe_name(path.stem),
            label=safe_label(side.label or path.stem),
            kind="ONNX",
            space=side.colour,
            description=side.description,
            options=tuple(self._scalars.values()),
            inputs=_ports(side.inputs, self._images, "inputs"),
            outputs=_ports(side.outputs, self._outputs, "outputs"),
        )
        self.max_batch = MAX_BATCH if all(_is_free(each) for each in [*self._images, *self._outputs]) else 1

    def _options(self, side: Sidecar) -> dict[str, Option]:
        """Options by the name of the tensor that each is given to."""
        free = [each for each in self._session.get_inputs() if not _is_picture(each)]
        if side.options is not None:
            found = {text.tensor or text.name: option_of(text) for text in side.options}
        else:
            made = {each.name: _scalar_option(each) for each in free}
            kept = usable_options(made.values())
            found = {tensor: option for tensor, option in made.items() if option in kept}
        missing = {each.name for each in free} ^ set(found)
        if missing:
            raise ModelFileError(
                "The options do not fit the file's inputs.", found=", ".join(sorted(missing))
            )
        return found

    def run(self, calls: list[Call]) -> list[Answer]:
        with self._pool.one():
            return self._run(calls)

    def _run(self, calls: list[Call]) -> list[Answer]:
        shape, linear = shape_for(calls[0], self._side.size_multiple), calls[0].linear
        feed = {
            spec.name: np.stack(
                [
                    _cast(to_tensor(call.pictures[index], self._side, shape, linear), TYPES[spec.type])
                    for call in calls
                ]
            )
            for index, spec in enumerate(self._images)
        }
        results = self._session.run([each.name for each in self._outputs], feed | self._values(calls[0]))
        return [
            Answer([from_tensor(result[index], self._side, shape, linear) for result in results])
            for index in range(len(calls))
        ]

    def _values(self, call: Call) -> dict[str, np.ndarray]:
        specs = {each.name: each for each in self._session.get_inputs()}
        return {
            tensor: np.full(
                [1] * len(specs[tensor].shape), call.options[option.name], TYPES[specs[tensor].type]
            )
            for tensor, option in self._scalars.items()
        }

    def refresh(self) -> None: ...

    def close(self) -> None: ...


def open_session(path: Path, kinds: list[str]) -> Any:
    """An onnxruntime session for a file; ``ModelFileError`` when it is not one that can be served."""
    onnxruntime = runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    options.log_severity_level = 4
    wanted = (["CUDAExecutionProvider"] if "cuda" in kinds else []) + ["CPUExecutionProvider"]
    providers = [each for each in wanted if each in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime's own errors have no common base
        raise ModelFileError(
            "This ONNX file cannot be loaded.", found=str(error)[:300], where=str(path)
        ) from error


def _is_picture(spec: Any) -> bool:
    if spec.type not in TYPES:
        raise ModelFileError(
            "An input of this ONNX file is of a type that cannot be served.", found=spec.type
        )
    return len(spec.shape) == 4


def _is_free(spec: Any) -> bool:
    """Whether the number of pictures in one call is free."""
    return not spec.shape or not isinstance(spec.shape[0], int)


def _ordered(specs: list[Any], side: Sidecar) -> list[Any]:
    """The picture inputs in the order of the sidecar, when it names their tensors."""
    if not specs:
        raise ModelFileError(
            "This ONNX file takes no picture.", expected="an input [N, channels, height, width]"
        )
    names = [text.tensor for text in side.inputs]
    if not all(names) or not names:
        return specs
    by_name = {each.name: each for each in specs}
    unknown = [name for name in names if name not in by_name]
    if unknown or len(names) != len(specs):
        raise ModelFileError(
            "The file beside the model names other tensors.",
            expected=", ".join(by_name),
            found=", ".join(names),
        )
    return [by_name[name] for name in names]


def _ports(texts: list[Any], specs: list[Any], what: str) -> tuple[Port, ...]:
    if texts:
        check_ports(ports_of(texts), len(specs), what)
        return ports_of(texts)
    return tuple(Port(safe_name(each.name), _channels(each)) for each in specs)


def _channels(spec: Any) -> int:
    return spec.shape[1] if len(spec.shape) == 4 and isinstance(spec.shape[1], int) else ANY


def _scalar_option(spec: Any) -> Option:
    kind = SCALARS.get(TYPES[spec.type])
    if kind is None or any(isinstance(each, int) and each != 1 for each in spec.shape):
        raise ModelFileError(
            "An input of this ONNX file is neither a picture nor an option.", found=spec.name
        )
    default: Any = {"float": 1.0, "int": 0, "bool": False}[kind]
    return Option(spec.name, kind, default)


def _cast(planes: np.ndarray, kind: Any) -> np.ndarray:
    if kind == np.uint8:
        return np.rint(np.clip(np.nan_to_num(planes), 0, 255)).astype(np.uint8)
    return planes.astype(kind, copy=False)
