"""The modules that a Python model written for the original server imports, made of this project's own code.

models.baseModel        BaseModel
models.common.util      linear_to_srgb, srgb_to_linear and a few more, where the studio's own helper is not
                        there, or cannot be imported because a package is missing
message_pb2             the messages of the protocol, as classes of the protobuf library
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections import OrderedDict
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from understudy.server.descriptors import message_module


class BaseModel:
    """What a Python model derives from. Its attributes say what an artist sees."""

    name = "Base model"
    options: tuple[str, ...] = ()
    buttons: tuple[str, ...] = ()
    # Here too, for a model that does not call the __init__ below.
    inputs: dict[str, int] = OrderedDict([("input", 3)])  # noqa: RUF012
    outputs: dict[str, int] = OrderedDict([("output", 3)])  # noqa: RUF012

    def __init__(self) -> None:
        self.name = "Base model"
        self.options = ()
        self.buttons = ()
        self.inputs = OrderedDict([("input", 3)])
        self.outputs = OrderedDict([("output", 3)])

    def inference(self, image_list: list[np.ndarray]) -> list[Any]:
        """From float32 arrays (height, width, channels), top row first, to a list of such arrays."""
        raise NotImplementedError("this model has no inference")

    def get_name(self) -> str:
        return self.name

    def get_inputs(self) -> dict[str, int]:
        return self.inputs

    def get_outputs(self) -> dict[str, int]:
        return self.outputs

    def get_options(self) -> dict[str, Any]:
        """The options with their present values."""
        return OrderedDict((name, getattr(self, name)) for name in self.options)

    def set_options(self, optionsdict: dict[str, Any]) -> None:
        for name, value in optionsdict.items():
            setattr(self, name, value)

    def get_buttons(self) -> dict[str, bool]:
        """The buttons with their present values."""
        return OrderedDict((name, getattr(self, name)) for name in self.buttons)

    def set_buttons(self, optionsdict: dict[str, Any]) -> None:
        for name, value in optionsdict.items():
            setattr(self, name, value)


def linear_to_srgb(x: np.ndarray) -> np.ndarray:
    """Scene-linear to sRGB by IEC 61966-2-1; negative values follow the straight part."""
    values = np.asarray(x, np.float32)
    curve = np.float32(1.055) * np.maximum(values, 0.0031308) ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(values <= 0.0031308, values * np.float32(12.92), curve).astype(np.float32)


def srgb_to_linear(x: np.ndarray) -> np.ndarray:
    """sRGB to scene-linear by IEC 61966-2-1; negative values follow the straight part."""
    values = np.asarray(x, np.float32)
    curve = ((np.maximum(values, 0.04045) + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(values <= 0.04045, values / np.float32(12.92), curve).astype(np.float32)


def im2uint8(x: np.ndarray) -> np.ndarray:
    """0..1 as 8 bits, clipped."""
    return (np.clip(np.asarray(x), 0.0, 1.0) * 255.0).astype(np.uint8)


def print_(text: str, colour: str = "", bold: bool = False) -> None:
    """Print to the server's log, which has no colours."""
    print(text, end="", flush=True)


def get_saved_model_list(folder: str) -> list[str]:
    """The HDF5 files in a folder, numbers in them counted as numbers."""
    return _files(folder, (".h5", ".hdf5"))


def get_ckpt_list(folder: str) -> list[str]:
    """The TensorFlow checkpoints in a folder, without their ending."""
    return [name.removesuffix(".index") for name in _files(folder, (".index",))]


def _files(folder: str, endings: tuple[str, ...]) -> list[str]:
    found = [each.name for each in Path(folder).glob("*") if each.is_file() and each.name.endswith(endings)]
    return sorted(
        found, key=lambda name: [int(each) if each.isdigit() else each for each in re.split(r"(\d+)", name)]
    )


HELPER = "models.common.util"
STAND_IN = {
    each.__name__: each
    for each in (linear_to_srgb, srgb_to_linear, im2uint8, print_, get_saved_model_list, get_ckpt_list)
}


class HelperLoader(SourceFileLoader):
    """Loads a studio's own helper. Where a package that it imports is missing, ours stands in for it."""

    missing = ""

    def exec_module(self, module: ModuleType) -> None:
        try:
            super().exec_module(module)
        except ImportError as error:
            if not (name := missing_package(error)):
                raise
            HelperLoader.missing = name
            print(
                f"{self.path} needs the package {name}, which is not installed: a helper with "
                f"{', '.join(STAND_IN)} stands in",
                flush=True,
            )
            vars(module).update(STAND_IN)


class HelperFinder:
    """Finds ``models.common.util`` where the studio has one."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != HELPER:
            return None
        loader = HelperLoader(name, str(self.file))
        return importlib.util.spec_from_file_location(name, self.file, loader=loader)


def missing_package(error: BaseException) -> str:
    """The package that an import did not find; empty when it was something else, such as a module of the
    models themselves. A name that the helper which stands in does not have is missing for the same reason."""
    name = (error.name or "") if isinstance(error, ImportError) else ""
    if name == HELPER:
        return HelperLoader.missing
    package = name.partition(".")[0]
    return "" if package == "models" else package


def import_model(folder: Path) -> type:
    """The class ``Model`` of ``folder/model.py``, imported as ``models.NAME.model``."""
    _install(folder.parent)
    package = _package(f"models.{folder.name}", folder)
    spec = importlib.util.spec_from_file_location(f"{package.__name__}.model", folder / "model.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder.name}/model.py cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module.Model


def _install(models: Path) -> None:
    """Put the modules in place. A ``common`` folder beside the models, a studio's own, goes before ours."""
    _package("models", models)
    base = ModuleType("models.baseModel")
    vars(base)["BaseModel"] = BaseModel
    sys.modules["models.baseModel"] = base
    vars(sys.modules["models"])["baseModel"] = base
    sys.modules["message_pb2"] = message_module()
    common = _package("models.common", models / "common")
    helper = models / "common" / "util.py"
    if helper.is_file():
        sys.meta_path.insert(0, HelperFinder(helper))
        return
    util = ModuleType(HELPER)
    vars(util).update(STAND_IN)
    sys.modules[HELPER] = util
    vars(common)["util"] = util


def _package(name: str, folder: Path) -> ModuleType:
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, package)
    return package
