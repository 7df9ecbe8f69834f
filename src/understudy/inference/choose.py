"""Which engine and which precision: what was asked for, what is there, and what pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from understudy.device import has_fast_bfloat16
from understudy.errors import MissingPackageError
from understudy.inference.engine import Engine
from understudy.inference.openvino_engine import ConversionError, OpenVinoEngine, is_installed
from understudy.inference.torch_engine import TorchEngine
from understudy.models.description import ModelDescription

HALF_CODE = 0.5
"""The difference in 8-bit code values below which ``auto`` takes bfloat16."""

PAYS_FROM = 20.0
"""Megapixels from which the time that a conversion to OpenVINO takes is won back: ten frames of HD."""


@dataclass(frozen=True)
class EngineChoice:
    """What is asked of ``make_engine``; the names are those of ``load``.

    ``key`` names the network, such as the hash of its file; what was converted under a key is used again.
    """

    engine: str
    precision: str
    device: torch.device
    megapixels: float = 0.0
    parallel: int = 1
    key: str = ""


def choose_precision(request: str, model: ModelDescription, device: torch.device) -> str:
    """``float32`` or ``bfloat16``. ``auto`` goes by the difference measured when the network was trained."""
    if request != "auto":
        return request
    measured = model.precision.get("bfloat16_difference")
    invisible = measured is not None and float(measured) < HALF_CODE
    return "bfloat16" if invisible and has_fast_bfloat16(device) else "float32"


def make_engine(network: Any, channels: int, choice: EngineChoice) -> tuple[Engine, tuple[str, ...]]:
    """The engine, and sentences about why it is this one.

    ``auto`` falls back to torch and says why; ``openvino`` asked for by name raises MissingPackageError or
    ConversionError instead.
    """
    own = getattr(network, "runtime", "")
    if own and choice.engine == "openvino":
        raise ConversionError(
            "A network of another program is run by its own runtime.",
            expected=f"--engine auto or torch, for {own}",
            found="--engine openvino",
        )
    whole = bool(getattr(network, "sees_whole", False))  # its work is in what is global
    if whole and choice.engine == "openvino":
        raise ConversionError(
            "A network that sees frames whole is run by torch.",
            expected="--engine auto or torch",
            found="--engine openvino",
        )
    asked = choice.engine == "openvino" or (choice.engine == "auto" and _openvino_pays(choice))
    if asked and not own and not whole:
        try:
            return _openvino_engine(network, channels, choice), ()
        except (ConversionError, MissingPackageError) as error:
            if choice.engine == "openvino":
                raise
            note = f"Using torch: {error.message.rstrip('.')} ({error.found})."
            return _torch_engine(network, choice), (note,)
    return _torch_engine(network, choice), ()


def _torch_engine(network: Any, choice: EngineChoice) -> Engine:
    return TorchEngine(network, choice.device, choice.precision, choice.parallel)


_converted: dict[tuple[str, str, int], OpenVinoEngine] = {}
_CONVERTED_MOST = 4


def _openvino_engine(network: Any, channels: int, choice: EngineChoice) -> Engine:
    """A converted network, from this process's last few where it is one of them."""
    key = (choice.key, choice.precision, choice.parallel)
    if choice.key and key in _converted:
        return _converted[key]
    engine = OpenVinoEngine(network, channels, choice.precision, choice.parallel)
    if choice.key:
        while len(_converted) >= _CONVERTED_MOST:
            _converted.pop(next(iter(_converted)))
        _converted[key] = engine
    return engine


def _openvino_pays(choice: EngineChoice) -> bool:
    return choice.device.type == "cpu" and choice.megapixels >= PAYS_FROM and is_installed()
