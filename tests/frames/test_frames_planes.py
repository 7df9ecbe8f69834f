"""float32 out of a frame, and back into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.errors import ChannelError
from understudy.frames import Frame, Part, Window, read_image_file, write_image_file
from understudy.frames.frame import single_channel_spec

Make = Callable[..., Path]
Noise = Callable[..., np.ndarray]


def test_pixels_outside_the_data_window_are_zero(make_image: Make, rgb: dict[str, str]) -> None:
    frame = read_image_file(make_image("a.exr", rgb, size=(6, 4), origin=(2, 1), display=(0, 0, 10, 8)))
    planes = frame.planes("RGB")
    assert planes.shape == (8, 10, 3) and planes.dtype == np.float32
    assert np.array_equal(planes[1:5, 2:8], frame.planes("RGB", frame.data_window))
    planes[1:5, 2:8] = 0
    assert not planes.any()


def test_a_data_window_larger_than_the_display_window_is_cut_to_it(
    make_image: Make, rgb: dict[str, str]
) -> None:
    frame = read_image_file(make_image("a.exr", rgb, size=(12, 9), origin=(-3, -2), display=(0, 0, 5, 4)))
    assert np.array_equal(frame.planes("RGB"), frame.planes("RGB", frame.data_window)[2:6, 3:8])


@given(st.integers(-15, 15), st.integers(-15, 15), st.integers(1, 20), st.integers(1, 20))
def test_any_window_of_a_frame_is_a_cut_of_any_larger_one(x: int, y: int, width: int, height: int) -> None:
    frame = small_frame()
    window, large = Window(x, y, width, height), Window(-40, -40, 100, 100)
    assert np.array_equal(frame.planes("RB", window), frame.planes("RB", large)[large.slices_of(window)])


def small_frame(kind: str = "half", origin: tuple[int, int] = (-3, 2)) -> Frame:
    import OpenImageIO as oiio

    spec = oiio.ImageSpec(7, 5, 3, oiio.TypeDesc(kind))
    spec.x, spec.y = origin
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = 0, 0, 9, 9
    rng = np.random.default_rng(3)
    planes = {name: rng.normal(size=(5, 7)).astype(np.float16) for name in "RGB"}
    return Frame((Part("", ("R", "G", "B"), planes, spec),), Path("none.exr"))


def test_channels_come_in_the_order_that_was_asked_for_and_from_every_part(make_parts: Make) -> None:
    path = make_parts(
        "a.exr",
        [
            ("rgba", dict.fromkeys("RGB", "half"), {}),
            ("depth", {"Z": "float"}, {"size": (5, 4), "origin": (2, 1), "display": (0, 0, 12, 9)}),
        ],
    )
    frame = read_image_file(path)
    planes = frame.planes(["Z", "B", "R"])
    assert np.array_equal(planes[..., 1], frame.stored("B").astype(np.float32))
    assert np.array_equal(planes[1:5, 2:7, 0], frame.stored("Z"))
    assert np.count_nonzero(planes[..., 0]) <= 20


def test_a_channel_that_is_not_there_is_refused(make_image: Make, rgb: dict[str, str]) -> None:
    frame = read_image_file(make_image("a.exr", rgb))
    with pytest.raises(ChannelError, match="R, G, B"):
        frame.planes(["R", "A"])
    with pytest.raises(ChannelError):
        frame.with_planes(["nope"], np.zeros((9, 12, 1), np.float32))


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("a.exr", {**dict.fromkeys("RGBA", "half"), "Z": "float"}),
        ("a.exr", {**dict.fromkeys("RGBA", "half"), "Z": "half"}),
        ("a.png", dict.fromkeys("RGBA", "uint8")),
        ("a.tif", dict.fromkeys("RGBA", "uint16")),
    ],
)
def test_channels_that_were_not_replaced_stay_bit_for_bit_in_the_written_file(
    make_image: Make, tmp_path: Path, noise: Noise, name: str, channels: dict[str, str]
) -> None:
    plate = read_image_file(make_image(name, channels, attributes={"oiio:UnassociatedAlpha": 1}))
    result = tmp_path / f"out{Path(name).suffix}"
    write_image_file(result, plate.with_planes(["R", "B"], noise(9, 12, 2)))
    written = read_image_file(result)
    for untouched in set(channels) - {"R", "B"}:
        assert written.stored(untouched).tobytes() == plate.stored(untouched).tobytes()
    tolerance = 1e-3 if plate.part.kinds[0] == "half" else 0.51 / np.iinfo(plate.stored("R").dtype).max
    assert np.abs(written.planes("RB") - noise(9, 12, 2)).max() <= tolerance


def test_values_above_one_and_below_zero_survive(make_image: Make, tmp_path: Path, noise: Noise) -> None:
    plate = read_image_file(make_image("a.exr", dict.fromkeys("RGB", "float")))
    values = noise(9, 12, 3, low=-1e4, high=1e4)
    write_image_file(tmp_path / "out.exr", plate.with_planes("RGB", values))
    assert np.array_equal(read_image_file(tmp_path / "out.exr").planes("RGB"), values)


def test_pixels_outside_the_replaced_window_stay_bit_for_bit(tmp_path: Path, noise: Noise) -> None:
    plate = small_frame()
    window = Window(0, 3, 20, 2)  # partly outside the data window
    changed = plate.with_planes(["G"], noise(2, 20, 1), window)
    write_image_file(tmp_path / "out.exr", changed)
    written, before = read_image_file(tmp_path / "out.exr").stored("G"), plate.stored("G").copy()
    assert not np.array_equal(written[1:3, 3:], before[1:3, 3:])
    written[1:3, 3:] = before[1:3, 3:]
    assert written.tobytes() == before.tobytes()


def test_a_frame_is_not_changed_by_its_successors(noise: Noise) -> None:
    plate = small_frame()
    before = plate.planes("RGB").copy()
    plate.with_planes("RGB", noise(9, 9, 3)).with_planes(["R"], noise(9, 9, 1)).as_matte(noise(9, 9, 1))
    assert np.array_equal(plate.planes("RGB"), before)


def test_where_the_result_or_the_plate_is_not_finite_the_plates_value_stays(
    make_image: Make, tmp_path: Path, noise: Noise
) -> None:
    plate = small_frame(origin=(0, 0))
    stored = {name: plane.copy() for name, plane in plate.part.pixels.items()}
    stored["R"][1, 1], stored["R"][2, 2], stored["G"][0, 0] = np.nan, np.inf, -np.inf
    plate = Frame((Part("", plate.part.channels, stored, plate.part.spec),), plate.path)
    values = noise(5, 7, 3)
    values[3, 3], values[4, 4, 2] = np.nan, np.inf
    write_image_file(tmp_path / "out.exr", plate.with_planes("RGB", values, Window(0, 0, 7, 5)))
    written = read_image_file(tmp_path / "out.exr")
    kept = np.zeros((5, 7, 3), dtype=bool)
    kept[1, 1, 0] = kept[2, 2, 0] = kept[0, 0, 1] = kept[4, 4, 2] = True
    kept[3, 3] = True
    found, before = written.planes("RGB", written.data_window), plate.planes("RGB", plate.data_window)
    assert np.array_equal(found[kept], before[kept], equal_nan=True)
    assert np.allclose(found[~kept], values[~kept], atol=1e-3)


def test_a_matte_has_the_plates_windows_depth_and_header(
    make_image: Make, tmp_path: Path, noise: Noise
) -> None:
    channels = {**dict.fromkeys("RGB", "half"), "Z": "float"}
    header = {"compression": "piz", "shot": "010"}
    path = make_image("a.exr", channels, origin=(-2, 1), display=(0, 0, 10, 10), attributes=header)
    plate = read_image_file(path)
    values = noise(10, 10, 1)
    values[5, 5] = np.nan
    write_image_file(tmp_path / "matte.exr", plate.as_matte(values))
    matte = read_image_file(tmp_path / "matte.exr")
    assert matte.channels == ("A",) and matte.part.kinds == ("half",)
    assert matte.data_window == plate.data_window and matte.display_window == plate.display_window
    assert matte.metadata["shot"] == "010" and matte.metadata["compression"] == "piz"
    expected = np.where(np.isfinite(values), values, 0)
    assert np.allclose(matte.planes("A")[1:10], expected[1:10], atol=1e-3)


def test_a_matte_goes_into_the_alpha_with_the_colours_kept(
    make_image: Make, tmp_path: Path, noise: Noise
) -> None:
    plate = read_image_file(make_image("a.exr", dict.fromkeys("RGBA", "half")))
    write_image_file(tmp_path / "out.exr", plate.with_planes(["A"], noise(9, 12, 1)))
    result = read_image_file(tmp_path / "out.exr")
    for name in "RGB":
        assert result.stored(name).tobytes() == plate.stored(name).tobytes()
    assert np.allclose(result.planes("A"), noise(9, 12, 1), atol=1e-3)


def test_values_that_do_not_cover_the_window_are_a_mistake(noise: Noise) -> None:
    for shape in ((9, 9, 2), (9, 8, 3)):
        with pytest.raises(ValueError, match="cover"):
            small_frame().with_planes("RGB", noise(*shape))


def test_a_frame_says_whether_it_is_integer_and_how_deep(make_image: Make) -> None:
    half = read_image_file(make_image("a.exr", dict.fromkeys("RGB", "half")))
    byte = read_image_file(make_image("a.png", dict.fromkeys("RGB", "uint8")))
    assert (half.is_integer, half.bits, byte.is_integer, byte.bits) == (False, 16, True, 8)
    assert half.frame_rate is None
    assert single_channel_spec(half.part.spec, "Y", "half").channelnames == ("Y",)
