"""Model files for the tests of exports."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from export_models import write_model


@pytest.fixture(scope="session")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function that gives the .cat of a ``name``; made with ``write_model`` when it is first asked for."""
    folder = tmp_path_factory.mktemp("models")

    def of(name: str, **wishes: Any) -> Path:
        path = folder / f"{name}.cat"
        return path if path.exists() else write_model(path, **wishes)

    return of
