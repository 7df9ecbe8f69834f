"""Networks of other programs that carry state from frame to frame: brought in, applied, called."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from foreign_networks import onnx_of
from recurrent_networks import RATIO, ScriptMatting, matting_loop, onnx_matting, onnx_quarter, script_matting

import understudy
from understudy.cli.info import card_of
from understudy.cli.main import run
from understudy.errors import DeviceError, ModelFileError, SettingError, UnderstudyError
from understudy.export.importing import import_network
from understudy.export.readings import try_readings
from understudy.frames import read_image_file
from understudy.inference.apply import apply
from understudy.inference.events import ApplyMessage, ApplyPlanned
from understudy.inference.results import ApplyResult
from understudy.models.sidecar import read_sidecar
from understudy.settings import ApplySettings

pytest.importorskip("onnxruntime")

CODES = 2 / 255
TOLD = """colour = "srgb"
output = ["fgr", "pha"]

[constants]
downsample_ratio = 0.5
"""
RGBA = ("R", "G", "B", "A")


def picture(number: int, seed: int = 0, size: tuple[int, int] = (96, 64)) -> np.ndarray:
    """A frame (H, W, 3) of something that moves two pixels a frame."""
    noise = np.random.default_rng(seed).random((160, 400, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.2)
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    left = 2 * (number % 100)
    return np.ascontiguousarray(smooth[: size[1], left : left + size[0]])


def write(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    output = oiio.ImageOutput.create(str(path))
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], "float")
    assert output.open(str(path), spec) and output.write_image(pixels) and output.close(), output.geterror()
    return path


def plate(folder: Path, numbers: Iterable[int], cut: int = 10_000) -> str:
    """A shot of EXR files, another one from ``cut`` on."""
    for number in numbers:
        write(folder / f"plate.{number}.exr", picture(number, seed=int(number >= cut)))
    return str(folder / "plate.####.exr")


def read(path: Path, names: tuple[str, ...] = RGBA) -> np.ndarray:
    return read_image_file(path).planes(names)


@pytest.fixture
def matting(tmp_path: Path) -> Path:
    """An imported stand-in for Robust Video Matting."""
    settings = tmp_path / "told.toml"
    settings.write_text(TOLD)
    return import_network(onnx_matting(tmp_path / "rvm.onnx"), tmp_path / "models", settings=settings).model


Applied = tuple[ApplyResult, list[str], Callable[[int], np.ndarray]]


@pytest.fixture
def applied(matting: Path, tmp_path: Path) -> Callable[..., Applied]:
    """``applied(plate, **settings)``: the result, all sentences, and what reads a frame that was made."""

    def make(shot: str, folder: str = "out", model: Path = matting, **more: object) -> Applied:
        said: list[str] = []

        def report(event: object) -> None:
            if isinstance(event, ApplyMessage):
                said.append(event.text)
            if isinstance(event, ApplyPlanned):
                said.extend(event.notes)

        output = tmp_path / folder / "out.####.exr"
        settings = ApplySettings(model=str(model), plate=shot, output=str(output), devices="cpu", **more)
        result = apply(settings, report)
        return result, said, lambda number: read(tmp_path / folder / f"out.{number}.exr")

    return make


def wanted(model: Path, numbers: Iterable[int], seed: int = 0) -> dict[int, np.ndarray]:
    """What a plain loop over the frames makes, as RGBA."""
    numbers = tuple(numbers)
    made = matting_loop(model, [picture(number, seed) for number in numbers])
    return {n: np.concatenate(each, axis=2) for n, each in zip(numbers, made, strict=True)}


def assert_like(found: Callable[[int], np.ndarray], expected: dict[int, np.ndarray]) -> None:
    for number, each in expected.items():
        assert np.abs(found(number) - each).max() < CODES, number


def test_import_pairs_states_by_their_names_and_says_so(matting: Path, tmp_path: Path) -> None:
    side = read_sidecar(matting.with_suffix(".toml"))
    assert side.state_pairs == {f"r{number}i": f"r{number}o" for number in range(1, 5)}
    assert side.constants == {"downsample_ratio": RATIO}
    made = import_network(tmp_path / "rvm.onnx", tmp_path / "again")
    assert any("r1o into r1i" in sentence and "empty [state]" in sentence for sentence in made.found)
    card = card_of(matting)
    assert card["State"][0] == "r1o goes into r1i with the next frame"
    assert (card["Lead-in"], card["Given"]) == ("10 frames", ["downsample_ratio = 0.5"])


def test_an_empty_table_says_that_there_is_no_state(tmp_path: Path) -> None:
    settings = tmp_path / "told.toml"
    settings.write_text("[state]\n")
    with pytest.raises(ModelFileError):  # four states would then be pictures, which do not fit
        import_network(onnx_matting(tmp_path / "rvm.onnx"), tmp_path / "models", settings=settings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[state]\nr9i = "r1o"\n', "r9i"),
        ('[state]\nr1i = "r9o"\n', "r9o"),
        ("[constants]\nratio = 0.5\n", "downsample_ratio"),
        ("[constants]\ndownsample_ratio = [1, 2, 3]\n", "downsample_ratio"),
        ('fit = "tile"\nsize = [64, 64]\n[state]\nr1i = "r1o"\n', "whole frames"),
        ('[state]\nr1i = "r1o"\n[initial]\nr2i = 0.0\n', r"\[initial\]"),
        ('output = ["fgr", "nothing"]\n', "nothing"),
        ('output = ["fgr", "pha"]\nchannels = ["R", "G"]\n', "4 names|r1i"),
    ],
)
def test_a_toml_that_does_not_fit_is_refused_in_words(text: str, words: str, tmp_path: Path) -> None:
    settings = tmp_path / "told.toml"
    settings.write_text(text)
    with pytest.raises(UnderstudyError, match=words):
        made = import_network(onnx_matting(tmp_path / "rvm.onnx"), tmp_path / "models", settings=settings)
        understudy.load(made.model, devices="cpu")


def test_a_matting_network_is_known_by_its_names_and_needs_no_toml(applied: Callable, tmp_path: Path) -> None:
    file = onnx_matting(tmp_path / "plain.onnx")
    made = import_network(file, tmp_path / "models")
    assert "Robust Video Matting" in made.found[0] and "0.25" in made.found[0]
    numbers = range(1001, 1004)
    applied(plate(tmp_path / "in", numbers), model=made.model)
    frame = read_image_file(tmp_path / "out" / "out.1003.exr")
    expected = matting_loop(file, [picture(number) for number in numbers], ratio=0.25)[-1][1]
    assert np.abs(frame.planes(frame.channels) - expected).max() < CODES


def test_which_of_several_outputs_is_taken_is_said(tmp_path: Path) -> None:
    nodes = [("Identity", ["x"], ["small"], {}), ("Identity", ["x"], ["large"], {})]
    one = ("float", (1, 3, "h", "w"))
    file = onnx_of(tmp_path / "two.onnx", nodes, {"x": one}, {"small": one, "large": one})
    said = import_network(file, tmp_path / "models").found
    assert any("outputs small, large the first is taken" in sentence for sentence in said)


def told_in_the_documents(heading: str) -> str:
    """The TOML below a heading of docs/networks.md."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    lines = text.partition(f"### {heading}\n")[2].splitlines()
    block = [line[4:] for line in lines[: next(i for i, line in enumerate(lines) if line.startswith("##"))]
             if line.startswith("    ")]  # fmt: skip
    return "\n".join(block)


