"""The effect as ONNX: any height and width, the oldest operator set that it can be said in."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from understudy.errors import ExportError, MissingPackageError
from understudy.export.effect import ExportedEffect
from understudy.export.metadata import KEY, ExportInfo, to_text
from understudy.export.onnx_opset import lower_opset

TRACED_AT = (37, 53)
MOST_SIDE = 1 << 15
MADE_WITH = 18


def need_onnx() -> None:
    """MissingPackageError unless everything for ONNX is installed."""
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if not importlib.util.find_spec(name)]
    if missing:
        raise MissingPackageError(
            "ONNX needs packages that are not installed.",
            expected="onnx, onnxscript and onnxruntime",
            found=f"no {', '.join(missing)}",
            remedy='pip install "understudy[onnx]"',
        )


def write_onnx(path: Path, effect: ExportedEffect, info: ExportInfo) -> int:
    """Write the effect to ``path`` with one input for each picture; the number of its operator set."""
    model = lower_opset(_export(effect, info))
    _describe(model, info)
    path.write_bytes(model.SerializeToString())
    return model.opset_import[0].version


class _Pictures(nn.Module):
    """The effect with its pictures apart."""

    def __init__(self, effect: ExportedEffect) -> None:
        super().__init__()
        self.effect = effect

    def forward(self, *pictures: Tensor) -> Tensor:
        return self.effect(pictures[0] if len(pictures) == 1 else torch.cat(pictures, 1))


def _export(effect: ExportedEffect, info: ExportInfo) -> Any:
    need_onnx()
    size = {2: torch.export.Dim("height", max=MOST_SIDE), 3: torch.export.Dim("width", max=MOST_SIDE)}
    given = tuple(torch.rand(1, len(names), *TRACED_AT) for _, names in info.inputs)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            _Pictures(effect).eval(),
            given,
            dynamo=True,
            dynamic_shapes=(tuple(size for _ in given),),
            input_names=[name for name, _ in info.inputs],
            output_names=[name for name, _ in info.outputs],
            opset_version=MADE_WITH,
            verbose=False,
        )
    if program is None:
        raise ExportError("The network does not go into ONNX.")
    return program.model_proto


def _describe(model: Any, info: ExportInfo) -> None:
    """Names, sizes and where it came from."""
    import onnx

    model.producer_name, model.producer_version = "understudy", info.made_with["understudy"]
    model.doc_string = (
        f"{info.name}: {info.description.kind}, {info.values}, NCHW, top row first, any size from 1"
    )
    model.graph.name = "understudy"
    del model.metadata_props[:]
    facts = {
        KEY: to_text(info),
        "name": info.name,
        "kind": info.description.kind,
        "values": info.values,
        "colour_in": info.description.colour_in.space,
        "colour_out": info.description.colour_out.space,
        "channels_in": ",".join(name for _, names in info.inputs for name in names),
        "channels_out": ",".join(info.description.output_channels),
    }
    onnx.helper.set_model_props(model, facts)
    for value, (_, names) in zip(model.graph.output, info.outputs, strict=True):
        dims = value.type.tensor_type.shape.dim
        times = "" if info.description.scale == 1 else f" * {info.description.scale}"
        for dim, text in zip(dims, (1, len(names), f"height{times}", f"width{times}"), strict=True):
            dim.Clear()
            setattr(dim, "dim_param" if isinstance(text, str) else "dim_value", text)


class OnnxRuntime:
    """The file as onnxruntime runs it."""

    device, precision, tag = "cpu", "float32", "float32"

    def __init__(self, path: Path, info: ExportInfo) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = False
        options.intra_op_num_threads = torch.get_num_threads()
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.cuts = np.cumsum([len(names) for _, names in info.inputs])[:-1]
        self.names = [each.name for each in self.session.get_inputs()]
        self.name = "onnxruntime " + onnxruntime.__version__

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """float32 (H, W, C) file values -> float32 (H, W, C_out)."""
        planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))[None]
        given = dict(zip(self.names, np.split(planes, self.cuts, axis=1), strict=True))
        return np.moveaxis(self.session.run(None, given)[0][0], 0, -1)


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells developers of torch what it does; an artist has no use for that."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
