"""TorchScript files. They are programs: use only those whose makers you trust (see docs/server.md)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.errors import ModelFileError
from understudy.models.declared import constants_of, declared_options, images_of
from understudy.models.description import ImageSpec
from understudy.models.options import Option, usable_options
from understudy.models.pickles import refuse_pickle
from understudy.models.sidecar import Sidecar
from understudy.models.state import first_shape, first_value, state_outputs

if TYPE_CHECKING:
    from torch import Tensor

KINDS = {"FloatType": "float", "IntType": "int", "BoolType": "bool", "StringType": "string"}
DEFAULTS: dict[str, Any] = {"float": 1.0, "int": 0, "bool": False, "string": ""}
IMAGE = "TensorType"
OPTIONAL = "OptionalType"


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
        self.path, self._side = path, side
        self._modules = {"cpu": load_script(path)}
        self._arguments = list(self._modules["cpu"].forward.schema.arguments)[1:]
        names = [each.name for each in self._arguments]
        self.state = state_outputs(side, names, (), path, numbered=True)
        self._constants = constants_of(side, names, path)
        own = [each for each in self._arguments if each.name not in {*self.state, *self._constants}]
        self._options = _options(own, side)
        self.options = usable_options(self._options.values())
        self._images = [each.name for each in own if each.type.kind() == IMAGE]
        if not self._images:
            raise ModelFileError(
                "This TorchScript file takes no image.",
                expected="a forward that takes tensors [1, channels, height, width]",
                where=str(path),
            )
        specs = [ImageSpec(name, stack=_stack(side, index, name)) for index, name in enumerate(self._images)]
        self.inputs = images_of(side.inputs, specs, "inputs", path)
        told = images_of(side.outputs, [], "outputs", path) or (ImageSpec("output"),)
        self.outputs = told if not isinstance(side.output, list) else told[:1] * len(side.output)

    def on(self, device: str) -> Any:
        """The module on a device, loaded when that is first asked for."""
        if device not in self._modules:
            self._modules[device] = load_script(self.path).to(device)
        return self._modules[device]

    def __call__(self, images: Sequence[Tensor], options: Mapping[str, Any]) -> list[Tensor]:
        """All results for images (1, C, H, W), float32, on the device of the images."""
        size = images[0].shape[-2], images[0].shape[-1]
        return self.with_feeds(images, options, self.first_state(size))[0]

    @property
    def optional(self) -> tuple[str, ...]:
        """The tensors that forward may be called without."""
        return tuple(
            each.name
            for each in self._arguments
            if each.type.kind() == OPTIONAL and each.type.getElementType().kind() == IMAGE
        )

    def with_feeds(
        self, images: Sequence[Tensor], options: Mapping[str, Any], feeds: Mapping[str, Any]
    ) -> tuple[list[Tensor], dict[str, Any]]:
        """The same where arguments that are no pictures go in as they are; and the outputs that go back in
        with the next frame, by what the TOML calls them."""
        import torch

        waiting, device = iter(images), images[0].device
        given = [self._given(each, waiting, options, feeds, device) for each in self._arguments]
        made = self.on(str(device))(*given)
        named = made if isinstance(made, dict) else {}
        several = _flat(list(named.values()) if named else made)
        further = {key: self._output(key, named, several) for key in self.state.values()}
        wanted = self._side.output
        if wanted is not None:
            keys = wanted if isinstance(wanted, list) else [wanted]
            several = [self._output(key, named, several) for key in keys]
        else:
            several = _without(several, further.values())
        return [each.float() for each in several if isinstance(each, torch.Tensor)], further

    def first_state(self, size: tuple[int, int]) -> dict[str, Any]:
        """What goes in with the first frame: nothing, for an argument that may be left out and of which the
        TOML says no more; else zeros."""
        import torch

        made: dict[str, Any] = {}
        for each in self._arguments:
            if each.name not in self.state:
                continue
            told = each.name in self._side.initial
            if each.type.kind() == OPTIONAL and not told:
                made[each.name] = None
                continue
            shape = first_shape(each.name, (1, 1, 1, 1), self._side, size, self.path)
            made[each.name] = torch.full(shape, first_value(each.name, self._side))
        return made

    def _given(
        self,
        argument: Any,
        images: Iterator[Tensor],
        options: Mapping[str, Any],
        feeds: Mapping[str, Any],
        device: Any,
    ) -> Any:
        """What goes in for one argument."""
        import torch

        name = argument.name
        if name in self._images:
            return next(images)
        if name in self.state:
            value = feeds.get(name)
            return value.to(device) if isinstance(value, torch.Tensor) else value
        if name in self._constants:
            return _constant(argument, self._constants[name], device)
        option = self._options.get(name)
        return argument.default_value if option is None else options.get(option.name, option.default)

    def _output(self, key: int | str, named: Mapping[str, Any], several: Sequence[Any]) -> Any:
        """One output, by its name or its number from 1. ModelFileError when it is not there."""
        if key in named:
            return named[str(key)]
        number = int(key) if str(key).isdigit() else 0
        if 1 <= number <= len(several):
            return several[number - 1]
        names = f", or one of {', '.join(map(str, named))}" if named else ""
        raise ModelFileError(
            "The TOML beside the model names an output that is not there.",
            expected=f"a number from 1 to {len(several)}{names}",
            found=f"{key!r}",
            where=str(self.path.with_suffix(".toml")),
        )


def _stack(side: Sidecar, index: int, name: str) -> str:
    """How the frames of an input lie in it, which a TorchScript file does not say."""
    several = len(side.offsets_of(index, name)) > 1
    return side.stack or "channels" if several else ""


def _flat(made: Any) -> list[Any]:
    """What forward gave as a list, with what is in lists within it."""
    if not isinstance(made, list | tuple):
        return [made]
    return [inner for each in made for inner in (_flat(each) if isinstance(each, list | tuple) else [each])]


def _without(several: Sequence[Any], others: Iterable[Any]) -> list[Any]:
    """The outputs that do not go back in; all of them where all do."""
    taken = {id(each) for each in others}
    return [each for each in several if id(each) not in taken] or list(several)


def _constant(argument: Any, value: Any, device: Any) -> Any:
    """What the TOML says goes in, as the argument's type wants it."""
    import torch

    tensor = IMAGE in (
        argument.type.kind(),
        getattr(argument.type, "getElementType", lambda: argument.type)().kind(),
    )
    return torch.as_tensor(value, device=device) if tensor and not isinstance(value, str) else value


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
