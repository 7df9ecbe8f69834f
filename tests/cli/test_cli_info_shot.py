"""understudy info on shots: how steady they are along the motion, and which networks made them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.cli.main import run
from understudy.frames import read_image_file, write_image_file

SIZE = (96, 64)


def texture() -> np.ndarray:
    random = np.random.default_rng(4)
    coarse = random.random((16, 32, 3)).astype(np.float32)
    return np.kron(coarse, np.ones((8, 8, 1), np.float32))


def write_shots(shot, folder: Path) -> tuple[str, str]:
    """A plate that moves by two pixels a frame, and a result of it whose light jumps on every other frame."""
    whole = texture()
    for index, number in enumerate(shot.numbers):
        pixels = whole[: SIZE[1], 2 * index : 2 * index + SIZE[0]]
        like = read_image_file(shot.plate_file(number))
        write_image_file(folder / "plate" / f"plate.{number}.png", like.with_planes("RGB", pixels))
        lit = np.clip(pixels + np.float32(0.08 * (index % 2)), 0, 1)
        made = {"model": "old" if index < 2 else "new"}
        write_image_file(folder / "out" / f"out.{number}.png", like.with_planes("RGB", lit), provenance=made)
    return str(folder / "out" / "out.####.png"), str(folder / "plate" / "plate.####.png")


def write_exr(file: Path, pixels: np.ndarray, channels: tuple[str, ...]) -> None:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], len(channels), "half")
    spec.channelnames = channels
    file.parent.mkdir(exist_ok=True)
    out = oiio.ImageOutput.create(str(file))
    assert out.open(str(file), spec) and out.write_image(pixels), out.geterror()
    out.close()


@pytest.fixture
def shots(make_shot, tmp_path) -> tuple[str, str]:
    for name in ("plate", "out"):
        (tmp_path / "moving" / name).mkdir(parents=True)
    return write_shots(make_shot(size=SIZE), tmp_path / "moving")


def told(capsys, *arguments: str) -> dict:
    assert run(["info", *arguments, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_result_that_flickers_is_told_from_its_plate(shots, capsys) -> None:
    result, plate = shots
    found = told(capsys, result, "--plate", plate, "--ground-truth", plate)
    change = found["Change along the motion"]
    assert float(change["Plate"]) < 3 and change["Plate"] == change["Ground truth"]
    assert float(change["Result"]) > float(change["Plate"]) + 8
    assert change["Motion of"] == "the ground truth" and change["Largest"].startswith("frame 1")
    assert run(["info", result, "--plate", plate]) == 0
    said = capsys.readouterr().out
    assert "Change along the motion" in said and "5/5" in said


def test_it_is_said_which_channels_were_measured_and_when_nothing_changes_more_than_the_plate(
    shots, capsys
) -> None:
    plate = shots[1]
    change = told(capsys, plate, "--plate", plate)["Change along the motion"]
    assert change["Of"] == "R, G, B"
    assert change["Largest"] == "no frame changes more than the plate"


def test_what_stands_beside_the_colours_is_named_and_can_be_measured(tmp_path, capsys) -> None:
    for number in (1, 2, 3):
        file = tmp_path / "out" / f"out.{number}.exr"
        colours = texture()[: SIZE[1], : SIZE[0]]
        flickering = colours[..., :1] * 0.8 + np.float32(0.1 * (number % 2))
        write_exr(file, np.concatenate([colours, flickering], axis=2), ("R", "G", "B", "hero.A"))
    change = told(capsys, str(tmp_path / "out"))["Change along the motion"]
    assert change["Of"] == "R, G, B (others, such as hero.A, by --channels)"
    matte = told(capsys, str(tmp_path / "out"), "--channels", "hero.A")["Change along the motion"]
    assert matte["Of"] == "hero.A" and float(matte["Result"]) > float(change["Result"]) + 8


def test_a_frame_says_in_words_how_it_was_made(shots, capsys) -> None:
    file = Path(shots[0].replace("####", "1003"))
    made = {"model": "new", "finishing": '{"motion_blur": "auto", "grow": 0.5}', "painted": "blended 0 e17f"}
    write_image_file(file, read_image_file(file), provenance=made)
    card = told(capsys, str(file))
    assert card["Finishing"] == "motion blur auto, grow 0.5"
    assert card["Painted"] == "beside painted frames, and made of them too"


def test_frames_of_several_networks_are_told_apart(shots, capsys) -> None:
    assert told(capsys, shots[0])["Networks"] == ["old: 1001-1002", "new: 1003-1005"]
    assert "Networks" not in told(capsys, str(Path(shots[1]).parent))


def test_a_frame_that_cannot_be_read_is_named_and_left_out(shots, capsys) -> None:
    Path(shots[0].replace("####", "1003")).write_bytes(b"no picture")
    found = told(capsys, *shots[:1], "--plate", shots[1])
    assert "Frame 1003 is left out" in found["Notes"][0]
    assert float(found["Change along the motion"]["Result"]) > 8


def test_shots_that_do_not_belong_together_are_refused(shots, make_shot, tmp_path, capsys) -> None:
    result, plate = shots
    other = make_shot(name="other", numbers=range(1, 4), size=SIZE)
    assert run(["info", result, "--plate", other.plate]) == 2
    assert "share no frame" in capsys.readouterr().err
    small = make_shot(name="small", size=(48, 32))
    assert run(["info", result, "--plate", small.plate]) == 2
    assert "another size" in capsys.readouterr().err
    assert run(["info", result, "--plate", plate, "--channels", "depth.Z"]) == 2
    shutil.rmtree(Path(plate).parent)
    assert run(["info", result, "--plate", plate]) == 2
    assert run(["info", str(tmp_path)]) == 2 and "or a shot" in capsys.readouterr().err
