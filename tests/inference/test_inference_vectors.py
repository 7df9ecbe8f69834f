"""apply of a network that finds motion writes vectors as Nuke has them, and says what it cannot write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from tests.conftest import motion_network, write_image

import understudy
from understudy.cli.main import run as understudy_command
from understudy.errors import ModelFileError, SettingError, SizeError
from understudy.frames import read_image_file
from understudy.inference import vectors
from understudy.inference.apply import apply
from understudy.inference.vectors import VectorFinder, load_vectors
from understudy.inference.vectors_job import CHANNELS
from understudy.settings import ApplySettings

Plate = Callable[..., str]
CPU = torch.device("cpu")
RIGHT, DOWN = 3, 2
"""Pixels by which the plate moves from each frame to the next."""


class Shifts(VectorFinder):
    """Finds by trying by how many whole pixels all of a frame has moved."""

    def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        tried = [(x, y) for x in range(-4, 5) for y in range(-4, 5)]
        apart = [np.abs(np.roll(first, (y, x), (0, 1)) - second)[8:-8, 8:-8].mean() for x, y in tried]
        return np.full((*first.shape[:2], 2), tried[int(np.argmin(apart))], np.float32)


@pytest.fixture
def plate(tmp_path: Path) -> Plate:
    """A function that writes a plate of so many frames, which moves right and down; its pattern."""

    def write(count: int = 3, suffix: str = ".exr", cut: int | None = None) -> str:
        for number in range(count):
            seed = 1 if cut is not None and number >= cut else 0
            wide = np.random.default_rng(seed).random((80, 80, 3), np.float32)
            left, top = 20 - RIGHT * number, 20 - DOWN * number
            write_image(
                tmp_path / f"plate.{1001 + number}{suffix}",
                wide[top : top + 40, left : left + 48],
                "half" if suffix == ".exr" else "uint8",
            )
        return str(tmp_path / f"plate.####{suffix}")

    return write


@pytest.fixture
def shifts(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of the network, what finds the motion of such a plate exactly."""
    monkeypatch.setattr("understudy.inference.vectors_job.load_vectors", _load_shifts)


def _load_shifts(path: Path, device: torch.device, precision: str, linear: bool) -> Shifts:
    description, network = vectors.open_motion(path, device)
    return Shifts(description, network, device, precision)


def planes(path: Path) -> np.ndarray:
    frame = read_image_file(path)
    assert set(frame.channels) == set(CHANNELS)
    assert frame.part.kinds == ("float",) * 4
    return frame.planes(CHANNELS)


def made(model: Path, plate: str, output: Path, **settings: Any) -> tuple[Any, list[str]]:
    said: list[str] = []
    result = apply(
        ApplySettings(model=str(model), plate=plate, output=str(output), **settings),
        lambda event: said.extend([*getattr(event, "notes", ()), getattr(event, "text", "")]),
    )
    return result, said


@pytest.mark.usefixtures("shifts")
def test_u_points_right_and_v_up_to_the_next_frame_and_to_the_one_before(
    motion_file: Path, plate: Plate, tmp_path: Path
) -> None:
    result, said = made(motion_file, plate(), tmp_path / "out.####.exr")
    assert result.written == (1001, 1002, 1003) and not result.failed
    first, middle, last = (planes(tmp_path / f"out.{number}.exr") for number in (1001, 1002, 1003))
    assert (middle == [RIGHT, -DOWN, -RIGHT, DOWN]).all()
    assert (first == [RIGHT, -DOWN, 0, 0]).all()
    assert (last == [0, 0, -RIGHT, DOWN]).all()
    assert "There is no frame after frame 1003: forward is 0 there." in said
    assert "There is no frame before frame 1001: backward is 0 there." in said


@pytest.mark.usefixtures("shifts")
def test_frames_beyond_the_range_are_looked_at_too(motion_file: Path, plate: Plate, tmp_path: Path) -> None:
    result, said = made(motion_file, plate(), tmp_path / "out.####.exr", frames="1002")
    assert result.written == (1002,)
    assert (planes(tmp_path / "out.1002.exr") == [RIGHT, -DOWN, -RIGHT, DOWN]).all()
    assert not any("There is no frame" in each for each in said)


