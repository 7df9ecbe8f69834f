"""Networks of other programs that see the frames before and after: as inputs of their own, or stacked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from foreign_networks import onnx_of, script
from recurrent_networks import onnx_around
from test_export_import_state import CODES, picture, plate, read, write
from torch import Tensor, nn

import understudy
from understudy.cli.info import card_of
from understudy.errors import ModelFileError, UnderstudyError
from understudy.export.importing import import_network
from understudy.export.readings import try_readings
from understudy.inference.apply import apply
from understudy.settings import ApplySettings

pytest.importorskip("onnxruntime")

RGB = ("R", "G", "B")
TOLD = {
    "apart": "[frames]\nprevious = -1\nnext = 1\n",
    "channels": "frames = [-1, 0, 1]\n",
    "batch": "frames = [-1, 0, 1]\n",
    "time": "frames = [-1, 0, 1]\n",
}


def brought_in(file: Path, told: str) -> Path:
    settings = file.with_name(f"{file.stem}.told.toml")
    settings.write_text('colour = "srgb"\n' + told)
    return import_network(file, file.parent / "models", settings=settings).model


def applied(model: Path, shot: str, folder: Path, **more: object) -> Callable[[int], np.ndarray]:
    output = str(folder / "out.####.exr")
    result = apply(ApplySettings(model=str(model), plate=shot, output=output, devices="cpu", **more))
    assert not result.failed, result.failed
    return lambda number: read(folder / f"out.{number}.exr", RGB)


def mixed(before: np.ndarray, own: np.ndarray, after: np.ndarray) -> np.ndarray:
    return 0.2 * before + 0.6 * own + 0.2 * after


@pytest.mark.parametrize("stack", TOLD)
def test_apply_gives_a_network_the_frames_about_each_one(stack: str, tmp_path: Path) -> None:
    model = brought_in(onnx_around(tmp_path / "around.onnx", stack), TOLD[stack])
    found = applied(model, plate(tmp_path / "in", range(1001, 1006)), tmp_path / "out")
    frames = [picture(number) for number in range(1001, 1006)]
    for place, number in enumerate(range(1001, 1006)):  # at the ends the frame itself stands in
        expected = mixed(frames[max(0, place - 1)], frames[place], frames[min(4, place + 1)])
        assert np.abs(found(number) - expected).max() < CODES, number


def test_frames_beyond_the_range_that_is_asked_for_are_seen(tmp_path: Path) -> None:
    model = brought_in(onnx_around(tmp_path / "around.onnx", "time"), TOLD["time"])
    found = applied(model, plate(tmp_path / "in", range(1001, 1006)), tmp_path / "out", frames="1003")
    assert np.abs(found(1003) - mixed(picture(1002), picture(1003), picture(1004))).max() < CODES


def test_a_frame_beside_that_has_changed_makes_a_frame_again(tmp_path: Path) -> None:
    model = brought_in(onnx_around(tmp_path / "around.onnx", "apart"), TOLD["apart"])
    shot = plate(tmp_path / "in", range(1001, 1006))
    applied(model, shot, tmp_path / "out")
    write(tmp_path / "in" / "plate.1004.exr", picture(1004) * 0.5)
    output = str(tmp_path / "out" / "out.####.exr")
    result = apply(ApplySettings(model=str(model), plate=shot, output=output, devices="cpu"))
    assert result.written == (1003, 1004, 1005)


def test_tiles_of_a_network_that_sees_frames_about_make_the_whole_frame(tmp_path: Path) -> None:
    model = brought_in(onnx_around(tmp_path / "around.onnx", "channels"), "reach = 4\n" + TOLD["channels"])
    loaded = understudy.load(model, devices="cpu")
    own, before, after = picture(3), picture(2), picture(4)
    assert [image.offset for image in loaded.description.inputs] == [0, -1, 1]
    whole = loaded.infer(own, beside=[before, after], tile_size="none")
    assert np.abs(whole - mixed(before, own, after)).max() < 1e-5
    assert np.abs(loaded.infer(own, beside=[before, after], tile_size=24) - whole).max() < 1e-5


def test_info_says_which_frames_go_in(tmp_path: Path) -> None:
    apart = brought_in(onnx_around(tmp_path / "apart.onnx", "apart"), TOLD["apart"])
    assert card_of(apart)["Inputs"] == [
        "plate: 3 channels",
        "previous: 3 channels, the frame at -1",
        "next: 3 channels, the frame at +1",
    ]
    clip = brought_in(onnx_around(tmp_path / "clip.onnx", "time"), TOLD["time"])
    assert card_of(clip)["Inputs"][1] == "plate_before_1: 3 channels, the frame at -1"


def test_import_says_that_an_input_may_be_a_frame_before_or_after(tmp_path: Path) -> None:
    found = import_network(onnx_around(tmp_path / "apart.onnx", "apart"), tmp_path / "models").found
    assert any("[frames] next = -1, or 1" in sentence for sentence in found)


@pytest.mark.parametrize(
    ("stack", "told", "words"),
    [
        ("time", "frames = [-2, -1, 0, 1, 2]\n", "3 frames"),
        ("batch", 'frames = [0, 1]\nstack = "batch"\n', "3 frames"),
        ("time", "", r"frames = \[-1, 0, 1\]"),
        ("channels", "frames = [-1, 0]\n", "share 9 channels"),
        ("channels", 'frames = [-1, 0, 1]\nstack = "time"\n', "five dimensions"),
        ("apart", "[frames]\nbefore = -1\n", "previous, current, next"),
        ("channels", "frames = [-40, 0]\n", "frames"),
    ],
)
def test_frames_that_a_network_does_not_take_are_refused_in_words(
    stack: str, told: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelFileError, match=words):
        brought_in(onnx_around(tmp_path / "around.onnx", stack), told)


def test_readings_of_a_network_that_sees_frames_about_are_of_a_shot_that_stands_still(tmp_path: Path) -> None:
    told = tmp_path / "told.toml"
    told.write_text(TOLD["time"])
    still = write(tmp_path / "still.exr", picture(1))
    made = try_readings(onnx_around(tmp_path / "around.onnx", "time"), still, tmp_path / "sheet.png", told)
    assert all(each.picture is not None for each in made.all)
    assert made.all[made.likely].score > -0.01, "it gives what it was given"


class Middle(nn.Module):
    """What lies between two frames."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return (a + b) * 0.5


