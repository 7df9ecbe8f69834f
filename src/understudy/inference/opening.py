"""A model file of ours or of another program: its header and its network, by the same two functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.inference.sidecar import is_foreign

if TYPE_CHECKING:
    from understudy.network.model_file import ModelHeader


def open_header(path: Path) -> ModelHeader:
    """What a model takes and gives. ModelFileError when it is none, or was not brought in."""
    if is_foreign(path):
        from understudy.inference.foreign import read_header
    else:
        from understudy.network.model_file import read_header
    return read_header(path)


def open_model(path: Path, device: Any) -> tuple[ModelHeader, Any]:
    """The header and the network on ``device``, ready to run. ModelFileError, MissingPackageError."""
    if is_foreign(path):
        from understudy.inference.foreign import load_model
    else:
        from understudy.network.model_file import load_model
    return load_model(path, device)
