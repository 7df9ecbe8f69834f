"""The effect as an OpenVINO model, the fast way on a CPU: an .xml with its weights in a .bin."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import torch

from understudy.errors import MissingPackageError
from understudy.export.effect import ExportedEffect
from understudy.export.metadata import KEY, ExportInfo, to_text
from understudy.export.onnx_file import need_onnx, write_onnx


def need_openvino() -> None:
    """MissingPackageError unless OpenVINO, and ONNX on the way to it, are installed."""
    need_onnx()
    if importlib.util.find_spec("openvino") is None:
        raise MissingPackageError(
            "OpenVINO is not installed.",
            expected="the package openvino",
            remedy='pip install "understudy[openvino,onnx]"',
        )


def write_openvino(path: Path, effect: ExportedEffect, info: ExportInfo) -> None:
    """Write ``path`` (.xml) and its .bin, float32."""
    need_openvino()
    import openvino

    between = path.with_name(path.stem + ".between.onnx")
    write_onnx(between, effect, info)
    model = openvino.convert_model(str(between))
    between.unlink()
    model.set_rt_info(to_text(info), [KEY])
    openvino.save_model(model, str(path), compress_to_fp16=False)


class OpenVinoRuntime:
    """The file as OpenVINO runs it on the CPU, in float32."""

    device, precision, tag = "cpu", "float32", "float32"

    def __init__(self, path: Path, info: ExportInfo) -> None:
        import openvino

        options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": str(torch.get_num_threads())}
        self.model = openvino.Core().compile_model(str(path), "CPU", options)
        self.cuts = np.cumsum([len(names) for _, names in info.inputs])[:-1]
        self.name = "openvino " + openvino.__version__.partition("-")[0]

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """float32 (H, W, C) file values -> float32 (H, W, C_out)."""
        planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))[None]
        given = [np.ascontiguousarray(each) for each in np.split(planes, self.cuts, axis=1)]
        return np.moveaxis(np.array(self.model(given)[0])[0], 0, -1)
