"""What a format or a compression cannot hold is kept another way, or said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.frames import Frame, header_colour, open_shot, open_sink, read_image_file, write_image_file

Save = Callable[..., Path]

ODD = np.linspace(0, 1, 64 * 48 * 3, dtype=np.float32).reshape(48, 64, 3)
ODD[5, 6], ODD[40, 3], ODD[9, 9] = np.inf, np.nan, -np.inf


def plate_of_compression(tmp_path: Path, save_pixels: Save, compression: str, kind: str) -> Frame:
    """A plate of that compression that holds NaN and Inf, as the half of a studio's renderers write them."""
    frame = read_image_file(
        save_pixels(tmp_path / "a.exr", np.nan_to_num(ODD, nan=0, posinf=1, neginf=0), kind)
    )
    frame.part.spec.attribute("compression", compression)
    return frame.with_planes(("R", "G", "B"), frame.planes(("R", "G", "B")))


@pytest.mark.parametrize("compression", ["dwaa", "dwab", "b44", "b44a", "zip", "piz", "pxr24"])
@pytest.mark.parametrize("kind", ["half", "float"])
def test_nan_and_inf_stay_in_every_compression(
    tmp_path: Path, save_pixels: Save, compression: str, kind: str
) -> None:
    odd = read_image_file(save_pixels(tmp_path / "odd.exr", ODD, kind))
    odd.part.spec.attribute("compression", compression)
    notes = write_image_file(tmp_path / "out.exr", odd)
    result, plate = (
        read_image_file(tmp_path / name).planes(("R", "G", "B")) for name in ("out.exr", "odd.exr")
    )
    broken = compression.startswith("dwa") or (compression.startswith("b44") and kind == "half")
    tolerance = 1e-4 if compression == "pxr24" else 0.0
    np.testing.assert_allclose(result, plate, rtol=tolerance, atol=tolerance)
    assert any("NaN or Inf" in note and compression in note for note in notes) == broken


@pytest.mark.parametrize("compression", ["dwaa", "b44a"])
def test_a_compression_that_changes_pixels_stays_and_is_said(
    tmp_path: Path, save_pixels: Save, compression: str
) -> None:
    notes = write_image_file(
        tmp_path / "out.exr", plate_of_compression(tmp_path, save_pixels, compression, "half")
    )
    assert read_image_file(tmp_path / "out.exr").part.spec.getattribute("compression") == compression
    assert any(compression in note and "every pixel" in note for note in notes)


def test_jpeg_says_before_the_first_frame_that_it_changes_pixels_outside_a_mask(
    tmp_path: Path, save_pixels: Save
) -> None:
    save_pixels(tmp_path / "a.0001.jpg", np.nan_to_num(ODD, nan=0, posinf=1, neginf=0), "uint8")
    plate = open_shot(str(tmp_path / "a.####.jpg"))
    sink = open_sink(str(tmp_path / "out/"), like=plate)
    sink.announce(plate.read(1))
    assert any("jpeg changes every pixel" in note for note in sink.notes)


def test_more_bits_than_the_file_holds_are_said(tmp_path: Path, save_pixels: Save) -> None:
    frame = read_image_file(
        save_pixels(tmp_path / "a.png", np.clip(np.nan_to_num(ODD, posinf=1), 0, 1), "uint16")
    )
    assert any("16 bits are rounded to 8" in note for note in write_image_file(tmp_path / "o.jpg", frame))
    assert any("16 bits are rounded to 10" in note for note in write_image_file(tmp_path / "o.dpx", frame))
    assert not any("rounded" in note for note in write_image_file(tmp_path / "o.tif", frame))


def test_what_radiance_files_and_integers_have_no_code_for_is_said(tmp_path: Path, save_pixels: Save) -> None:
    frame = read_image_file(save_pixels(tmp_path / "a.exr", ODD - 0.5, "float"))
    notes = write_image_file(tmp_path / "o.hdr", frame)
    assert any("below 0" in note for note in notes) and any("NaN" in note for note in notes)
    assert any("NaN" in note for note in write_image_file(tmp_path / "o.png", frame))


HEADERS = {
    "a.dpx": ("dpx:Transfer", "Logarithmic"),
    "b.png": ("oiio:ColorSpace", "lin_rec709"),
    "c.png": ("CICP", "int[4]", (9, 16, 0, 1)),
    "d.exr": ("colorInteropID", "lin_ap1_scene"),
    "e.exr": ("chromaticities", "float[8]", (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)),
}


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("target", ["dpx", "png", "exr", "tif", "jpg"])
def test_what_the_header_says_of_colours_is_in_the_new_file_or_said_not_to_be(
    tmp_path: Path, save_pixels: Save, name: str, target: str
) -> None:
    kind = "half" if name.endswith("exr") else "uint16"
    frame = read_image_file(
        save_pixels(tmp_path / name, np.full((4, 8, 3), 0.5, np.float32), kind, HEADERS[name])
    )
    notes = write_image_file(tmp_path / f"out.{target}", frame)
    before, after = header_colour(frame), header_colour(read_image_file(tmp_path / f"out.{target}"))
    meant = [(each.space, each.primaries, each.transfer, each.chromaticities) for each in (before, after)]
    assert before and (meant[0] == meant[1]) != any("does not say" in note for note in notes)


def test_an_environment_map_stays_one_and_no_capture_date_is_made_up(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    spec = oiio.ImageSpec(8, 4, 3, "half")
    spec.attribute("textureformat", "LatLong Environment")
    spec.attribute("openexr:levelmode", 0)
    spec.attribute("DateTime", "")
    output = oiio.ImageOutput.create(str(path))
    assert (
        output.open(str(path), spec)
        and output.write_image(np.zeros((4, 8, 3), np.float32))
        and output.close()
    )
    write_image_file(tmp_path / "b.exr", read_image_file(path))
    metadata = read_image_file(tmp_path / "b.exr").metadata
    assert metadata["textureformat"] == "LatLong Environment" and "DateTime" not in metadata


def test_a_capture_date_stays(tmp_path: Path, save_pixels: Save) -> None:
    frame = read_image_file(
        save_pixels(
            tmp_path / "a.exr", np.zeros((4, 8, 3), np.float32), "half", ("DateTime", "2020:01:02 03:04:05")
        )
    )
    for name in ("b.exr", "b.tif", "b.png", "b.dpx"):
        write_image_file(tmp_path / name, frame)
        assert read_image_file(tmp_path / name).metadata["DateTime"] == "2020:01:02 03:04:05", name


def test_parts_without_a_name_are_said_to_get_one(tmp_path: Path, save_pixels: Save) -> None:
    frame = read_image_file(save_pixels(tmp_path / "a.exr", np.zeros((4, 8, 3), np.float32), "half"))
    second = replace(frame.part, name="x", spec=oiio.ImageSpec(frame.part.spec))
    second.spec.attribute("oiio:subimagename", "x")
    notes = write_image_file(tmp_path / "b.exr", replace(frame, parts=(frame.part, second)))
    names = [part.name for part in read_image_file(tmp_path / "b.exr").parts]
    assert names[1] == "x" and any("without a name" in note and names[0] in note for note in notes)