@pytest.mark.usefixtures("shifts")
def test_across_a_cut_there_is_no_motion_and_that_is_said(
    motion_file: Path, plate: Plate, tmp_path: Path
) -> None:
    _, said = made(motion_file, plate(4, cut=2), tmp_path / "out.####.exr")
    assert (planes(tmp_path / "out.1002.exr") == [0, 0, -RIGHT, DOWN]).all()
    assert (planes(tmp_path / "out.1003.exr") == [RIGHT, -DOWN, 0, 0]).all()
    assert "Another shot begins between frames 1002 and 1003: vectors across it are 0." in said


@pytest.mark.usefixtures("shifts")
def test_frames_that_are_there_are_kept_until_one_beside_them_changes(
    motion_file: Path, plate: Plate, tmp_path: Path
) -> None:
    pattern, output = plate(4), tmp_path / "out.####.exr"
    made(motion_file, pattern, output)
    again, _ = made(motion_file, pattern, output)
    assert again.written == () and again.kept == (1001, 1002, 1003, 1004)
    other = np.random.default_rng(9).random((40, 48, 3), np.float32)
    write_image(tmp_path / "plate.1004.exr", other, "half")
    again, _ = made(motion_file, pattern, output)
    assert again.written == (1003, 1004) and again.kept == (1001, 1002)


@pytest.mark.usefixtures("shifts")
def test_a_frame_that_cannot_be_read_fails_with_those_beside_it_and_no_others(
    motion_file: Path, plate: Plate, tmp_path: Path
) -> None:
    pattern = plate(5)
    (tmp_path / "plate.1005.exr").write_bytes(b"broken")
    result, _ = made(motion_file, pattern, tmp_path / "out.####.exr")
    assert result.written == (1001, 1002, 1003)
    assert [number for number, _ in result.failed] == [1004, 1005]


@pytest.mark.usefixtures("shifts")
def test_windows_and_header_stay_the_plates(motion_file: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        spec = oiio.ImageSpec(40, 30, 3, "half")
        spec.x, spec.y, spec.full_x, spec.full_y, spec.full_width, spec.full_height = -4, -2, 0, 0, 32, 26
        spec.attribute("compression", "dwaa:45")
        spec.attribute("PixelAspectRatio", 2.0)
        output = oiio.ImageOutput.create("plate.exr")
        assert output.open(str(tmp_path / f"wide.{number:04d}.exr"), spec)
        pixels = np.random.default_rng(0).random((30, 40, 3), np.float32)
        assert output.write_image(np.ascontiguousarray(np.roll(pixels, number, 1))) and output.close()
    made(motion_file, str(tmp_path / "wide.####.exr"), tmp_path / "out.####.exr")
    frame = read_image_file(tmp_path / "out.0001.exr")
    assert (frame.data_window.x, frame.data_window.width, frame.display_window.width) == (-4, 40, 32)
    assert frame.metadata["PixelAspectRatio"] == 2.0 and "dwa" not in str(frame.metadata["compression"])
    assert (frame.planes(CHANNELS, frame.data_window)[..., 0] == 1).all()


@pytest.mark.usefixtures("shifts")
def test_a_plate_of_8_bits_has_its_vectors_in_exr(motion_file: Path, plate: Plate, tmp_path: Path) -> None:
    result, said = made(motion_file, plate(suffix=".png"), tmp_path / "out.####.exr")
    assert result.written == (1001, 1002, 1003)
    assert (planes(tmp_path / "out.1002.exr") == [RIGHT, -DOWN, -RIGHT, DOWN]).all()
    assert any("display-referred" in each for each in said)


@pytest.mark.parametrize("output", ["out.####.png", "out.mov"])
def test_files_that_hold_no_vectors_are_refused_and_nothing_is_written(
    motion_file: Path, plate: Plate, tmp_path: Path, output: str
) -> None:
    pattern = plate()
    with pytest.raises(SettingError, match="cannot hold motion vectors"):
        made(motion_file, pattern, tmp_path / "new" / output)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"mix": 0.5},
        {"mask": "mask.exr"},
        {"stabilise": 1.0},
        {"scale": 2},
        {"region": "0,0,8,8"},
        {"despeckle": 3},
        {"update": True},
    ],
    ids=str,
)
def test_what_vectors_cannot_have_is_refused(
    motion_file: Path, plate: Plate, tmp_path: Path, settings: dict[str, Any]
) -> None:
    with pytest.raises(SettingError, match="as they are found") as caught:
        made(motion_file, plate(), tmp_path / "out.####.exr", **settings)
    (name,) = settings
    assert name in caught.value.where or caught.value.where == "the last touch"


