"""Files of weights that only Python's pickle reads, which may hold a program: they are never read here."""

from __future__ import annotations

import zipfile
from pathlib import Path

from understudy.errors import ModelFileError

ENDINGS = (".pth", ".ckpt", ".pkl", ".bin", ".pt")
REMEDY = (
    "It may hold a program, and is not read here. Where you trust it and have its code, in Python: "
    "torch.onnx.export(model.eval(), torch.rand(1, 3, 256, 256), 'network.onnx', "
    "dynamic_shapes=[{2: 'height', 3: 'width'}]), which needs pip install onnxscript"
)
FIRST = b"\x80"
"""With what a pickle of any version since 2 begins."""


def is_pickle(path: Path) -> bool:
    """Whether a file is what ``torch.save`` writes, by its first byte, or by the names in its archive."""
    try:
        with path.open("rb") as stream:
            if stream.read(1) == FIRST:
                return True
        with zipfile.ZipFile(path) as archive:
            names = [name.partition("/")[2] for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
    return "data.pkl" in names and "constants.pkl" not in names


def refuse_pickle(path: Path) -> None:
    """ModelFileError, with the line that converts it, for a file that would have to be unpickled."""
    if path.suffix.lower() in ENDINGS and is_pickle(path):
        raise ModelFileError(
            "These are weights in Python's own form, without the network that they are of.",
            expected="a network: .onnx, TorchScript, .pt2, .tflite, OpenVINO's .xml, or .safetensors",
            found="a pickle, as torch.save writes it",
            where=str(path),
            remedy=REMEDY,
        )