def test_the_toml_that_is_documented_makes_the_matte(applied: Callable, tmp_path: Path) -> None:
    settings = tmp_path / "documented.toml"
    settings.write_text(told_in_the_documents("Robust Video Matting"))
    file = onnx_matting(tmp_path / "documented.onnx")
    model = import_network(file, tmp_path / "models", settings=settings).model
    numbers = range(1001, 1004)
    applied(plate(tmp_path / "in", numbers), model=model)
    frame = read_image_file(tmp_path / "out" / "out.1003.exr")
    expected = matting_loop(file, [picture(number) for number in numbers], ratio=0.25)[-1][1]
    assert np.abs(frame.planes(frame.channels) - expected).max() < CODES


def test_apply_makes_what_a_plain_loop_makes(matting: Path, applied: Callable, tmp_path: Path) -> None:
    numbers = range(1001, 1009)
    result, _, found = applied(plate(tmp_path / "in", numbers))
    assert result.written == tuple(numbers)
    expected = wanted(matting, numbers)
    assert_like(found, expected)
    alone = wanted(matting, [1008])[1008]
    assert np.abs(expected[1008] - alone).max() > 4 * CODES, "the state shows"


def test_a_torchscript_network_carries_state_too(applied: Callable, tmp_path: Path) -> None:
    settings = tmp_path / "script.toml"
    settings.write_text('colour = "srgb"\noutput = 2\n[constants]\ndownsample_ratio = 0.5\n')
    made = import_network(script_matting(tmp_path / "rvm.pt"), tmp_path / "models", settings=settings)
    assert any("3 into r1" in sentence for sentence in made.found)
    numbers = range(1001, 1006)
    shot = plate(tmp_path / "in", numbers)
    applied(shot, model=made.model)
    network, state = ScriptMatting(), [None] * 4
    for number in numbers:
        src = torch.from_numpy(picture(number).transpose(2, 0, 1)[None].copy())
        _, pha, *state = network(src, *state, downsample_ratio=0.5)
        frame = read_image_file(tmp_path / "out" / f"out.{number}.exr")
        assert np.abs(frame.planes(frame.channels)[..., 0] - pha[0, 0].numpy()).max() < CODES


