"""TorchScript files. They are programs: use only those whose makers you trust (see docs/server.md)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.errors import ModelFileError
from understudy.models.declared import declared_options, images_of
from understudy.models.description import ImageSpec
from understudy.models.options import Option, usable_options
from understudy.models.pickles import refuse_pickle
from understudy.models.sidecar import Sidecar

if TYPE_CHECKING:
    from torch import Tensor

KINDS = {"FloatType": "float", "IntType": "int", "BoolType": "bool", "StringType": "string"}
DEFAULTS: dict[str, Any] = {"float": 1.0, "int": 0, "bool": False, "string": ""}
IMAGE = "TensorType"


class TorchScriptFile:
    """A TorchScript file, ready to run. Images are the tensors that ``forward`` takes, options its plain
    arguments; other arguments keep their own defaults. What it gives is known after a run only."""

    format = "TorchScript"
    runtime = "TorchScript"
    knows_channels = False
    takes_batches = False
    fixed_size: tuple[int, int] | None = None
    bytes_per_pixel = 0.0

    def __init__(self, path: Path, side: Sidecar) -> None:
        self.path, self._output = path, side.output
        self._modules = {"cpu": load_script(path)}
        self._arguments = list(self._modules["cpu"].forward.schema.arguments)[1:]
        self._options = _options(self._arguments, side)
        self.options = usable_options(self._options.values())
        images = [each.name for each in self._arguments if each.type.kind() == IMAGE]
        if not images:
            raise ModelFileError(
                "This TorchScript file takes no image.",
                expected="a forward that takes tensors [1, channels, height, width]",
                where=str(path),
            )
        self.inputs = images_of(side.inputs, [ImageSpec(name) for name in images], "inputs", path)
        self.outputs = images_of(side.outputs, [], "outputs", path) or (ImageSpec("output"),)

    def on(self, device: str) -> Any:
        """The module on a device, loaded when that is first asked for."""
        if device not in self._modules:
            self._modules[device] = load_script(self.path).to(device)
        return self._modules[device]

    def __call__(self, images: Sequence[Tensor], options: Mapping[str, Any]) -> list[Tensor]:
        """All results for images (1, C, H, W), float32, on the device of the images."""
        import torch

        waiting = iter(images)
        given = [
            next(waiting) if each.type.kind() == IMAGE else self._value(each, options)
            for each in self._arguments
        ]
        made = self.on(str(images[0].device))(*given)
        several = _picked(made, self._output, self.path)
        if not isinstance(several, list | tuple) or not several:
            return []
        return [each.float() for each in several if isinstance(each, torch.Tensor)]

    def _value(self, argument: Any, options: Mapping[str, Any]) -> Any:
        option = self._options.get(argument.name)
        return argument.default_value if option is None else options.get(option.name, option.default)


def _picked(made: Any, output: int | str | None, path: Path) -> Any:
    """What forward gave as a list, of a dictionary its values; the one that is asked for, where one is.
    ModelFileError when it is not there."""
    import torch

    named = made if isinstance(made, dict) else {}
    several = [made] if isinstance(made, torch.Tensor) else list(named.values()) if named else made
    if output is None:
        return several
    if output in named:
        return [named[str(output)]]
    if isinstance(output, int) and isinstance(several, list | tuple) and output <= len(several):
        return [several[output - 1]]
    count = len(several) if isinstance(several, list | tuple) else 0
    names = f", or one of {', '.join(map(str, named))}" if named else ""
    raise ModelFileError(
        "The TOML beside the model names an output that is not there.",
        expected=f"a number from 1 to {count}{names}",
        found=f"output = {output!r}",
        where=str(path.with_suffix(".toml")),
    )


def load_script(path: Path) -> Any:
    """The module in a TorchScript file, on the CPU. ModelFileError when it is not one."""
    import torch

    refuse_pickle(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.jit.load(str(path), map_location="cpu").eval()
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelFileError(
            "This network cannot be used.",
            expected="a TorchScript file that takes images [1, channels, height, width]",
            found=str(error).strip()[:300],
            where=str(path),
        ) from error


def _options(arguments: list[Any], side: Sidecar) -> dict[str, Option]:
    """An option for each plain argument, by its name."""
    for each in arguments:
        if each.type.kind() not in (IMAGE, *KINDS) and not each.has_default_value():
            raise ModelFileError(
                "forward takes an argument that is neither an image nor an option.",
                expected=f"tensors, and arguments of type {', '.join(DEFAULTS)}",
                found=f"{each.name}: {each.type}",
            )
    plain = [each for each in arguments if each.type.kind() in KINDS]
    declared = declared_options(side, tuple(each.name for each in plain))
    return {each.name: declared.get(each.name) or _own(each) for each in plain}


def _own(argument: Any) -> Option:
    kind = KINDS[argument.type.kind()]
    default = argument.default_value if argument.has_default_value() else None
    return Option(argument.name, kind, DEFAULTS[kind] if default is None else default)