def test_the_command_writes_them_and_ends_well(motion_file: Path, plate: Plate, tmp_path: Path) -> None:
    code = understudy_command(
        ["apply", str(motion_file), plate(2), str(tmp_path / "out.####.exr"), "--devices", "cpu"]
    )
    assert code == 0 and np.isfinite(planes(tmp_path / "out.1001.exr")).all()


# -- the network itself ----------------------------------------------------------------------------------


def test_frames_of_any_size_have_vectors_of_their_size(motion_file: Path) -> None:
    find = load_vectors(motion_file, CPU)
    for height, width in ((1, 1), (5, 40), (33, 64)):
        first, second = np.random.default_rng(0).random((2, height, width, 3), np.float32)
        found = find(first, second)
        assert found.shape == (height, width, 2) and np.isfinite(found).all()


def test_what_is_no_number_leaves_all_vectors_numbers(motion_file: Path) -> None:
    first, second = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    first[3, 4], second[8, 8] = np.nan, np.inf
    assert np.isfinite(load_vectors(motion_file, CPU)(first, second)).all()


def test_highlights_far_above_white_are_searched_too() -> None:
    wide = np.random.default_rng(0).random((70, 90, 3), np.float32)
    wide = np.repeat(np.repeat(wide[::5, ::5], 5, 0), 5, 1) * 3 + 1.5
    found = vectors.search(wide[4:68, 4:84], wide[2:66, 1:81])
    assert np.abs(np.median(found[10:-10, 10:-10, :2], (0, 1)) - [3, 2]).max() < 0.2


def test_large_frames_are_searched_smaller_and_their_vectors_are_of_their_own_pixels(
    motion_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "LONGEST", 32)
    finder = load_vectors(motion_file, CPU)
    first, second = np.random.default_rng(0).random((2, 48, 64, 3), np.float32)
    small = [frame.reshape(24, 2, 32, 2, 3).mean((1, 3)) for frame in (first, second)]
    assert np.abs(finder(first, second).mean((0, 1)) - 2 * finder(*small).mean((0, 1))).max() < 0.01


def test_frames_of_two_sizes_are_refused(motion_file: Path) -> None:
    with pytest.raises(SizeError):
        load_vectors(motion_file, CPU)(np.zeros((8, 8, 3), np.float32), np.zeros((8, 9, 3), np.float32))


def test_a_network_that_makes_pictures_finds_no_motion(zoo: Callable[..., Path]) -> None:
    with pytest.raises(ModelFileError, match="does not find motion"):
        load_vectors(zoo("denoise"), CPU)


def test_where_a_picture_is_wanted_it_is_refused_with_what_it_is_for(
    motion_file: Path, plate: Plate, tmp_path: Path
) -> None:
    with pytest.raises(ModelFileError, match="finds motion"):
        understudy.load(motion_file)
    export = ["export", str(motion_file), "--to", "onnx", "--output", str(tmp_path / "exported")]
    assert understudy_command(export) == 2
    assert not (tmp_path / "exported").exists()
    with pytest.raises(ModelFileError, match="finds motion"):
        understudy.train(
            input=plate(),
            ground_truth=plate(),
            data_directory=str(tmp_path / "runs"),
            initial_weights=str(motion_file),
            max_steps=1,
        )


def test_its_card_says_what_it_is(motion_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert understudy_command(["info", str(motion_file)]) == 0
    said = capsys.readouterr().out
    assert "where each pixel is in the next frame" in said and "forward.u" in said
    assert motion_network().stride == 8
