"""A frame written in another format than its plate's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.errors import ChannelError, SequenceError, SettingError
from understudy.frames import Frame, read_image_file, write_image_file

Make = Callable[..., Path]


@pytest.fixture
def float_plate(make_image: Make) -> Frame:
    """Half RGBA with values from -0.5 to 4."""
    return read_image_file(make_image("plate.exr", dict.fromkeys("RGBA", "half")))


@pytest.mark.parametrize(("name", "codes"), [("a.png", 65535), ("a.dpx", 1023), ("a.tga", 255)])
def test_float_to_integer_clamps_rounds_and_says_so(
    float_plate: Frame, tmp_path: Path, name: str, codes: int
) -> None:
    opaque = float_plate.with_planes("A", np.ones((*float_plate.planes("A").shape[:2], 1), np.float32))
    notes = write_image_file(tmp_path / name, opaque)
    result = read_image_file(tmp_path / name)
    wanted = np.clip(opaque.planes("RGBA"), 0, 1)
    assert np.abs(result.planes("RGBA") - wanted).max() <= 0.51 / codes
    assert any("clamped" in note for note in notes)


@pytest.mark.parametrize(("name", "kind"), [("a.png", "uint8"), ("a.png", "uint16"), ("a.tga", "uint8")])
def test_straight_colours_are_premultiplied_in_an_exr_and_straight_again_in_the_next_file(
    make_image: Make, tmp_path: Path, name: str, kind: str
) -> None:
    plate = read_image_file(make_image(name, dict.fromkeys("RGBA", kind)))
    alpha = plate.planes("A").copy()
    alpha[:3] = 0
    plate = plate.with_planes("A", alpha)
    notes = write_image_file(tmp_path / "through.exr", plate)
    through = read_image_file(tmp_path / "through.exr")
    assert np.abs(through.planes("RGB") - plate.planes("RGB") * alpha).max() < 3e-4
    assert not through.planes("RGB")[:3].any() and "multiplied by alpha" in " ".join(notes)
    assert "where alpha is 0 are black" in " ".join(notes)
    again = "again" + Path(name).suffix
    notes = write_image_file(tmp_path / again, through, depth="8" if kind == "uint8" else "16")
    result = read_image_file(tmp_path / again)
    seen = alpha[..., 0] > 0
    off = np.abs(result.planes("RGBA") - plate.planes("RGBA"))[seen].max()
    assert off <= 0.51 / (255 if kind == "uint8" else 65535) and "divided by alpha" in " ".join(notes)
    assert np.array_equal(result.planes("A")[:3], alpha[:3]) and not result.planes("RGB")[:3].any()


def test_an_opaque_picture_crosses_without_a_word_on_its_alpha(make_image: Make, tmp_path: Path) -> None:
    plate = read_image_file(make_image("a.png", dict.fromkeys("RGBA", "uint8")))
    plate = plate.with_planes("A", np.ones_like(plate.planes("A")))
    assert not any("alpha" in note for note in write_image_file(tmp_path / "a.exr", plate))


def test_codes_of_16_bits_are_rounded_to_a_shallower_file_and_not_cut_off(
    make_image: Make, tmp_path: Path
) -> None:
    plate = read_image_file(make_image("a.tif", dict.fromkeys("RGB", "uint16")))
    write_image_file(tmp_path / "out.dpx", plate)
    result = read_image_file(tmp_path / "out.dpx")
    assert result.bits == 10
    assert np.abs(result.planes("RGB") - plate.planes("RGB")).max() <= 0.51 / 1023


def test_a_tiff_keeps_floats_and_needs_no_note(float_plate: Frame, tmp_path: Path) -> None:
    assert write_image_file(tmp_path / "a.tif", float_plate) == ()
    result = read_image_file(tmp_path / "a.tif")
    assert result.part.kinds == ("float",) * 4
    assert np.array_equal(result.planes("RGBA"), float_plate.planes("RGBA"))


@pytest.mark.parametrize(("name", "note"), [("a.jpg", "A"), ("a.hdr", "A")])
def test_channels_that_the_format_cannot_hold_are_left_out_and_named(
    float_plate: Frame, tmp_path: Path, name: str, note: str
) -> None:
    notes = write_image_file(tmp_path / name, float_plate)
    assert read_image_file(tmp_path / name).channels == ("R", "G", "B")
    assert any("leaves out" in each and each.endswith(note) for each in notes)


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [("a.png", "uint8", "half"), ("a.png", "uint16", "float"), ("a.tif", "float", "float")],
)
def test_an_exr_made_from_another_format_has_room_for_its_values(
    make_image: Make, tmp_path: Path, name: str, kind: str, expected: str
) -> None:
    plate = read_image_file(make_image(name, dict.fromkeys("RGB", kind)))
    write_image_file(tmp_path / "out.exr", plate)
    result = read_image_file(tmp_path / "out.exr")
    assert result.part.kinds == (expected,) * 3
    assert np.abs(result.planes("RGB") - plate.planes("RGB")).max() < 3e-4


def test_a_float_result_on_an_8_bit_plate_keeps_its_precision_in_an_exr(
    make_image: Make, tmp_path: Path, noise: Callable[..., np.ndarray]
) -> None:
    plate = read_image_file(make_image("a.png", dict.fromkeys("RGB", "uint8")))
    values = noise(9, 12, 3, low=-1, high=3)
    write_image_file(tmp_path / "out.exr", plate.with_planes("RGB", values), depth="float")
    assert np.array_equal(read_image_file(tmp_path / "out.exr").planes("RGB"), values)


def test_a_float_result_on_an_8_bit_plate_is_a_half_exr_as_the_plate_would_be(
    make_image: Make, tmp_path: Path, noise: Callable[..., np.ndarray]
) -> None:
    plate = read_image_file(make_image("a.png", dict.fromkeys("RGB", "uint8")))
    made = plate.with_planes("RGB", noise(9, 12, 3, low=0, high=1))
    assert made.bits == 8, "that of the file, whatever lies in memory"
    write_image_file(tmp_path / "out.exr", made)
    assert read_image_file(tmp_path / "out.exr").part.kinds == ("half",) * 3


def test_a_format_without_windows_gets_the_display_window_with_black_around_the_data(
    make_image: Make, tmp_path: Path, rgb: dict[str, str]
) -> None:
    plate = read_image_file(make_image("a.exr", rgb, origin=(-4, 3), display=(0, 0, 20, 15)))
    notes = write_image_file(tmp_path / "out.tif", plate)
    result = read_image_file(tmp_path / "out.tif")
    assert np.array_equal(result.planes("RGB"), plate.planes("RGB"))
    assert any("display window" in note for note in notes)


def test_what_other_formats_understand_of_the_header_goes_with_the_frame(
    make_image: Make, tmp_path: Path, rgb: dict[str, str]
) -> None:
    header = {"FramesPerSecond": [oiio.TypeDesc("rational"), (25, 1)], "shot": "010"}
    plate = read_image_file(make_image("a.exr", rgb, attributes=header))
    write_image_file(tmp_path / "out.png", plate)
    assert read_image_file(tmp_path / "out.png").metadata["shot"] == "010"


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.dpx", "a.hdr", "a.jpg", "a.tga", "a.exr"])
def test_a_matte_can_be_written_in_every_format(
    float_plate: Frame, tmp_path: Path, noise: Callable[..., np.ndarray], name: str
) -> None:
    values = np.repeat(np.repeat(noise(3, 4, 1), 3, 0), 3, 1)
    write_image_file(tmp_path / name, float_plate.as_matte(values))
    result = read_image_file(tmp_path / name)
    assert np.abs(result.planes(result.channels[:1]) - values).max() < 0.05


def test_channels_without_colours_cannot_become_a_png(make_image: Make, tmp_path: Path) -> None:
    plate = read_image_file(make_image("a.exr", {"u": "half", "v": "half"}))
    with pytest.raises(ChannelError):
        write_image_file(tmp_path / "out.png", plate)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {"depth": "half"}),
        ("a.exr", {"depth": "10"}),
        ("a.dpx", {"depth": "float"}),
        ("a.exr", {"compression": "htj2k"}),
        ("a.exr", {"compression": "zip:x"}),
        ("a.png", {"compression": "zip"}),
    ],
)
def test_a_depth_or_compression_that_the_format_does_not_have_is_refused(
    float_plate: Frame, tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    with pytest.raises(SettingError):
        write_image_file(tmp_path / "new" / name, float_plate, **options)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["a", "a.gif", "a.cin", "a.xyz"])
def test_an_extension_that_cannot_be_written_is_refused(
    float_plate: Frame, tmp_path: Path, name: str
) -> None:
    with pytest.raises(SequenceError):
        write_image_file(tmp_path / name, float_plate)
