"""KServe v2 messages as a pure codec: a JSON head, then raw tensors; no socket, no framework.

Tensors are 1 x C x H x W, the top row first. FP32 and FP16 carry the values as they are, UINT8 carries
0..1 in steps of 1/255.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from understudy.errors import RequestError
from understudy.models.description import ANY, ImageSpec, ModelDescription
from understudy.models.names import printable
from understudy.server.models.carried import NAME, state_text
from understudy.server.models.served import Answer, Call
from understudy.server.wire import Part

MAX_JSON = 16 * 1024 * 1024
MAX_INPUTS = 64
TYPES: dict[str, np.dtype] = {"FP32": np.dtype("<f4"), "FP16": np.dtype("<f2"), "UINT8": np.dtype("u1")}
NOT_OPTIONS = frozenset(
    [
        "binary_data_output",
        "space",
        "output_datatype",
        "sequence_id",
        "sequence_start",
        "sequence_end",
        "priority",
        "timeout",
    ]
)
SPACES = {"file": False, "scene-linear": True, "scene_linear": True, "linear": True}


@dataclass
class InferRequest:
    """What a client asked: tensors by input name, parameters, and which outputs it wants in which form."""

    tensors: dict[str, np.ndarray]
    parameters: dict[str, Any] = field(default_factory=dict)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    id: str = ""


def read_request(body: memoryview, head_size: int | None) -> InferRequest:
    """The request in a body whose first ``head_size`` bytes are JSON (all of them when None)."""
    head = _json(body, len(body) if head_size is None else head_size)
    rest = body[len(body) if head_size is None else head_size :]
    inputs = _list(head, "inputs")
    tensors: dict[str, np.ndarray] = {}
    at = 0
    for each in inputs[:MAX_INPUTS]:
        name, tensor, used = _tensor(each, rest[at:])
        if name in tensors:
            raise RequestError(f'The input "{printable(name)}" came twice.')
        tensors[name] = tensor
        at += used
    if at != len(rest):
        raise RequestError(f"{len(rest)} bytes of tensors came, but the inputs account for {at}.")
    outputs = _list(head, "outputs") if "outputs" in head else []
    parameters, name = head.get("parameters", {}), head.get("id", "")
    if not isinstance(parameters, dict) or not all(isinstance(each, dict) for each in outputs):
        raise RequestError("parameters and outputs do not have the form of this protocol.")
    return InferRequest(tensors, parameters, outputs, str(name)[:256])


def _json(body: memoryview, size: int) -> dict[str, Any]:
    if not 0 < size <= len(body):
        raise RequestError("The length of the JSON part does not fit the body.")
    if size > MAX_JSON:
        raise RequestError(f"The JSON part is larger than {MAX_JSON} bytes; send tensors in binary form.")
    try:
        head = json.loads(bytes(body[:size]))
    except (ValueError, RecursionError):
        raise RequestError("The JSON part is not JSON.") from None
    if not isinstance(head, dict):
        raise RequestError("The JSON part is not an object.")
    return head


def _list(head: dict[str, Any], name: str) -> list[Any]:
    value = head.get(name)
    if not isinstance(value, list) or len(value) > MAX_INPUTS:
        raise RequestError(f'"{name}" is missing, is not a list, or is too long.')
    return value


def _tensor(spec: Any, rest: memoryview) -> tuple[str, np.ndarray, int]:
    """One input: its name, its planes as float32 (channels, height, width), and the bytes it took."""
    if not isinstance(spec, dict) or not isinstance(spec.get("name"), str):
        raise RequestError("An input has no name.")
    name, kind = spec["name"], spec.get("datatype")
    if not isinstance(kind, str) or kind not in TYPES:
        raise RequestError(f'The input "{printable(name)}" is of a datatype other than {", ".join(TYPES)}.')
    shape = _shape(name, spec.get("shape"))
    parameters = spec.get("parameters") or {}
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        return name, _from_list(name, spec.get("data"), kind, shape), 0
    if not isinstance(size, int) or size != math.prod(shape) * TYPES[kind].itemsize or size > len(rest):
        raise RequestError(
            f'The input "{printable(name)}" has a binary_data_size that does not fit its shape or the body.'
        )
    return name, to_float(np.frombuffer(rest[:size], TYPES[kind]).reshape(shape)), size


def _shape(name: str, shape: Any) -> tuple[int, int, int]:
    fits = (
        isinstance(shape, list) and len(shape) == 4 and all(type(each) is int and each > 0 for each in shape)
    )
    if not fits or shape[0] != 1:
        raise RequestError(f'The shape of the input "{printable(name)}" is not [1, channels, height, width].')
    return shape[1], shape[2], shape[3]


def _from_list(name: str, data: Any, kind: str, shape: tuple[int, int, int]) -> np.ndarray:
    if kind == "FP16" or not isinstance(data, list):
        raise RequestError(
            f'The input "{printable(name)}" has no data that can be read; FP16 comes in binary form only.'
        )
    try:
        values = np.array(data, np.float64).ravel()
    except (ValueError, TypeError, OverflowError):
        raise RequestError(f'The data of the input "{printable(name)}" are not numbers.') from None
    if values.size != math.prod(shape):
        raise RequestError(
            f'The input "{printable(name)}" has {values.size} values; its shape wants {math.prod(shape)}.'
        )
    if kind == "UINT8" and not ((values >= 0) & (values <= 255)).all():
        raise RequestError(f'The input "{printable(name)}" has values that are not UINT8.')
    with np.errstate(over="ignore"):
        return to_float(values.astype(TYPES[kind]).reshape(shape))


def to_float(values: np.ndarray) -> np.ndarray:
    """float32; UINT8 is 0..1 in steps of 1/255."""
    if values.dtype == np.uint8:
        return values.astype(np.float32) * np.float32(1 / 255)
    if values.dtype == np.float32 and values.flags.aligned:
        return values
    return values.astype(np.float32)


def call_of(description: ModelDescription, request: InferRequest) -> Call:
    """The request as a call to the model; ``RequestError`` when it does not fit."""
    names = [port.name for port in description.inputs]
    unknown = [name for name in request.tensors if name not in names]
    if unknown or len(request.tensors) != len(names):
        came = ", ".join(map(printable, request.tensors)) or "none"
        raise RequestError(f'"{description.label}" wants the inputs {", ".join(names)}; {came} came.')
    pictures = [request.tensors[name] for name in names]
    description.check_inputs([len(each) for each in pictures])
    given = {key: value for key, value in request.parameters.items() if key not in NOT_OPTIONS}
    buttons = {key: given.pop(key) for key in description.buttons if key in given}
    if "sequence_id" in request.parameters and any(option.name == NAME for option in description.options):
        given.setdefault(NAME, str(request.parameters["sequence_id"]))
    return Call(
        pictures,
        description.read_options(given, clamp=False),
        description.read_buttons(buttons),
        _is_linear(request),
        begins=request.parameters.get("sequence_start") is True,
        ends=request.parameters.get("sequence_end") is True,
    )


def _is_linear(request: InferRequest) -> bool:
    space = request.parameters.get("space", "file")
    if not isinstance(space, str) or space not in SPACES:
        raise RequestError('The parameter "space" is "file" or "scene-linear".')
    return SPACES[space]


@dataclass
class _RequestedOutput:
    """One output that the client asked for."""

    name: str
    index: int
    binary: bool


def write_answer(
    description: ModelDescription, request: InferRequest, answer: Answer
) -> tuple[list[Part], int | None]:
    """The body as parts, and the length of its JSON (None when all of it is JSON)."""
    kind = request.parameters.get("output_datatype", "FP32")
    if not isinstance(kind, str) or kind not in TYPES:
        raise RequestError(f'The parameter "output_datatype" is one of {", ".join(TYPES)}.')
    described, parts = [], []
    for output in _requested_outputs(description, request, len(answer.pictures)):
        values = _from_float(answer.pictures[output.index], TYPES[kind])
        entry: dict[str, Any] = {"name": output.name, "datatype": kind, "shape": [1, *values.shape]}
        if output.binary:
            entry["parameters"] = {"binary_data_size": values.nbytes}
            parts.append(values.data.cast("B"))
        else:
            entry["data"] = _listed(values)
        described.append(entry)
    head: dict[str, Any] = {
        "model_name": description.name,
        "model_version": description.version,
        "outputs": described,
    }
    if request.id:
        head["id"] = request.id
    raw = json.dumps(head).encode()
    return [raw, *parts], len(raw) if parts else None


def _requested_outputs(
    description: ModelDescription, request: InferRequest, made: int
) -> list[_RequestedOutput]:
    default = request.parameters.get("binary_data_output") is True
    names = [port.name for port in description.outputs][:made]
    if not request.outputs:
        return [_RequestedOutput(name, index, default) for index, name in enumerate(names)]
    requested = []
    for each in request.outputs:
        name, parameters = each.get("name"), each.get("parameters") or {}
        if name not in names or not isinstance(parameters, dict):
            raise RequestError(
                f'"{description.label}" has no output "{printable(str(name))}"; '
                f"its outputs: {', '.join(names)}."
            )
        requested.append(
            _RequestedOutput(name, names.index(name), parameters.get("binary_data", default) is True)
        )
    return requested


def _from_float(planes: np.ndarray, kind: np.dtype) -> np.ndarray:
    if kind == np.uint8:
        planes = np.nan_to_num(planes, nan=0.0, posinf=1.0, neginf=0.0)
        return np.ascontiguousarray(np.rint(np.clip(planes, 0, 1) * 255).astype(np.uint8))
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(planes, kind)


def _listed(values: np.ndarray) -> list[Any]:
    if values.size * 12 > MAX_JSON or values.dtype == np.float16 or not np.isfinite(values).all():
        raise RequestError(
            "This output does not go into JSON (too large, FP16, or not finite); ask for binary data."
        )
    return values.ravel().tolist()


def metadata(description: ModelDescription) -> dict[str, Any]:
    """What a client is told of a model."""
    carried = [each.name for each in description.state]
    return {
        "name": description.name,
        "versions": [description.version],
        "platform": f"understudy_{description.format.replace(' ', '_').lower()}",
        "inputs": _described(description.inputs),
        "outputs": _described(description.outputs),
        **({"parameters": state_text(carried)} if carried else {}),
    }


def _described(ports: Sequence[ImageSpec]) -> list[dict[str, Any]]:
    return [
        {
            "name": port.name,
            "datatype": "FP32",
            "shape": [1, port.count if port.count != ANY else -1, -1, -1],
            **({"parameters": {"channels": list(port.channels)}} if port.channels else {}),
        }
        for port in ports
    ]
