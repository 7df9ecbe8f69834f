"""The same pixels on an accelerator as on the CPU."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.colour import LINEAR
from understudy.device import free_memory
from understudy.inference.model import LoadedModel
from understudy.inference.torch_engine import TorchEngine

sys.path.insert(0, str(Path(__file__).parent))
from tiny_model import tiny_header, tiny_model
from tiny_network import TinyNetwork

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize("tile", ["none", "auto", 96])
def test_the_accelerator_gives_the_pixels_of_the_cpu(tile: int | str) -> None:
    pixels = np.random.default_rng(0).random((150, 210, 3)).astype(np.float32)
    engine = TorchEngine(TinyNetwork(), torch.device("cuda"))
    there = LoadedModel(tiny_header(LINEAR), engine).infer(pixels, tile_size=tile)
    assert np.abs(there - tiny_model(tiny_header(LINEAR))(pixels)).max() < 2e-3


def test_frames_of_many_threads_do_not_get_into_each_other() -> None:
    random = np.random.default_rng(2)
    frames = [random.random((90 + 7 * turn, 120, 3)).astype(np.float32) for turn in range(12)]
    model = LoadedModel(tiny_header(LINEAR), TorchEngine(TinyNetwork(), torch.device("cuda")))
    alone = [model.infer(frame) for frame in frames]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(5):
            together = list(pool.map(model.infer, frames))
            assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))


def test_bfloat16_stays_near_float32() -> None:
    pixels = np.random.default_rng(1).random((64, 64, 3)).astype(np.float32)
    engine = TorchEngine(TinyNetwork(), torch.device("cuda"), "bfloat16")
    assert np.abs(LoadedModel(tiny_header(), engine)(pixels) - tiny_model()(pixels)).max() < 0.02


def test_free_memory_is_what_the_device_says() -> None:
    device = torch.device("cuda")
    assert 0 < free_memory(device) <= torch.cuda.get_device_properties(device).total_memory
