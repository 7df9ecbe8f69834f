"""Frames a whole number of times larger: windows, header, and what is between the pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.frames import Window, read_image_file, write_image_file
from understudy.frames.enlarging import cubic_taps, enlarged_frame, enlarged_mask, enlarged_planes, repeated

CHANNELS = ("R", "G", "B", "A", "depth.Z", "id")


@pytest.fixture
def overscan(tmp_path: Path) -> Path:
    """A half EXR with overscan, negative origins, anamorphic pixels, depth and ids."""
    spec = oiio.ImageSpec(20, 14, len(CHANNELS), "half")
    spec.channelnames = CHANNELS
    spec.channelformats = tuple(oiio.TypeDesc(each) for each in ("half",) * 4 + ("float", "uint"))
    spec.x, spec.y, spec.full_x, spec.full_y, spec.full_width, spec.full_height = -3, -2, 1, 0, 12, 9
    for name, value in (("PixelAspectRatio", 2.0), ("camera", "A"), ("Exif:PixelXDimension", 20)):
        spec.attribute(name, value)
    pixels = np.random.default_rng(3).random((14, 20, len(CHANNELS))).astype(np.float32)
    pixels[..., 3] = pixels[..., 3] > 0.5
    pixels[..., 5] = np.arange(280).reshape(14, 20)
    output = oiio.ImageOutput.create(str(tmp_path / "plate.exr"))
    assert output.open(str(tmp_path / "plate.exr"), spec) and output.write_image(pixels) and output.close()
    return tmp_path / "plate.exr"


def test_windows_are_larger_with_their_origins_and_the_header_stays(overscan: Path, tmp_path: Path) -> None:
    frame = read_image_file(overscan)
    write_image_file(tmp_path / "large.exr", enlarged_frame(frame, 2))
    large = read_image_file(tmp_path / "large.exr")
    assert frame.data_window == Window(-3, -2, 20, 14) and large.data_window == Window(-6, -4, 40, 28)
    assert large.display_window == Window(2, 0, 24, 18)
    assert large.metadata["PixelAspectRatio"] == 2.0 and large.metadata["camera"] == "A"
    assert large.metadata["Exif:PixelXDimension"] == 40
    assert large.channels == frame.channels and large.part.kinds == frame.part.kinds


def test_depth_and_ids_are_what_they_were_and_coverage_stays_within_its_range(overscan: Path) -> None:
    frame = read_image_file(overscan)
    large = enlarged_frame(frame, 2)
    for name in ("depth.Z", "id"):
        assert np.array_equal(large.stored(name), repeated(frame.stored(name), 2)), name
    alpha = large.stored("A")
    assert alpha.min() == 0 and alpha.max() == 1 and ((alpha > 0) & (alpha < 1)).any()
    assert enlarged_frame(frame, 1) is frame


def test_what_is_smooth_stays_smooth_to_its_middle_and_no_edge_rings() -> None:
    y, x = np.mgrid[:24, :30].astype(np.float32)
    ramp = (0.1 + 0.02 * x + 0.01 * y)[..., None]
    large = enlarged_planes(ramp, 2)
    across, down = (np.arange(60) + 0.5) / 2 - 0.5, (np.arange(48) + 0.5) / 2 - 0.5
    exact = 0.1 + 0.02 * across[None, :] + 0.01 * down[:, None]
    assert np.allclose(large[4:-4, 4:-4, 0], exact[4:-4, 4:-4], atol=1e-6)
    light = np.zeros((12, 12, 1), np.float32)
    light[:, 6:] = 5000
    assert enlarged_planes(light, 3).min() == 0 and enlarged_planes(light, 3).max() == 5000


def test_a_pixel_that_is_no_number_is_that_in_all_of_its_cell_and_spoils_no_other() -> None:
    plate = np.full((6, 7, 1), 0.5, np.float32)
    plate[2, 3] = np.nan
    large = enlarged_planes(plate, 2)
    assert np.isnan(large[4:6, 6:8]).all() and np.isnan(large).sum() == 4
    assert np.all(large[np.isfinite(large)] == 0.5)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_the_weights_of_every_pixel_are_one_together(factor: int) -> None:
    assert np.allclose(cubic_taps(factor).sum(axis=1), 1)
    assert np.allclose(cubic_taps(factor), cubic_taps(factor)[::-1, ::-1])
    mask = np.zeros((5, 5, 1), np.float32)
    mask[2, 2] = 1
    large = enlarged_mask(mask, factor)
    assert large.shape == (5 * factor, 5 * factor, 1) and large.min() >= 0 and large.max() <= 1
