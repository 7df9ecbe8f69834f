"""What callers from Python hand in: integers of image files are scaled, all else is refused in words."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from understudy.colour import PLAIN, SRGB
from understudy.errors import UnderstudyError
from understudy.inference.model import LoadedModel

sys.path.insert(0, str(Path(__file__).parent))
from tiny_model import tiny_header, tiny_model
from tiny_network import TinyNetwork

PIXELS = np.random.default_rng(3).random((9, 7, 3)).astype(np.float32)


@pytest.mark.parametrize(("kind", "white"), [(np.uint8, 255), (np.uint16, 65535), (">u2", 65535)])
def test_integers_of_image_files_are_the_values_that_reading_the_file_gives(kind: Any, white: int) -> None:
    codes = np.rint(PIXELS * white).astype(kind)
    model = tiny_model(tiny_header(SRGB))
    assert np.allclose(model(codes), model((codes / white).astype(np.float32)), atol=1e-6)
    assert np.allclose(model.infer(codes, mix=0.0), codes / white, atol=1e-6), (
        "the plate that lies under it too"
    )


@pytest.mark.parametrize("kind", [np.float16, np.float64, ">f4"])
def test_other_floats_are_taken_as_they_are(kind: Any) -> None:
    model = tiny_model(tiny_header(SRGB))
    assert np.allclose(model(PIXELS.astype(kind)), model(PIXELS), atol=2e-3)


@pytest.mark.parametrize(
    "pixels",
    [
        PIXELS.tolist(),
        None,
        "plate.1001.exr",
        3.0,
        torch.from_numpy(PIXELS),
        PIXELS.astype(object),
        PIXELS.astype(np.int32),
        PIXELS.astype(np.int64),
        PIXELS.astype(bool),
        PIXELS.astype(complex),
        PIXELS.astype(str),
        PIXELS[0],
        PIXELS[None],
        PIXELS[:0],
        PIXELS[..., :2],
        np.float32(1.0),
        np.array(PIXELS),
    ],
    ids=lambda pixels: (
        f"{type(pixels).__name__} {getattr(pixels, 'dtype', '')} {getattr(pixels, 'shape', '')}"
    ),
)
def test_what_is_no_frame_is_refused_with_what_was_expected_and_found(pixels: Any) -> None:
    channels = 4 if isinstance(pixels, np.ndarray) and pixels.dtype == np.float32 else 3
    network = TinyNetwork(channels, 3)
    header = tiny_header(SRGB, input_channels=["R", "G", "B", "A"][:channels])
    with pytest.raises(UnderstudyError) as caught:
        tiny_model(header, network)(pixels)
    assert caught.value.expected and caught.value.found


def test_a_frame_without_one_finite_value_keeps_its_values() -> None:
    assert np.isnan(tiny_model(tiny_header(SRGB))(np.full_like(PIXELS, np.nan))).all()


def layered() -> LoadedModel:
    flow = SimpleNamespace(channels=["X", "Y"], colour=PLAIN)
    clean = SimpleNamespace(channels=["R", "G", "B"], colour=SRGB)
    return tiny_model(tiny_header(SRGB, extra=(flow, clean)), TinyNetwork(8, 3))


@pytest.mark.parametrize(
    "beside",
    [
        [],
        [PIXELS[..., :2]],
        iter([PIXELS[..., :2]]),
        [PIXELS[..., :2], PIXELS, PIXELS],
        [PIXELS, PIXELS],
        [PIXELS[1:, :, :2], PIXELS],
        [PIXELS[..., :2].tolist(), PIXELS],
        [None, None],
        PIXELS,
        7,
    ],
)
def test_extra_inputs_that_do_not_fit_are_refused(beside: Any) -> None:
    with pytest.raises(UnderstudyError) as caught:
        layered().infer(PIXELS, beside=beside)
    assert caught.value.expected and caught.value.found


def test_extra_inputs_of_integers_are_scaled_too() -> None:
    codes = np.rint(PIXELS * 255).astype(np.uint8)
    floats = (codes / 255).astype(np.float32)
    made = layered().infer(floats, beside=[codes[..., :2], codes])
    assert np.allclose(made, layered().infer(floats, beside=[floats[..., :2], floats]), atol=1e-6)