class Clip(nn.Module):
    """The brightest of five frames (1, 3, 5, H, W), each of them."""

    def forward(self, clip: Tensor) -> Tensor:
        return clip + torch.amax(clip, 2, keepdim=True)


def test_a_frame_is_made_of_those_before_and_after_it_alone(tmp_path: Path) -> None:
    model = brought_in(script(Middle(), tmp_path / "middle.pt"), "[frames]\na = -1\nb = 1\n")
    found = applied(model, plate(tmp_path / "in", range(1001, 1004)), tmp_path / "out")
    assert np.abs(found(1002) - (picture(1001) + picture(1003)) / 2).max() < CODES


def test_an_answer_for_each_frame_gives_that_of_the_frame_itself(tmp_path: Path) -> None:
    told = 'frames = [-2, -1, 0, 1, 2]\nstack = "depth"\n[[inputs]]\nname = "clip"\n'
    model = brought_in(script(Clip(), tmp_path / "clip.pt"), told)
    found = applied(model, plate(tmp_path / "in", range(1001, 1006)), tmp_path / "out")
    frames = [picture(number) for number in range(1001, 1006)]
    assert np.abs(found(1003) - frames[2] - np.max(frames, axis=0)).max() < CODES


def test_frames_about_go_with_state(tmp_path: Path) -> None:
    """The state adds up what the frames before were, each with a half of the one after it."""
    one = (1, 3, "h", "w")
    nodes = [
        ("Mul", ["next", "half"], ["ahead"], {}),
        ("Add", ["frame", "ahead"], ["seen"], {}),
        ("Add", ["seen", "h_in"], ["h_out"], {}),
        ("Identity", ["h_out"], ["out"], {}),
    ]
    given = {"frame": ("float", one), "next": ("float", one), "h_in": ("float", (1, 3, "a", "b"))}
    made = {"out": ("float", one), "h_out": ("float", (1, 3, "a", "b"))}
    constants = {"half": np.float32(0.5).reshape(())}
    file = onnx_of(tmp_path / "both.onnx", nodes, given, made, constants)
    found = applied(
        brought_in(file, "[frames]\nnext = 1\n"), plate(tmp_path / "in", range(1001, 1004)), tmp_path / "out"
    )
    a, b, c = (picture(number) for number in (1001, 1002, 1003))
    assert np.abs(found(1003) - (a + 0.5 * b + b + 0.5 * c + c + 0.5 * c)).max() < CODES


def test_several_frames_in_one_input_are_refused_of_files_that_do_not_say_how(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    import openvino

    x = openvino.opset13.parameter([1, 9, -1, -1], np.float32, "clip")
    graph = openvino.Model([openvino.opset13.relu(x)], [x], "clip")
    openvino.save_model(graph, tmp_path / "clip.xml", compress_to_fp16=False)
    with pytest.raises(UnderstudyError, match="ONNX and TorchScript"):
        brought_in(tmp_path / "clip.xml", "frames = [-1, 0, 1]\n")
