"""The recipes lie beside the package and are no part of it: tests find them as ``python -m`` does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from zoo.pictures import Pictures  # noqa: E402


def painted(seed: int, height: int = 200, width: int = 240) -> np.ndarray:
    """An 8-bit picture of soft shapes and fine lines, with detail at every scale."""
    random = np.random.default_rng(seed)
    sizes = [(5, 6), (20, 24), (100, 120)]
    layers = [
        cv2.resize(random.random((*size, 3)).astype(np.float32), (width, height)) * share
        for size, share in zip(sizes, (0.6, 0.25, 0.15), strict=True)
    ]
    return np.rint(np.clip(sum(layers), 0, 1) * 255).astype(np.uint8)


@pytest.fixture(scope="session")
def pictures() -> Pictures:
    return Pictures(("a", "b"), (painted(1), painted(2)))


@pytest.fixture(scope="session")
def photographs_folder() -> Path:
    """The folder of photographs that are learned from; skips where there is none."""
    folder = Path(os.environ.get("UNDERSTUDY_PHOTOGRAPHS") or REPOSITORY.parent / "shared" / "photographs")
    if not folder.is_dir():
        pytest.skip("the photographs are not on this machine; UNDERSTUDY_PHOTOGRAPHS may name their folder")
    return folder
