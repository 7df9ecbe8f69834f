"""The last touch through apply: in the result alone, in a box as in the whole frame, known and taken over."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.cli.main import run
from understudy.errors import SettingError
from understudy.finishing import finish_matte
from understudy.frames import Window, open_shot, read_provenance
from understudy.inference.apply import apply
from understudy.inference.like import how_made
from understudy.settings import ApplySettings, FinishingSettings

sys.path.insert(0, str(Path(__file__).parent))
from test_inference_region import HEIGHT, REGIONS, ROUNDING, WIDTH, Shot, inside, moved

MATTE = {"kind": "matte"}
ENGINE: dict[str, Any] = {"devices": "cpu", "engine": "torch", "precision": "float32"}
ASKED: dict[str, Any] = {"clip_black": 0.4, "clip_white": 0.6, "grow": 0.5, "soften": 1.5, "invert": True}


def test_a_matte_is_finished_as_asked_and_the_frame_says_so(tmp_path: Path) -> None:
    shot = Shot(tmp_path, **MATTE)
    plain = shot.made()
    found = shot.made(**ASKED)
    assert np.array_equal(found[..., 0], finish_matte(plain[..., 0].copy(), FinishingSettings(**ASKED)))
    assert json.loads(read_provenance(shot.output)["finishing"]) == ASKED
    assert shot.run(**ASKED).kept == (1001,)
    for other in ({}, {**ASKED, "grow": 0.6}):
        with pytest.raises(SettingError, match="other settings"):
            shot.run(**other)


@pytest.mark.parametrize("region", [REGIONS["inside"], REGIONS["last corner"]], ids=["inside", "corner"])
@pytest.mark.parametrize("asked", [ASKED, {"despeckle": 30, "edge": 2.5}], ids=["edge moved", "despeckled"])
def test_a_region_of_a_finished_matte_is_that_of_the_whole_frame(
    tmp_path: Path, asked: dict[str, Any], region: Window
) -> None:
    shot, place = Shot(tmp_path, **MATTE), inside(region)
    whole = shot.made(**asked)
    for box in ({"region": moved(region)}, {"mask": shot.mask(region)}):
        part = shot.made(**asked, **box)
        # Clipping to a fifth of the range makes five of each rounding.
        assert np.abs(part[place] - whole[place]).max() <= 6 * ROUNDING
        part[place] = 0
        assert not part.any()


def test_a_premultiplied_matte_comes_with_the_plates_colours_in_it_and_with_nothing_around(
    tmp_path: Path,
) -> None:
    shot, region = Shot(tmp_path, **MATTE), REGIONS["inside"]
    matte = shot.made(clip_black=0.45)
    shot.run(overwrite=True, clip_black=0.45, premultiply=True, region=moved(region))
    frame = open_shot(str(shot.output)).read(1001)
    assert set(frame.channels) == {"R", "G", "B", "A"}
    found, place = frame.planes(("R", "G", "B", "A"), frame.data_window), inside(region)
    wanted = np.concatenate([shot.pixels * matte, matte], axis=-1)
    assert np.abs(found[place] - wanted[place]).max() <= 5 * ROUNDING
    found[place] = 0
    assert not found.any()


@pytest.mark.parametrize("name", ["made.1001.png", "made.mov", "made.1001.jpg"])
def test_premultiplied_colours_are_refused_where_the_files_hold_none(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shot = Shot(tmp_path, **MATTE)
    plate, output = str(tmp_path / "plate.1001.exr"), str(tmp_path / "out" / name)
    assert run(["apply", str(shot.model), plate, output, "--premultiply"]) == 2
    assert "cannot hold" in capsys.readouterr().err and not (tmp_path / "out" / name).exists()


@pytest.mark.parametrize(
    ("how", "asked", "flag"),
    [
        ({}, {"grow": -1.0}, "--grow"),
        ({}, {"premultiply": True}, "--premultiply"),
        (MATTE, {"grain": "match"}, "--grain"),
        (MATTE, {"clip_black": 0.6, "clip_white": 0.6}, "--clip-black"),
    ],
    ids=str,
)
def test_a_last_touch_that_is_none_for_the_network_is_refused(
    tmp_path: Path, how: dict[str, Any], asked: dict[str, Any], flag: str
) -> None:
    with pytest.raises(SettingError) as caught:
        Shot(tmp_path, **how).run(**asked)
    assert flag in caught.value.where


def test_another_shot_is_made_like_a_result_except_for_what_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shot = Shot(tmp_path, **MATTE)
    shot.run(**ASKED, mix=0.5, mask=shot.mask(REGIONS["a strip"]))
    output = tmp_path / "second" / "made.1001.exr"
    plate = str(tmp_path / "plate.1001.exr")
    arguments = ["apply", str(shot.model), plate, str(output), "--like", str(shot.output), "--grow", "-2"]
    assert run(arguments) == 0
    made = read_provenance(output)
    assert json.loads(made["finishing"]) == {**ASKED, "grow": -2.0}
    assert made["mix"] == "0.5" and "mask" not in made
    said = " ".join("".join(capsys.readouterr()).split())
    assert "clip black 0.4" in said and "--mask" in said


def test_frames_made_otherwise_are_refused_with_what_differs_and_a_way_out(tmp_path: Path) -> None:
    shot = Shot(tmp_path, **MATTE)
    shot.run(mix=0.5, invert=True)
    with pytest.raises(SettingError) as caught:
        shot.run(update=True)
    assert "mix 0.5 (now 1)" in caught.value.found and "last touch" in caught.value.found
    assert f"--like {shot.output}" in caught.value.remedy and "--update" not in caught.value.remedy
    assert shot.run(like=str(shot.output), update=True).kept == (1001,)


def test_what_is_not_taken_over_from_a_result_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Shot(tmp_path, **MATTE)
    made = {"model": "m", "mask": "hold.png", "confidence": "yes"}
    monkeypatch.setattr("understudy.inference.like.read_provenance", lambda path: made)
    settings, notes = how_made(str(tmp_path / "plate.1001.exr"))
    assert settings == {}
    assert any("--mask hold.png, which is not taken over" in note for note in notes)
    assert any("--confidence, which is not taken over" in note for note in notes)


@pytest.mark.parametrize("said", [None, "not JSON", '{"grow": 900}', '{"model": "x"}'])
def test_a_result_that_does_not_say_how_it_was_made_is_nothing_to_be_like(
    tmp_path: Path, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shot = Shot(tmp_path, **MATTE)
    made = {} if said is None else {"model": "m", "finishing": said}
    monkeypatch.setattr("understudy.inference.like.read_provenance", lambda path: made)
    with pytest.raises(SettingError) as caught:
        shot.run(like=str(tmp_path / "plate.1001.exr"))
    assert "--like" in caught.value.where and not shot.output.exists()


def test_grain_in_a_region_is_measured_in_the_whole_frame(tmp_path: Path) -> None:
    shot, region = Shot(tmp_path), REGIONS["inside"]
    noise = np.random.default_rng(1).standard_normal((HEIGHT, WIDTH, 3), np.float32)
    shot.pixels = (0.4 + 0.02 * noise).astype(np.float32)
    shot.write("plate.1001.exr", shot.pixels, ("R", "G", "B"))
    whole = shot.made(grain="match")
    part, place = shot.made(grain="match", region=moved(region)), inside(region)
    assert np.abs(part[place] - whole[place]).max() <= ROUNDING
    part[place] = shot.pixels[place]
    assert np.array_equal(part, shot.pixels)


# -- motion blur -------------------------------------------------------------------------------------------


def moving_shot(tmp_path: Path, shutter: float) -> tuple[Path, str]:
    """A network that takes what is bright for the subject, and the plate of a disc that flies."""
    onnx = pytest.importorskip("onnx")
    sys.path.insert(0, str(Path(__file__).parent.parent / "finishing"))
    from made_motion import frame

    for number in range(1001, 1006):
        plate = np.repeat(frame(number - 1003, (16.0, 5.0), shutter)[1][..., None], 3, axis=2)
        spec = oiio.ImageSpec(plate.shape[1], plate.shape[0], 3, "float")
        output = oiio.ImageOutput.create(str(tmp_path / f"fly.{number}.exr"))
        assert output.open(str(tmp_path / f"fly.{number}.exr"), spec)
        assert output.write_image(np.ascontiguousarray(plate)) and output.close()
    make, tensor, helper = onnx.helper.make_node, onnx.numpy_helper.from_array, onnx.helper
    values = {"w": np.float32([12, 0, 0]).reshape(1, 3, 1, 1), "b": np.float32([-4.5])}
    values |= {"low": np.float32(0), "high": np.float32(1)}
    graph = helper.make_graph(
        [make("Conv", ["plate", "w", "b"], ["key"]), make("Clip", ["key", "low", "high"], ["matte"])],
        "key",
        [helper.make_tensor_value_info("plate", 1, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info("matte", 1, [1, 1, "h", "w"])],
        [tensor(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(tmp_path / "key.onnx"))
    side = 'matte = true\n[[inputs]]\nname = "plate"\n[[outputs]]\nname = "matte"\nchannels = 1\n'
    (tmp_path / "key.toml").write_text(side)
    return tmp_path / "key.onnx", str(tmp_path / "fly.####.exr")


def made(model: Path, plate: str, output: Path, **asked: Any) -> dict[int, np.ndarray]:
    apply(ApplySettings(model=str(model), plate=plate, output=str(output), **ENGINE, **asked))
    with open_shot(str(output)) as shot:
        return {
            number: shot.read(number).planes(shot.read(number).channels)[..., 0] for number in shot.numbers
        }


def test_a_motion_blur_is_told_by_the_frames_about_each_and_the_same_frame_by_frame(tmp_path: Path) -> None:
    model, plate = moving_shot(tmp_path, 0.5)
    sharp = {"clip_black": 0.45, "clip_white": 0.5}
    plain = made(model, plate, tmp_path / "plain.####.exr", **sharp)
    blurred = made(model, plate, tmp_path / "blurred.####.exr", **sharp, motion_blur=0.5)
    assert list(blurred) == [1001, 1002, 1003, 1004, 1005]
    for number in blurred:
        assert np.abs(blurred[number] - plain[number]).max() > 0.1
    alone = made(model, plate, tmp_path / "alone.####.exr", **sharp, motion_blur=0.5, frames="1003")
    assert np.array_equal(alone[1003], blurred[1003])
    boxed = made(
        model,
        plate,
        tmp_path / "boxed.####.exr",
        **sharp,
        motion_blur=0.5,
        frames="1003",
        region="150,60,90,90",
    )
    assert np.abs(boxed[1003][60:150, 150:240] - blurred[1003][60:150, 150:240]).max() < 1e-4
    said = read_provenance(tmp_path / "blurred.1003.exr")
    assert json.loads(said["finishing"])["motion_blur"] == 0.5 and "beside_content" in said


def test_the_shutter_is_measured_in_the_whole_plate_and_said(tmp_path: Path) -> None:
    model, plate = moving_shot(tmp_path, 0.5)
    notes: list[str] = []

    def report(event: Any) -> None:
        notes.extend(getattr(event, "notes", ()))

    output = tmp_path / "out.####.exr"
    settings = ApplySettings(
        model=str(model), plate=plate, output=str(output), frames="1003", motion_blur="auto", **ENGINE
    )
    apply(settings, report)
    said = next(note for note in notes if "Motion blur" in note)
    found = float(said.split("open for ")[1].split()[0])
    assert abs(found - 0.5) <= 0.15
    # What stands tells nothing, and its matte stays as it is.
    still = str(tmp_path / "fly.1003.exr")
    settings = ApplySettings(
        model=str(model), plate=still, output=str(tmp_path / "still.exr"), motion_blur="auto", **ENGINE
    )
    apply(settings, report)
    assert "too little of the plate moves" in notes[-1] or any("too little" in note for note in notes)


def test_a_changed_neighbour_makes_a_motion_blurred_frame_again(tmp_path: Path) -> None:
    model, plate = moving_shot(tmp_path, 0.5)
    settings = ApplySettings(
        model=str(model),
        plate=plate,
        output=str(tmp_path / "out.####.exr"),
        frames="1003",
        motion_blur=0.5,
        **ENGINE,
    )
    apply(settings)
    assert apply(settings).kept == (1003,)
    (tmp_path / "fly.1001.exr").replace(tmp_path / "fly.1004.exr")
    assert apply(settings).written == (1003,)
