"""The encoding: exact both ways, and the same for arrays and tensors."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.colour import (
    LINEAR,
    PLAIN,
    SRGB,
    ColourEncoding,
    decode,
    decode_tensor,
    encode,
    encode_tensor,
)
from understudy.errors import ColourError

ENCODINGS = [
    SRGB,
    LINEAR,
    PLAIN,
    ColourEncoding(space="raw", k=1e-3),
    ColourEncoding(space="raw", k=1e12),
    ColourEncoding(space="raw", offset=-3.0, scale=250.0),
    ColourEncoding(space="raw", offset=12.5, scale=0.02, k=300.0),
]
NAMES = [f"{e.space}-k{e.k:g}-o{e.offset:g}-s{e.scale:g}" for e in ENCODINGS]
half_values = st.floats(width=16, allow_nan=False, allow_infinity=False)
single_values = st.floats(width=32, allow_nan=False, allow_infinity=False)


def allowed_error(value: float, encoding: ColourEncoding, relative: float) -> float:
    return relative * abs(value) + 3e-6 * abs(encoding.offset) + 1e-36 * max(encoding.scale, 1.0)


def assert_round_trip(values: np.ndarray, encoding: ColourEncoding, relative: float) -> None:
    """The family's one shared claim, for both forms."""
    net = encode(values, encoding)
    assert np.isfinite(net).all()
    tensor = torch.from_numpy(values)
    for back in (decode(net, encoding), decode_tensor(encode_tensor(tensor, encoding), encoding).numpy()):
        for value, returned in zip(values.tolist(), back.tolist(), strict=True):
            assert abs(returned - value) <= allowed_error(value, encoding, relative)


@pytest.mark.parametrize("encoding", ENCODINGS, ids=NAMES)
@given(values=st.lists(half_values, min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_every_half_float_comes_back_within_five_millionths(
    values: list[float], encoding: ColourEncoding
) -> None:
    assert_round_trip(np.array([*values, 65504.0, -65504.0, 6e-8], np.float32), encoding, 5e-6)


@pytest.mark.parametrize("encoding", ENCODINGS[:5], ids=NAMES[:5])
@given(values=st.lists(single_values, min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_every_float_comes_back_within_two_hundred_thousandths(
    values: list[float], encoding: ColourEncoding
) -> None:
    largest = float(np.finfo(np.float32).max)
    assert_round_trip(np.array([*values, largest, -largest], np.float32), encoding, 2e-5)


def test_all_half_floats_come_back_bit_for_bit_through_the_linear_curve() -> None:
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    back = decode(encode(halves.astype(np.float32), LINEAR), LINEAR).astype(np.float16)
    assert np.array_equal(back.view(np.uint16), halves.view(np.uint16))


@pytest.mark.parametrize("encoding", ENCODINGS, ids=NAMES)
def test_array_form_and_tensor_form_agree(encoding: ColourEncoding) -> None:
    values = np.geomspace(1e-6, 65504, 2000).astype(np.float32)
    values = np.concatenate([values, -values, [0.0]]).astype(np.float32)
    net = encode(values, encoding)
    assert np.allclose(net, encode_tensor(torch.from_numpy(values), encoding).numpy(), rtol=1e-6, atol=1e-7)
    file_values = decode_tensor(torch.from_numpy(net), encoding).numpy()
    close = 1e-6 + 3e-6 * abs(encoding.offset)
    assert np.allclose(decode(net, encoding), file_values, rtol=1e-5, atol=close)


def test_the_linear_curve_is_the_one_that_is_promised() -> None:
    net = encode(np.array([0.0, 0.18, 1.0, -1.0], np.float32), LINEAR)
    expected = np.sign([0, 1, 1, -1]) * np.log1p(16 * np.abs([0, 0.18, 1, -1])) / np.log1p(16)
    assert np.allclose(net, expected, atol=1e-6)


def test_an_encoding_rises_everywhere() -> None:
    values = np.linspace(-20, 2000, 10_001, dtype=np.float32)
    for encoding in ENCODINGS:
        assert (np.diff(encode(values, encoding)) > 0).all()


def test_no_finite_network_value_becomes_infinite_in_a_file() -> None:
    net = np.array([-1e30, -100.0, 100.0, 1e30], np.float32)
    assert np.isfinite(decode(net, LINEAR)).all()
    assert torch.isfinite(decode_tensor(torch.from_numpy(net), LINEAR)).all()


def test_the_given_pixels_are_not_changed() -> None:
    pixels = np.full((2, 2, 3), 0.5, np.float32)
    tensor = torch.from_numpy(pixels.copy())
    encode(pixels, ENCODINGS[-1])
    encode_tensor(tensor, ENCODINGS[-1])
    assert (pixels == 0.5).all() and (tensor == 0.5).all()


def test_the_tensor_form_keeps_channels_last() -> None:
    tensor = torch.rand(1, 3, 4, 5).to(memory_format=torch.channels_last)
    assert encode_tensor(tensor, LINEAR).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("encoding", ENCODINGS, ids=NAMES)
def test_an_encoding_survives_json(encoding: ColourEncoding) -> None:
    assert ColourEncoding.from_dict(json.loads(json.dumps(encoding.to_dict()))) == encoding


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        {},
        {"space": ""},
        {"space": "raw", "scale": 0.0},
        {"space": "raw", "scale": -1.0},
        {"space": "raw", "k": -1.0},
        {"space": "raw", "k": 1e-9},
        {"space": "raw", "k": float("nan")},
        {"space": "raw", "offset": float("inf")},
        {"space": "raw", "surprise": 1},
    ],
)
def test_an_encoding_that_makes_no_sense_is_refused(values: object) -> None:
    with pytest.raises(ColourError):
        ColourEncoding.from_dict(values)
