"""Spaces: what is decided and said, what is measured, and the conversions for scene-linear doors."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.colour import (
    LINEAR,
    SRGB,
    ColourEncoding,
    decide_space,
    decode,
    encode,
    encoding_for,
    find_space,
    from_scene_linear,
    matrix_and_curve,
    measure_raw,
    to_scene_linear,
)
from understudy.errors import ColourError

random = np.random.default_rng(7)


def test_integer_files_are_display_referred_and_the_sentence_says_so() -> None:
    decision = decide_space("auto", is_integer=True)
    assert decision.space == "srgb"
    assert "integers" in decision.sentence and "srgb" in decision.sentence


def test_float_files_are_scene_linear_and_the_sentence_says_so() -> None:
    decision = decide_space("auto", is_integer=False)
    assert decision.space == "linear"
    assert "floats" in decision.sentence and "linear" in decision.sentence


def test_an_asked_for_space_is_taken_whatever_the_files_are() -> None:
    assert decide_space("linear", is_integer=True).space == "linear"
    assert decide_space("acescct", is_integer=True).space == "ACEScct"


def test_an_unknown_space_lists_close_names() -> None:
    with pytest.raises(ColourError) as caught:
        decide_space("ACESct", is_integer=True)
    assert "ACEScct" in str(caught.value)


def test_a_named_space_is_kept_with_the_version_of_its_config() -> None:
    encoding = encoding_for("ARRI LogC4")
    assert encoding.ocio_config and "-v" in encoding.ocio_config and "latest" not in encoding.ocio_config
    assert encoding.k == 0.0
    assert find_space(encoding.space, encoding.ocio_config).name == "ARRI LogC4"


def test_a_named_linear_space_gets_the_curve_of_linear_values() -> None:
    assert encoding_for("ACEScg").k == LINEAR.k


def test_a_config_that_is_not_built_in_is_refused() -> None:
    foreign = ColourEncoding(space="ACEScg", ocio_config="/etc/passwd")
    with pytest.raises(ColourError):
        to_scene_linear(np.zeros((1, 1, 3), np.float32), foreign)


def test_raw_values_on_one_side_land_in_zero_to_one() -> None:
    depth = random.uniform(900.0, 1100.0, (64, 64, 1)).astype(np.float32)
    net = encode(depth, measure_raw([depth]))
    assert net.min() > -0.05 and net.max() < 1.05 and 0.4 < np.median(net) < 0.6


def test_raw_values_on_both_sides_keep_their_zero() -> None:
    motion = random.normal(0.0, 30.0, (64, 64, 2)).astype(np.float32)
    encoding = measure_raw([motion])
    assert encode(np.zeros(1, np.float32), encoding)[0] == 0.0
    assert 0.9 < np.percentile(np.abs(encode(motion, encoding)), 99.5) < 1.1


def test_depth_with_a_far_sky_gets_the_curve_and_keeps_its_foreground() -> None:
    depth = random.uniform(2.0, 40.0, (64, 64, 1)).astype(np.float32)
    depth[:20] = 1e6
    encoding = measure_raw([depth])
    assert encoding.k > 0
    near = encode(depth[20:], encoding)
    assert near.max() - near.min() > 0.1
    assert np.allclose(decode(encode(depth, encoding), encoding), depth, rtol=1e-5)


def test_a_few_wild_pixels_and_holes_do_not_set_the_raw_scale() -> None:
    values = random.uniform(0.0, 1.0, (100, 100)).astype(np.float32)
    values[0, :5] = 1e9
    values[1, :5] = np.nan
    assert 0.9 < measure_raw([values]).scale < 1.1


def test_a_raw_matte_is_taken_as_it_is() -> None:
    matte = (random.random((50, 50)) > 0.7).astype(np.float32)
    assert measure_raw([matte]).is_identity


def test_raw_values_that_never_vary_still_encode() -> None:
    flat = np.full((4, 4), 7.0, np.float32)
    assert np.isfinite(encode(flat, measure_raw([flat]))).all()


def test_raw_pixels_without_a_finite_value_are_refused() -> None:
    with pytest.raises(ColourError):
        measure_raw([np.full((2, 2), np.nan, np.float32)])


def test_srgb_follows_the_standard_and_is_odd() -> None:
    values = np.array([0.0, 0.04045, 0.5, 1.0], np.float32).reshape(1, 4, 1)
    linear = to_scene_linear(values, SRGB)
    assert np.allclose(linear.ravel(), [0.0, 0.0031308, 0.2140411, 1.0], atol=1e-6)
    assert np.array_equal(to_scene_linear(-values, SRGB), -linear)


@pytest.mark.parametrize(
    "encoding",
    [SRGB, LINEAR, encoding_for("raw"), encoding_for("ACEScct"), encoding_for("lin_rec709")],
    ids=lambda encoding: encoding.space,
)
def test_scene_linear_and_back_is_the_same_picture(encoding: ColourEncoding) -> None:
    pixels = random.uniform(0.05, 1.0, (5, 6, 4)).astype(np.float32)
    there = to_scene_linear(pixels, encoding)
    assert there.dtype == np.float32 and there is not pixels
    assert np.allclose(from_scene_linear(there, encoding), pixels, atol=2e-4)


def test_a_named_space_leaves_the_fourth_channel_alone() -> None:
    pixels = random.random((3, 3, 4)).astype(np.float32)
    there = to_scene_linear(pixels, encoding_for("ACEScct"))
    assert np.array_equal(there[..., 3], pixels[..., 3])
    assert not np.allclose(there[..., :3], pixels[..., :3])


def test_a_named_space_refuses_a_single_channel() -> None:
    with pytest.raises(ColourError):
        to_scene_linear(np.zeros((2, 2, 1), np.float32), encoding_for("ACEScct"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ACEScg", "linear"),
        ("lin_rec709", "linear"),
        ("srgb_tx", "srgb"),
        ("g22_rec709", "gamma"),
        ("ARRI LogC4", "sampled"),
        ("ACEScct", "sampled"),
    ],
)
def test_a_space_of_matrix_and_curve_is_rebuilt_from_its_samples(name: str, kind: str) -> None:
    encoding = encoding_for(name)
    found = matrix_and_curve(find_space(name))
    assert found is not None and found.curve == kind
    pixels = random.uniform(0.0, 1.0, (8, 8, 3)).astype(np.float32)
    truth = to_scene_linear(pixels, encoding)
    assert np.abs(found.to_linear(pixels) - truth).max() <= 1e-3 * max(1.0, truth.max())


def test_a_space_that_mixes_channels_before_its_curve_is_not_called_matrix_and_curve() -> None:
    assert matrix_and_curve(find_space("ADX10")) is None
