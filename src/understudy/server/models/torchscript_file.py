"""TorchScript files. They are programs: serve only those whose makers you trust (see docs/server.md)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import ModelFileError, ServerError
from understudy.server.log import ServerLog
from understudy.server.models.card import (
    Answer,
    Call,
    Card,
    Option,
    Port,
    safe_label,
    safe_name,
    usable_options,
)
from understudy.server.models.devices import EXECUTOR, pool_for
from understudy.server.models.sidecar import Sidecar, option_of, ports_of, read_sidecar
from understudy.server.models.tensors import check_ports, from_tensor, shape_for, to_tensor

KINDS = {"FloatType": "float", "IntType": "int", "BoolType": "bool", "StringType": "string"}
ZEROS: dict[str, Any] = {"float": 1.0, "int": 0, "bool": False, "string": ""}


class TorchScriptModel:
    """A TorchScript file; pictures are the tensor arguments of its ``forward``, options the plain ones."""

    executor = EXECUTOR
    max_batch = 1
    state = "ready"
    trouble = ""

    def __init__(self, path: Path, devices: str, log: ServerLog) -> None:
        self._pool = pool_for(devices)
        self.workers = len(self._pool.all())
        self._log = log
        self._path = path
        self._on: dict[str, Any] = {"cpu": load_script(path)}
        self._side = side = read_sidecar(path.with_suffix(".toml"))
        self._arguments = _arguments(self._on["cpu"])
        self._options = _options(self._arguments, side)
        images = [name for name, kind, _ in self._arguments if kind == "TensorType"]
        if not images:
            raise ModelFileError("This TorchScript file takes no picture.", where=path.name)
        inputs = ports_of(side.inputs) or tuple(Port(safe_name(name)) for name in images)
        check_ports(inputs, len(images), "inputs")
        self.card = Card(
            name=safe_name(path.stem),
            label=safe_label(side.label or path.stem),
            kind="TorchScript",
            space=side.colour,
            description=side.description,
            options=tuple(self._options.values()),
            inputs=inputs,
            outputs=ports_of(side.outputs) or (Port("output"),),
        )

    def run(self, calls: list[Call]) -> list[Answer]:
        with self._pool.one() as device:
            return [self._answer(call, str(device)) for call in calls]

    def _answer(self, call: Call, device: str) -> Answer:
        from understudy.device import is_out_of_memory

        try:
            return self._forward(call, device)
        except Exception as error:
            if device == "cpu" or not is_out_of_memory(error):
                raise
            self._log.warning(
                "out of memory on the device: going on with the CPU", model=self.card.name, device=device
            )
        return self._forward(call, "cpu")

    def _forward(self, call: Call, device: str) -> Answer:
        import torch

        shape = shape_for(call, self._side.size_multiple)
        pictures = iter(call.pictures)
        given = []
        for name, kind, _ in self._arguments:
            if kind == "TensorType":
                planes = to_tensor(next(pictures), self._side, shape, call.linear)
                given.append(torch.from_numpy(np.ascontiguousarray(planes))[None].to(device))
            else:
                given.append(call.options[self._options[name].name])
        with torch.inference_mode():
            results = _tensors(self._module(device)(*given))
        return Answer(
            [from_tensor(each.float().cpu().numpy()[0], self._side, shape, call.linear) for each in results]
        )

    def _module(self, device: str) -> Any:
        if device not in self._on:
            self._on[device] = load_script(self._path).to(device)
        return self._on[device]

    def refresh(self) -> None: ...

    def close(self) -> None: ...


def load_script(path: Path) -> Any:
    """The module in a TorchScript file; ``ModelFileError`` when it is not one."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.jit.load(str(path), map_location="cpu").eval()
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelFileError(
            "This is not a TorchScript file.", found=str(error)[:300], where=str(path)
        ) from error


def _arguments(module: Any) -> list[tuple[str, str, Any]]:
    """(name, kind, default) of what ``forward`` takes, in order."""
    found = []
    for each in list(module.forward.schema.arguments)[1:]:
        kind = each.type.kind()
        if kind not in ("TensorType", *KINDS):
            raise ModelFileError(
                "forward takes an argument that cannot be served.", found=f"{each.name}: {each.type}"
            )
        found.append((each.name, kind, each.default_value if each.has_default_value() else None))
    return found


def _options(arguments: list[tuple[str, str, Any]], side: Sidecar) -> dict[str, Option]:
    """Options by the name of the argument that each is given to."""
    plain = [(name, KINDS[kind], default) for name, kind, default in arguments if kind in KINDS]
    if side.options is not None:
        found = {text.tensor or text.name: option_of(text) for text in side.options}
    else:
        found = {
            name: Option(name, kind, ZEROS[kind] if default is None else default)
            for name, kind, default in plain
        }
    if set(found) != {name for name, _, _ in plain} or len(usable_options(found.values())) != len(found):
        raise ModelFileError(
            "The options do not fit what forward takes.",
            expected=", ".join(n for n, _, _ in plain),
            found=", ".join(found),
        )
    return found


def _tensors(result: Any) -> list[Any]:
    import torch

    several = [result] if isinstance(result, torch.Tensor) else result
    if not isinstance(several, list | tuple) or not several:
        raise ServerError("The model's result is not a picture.")
    for each in several:
        if not isinstance(each, torch.Tensor) or each.ndim != 4 or not len(each):
            raise ServerError("The model's result is not a picture [1, channels, height, width].")
    return list(several)
