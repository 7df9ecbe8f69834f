"""Stored values <-> float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.frames.values import DTYPES, from_float32, interleaved, is_finite, to_float32


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_every_code_of_an_integer_type_survives_the_way_through_float(kind: str) -> None:
    codes = np.arange(np.iinfo(DTYPES[kind]).max + 1, dtype=DTYPES[kind])
    assert np.array_equal(from_float32(to_float32(codes), kind), codes)


def test_every_half_survives_the_way_through_float() -> None:
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    halves = halves[~np.isnan(halves)]
    assert from_float32(to_float32(halves), "half").tobytes() == halves.tobytes()


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_shallow_codes_are_rounded_and_not_cut_off(bits: int) -> None:
    codes = np.arange(2**bits)
    values = ((codes + 0.4) / (2**bits - 1)).astype(np.float32)
    stored = from_float32(values, "uint16", bits)
    assert np.array_equal(stored[:-1] >> (16 - bits), codes[:-1])


@given(st.floats(0, 1, width=32), st.sampled_from([8, 10, 12, 16]))
def test_an_integer_is_never_further_than_half_a_code_from_the_value(value: float, bits: int) -> None:
    stored = from_float32(np.float32([value]), "uint16", bits)
    code = int(stored[0]) >> (16 - bits)
    assert abs(code - value * (2**bits - 1)) <= 0.5 + 1e-3


def test_integers_clamp_and_turn_nan_into_black() -> None:
    values = np.float32([-1, 2, np.nan, np.inf, -np.inf])
    assert from_float32(values, "uint8").tolist() == [0, 255, 0, 255, 0]


def test_a_bright_value_does_not_become_infinite_in_half_but_inf_stays_inf() -> None:
    values = np.float32([1e6, -1e6, np.inf, -np.inf])
    assert from_float32(values, "half").tolist() == [65504.0, -65504.0, np.inf, -np.inf]


@pytest.mark.parametrize("kind", list(DTYPES))
def test_finite_means_the_same_in_every_type(kind: str) -> None:
    values = np.float32([0, 1, np.nan, np.inf, -np.inf, 3]).astype(np.float32)
    stored = np.zeros(6, DTYPES[kind]) if kind.startswith("u") else values.astype(DTYPES[kind])
    assert np.array_equal(is_finite(stored), np.isfinite(stored))


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_float_values_are_what_openimageio_reads(kind: str, tmp_path: Path) -> None:
    codes = np.arange(256, dtype=DTYPES[kind]).reshape(16, 16, 1) * (257 if kind == "uint16" else 1)
    spec = oiio.ImageSpec(16, 16, 1, kind)
    output = oiio.ImageOutput.create(str(tmp_path / "a.tif"))
    assert output.open(str(tmp_path / "a.tif"), spec) and output.write_image(codes) and output.close()
    theirs = oiio.ImageInput.open(str(tmp_path / "a.tif")).read_image("float")
    assert np.array_equal(to_float32(codes), theirs)


def test_planes_are_taken_as_one_array_only_where_they_are_its_channels_in_order() -> None:
    whole = np.arange(48, dtype=np.uint8).reshape(4, 4, 3).copy()
    planes = [whole[..., index] for index in range(3)]
    assert interleaved(planes) is whole
    others = (
        planes[:2],
        [*planes[::-1]],
        [plane.T for plane in planes],  # square: the same place, size and owner
        [plane[::-1] for plane in planes],
        [planes[0], planes[1], planes[2].copy()],
        [plane[:2] for plane in planes],
        [whole.copy()[..., 0], *planes[1:]],
        [],
    )
    assert all(interleaved(other) is None for other in others)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "half", "float", "uint"])
def test_planes_of_a_frame_are_the_same_taken_at_once_or_one_by_one(kind: str) -> None:
    codes = np.random.default_rng(3).integers(0, 200, (5, 5, 3)).astype(DTYPES[kind])
    planes = [codes[..., index] for index in range(3)]
    together = to_float32(codes)
    assert all(np.array_equal(together[..., index], to_float32(plane)) for index, plane in enumerate(planes))
