"""Networks of other programs at work: apply, load, serve and info take what import wrote."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from export_models import picture
from foreign_networks import Blur, Brighten, Colours, Depth, Double, Two, blurred, onnx_blur, script
from torch import nn

import understudy
from understudy.cli.info import card_of
from understudy.cli.main import run
from understudy.errors import ApplyError, ModelFileError, UnderstudyError
from understudy.export.importing import import_network
from understudy.frames import read_image_file
from understudy.inference.apply import apply
from understudy.inference.memory import bytes_per_pixel
from understudy.inference.model import load
from understudy.settings import ApplySettings

pytest.importorskip("onnxruntime")


@pytest.fixture
def blur(tmp_path: Path) -> Path:
    """An imported ONNX network that sees three pixels around each."""
    settings = tmp_path / "told.toml"
    settings.write_text("reach = 3\nsize_multiple = 4\n")
    return import_network(onnx_blur(tmp_path / "blur.onnx"), tmp_path / "models", settings=settings).model


def write_rgba(path: Path, pixels: np.ndarray) -> Path:
    """float32 (H, W, 4) as an EXR of full floats."""
    output = oiio.ImageOutput.create(str(path))
    height, width, _ = pixels.shape
    assert output.open(str(path), oiio.ImageSpec(width, height, 4, "float")), oiio.geterror()
    assert output.write_image(pixels) and output.close(), output.geterror()
    return path


def pixels_of(path: Path, names: tuple[str, ...] = ("R", "G", "B")) -> np.ndarray:
    return read_image_file(path).planes(names)


def made_by(model: Path, shot: Any, folder: Path, **more: Any) -> list[Path]:
    """The frames that apply writes, in order."""
    output = str(folder / "out.####.exr")
    settings = ApplySettings(model=str(model), plate=shot.plate, output=output, devices="cpu", **more)
    result = apply(settings)
    assert not result.failed, result.failed
    return [folder / f"out.{number:04d}.exr" for number in shot.numbers]


def test_apply_finishes_a_sequence_with_an_imported_onnx_network(
    blur: Path, make_shot: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shot = make_shot(suffix=".exr", data_format="float", size=(37, 29), peak=4.0)
    output = str(tmp_path / "out" / "out.####.exr")
    assert run(["apply", str(blur), shot.plate, output, "--devices", "cpu"]) == 0
    assert "onnxruntime" in capsys.readouterr().out
    for number in shot.numbers:
        plate = pixels_of(shot.plate_file(number))
        found = pixels_of(Path(output.replace("####", f"{number}")))
        inner = slice(3, -3)  # what lies beyond the border is for each network to say
        assert np.allclose(found[inner, inner], blurred(plate)[inner, inner], atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (50, 1), (7, 5)])
def test_apply_takes_frames_of_any_size(
    size: tuple[int, int], blur: Path, make_shot: Callable[..., Any], tmp_path: Path
) -> None:
    shot = make_shot(suffix=".exr", data_format="float", size=(size[0] + 8, size[1] + 8), numbers=[1001])
    model = understudy.load(blur, devices="cpu")
    plate = pixels_of(shot.plate_file(1001))[: size[1], : size[0]]
    padded = np.pad(plate, ((0, -size[1] % 4), (0, -size[0] % 4), (0, 0)), mode="edge")
    assert np.allclose(model.infer(plate), blurred(padded)[: size[1], : size[0]], atol=1e-5)


def test_tiles_of_an_imported_network_make_the_whole_frame(blur: Path) -> None:
    model = understudy.load(blur, devices="cpu")
    given = picture(61, 83)
    whole = model.infer(given, tile_size="none")
    assert np.abs(model.infer(given, tile_size=24) - whole).max() < 1e-5
    assert np.abs(model.infer(given, tile_size=24, tile_overlap=0) - whole).max() > 1e-3, "it is tiled"


def test_alpha_that_a_network_does_not_take_passes_through(
    blur: Path, tmp_path: Path, make_shot: Callable[..., Any]
) -> None:
    given = picture(20, 30, 4)
    plate = write_rgba(tmp_path / "rgba.1001.exr", given)
    result = understudy.apply(str(blur), str(plate), str(tmp_path / "out.1001.exr"), devices="cpu")
    assert result.written == (1001,)
    found = pixels_of(tmp_path / "out.1001.exr", ("R", "G", "B", "A"))
    assert np.array_equal(found[..., 3], given[..., 3])
    assert np.abs(found[..., :3] - given[..., :3]).max() > 0.1


def test_four_channels_go_in_and_come_out(tmp_path: Path) -> None:
    made = import_network(onnx_blur(tmp_path / "four.onnx", 4), tmp_path / "models").model
    given = picture(20, 30, 4)
    plate = write_rgba(tmp_path / "rgba.1001.exr", given)
    understudy.apply(str(made), str(plate), str(tmp_path / "out.1001.exr"), devices="cpu")
    found = pixels_of(tmp_path / "out.1001.exr", ("R", "G", "B", "A"))
    assert np.allclose(found[3:-3, 3:-3], blurred(given)[3:-3, 3:-3], atol=1e-5)


def test_colours_out_of_four_channels_leave_the_alpha_alone(tmp_path: Path) -> None:
    settings = tmp_path / "told.toml"
    settings.write_text('[[inputs]]\nname = "plate"\nchannels = 4\n')
    made = import_network(script(Colours(), tmp_path / "c.pt"), tmp_path / "models", settings=settings).model
    given = picture(11, 13, 4)
    plate = write_rgba(tmp_path / "rgba.1001.exr", given)
    understudy.apply(str(made), str(plate), str(tmp_path / "out.1001.exr"), devices="cpu")
    found = pixels_of(tmp_path / "out.1001.exr", ("R", "G", "B", "A"))
    assert np.allclose(found[..., :3], given[..., :3] * given[..., 3:], atol=1e-5)
    assert np.array_equal(found[..., 3], given[..., 3])


def test_a_torchscript_network_with_a_range_of_its_own_is_applied_to_an_8_bit_sequence(
    make_shot: Callable[..., Any], tmp_path: Path
) -> None:
    settings = tmp_path / "told.toml"
    settings.write_text('colour = "srgb"\nrange = 255.0\n')
    file = script(Brighten(), tmp_path / "brighten.pt")
    made = import_network(file, tmp_path / "models", settings=settings).model
    shot = make_shot(size=(30, 21), effect="same")
    for number, path in zip(shot.numbers, made_by(made, shot, tmp_path / "out"), strict=True):
        plate = pixels_of(shot.plate_file(number))
        assert np.allclose(pixels_of(path), plate + 0.1, atol=1e-3)  # 51 * 0.5 of 255; half floats


def test_a_matte_of_an_imported_network_becomes_a_file_of_one_channel(
    make_shot: Callable[..., Any], tmp_path: Path
) -> None:
    made = import_network(script(Depth(), tmp_path / "depth.pt"), tmp_path / "models").model
    shot = make_shot(suffix=".exr", data_format="float", numbers=[1001])
    (path,) = made_by(made, shot, tmp_path / "out")
    frame = read_image_file(path)
    assert len(frame.channels) == 1
    wanted = pixels_of(shot.plate_file(1001)).mean(axis=2, keepdims=True)
    assert np.allclose(frame.planes(frame.channels), wanted, atol=1e-3)


def test_a_second_picture_is_an_extra_input_of_apply(make_shot: Callable[..., Any], tmp_path: Path) -> None:
    settings = tmp_path / "two.toml"
    settings.write_text('[[inputs]]\nname="plate"\n[[inputs]]\nname="hint"\nchannels=3\n')
    made = import_network(script(Two(), tmp_path / "two.pt"), tmp_path / "models", settings=settings).model
    shot = make_shot(suffix=".exr", data_format="float", numbers=[1001, 1002])
    paths = made_by(made, shot, tmp_path / "out", extra=(shot.truth,))
    for number, path in zip(shot.numbers, paths, strict=True):
        plate, hint = pixels_of(shot.plate_file(number)), pixels_of(shot.truth_file(number))
        assert np.allclose(pixels_of(path), plate * hint[..., :1], atol=1e-5)
    with pytest.raises(UnderstudyError, match="extra"):
        understudy.apply(str(made), shot.plate, str(tmp_path / "no.####.exr"), devices="cpu")


@pytest.mark.parametrize("name", ["raw.onnx", "raw.pt"])
def test_a_network_that_was_not_brought_in_is_refused_with_what_to_do(
    name: str, make_shot: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    onnx_blur(file) if file.suffix == ".onnx" else script(Brighten(), file)
    shot = make_shot(numbers=[1001])
    assert run(["apply", str(file), shot.plate, str(tmp_path / "out" / "o.####.png")]) == 2
    said = capsys.readouterr().err
    assert f"understudy import {name}" in said and "raw.toml" in said
    assert not (tmp_path / "out").exists()
    with pytest.raises(ModelFileError, match="understudy import"):
        understudy.load(file)
    assert run(["info", str(file)]) == 2 and "understudy import" in capsys.readouterr().err


def test_a_toml_without_a_file_and_a_file_of_rubbish_are_errors_in_words(blur: Path, tmp_path: Path) -> None:
    blur.write_bytes(b"\x08\x07 no network")
    with pytest.raises(ModelFileError, match="cannot be used"):
        understudy.load(blur)
    blur.unlink()
    with pytest.raises(ModelFileError):
        understudy.load(blur)


def test_a_picture_too_small_for_a_network_is_a_frame_that_failed_in_words(
    make_shot: Callable[..., Any], tmp_path: Path
) -> None:
    made = import_network(script(Blur(), tmp_path / "mirror.pt"), tmp_path / "models").model
    with pytest.raises(ApplyError, match="larger size_multiple"):
        understudy.load(made, devices="cpu").infer(picture(2, 2))
    shot = make_shot(suffix=".exr", size=(12, 3), numbers=[1001])
    settings = ApplySettings(
        model=str(made), plate=shot.plate, output=str(tmp_path / "o.####.exr"), devices="cpu"
    )
    ((number, error),) = apply(settings).failed
    assert number == 1001 and "12 x 3" in error.message


def test_a_changed_description_makes_other_frames(
    blur: Path, make_shot: Callable[..., Any], tmp_path: Path
) -> None:
    shot = make_shot(suffix=".exr", numbers=[1001])
    made_by(blur, shot, tmp_path / "out")
    settings = ApplySettings(
        model=str(blur), plate=shot.plate, output=str(tmp_path / "out" / "out.####.exr"), devices="cpu"
    )
    assert apply(settings).kept == (1001,)
    toml = blur.with_suffix(".toml")
    toml.write_text("range = 2.0\n" + toml.read_text())
    with pytest.raises(UnderstudyError, match="another model"):
        apply(settings)


def test_a_large_frame_of_many_frames_stays_with_the_networks_own_runtime(blur: Path) -> None:
    model = load(str(blur), devices="cpu", megapixels=1000.0)
    assert (model.engine.name, model.notes) == ("onnxruntime", ())
    with pytest.raises(UnderstudyError, match="own runtime"):
        load(str(blur), devices="cpu", engine="openvino")


def test_the_memory_of_an_onnx_file_is_known_before_it_runs(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper, save

    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.random(shape, np.float32), name)
        for name, shape in (("a", (96, 3, 3, 3)), ("b", (3, 96, 3, 3)))
    ]
    nodes = [
        helper.make_node("Conv", ["in", "a"], ["wide"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["wide"], ["up"]),
        helper.make_node("Conv", ["up", "b"], ["out"], pads=[1, 1, 1, 1]),
    ]
    shape = [1, 3, "height", "width"]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("in", "out")]
    graph = helper.make_graph(nodes, "wide", ends[:1], ends[1:], weights)
    file = tmp_path / "wide.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), str(file))
    model = understudy.load(import_network(file, tmp_path / "models").model, devices="cpu")
    need = bytes_per_pixel(model.engine, 3)
    assert 2 * 96 * 4 <= need <= 4 * 96 * 4


def test_a_network_that_apply_cannot_use_says_so_when_it_is_brought_in(tmp_path: Path) -> None:
    class TwoOut(nn.Module):
        def forward(self, x):  # type: ignore[no-untyped-def]
            return x[:, :2]

    made = import_network(script(TwoOut(), tmp_path / "flow.pt"), tmp_path / "models")
    assert any("understudy serve" in sentence for sentence in made.found)
    with pytest.raises(ModelFileError, match="2 channels out"):
        understudy.load(made.model)


def test_the_server_gives_what_load_gives(blur: Path) -> None:
    from understudy.server.log import ServerLog
    from understudy.server.models.file_model import FileModel
    from understudy.server.models.served import Call

    given = picture(33, 47)
    served = (
        FileModel(blur, "cpu", ServerLog(io.StringIO()))
        .run([Call([np.moveaxis(given, -1, 0)])])[0]
        .pictures[0]
    )
    assert np.allclose(
        np.moveaxis(served, 0, -1), understudy.load(blur, devices="cpu").infer(given), atol=1e-5
    )


@pytest.mark.parametrize("ending", [".onnx", ".pt", ".ts", ".torchscript"])
def test_info_prints_the_card_of_what_came_in(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"look{ending}"
    onnx_blur(file) if ending == ".onnx" else script(Brighten(), file)
    card = card_of(import_network(file, tmp_path / "models").model)
    assert card["Format"].endswith("of another program") and card["Label"] == "look"
    assert card["Inputs"] == ["plate: 3 channels"]


def test_an_imported_network_that_enlarges_is_applied(make_shot: Callable[..., Any], tmp_path: Path) -> None:
    model = import_network(script(Double(), tmp_path / "double.pt"), tmp_path / "models").model
    shot = make_shot(suffix=".exr", data_format="float", size=(37, 29), numbers=[1001])
    (frame,) = made_by(model, shot, tmp_path / "out")
    assert np.array_equal(pixels_of(frame), pixels_of(shot.plate_file(1001)).repeat(2, 0).repeat(2, 1))
    assert card_of(model)["Scale"] == "2 times the plate's size"
    loaded = load(str(model), devices="cpu")
    pixels = pixels_of(shot.plate_file(1001))
    assert np.array_equal(loaded.infer(pixels, tile_size=64), loaded.infer(pixels, tile_size="none"))


def test_options_of_a_network_are_given_from_python(tmp_path: Path) -> None:
    settings = tmp_path / "told.toml"
    settings.write_text("range = 255.0\nsize_multiple = 4\n")
    made = import_network(script(Brighten(), tmp_path / "bright.pt"), tmp_path / "models", settings=settings)
    model, pixels = understudy.load(made.model, devices="cpu"), np.full((8, 8, 3), 0.5, np.float32)
    for strength, expected in ((0.0, 0.5), (1.0, 0.7)):
        found = model.infer(pixels, options={"strength": strength})
        np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(model.infer(pixels), 0.6, atol=1e-5)
    with pytest.raises(UnderstudyError, match="type float"):
        model.infer(pixels, options={"strength": "much"})
