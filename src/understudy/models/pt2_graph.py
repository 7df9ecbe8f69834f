"""The steps of a program of torch.export, one after the other, with the operators that are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from understudy.errors import ModelFileError
from understudy.models.pt2_archive import Program, dtype_of
from understudy.models.pt2_operators import operator_of

if TYPE_CHECKING:
    from torch import Tensor

KEYWORD = 2
LAYOUT_STRIDED = 7
MEMORY_FORMATS = {1: "contiguous_format", 2: "channels_last", 3: "channels_last_3d", 4: "preserve_format"}
PLAIN = ("as_int", "as_ints", "as_float", "as_floats", "as_bool", "as_bools", "as_string", "as_strings")
HELD = ("parameter", "buffer", "tensor_constant")

Values = dict[str, Any]
Reader = Callable[[Values, Any], Any]
"""What an argument is, among the values that there are and on a device."""


@dataclass(frozen=True)
class _Step:
    """``given``: the arguments by place, ``named``: by name. ``made``: names of what comes out; None for what
    nobody uses. ``dropped``: what no later step uses."""

    function: Callable[..., Any]
    given: tuple[Reader, ...]
    named: tuple[tuple[str, Reader], ...]
    made: tuple[Any, ...]
    dropped: tuple[str, ...]


class Graph:
    """A program, ready to run. ``inputs``: names of the tensors that go in, in order; ``outputs``: of what
    comes out. ModelFileError for an operator that is not known; KeyError and the like for a program that
    contradicts itself."""

    def __init__(self, program: Program) -> None:
        specs = [next(iter(each.items())) for each in program.signature["input_specs"]]
        self.inputs = [_tensor_name(each["arg"]) for kind, each in specs if kind == "user_input"]
        self._held = {each["arg"]["name"]: _held_name(kind, each) for kind, each in specs if kind in HELD}
        self.outputs = [
            each["user_output"]["arg"]["as_tensor"]["name"]
            for each in program.signature["output_specs"]
            if "user_output" in each and "as_tensor" in each["user_output"]["arg"]
        ]
        self._weights = {"cpu": {name: program.weights[held] for name, held in self._held.items()}}
        self._steps = _steps(program.graph["nodes"], {*self.outputs, *self._held})

    def __call__(self, tensors: Sequence[Tensor], device: str) -> list[Tensor]:
        """What comes out for the tensors, one of each input, all on ``device``."""
        values: Values = dict(self._on(device))
        values |= dict(zip((name for name in self.inputs if name), tensors, strict=True))
        for step in self._steps:
            given = [each(values, device) for each in step.given]
            named = {name: each(values, device) for name, each in step.named}
            _keep(values, step.made, step.function(*given, **named))
            for name in step.dropped:
                values.pop(name, None)
        return [values[name] for name in self.outputs]

    def _on(self, device: str) -> Mapping[str, Tensor]:
        """The weights on a device, brought there when that is first asked for."""
        if device not in self._weights:
            moved = {name: each.to(device) for name, each in self._weights["cpu"].items()}
            self._weights[device] = moved
        return self._weights[device]


def _tensor_name(argument: Mapping[str, Any]) -> str:
    """The name of a tensor that goes in; empty for an argument that was fixed when the program was made."""
    return argument["as_tensor"]["name"] if "as_tensor" in argument else ""


def _held_name(kind: str, spec: Mapping[str, Any]) -> str:
    return spec[{"parameter": "parameter_name", "buffer": "buffer_name"}.get(kind, "tensor_constant_name")]


def _steps(nodes: Sequence[Mapping[str, Any]], kept: set[str]) -> list[_Step]:
    last: dict[str, int] = {}
    for place, node in enumerate(nodes):
        last |= dict.fromkeys((*_names(node["inputs"]), *_names(node["outputs"])), place)
    steps = []
    for place, node in enumerate(nodes):
        function = operator_of(node["target"])
        if function is None:
            continue
        by_name = [each for each in node["inputs"] if each["kind"] == KEYWORD]
        by_place = [each for each in node["inputs"] if each["kind"] != KEYWORD]
        steps.append(
            _Step(
                function,
                tuple(_reader(each["arg"]) for each in by_place),
                tuple((each["name"], _reader(each["arg"])) for each in by_name),
                tuple(_target(each) for each in node["outputs"]),
                tuple(name for name, at in last.items() if at == place and name not in kept),
            )
        )
    return steps


def _names(arguments: Any) -> list[str]:
    """All names of values in a piece of JSON."""
    if isinstance(arguments, list):
        return [name for each in arguments for name in _names(each)]
    if not isinstance(arguments, dict):
        return []
    here = [arguments[key] for key in ("name", "as_name") if isinstance(arguments.get(key), str)]
    return here + [name for each in arguments.values() for name in _names(each)]


def _reader(argument: Mapping[str, Any]) -> Reader:
    """How an argument is found when the step is done. ModelFileError for a kind that is not known."""
    kind, value = next(iter(argument.items()))
    if kind in PLAIN:
        return lambda values, device: value
    if kind == "as_none":
        return lambda values, device: None
    if kind == "as_tensor":
        return lambda values, device: values[value["name"]]
    if kind == "as_tensors":
        return lambda values, device: [values[each["name"]] for each in value]
    if kind in ("as_sym_int", "as_sym_float", "as_sym_bool"):
        return lambda values, device: _size(value, values)
    if kind in ("as_sym_ints", "as_sym_floats"):
        return lambda values, device: [_size(each, values) for each in value]
    if kind == "as_optional_tensor":
        return lambda values, device: _optional(value, values)
    if kind == "as_optional_tensors":
        return lambda values, device: [_optional(each, values) for each in value]
    if kind == "as_device":
        return lambda values, device: device
    fixed = _fixed(kind, value)
    return lambda values, device: fixed


def _fixed(kind: str, value: Any) -> Any:
    import torch

    if kind == "as_scalar_type":
        return dtype_of(value)
    if kind == "as_memory_format":
        return getattr(torch, MEMORY_FORMATS[value])
    if kind == "as_layout" and value == LAYOUT_STRIDED:
        return torch.strided
    raise ModelFileError(
        "The program uses an argument that is not understood here.",
        expected="tensors and numbers",
        found=f"{kind}: {value!r:.80}",
        remedy="Export the network to ONNX.",
    )


def _size(argument: Mapping[str, Any], values: Values) -> Any:
    kind, value = next(iter(argument.items()))
    return values[value] if kind == "as_name" else value


def _optional(argument: Mapping[str, Any], values: Values) -> Any:
    return values[argument["as_tensor"]["name"]] if "as_tensor" in argument else None


def _target(argument: Mapping[str, Any]) -> Any:
    """The name, or the names, that an output has."""
    kind, value = next(iter(argument.items()))
    if kind == "as_tensor":
        return value["name"]
    if kind == "as_tensors":
        return tuple(each["name"] for each in value)
    return value.get("as_name") if isinstance(value, dict) else None


def _keep(values: Values, made: tuple[Any, ...], result: Any) -> None:
    results = [result] if len(made) == 1 else list(result)
    for name, each in zip(made, results, strict=False):
        if isinstance(name, tuple):
            values |= dict(zip(name, each, strict=True))
        elif name is not None:
            values[name] = each