def test_straight_colours_are_multiplied_by_the_alpha_beside_them(matting: Path, tmp_path: Path) -> None:
    toml = matting.with_suffix(".toml")
    toml.write_text("straight = true\n" + toml.read_text())
    fgr, pha = matting_loop(matting, [picture(1)])[0]
    made = understudy.load(matting, devices="cpu").infer(picture(1))
    assert np.abs(made - np.concatenate([fgr * pha, pha], 2)).max() < CODES


def test_outputs_have_the_names_that_the_toml_gives_them(
    matting: Path, applied: Callable, tmp_path: Path
) -> None:
    toml = matting.with_suffix(".toml")
    toml.write_text('channels = ["fgr.R", "fgr.G", "fgr.B", "A"]\n' + toml.read_text())
    applied(plate(tmp_path / "in", [1001]))
    frame = read_image_file(tmp_path / "out" / "out.1001.exr")
    fgr, pha = matting_loop(matting, [picture(1001)])[0]
    assert (
        np.abs(frame.planes(("fgr.R", "fgr.G", "fgr.B", "A")) - np.concatenate([fgr, pha], 2)).max() < CODES
    )
    assert np.array_equal(frame.planes(("R", "G", "B")), picture(1001)), "the plate's own stay"


def test_the_state_begins_anew_at_a_cut_and_that_is_said(
    matting: Path, applied: Callable, tmp_path: Path
) -> None:
    _, said, found = applied(plate(tmp_path / "in", range(1001, 1009), cut=1005))
    assert_like(found, wanted(matting, range(1001, 1005)) | wanted(matting, range(1005, 1009), seed=1))
    assert any("Another shot begins at frame 1005" in sentence for sentence in said)


def test_the_state_begins_anew_where_numbers_are_missing(
    matting: Path, applied: Callable, tmp_path: Path
) -> None:
    numbers = [1001, 1002, 1003, 1007, 1008]
    _, _, found = applied(plate(tmp_path / "in", numbers))
    assert_like(found, wanted(matting, numbers[:3]) | wanted(matting, numbers[3:]))


def test_every_second_number_is_no_gap(matting: Path, applied: Callable, tmp_path: Path) -> None:
    numbers = [1001, 1003, 1005, 1009, 1011]
    _, _, found = applied(plate(tmp_path / "in", numbers))
    assert_like(found, wanted(matting, numbers[:3]) | wanted(matting, numbers[3:]))


def test_a_range_in_the_middle_has_a_lead_in_that_is_not_written(
    matting: Path, applied: Callable, tmp_path: Path
) -> None:
    toml = matting.with_suffix(".toml")
    toml.write_text(toml.read_text().replace("[state]", "[state]\nlead_in = 3"))
    shot = plate(tmp_path / "in", range(1001, 1013))
    result, said, found = applied(shot, frames="1009-1010")
    assert result.written == (1009, 1010)
    assert sorted(os.listdir(tmp_path / "out")) == ["out.1009.exr", "out.1010.exr"]
    assert any("1006-1008" in sentence and "lead_in = 3" in sentence for sentence in said)
    expected = wanted(matting, range(1006, 1011))
    assert_like(found, {number: expected[number] for number in (1009, 1010)})


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {path.name: read(path).tobytes() for path in sorted(folder.glob("*.exr"))}


