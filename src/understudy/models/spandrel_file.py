"""Weights alone (.safetensors) of networks that spandrel knows: upscalers, denoisers, deblurrers.

A file of safetensors is data. Which network it is of, and its sizes, spandrel tells by the names and shapes.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from understudy.errors import MissingPackageError, ModelFileError
from understudy.models.declared import images_of
from understudy.models.description import ImageSpec
from understudy.models.options import Option
from understudy.models.sidecar import Sidecar

if TYPE_CHECKING:
    from torch import Tensor

PARTS = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
FROM_TORCHVISION = ("normalize", "rotate", "InterpolationMode")


class SpandrelFile:
    """Weights and the network that they are of, ready to run; it takes and gives display-referred values from
    0 to 1, and what it gives is held within them. Sizes it pads itself."""

    format = "spandrel"
    runtime = "spandrel"
    knows_channels = True
    takes_batches = False
    fixed_size: tuple[int, int] | None = None
    bytes_per_pixel = 0.0
    options: tuple[Option, ...] = ()

    def __init__(self, path: Path, side: Sidecar) -> None:
        self.path = path
        self._networks = {"cpu": _network(path)}
        network = self._networks["cpu"]
        masked = network.purpose == "Inpainting"
        inputs = [ImageSpec("image", network.input_channels), *([ImageSpec("mask", 1)] if masked else [])]
        outputs = [ImageSpec("output", network.output_channels)]
        self.architecture = str(network.architecture.name)
        self.inputs = images_of(side.inputs, inputs, "inputs", path)
        self.outputs = images_of(side.outputs, outputs, "outputs", path)

    def on(self, device: str) -> Any:
        """The network on a device, loaded when that is first asked for."""
        if device not in self._networks:
            self._networks[device] = _network(self.path).to(device)
        return self._networks[device]

    def __call__(self, images: Sequence[Tensor], options: Mapping[str, Any]) -> list[Tensor]:
        """What it makes of images (1, C, H, W), float32, on their device."""
        return [self.on(str(images[0].device))(*images).float()]


def _network(path: Path) -> Any:
    """The network of a file on the CPU, in float32. ModelFileError, MissingPackageError."""
    loader = _spandrel().ModelLoader
    try:
        return loader(device="cpu").load_from_file(path).float().eval()
    except Exception as error:  # of safetensors, of spandrel, or of a network that its weights do not fit
        unknown = type(error).__name__ == "UnsupportedModelError"
        raise ModelFileError(
            "This network cannot be used.",
            expected="a .safetensors file with the weights of an architecture that spandrel knows",
            found="weights of another one" if unknown else _first_line(error),
            where=str(path),
            remedy="Where you have its code, export it to ONNX." if unknown else "",
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200] if lines else 'no more is said'}"


def _spandrel() -> Any:
    """The module spandrel. MissingPackageError without it."""
    try:
        with _in_place_of_torchvision():
            return importlib.import_module("spandrel")
    except ImportError as error:
        raise MissingPackageError(
            "Weights alone (.safetensors) need spandrel, which knows the networks that they are of.",
            found=str(error),
            remedy='pip install "understudy[spandrel]", or, without the torchvision that two of its networks '
            "need: pip install --no-deps spandrel einops",
        ) from error


@contextmanager
def _in_place_of_torchvision() -> Iterator[None]:
    """Where torchvision is not installed, modules of its names while spandrel is imported: only two of its
    networks (LaMa, RestoreFormer) need it, and they say so when they are run."""
    if importlib.util.find_spec("torchvision") is not None or "spandrel" in sys.modules:
        yield
        return
    for name in PARTS:
        sys.modules[name] = ModuleType(name)
    for name in FROM_TORCHVISION:
        setattr(sys.modules[PARTS[-1]], name, _Missing(name))
    try:
        yield
    finally:
        for name in PARTS:
            sys.modules.pop(name, None)


class _Missing:
    """Something of torchvision that is not there."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise MissingPackageError(
            "This network needs torchvision.",
            expected=f"torchvision.transforms.functional.{self._name}",
            remedy="pip install torchvision",
        )

    def __getattr__(self, name: str) -> Any:
        return self()
