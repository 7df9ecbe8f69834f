"""The effect as TorchScript: made by scripting, so that every height and width is right."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from understudy.export.effect import ExportedEffect
from understudy.export.metadata import SCRIPT_NAME, ExportInfo, to_text


def write_torchscript(path: Path, effect: ExportedEffect, info: ExportInfo) -> None:
    """Script the effect into ``path``, with its description as an extra file within."""
    with _quiet(), torch.no_grad():
        scripted = torch.jit.script(effect.eval())
        torch.jit.save(scripted, str(path), _extra_files={SCRIPT_NAME: to_text(info)})


class ScriptRuntime:
    """The file as a host runs it. ``device``: cpu or cuda. ``precision``: what the host hands over, float32
    or float16; ``halved``: the host has turned the module itself into half precision too."""

    def __init__(
        self, path: Path, device: str = "cpu", precision: str = "float32", halved: bool = False
    ) -> None:
        with _quiet():
            self.module = torch.jit.load(str(path), map_location=device).eval()
        self.module = self.module.half() if halved else self.module
        self.name = "torch " + torch.__version__
        self.device, self.precision = device, precision
        self.tag = "float16, weights too" if halved else precision

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """float32 (H, W, C) in the host's values -> float32 (H, W, C_out)."""
        kind = torch.float16 if self.precision == "float16" else torch.float32
        x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].to(self.device, kind)
        # Without profiling, which would compile anew for each size.
        with torch.inference_mode(), torch.jit.optimized_execution(False), _exact():
            made: Any = self.module(x.contiguous())
        return made[0].float().permute(1, 2, 0).cpu().numpy()


@contextmanager
def _exact() -> Iterator[None]:
    """Convolutions on a GPU in float32 as they say, not in TF32."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


@contextmanager
def _quiet() -> Iterator[None]:
    """TorchScript is deprecated in torch, but it is what hosts load."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