def test_the_same_frames_come_out_whichever_are_there_already(applied: Callable, tmp_path: Path) -> None:
    shot = plate(tmp_path / "in", range(1001, 1011))
    applied(shot)
    whole = bytes_in(tmp_path / "out")
    for number in (1004, 1005, 1009):
        (tmp_path / "out" / f"out.{number}.exr").unlink()
    result, said, _ = applied(shot)
    assert result.written == (1004, 1005, 1009) and len(result.kept) == 7
    assert bytes_in(tmp_path / "out") == whole
    assert any("1001-1003,1006-1008" in sentence and "there already" in sentence for sentence in said), said


def test_work_that_is_stopped_and_goes_on_makes_the_same_frames(
    applied: Callable, matting: Path, tmp_path: Path
) -> None:
    shot = plate(tmp_path / "in", range(1001, 1011))
    applied(shot)
    whole = bytes_in(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")

    class AfterThree:
        asked = 0

        def __bool__(self) -> bool:
            self.asked += 1
            return self.asked > 3

    output = str(tmp_path / "out" / "out.####.exr")
    settings = ApplySettings(model=str(matting), plate=shot, output=output, devices="cpu")
    stopped = apply(settings, stop=AfterThree())
    assert stopped.stopped and 0 < len(stopped.written) < 10
    applied(shot)
    assert bytes_in(tmp_path / "out") == whole


def test_a_frame_that_has_changed_changes_those_that_follow_on_it(
    matting: Path, applied: Callable, tmp_path: Path
) -> None:
    shot = plate(tmp_path / "in", range(1001, 1007))
    applied(shot)
    write(tmp_path / "in" / "plate.1004.exr", picture(1004) * 0.5)
    result, _, found = applied(shot)
    assert result.kept == (1001, 1002, 1003) and result.written == (1004, 1005, 1006)
    assert ("the frames before it, whose state goes into it",) in result.again
    frames = [picture(number) * (0.5 if number == 1004 else 1.0) for number in range(1001, 1007)]
    assert np.abs(found(1006) - np.concatenate(matting_loop(matting, frames)[-1], 2)).max() < CODES


def test_frames_that_had_a_shorter_lead_in_are_made_again_by_the_whole_shot(
    matting: Path, applied: Callable, tmp_path: Path
) -> None:
    toml = matting.with_suffix(".toml")
    toml.write_text(toml.read_text().replace("[state]", "[state]\nlead_in = 2"))
    shot = plate(tmp_path / "in", range(1001, 1011))
    applied(shot, frames="1006-1007")
    result, _, found = applied(shot)
    assert not result.kept
    assert_like(found, wanted(matting, range(1001, 1011)))
    assert applied(shot, frames="1006-1007")[0].kept == (1006, 1007), "those of a longer one stay"


def test_update_compares_what_another_version_of_the_network_makes(
    matting: Path, applied: Callable, tmp_path: Path
) -> None:
    shot = plate(tmp_path / "in", range(1001, 1006))
    applied(shot)
    toml = matting.with_suffix(".toml")
    toml.write_text("# changed\n" + toml.read_text())
    assert applied(shot, update=True)[0].same == tuple(range(1001, 1006))


def test_after_a_frame_that_cannot_be_read_the_state_begins_anew(
    matting: Path, applied: Callable, tmp_path: Path
) -> None:
    shot = plate(tmp_path / "in", range(1001, 1008))
    (tmp_path / "in" / "plate.1004.exr").write_bytes(b"no picture")
    result, _, found = applied(shot)
    assert [number for number, _ in result.failed] == [1004]
    assert_like(found, wanted(matting, range(1001, 1004)) | wanted(matting, range(1005, 1008)))
    again = applied(shot)[0]
    assert len(again.kept) == 6 and [number for number, _ in again.failed] == [1004]


def test_averaging_along_the_motion_goes_with_state(applied: Callable, tmp_path: Path) -> None:
    shot = plate(tmp_path / "in", range(1001, 1009))
    applied(shot, stabilise=1.0)
    whole = bytes_in(tmp_path / "out")
    (tmp_path / "out" / "out.1005.exr").unlink()
    applied(shot, stabilise=1.0)
    assert bytes_in(tmp_path / "out") == whole
    applied(shot, "part", stabilise=1.0, frames="1005")
    applied(shot, "plain")
    assert bytes_in(tmp_path / "part")["out.1005.exr"] == whole["out.1005.exr"]
    assert bytes_in(tmp_path / "plain") != whole


def test_a_mask_a_mix_and_a_region_show_the_same_result(applied: Callable, tmp_path: Path) -> None:
    shot = plate(tmp_path / "in", range(1001, 1005))
    _, _, whole = applied(shot)
    _, _, part = applied(shot, "part", region="10,8,40,30")
    assert np.array_equal(part(1004)[8:38, 10:50], whole(1004)[8:38, 10:50])
    assert np.array_equal(part(1004)[:8, :, :3], picture(1004)[:8])


def test_overscan_stays_and_the_state_is_of_the_display_window(
    matting: Path, applied: Callable, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for index, number in enumerate((1001, 1002, 1003)):
        wide = index * 4
        spec = oiio.ImageSpec(96 + 2 * wide, 64, 3, "float")
        spec.x, spec.full_x, spec.full_width, spec.full_height = -wide, 0, 96, 64
        pixels = np.pad(picture(number), ((0, 0), (wide, wide), (0, 0)), mode="edge")
        output = oiio.ImageOutput.create("plate.exr")
        assert output.open(str(folder / f"plate.{number}.exr"), spec)
        assert output.write_image(np.ascontiguousarray(pixels)) and output.close()
    result, _, _ = applied(str(folder / "plate.####.exr"))
    assert not result.failed
    expected = wanted(matting, (1001, 1002, 1003))[1003]
    frame = read_image_file(tmp_path / "out" / "out.1003.exr")
    shown = frame.planes(RGBA, frame.display_window)
    assert frame.data_window.width == 112 and np.abs(shown - expected).max() < CODES


@pytest.mark.parametrize("more", [{"confidence": True}, {"tile_size": 64}, {"scale": 2}])
def test_what_a_network_with_state_cannot_do_is_refused(
    more: dict, applied: Callable, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=r"state|scale"):
        applied(plate(tmp_path / "in", [1001, 1002]), **more)
    assert not (tmp_path / "out").exists()


def test_python_calls_go_in_order_or_each_begins_anew(matting: Path) -> None:
    model = understudy.load(matting, devices="cpu")
    numbers = range(1, 5)
    expected = wanted(matting, numbers)
    shot = model.in_order()
    for number in numbers:
        assert np.abs(shot(picture(number)) - expected[number]).max() < CODES
    shot.reset()
    first = wanted(matting, [4])[4]
    assert np.abs(shot(picture(4)) - first).max() < CODES
    assert np.abs(model(picture(4)) - first).max() < CODES
    small = shot.infer(picture(5, size=(64, 32)))
    assert small.shape == (32, 64, 4), "a frame of another size begins anew"


def test_the_first_state_has_the_size_that_the_network_runs_with(applied: Callable, tmp_path: Path) -> None:
    made = import_network(onnx_quarter(tmp_path / "quarter.onnx"), tmp_path / "models")
    side = read_sidecar(made.sidecar)
    assert side.initial == {"h_in": [1, 8, "height/4", "width/4"]} and side.size_multiple == 4
    numbers = range(1001, 1004)
    applied(plate(tmp_path / "in", numbers), model=made.model)
    small = [picture(n).mean(2).reshape(16, 4, 24, 4).mean((1, 3)) for n in numbers]
    expected = (np.sum(small, axis=0) / 8).repeat(4, 0).repeat(4, 1)
    frame = read_image_file(tmp_path / "out" / "out.1003.exr")
    assert np.abs(frame.planes(frame.channels)[..., 0] - expected).max() < CODES


def test_the_result_itself_may_go_in_with_the_next_frame(applied: Callable, tmp_path: Path) -> None:
    nodes = [
        ("Mul", ["frame", "half"], ["new"], {}),
        ("Mul", ["last", "half"], ["old"], {}),
        ("Add", ["new", "old"], ["made"], {}),
    ]
    one = ("float", (1, 3, "h", "w"))
    file = onnx_of(
        tmp_path / "slow.onnx",
        nodes,
        {"frame": one, "last": ("float", (1, 3, "a", "b"))},
        {"made": one},
        {"half": np.float32(0.5).reshape(())},
    )
    settings = tmp_path / "slow.toml"
    settings.write_text('colour = "srgb"\n[state]\nlast = "made"\n')
    model = import_network(file, tmp_path / "models", settings=settings).model
    applied(plate(tmp_path / "in", (1, 2, 3)), model=model)
    a, b, c = (picture(number) for number in (1, 2, 3))
    made = read(tmp_path / "out" / "out.0003.exr", ("R", "G", "B"))
    assert np.abs(made - (c / 2 + b / 4 + a / 8)).max() < CODES


def test_frames_of_a_network_of_one_size_begin_anew_where_their_own_changes(tmp_path: Path) -> None:
    settings = tmp_path / "told.toml"
    settings.write_text('size = [96, 64]\nfit = "resize"\n' + TOLD)
    model = import_network(onnx_matting(tmp_path / "one.onnx"), tmp_path / "models", settings=settings).model
    shot = understudy.load(model, devices="cpu").in_order()
    shot(picture(1))
    small = np.ascontiguousarray(picture(2)[::2, ::2])
    assert np.array_equal(shot(small), understudy.load(model, devices="cpu").infer(small))


def test_frames_of_a_movie_are_gone_through_in_order(
    matting: Path, applied: Callable, tmp_path: Path
) -> None:
    movie = tmp_path / "plate.mov"
    shot = plate(tmp_path / "in", range(1001, 1007))
    toml = matting.with_suffix(".toml")
    toml.write_text(
        toml.read_text().replace('["fgr", "pha"]', '"fgr"').replace("channels = 4", "channels = 3")
    )
    output = ApplySettings(model=str(matting), plate=shot, output=str(movie), devices="cpu")
    assert not apply(output).failed
    made = understudy.apply(str(matting), str(movie), str(tmp_path / "again.####.exr"), devices="cpu")
    assert len(made.written) == 6
    first = understudy.apply(str(matting), str(movie), str(tmp_path / "again.####.exr"), devices="cpu")
    assert len(first.kept) == 6
    files = sorted(tmp_path.glob("again.*.exr"))
    whole = [read(path, ("R", "G", "B")) for path in files]
    files[4].unlink()
    understudy.apply(str(matting), str(movie), str(tmp_path / "again.####.exr"), devices="cpu")
    assert np.array_equal(read(files[4], ("R", "G", "B")), whole[4])


def test_a_first_state_that_is_a_number_fills_what_goes_in(matting: Path) -> None:
    toml = matting.with_suffix(".toml")
    toml.write_text(toml.read_text() + "\n[initial]\nr1i = 1.0\n")
    plain = matting_loop(matting, [picture(1)])[0][0]
    made = understudy.load(matting, devices="cpu").infer(picture(1))[..., :3]
    assert np.allclose((made - plain).mean(), 0.3125, atol=1e-4)


def test_a_network_with_state_cannot_be_exported_and_that_is_said(
    matting: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["export", str(matting), "--to", "nuke", "--output", str(tmp_path / "nuke")]) == 2
    said = capsys.readouterr().err
    assert "carries from frame to frame has no place in a host's node" in said and "understudy serve" in said
    assert "Traceback" not in said and not (tmp_path / "nuke").exists()


def test_readings_of_a_network_with_state_are_of_a_first_frame(tmp_path: Path) -> None:
    told = tmp_path / "told.toml"
    told.write_text('output = "pha"\n[constants]\ndownsample_ratio = 0.5\n')
    still = write(tmp_path / "still.exr", picture(1))
    file = onnx_matting(tmp_path / "rvm.onnx")
    made = try_readings(file, still, tmp_path / "sheet.png", told)
    assert all(each.picture is not None for each in made.all)


def test_memory_that_is_short_of_a_whole_frame_is_said_as_that(
    matting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = understudy.load(matting, devices="cpu")

    def full(*given: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(model.engine.network.file.file, "with_feeds", full)
    with pytest.raises(DeviceError, match="whole frame of 96 x 64"):
        model.infer(picture(1))
