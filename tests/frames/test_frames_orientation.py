"""Pictures that lie on their side in the file are upright when they are read, and lie alike when written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.frames import Window, read_image_file, write_image_file
from understudy.frames.image_file import read_header
from understudy.frames.orientation import turn_windows

# The upright picture that all show: a bright corner top left, a less bright one top right.
UPRIGHT = np.zeros((32, 48), np.uint8)
UPRIGHT[:16, :16], UPRIGHT[:16, 32:] = 240, 120
STORED = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.T,
    6: np.rot90(UPRIGHT),
    7: np.rot90(UPRIGHT.T, 2),
    8: np.rot90(UPRIGHT, -1),
}


def write(path: Path, orientation: int) -> Path:
    stored = STORED[orientation]
    spec = oiio.ImageSpec(stored.shape[1], stored.shape[0], 3, "uint8")
    spec.attribute("Orientation", orientation)
    spec.attribute("compression", "jpeg:100" if path.suffix == ".jpg" else "zip")
    output = oiio.ImageOutput.create(str(path))
    pixels = np.ascontiguousarray(np.repeat(stored[..., None], 3, axis=2))
    assert output.open(str(path), spec) and output.write_image(pixels) and output.close()
    return path


def stored_in(path: Path) -> tuple[np.ndarray, int]:
    """The pixels as they lie in the file, and what its header says of them."""
    source = oiio.ImageInput.open(str(path))
    pixels: np.ndarray = source.read_image("uint8")
    return pixels[..., 0].astype(int), source.spec().get_int_attribute("Orientation", 1)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("ending", ["jpg", "tif", "png"])
def test_a_picture_is_upright_when_read_and_lies_as_it_did_when_written(
    tmp_path: Path, orientation: int, ending: str
) -> None:
    frame = read_image_file(write(tmp_path / f"a.{ending}", orientation))
    near = 6 if ending == "jpg" else 0
    assert frame.display_window == frame.data_window == Window(0, 0, 48, 32)
    assert np.abs(np.rint(frame.planes(("R",))[..., 0] * 255) - UPRIGHT).max() <= near
    assert read_header(tmp_path / f"a.{ending}").display_window == frame.display_window
    changed = frame.with_planes(("R",), frame.planes(("R",)))
    write_image_file(tmp_path / f"b.{ending}", changed)
    pixels, said = stored_in(tmp_path / f"b.{ending}")
    assert said == orientation and pixels.shape == STORED[orientation].shape
    assert np.abs(pixels - STORED[orientation]).max() <= 2 * near


def test_another_format_gets_the_upright_picture_and_does_not_say_that_it_lies(tmp_path: Path) -> None:
    frame = read_image_file(write(tmp_path / "a.jpg", 6))
    write_image_file(tmp_path / "b.png", frame)
    pixels, said = stored_in(tmp_path / "b.png")
    assert said == 1 and np.abs(pixels - UPRIGHT).max() <= 6


@pytest.mark.parametrize("steps", ["h", "hv", "v", "t", "th", "thv", "tv"])
def test_windows_follow_and_come_back(steps: str) -> None:
    spec = oiio.ImageSpec(10, 20, 1, "uint8")
    spec.x, spec.y, spec.full_x, spec.full_y, spec.full_width, spec.full_height = 7, 9, 2, 3, 30, 50
    before = (spec.x, spec.y, spec.width, spec.height, spec.full_width, spec.full_height)
    turn_windows(spec, steps)
    assert (spec.width, spec.height) == ((20, 10) if "t" in steps else (10, 20))
    turn_windows(spec, steps[::-1])
    assert before == (spec.x, spec.y, spec.width, spec.height, spec.full_width, spec.full_height)
