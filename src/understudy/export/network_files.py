"""Copying a network with all that it consists of, so that nothing of it is left behind."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

from understudy.errors import ModelFileError
from understudy.models.further_files import weight_files
from understudy.runs.files import write_atomically


def copy_network(file: Path, target: Path) -> None:
    """Copy a network, its weights first. An ONNX file whose weights lie in files beside it becomes one file.
    ModelFileError where that would be too large, or its weights are not there; WriteError."""
    for weights, copy in zip(weight_files(file), weight_files(target), strict=True):
        write_atomically(copy, partial(shutil.copyfile, weights))
    whole = _whole_onnx(file) if file.suffix.lower() == ".onnx" else None
    write_atomically(target, whole if whole is not None else partial(shutil.copyfile, file))


def _whole_onnx(file: Path) -> bytes | None:
    """An ONNX file with the weights that lie beside it; None for one that has all of them in itself."""
    try:
        import onnx
        from onnx.external_data_helper import load_external_data_for_model, uses_external_data
    except ImportError:  # then it is copied as it is
        return None
    try:
        model: Any = onnx.load(str(file), load_external_data=False)
        if not any(uses_external_data(each) for each in model.graph.initializer):
            return None
        load_external_data_for_model(model, str(file.parent))
        whole: bytes = model.SerializeToString()
        return whole
    except Exception as error:  # of onnx, of protobuf, of the system
        raise ModelFileError(
            "The weights of this network, which lie beside it, cannot be brought together with it.",
            expected="the files of weights beside it, 2 GB at most",
            found=str(error).strip()[:200],
            where=str(file),
        ) from error
