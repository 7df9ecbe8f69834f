"""What everybody needs who runs an ONNX file: the runtime, and the types of what goes into it."""

from __future__ import annotations

from typing import Any

import numpy as np

from understudy.errors import MissingPackageError

TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


def runtime() -> Any:
    """The module onnxruntime. MissingPackageError without it."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingPackageError(
            "ONNX files need onnxruntime.", remedy='pip install "understudy[onnx]"'
        ) from error
    return onnxruntime
