"""What is special to each format: old ONNX, Flame's JSON, damaged descriptions, any architecture."""

from __future__ import annotations

import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from export_models import depth, picture, random_network, write_model
from torch import Tensor, nn

from understudy.cli.info import card_of
from understudy.cli.main import run
from understudy.colour import LINEAR
from understudy.errors import ChannelError, ExportError, ModelFileError
from understudy.export.effect import ExportedEffect
from understudy.export.export import ExportSettings, export
from understudy.export.flame_file import flame_values
from understudy.export.flat import flatten
from understudy.export.metadata import export_info, read_info
from understudy.export.protobuf import fields
from understudy.inference.model import LoadedModel
from understudy.inference.torch_engine import TorchEngine
from understudy.models.opening import describe_effect
from understudy.network.effect import Architecture
from understudy.network.model_file import load_model, read_header


@pytest.fixture(scope="module")
def flame(model_of: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an export for Flame."""
    folder = tmp_path_factory.mktemp("flame")
    export(ExportSettings(str(model_of("linear", colour=LINEAR)), "flame", folder, "night", full=False))
    return folder


def test_onnx_is_old_of_any_size_and_says_what_it_is(flame: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(flame / "night.onnx")
    assert model.opset_import[0].version == 13 and model.ir_version == 7
    assert {entry.domain for entry in model.opset_import} == {""}
    for value in (model.graph.input[0], model.graph.output[0]):
        dims = [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        assert dims == [1, 3, "height", "width"]
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert (facts["channels_in"], facts["values"], facts["colour_in"]) == ("R,G,B", "file values", "linear")
    assert model.producer_name == "understudy"


def test_flame_is_told_what_the_onnx_file_takes(flame: Path) -> None:
    onnx = pytest.importorskip("onnx")
    told = json.loads((flame / "night.json").read_text("utf-8"))["ModelDescription"]
    model = onnx.load(flame / "night.onnx")
    assert [socket["Name"] for socket in told["Inputs"]] == [value.name for value in model.graph.input]
    assert [socket["Name"] for socket in told["Outputs"]] == [value.name for value in model.graph.output]
    assert told["SupportsSceneLinear"] is True and told["Padding"] == 1
    assert (told["Inputs"][0]["Type"], told["Inputs"][0]["Channels"]) == ("Front", "RGB")
    assert (told["Outputs"][0]["Type"], told["Outputs"][0]["Channels"]) == ("Result", "RGB")


def sockets_of(path: Path, **changes: object) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    header = read_header(path).model_copy(update=changes)
    told = flame_values(export_info(header, path, "flame", "x"))["ModelDescription"]
    return tuple(
        [(s["Name"], s["Type"], s["Channels"]) for s in told[side]] for side in ("Inputs", "Outputs")
    )


def test_flame_gets_alpha_as_a_second_socket_of_the_same_name(model_of: Callable[..., Path]) -> None:
    rgba = ["R", "G", "B", "A"]
    inputs, outputs = sockets_of(model_of("linear", colour=LINEAR), input_channels=rgba, output_channels=rgba)
    assert inputs == [("plate", "Front", "RGB"), ("plate", "Matte", "A")]
    assert outputs == [("result", "Result", "RGB"), ("result", "OutMatte", "A")]


def test_flame_gets_mattes_and_extra_inputs_as_sockets_of_their_kind(model_of: Callable[..., Path]) -> None:
    inputs, _ = sockets_of(
        model_of("linear", colour=LINEAR), extra=[depth().model_copy(update={"channels": ["R"]})]
    )
    assert inputs[1] == ("extra_1", "Aux", "R")
    assert sockets_of(model_of("matte", kind="matte"))[1] == [("result", "OutMatte", "A")]


def test_channels_that_flame_has_no_socket_for_are_refused(model_of: Callable[..., Path]) -> None:
    with pytest.raises(ChannelError, match="Flame"):
        sockets_of(model_of("linear", colour=LINEAR), input_channels=["depth.Z", "N.x", "N.y"])


def test_info_prints_the_card_of_every_file_of_an_export(
    flame: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("night.onnx", "night.json"):
        assert run(["info", str(flame / name)]) == 0
        said = capsys.readouterr().out
        for words in (
            "plate.1001.exr",
            "31.5",
            "of the show",
            "largest difference",
            "file values",
            "linear.cat",
        ):
            assert words in said, words


def test_info_of_nukes_files_is_the_same_card(
    model_of: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "night [1] ü"
    made = export(ExportSettings(str(model_of("linear", colour=LINEAR)), "nuke", tmp_path, name, full=False))
    card = card_of(made.file)
    script = card_of(tmp_path / f"{name}.nk")
    assert card["Takes and gives"] == "scene-linear"
    assert script == {"Script": str(tmp_path / f"{name}.nk"), **card}


def test_a_record_of_another_file_is_not_believed(model_of: Callable[..., Path], tmp_path: Path) -> None:
    made = export(ExportSettings(str(model_of("matte", kind="matte")), "torchscript", tmp_path, full=False))
    assert card_of(made.file)["Checked"].startswith("largest difference")
    with zipfile.ZipFile(made.file, "a") as archive:
        archive.writestr("other", "x")
    assert "another file" in card_of(made.file)["Checked"]


@pytest.mark.parametrize("ending", [".pt", ".onnx", ".xml"])
def test_damaged_and_foreign_files_have_no_card_and_do_no_harm(ending: str, tmp_path: Path) -> None:
    draw = random.Random(1)
    path = tmp_path / f"x{ending}"
    contents = [
        b"",
        b"\x00" * 64,
        b"\xff" * 64,
        b"PK\x03\x04" + b"\x00" * 40,
        b"<a",
        b"\x72\xff\xff\xff\xff\xff\xff\x7f",
    ]
    contents += [bytes(draw.randrange(256) for _ in range(200)) for _ in range(50)]
    contents.append(b'<!DOCTYPE a [<!ENTITY b "c">]><net><rt_info><understudy value="&b;"/></rt_info></net>')
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(ModelFileError):
            read_info(path)


def test_a_field_that_claims_to_be_giant_is_not_read() -> None:
    from io import BytesIO

    stream = BytesIO(b"\x72" + b"\xff\xff\xff\xff\x0f" + b"x")
    with pytest.raises(ValueError, match="too long"):
        list(fields(stream, wanted=(14,), most=1000))


def test_a_file_cut_short_at_any_place_is_told_apart(flame: Path, tmp_path: Path) -> None:
    whole = (flame / "night.onnx").read_bytes()
    told = whole.index(b"understudy.cat")
    for cut in (1, 7, 100, told // 2, told - 300, told, told + 50):
        (tmp_path / "cut.onnx").write_bytes(whole[:cut])
        with pytest.raises(ModelFileError):
            read_info(tmp_path / "cut.onnx")


class GlobalNetwork(nn.Module):
    """An architecture that ours is not: something global, another activation, growth by four at once."""

    stride, reach = 8, 40

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(12, 12, 3, padding=1)
        self.down = nn.Conv2d(12, 256, 4, stride=4)
        self.tail = nn.Conv2d(28, 12, 3, padding=1)
        self.mood = nn.Linear(3, 12)

    def globals(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))

    def forward(self, x: Tensor, g: Tensor) -> Tensor:
        return self.finish(x, self.remainder(x, g))

    def remainder(self, x: Tensor, g: Tensor) -> Tensor:
        fine = nn.functional.silu(self.stem(torch.pixel_unshuffle(x, 2)) + self.mood(g)[:, :, None, None])
        deep = torch.pixel_shuffle(self.down(fine), 4)
        return torch.pixel_shuffle(self.tail(torch.cat([fine, deep], 1)), 2)

    def finish(self, x: Tensor, remainder: Tensor) -> Tensor:
        return x + 0.2 * remainder.float()


def test_another_architecture_goes_through_the_same_export(model_of: Callable[..., Path]) -> None:
    header = replace(describe_effect(model_of("linear", colour=LINEAR)), stride=8)
    network = GlobalNetwork().eval()
    scripted = torch.jit.script(ExportedEffect(header, network, None, None).eval())
    model = LoadedModel(header, TorchEngine(network, torch.device("cpu")))
    for height, width in ((40, 56), (13, 27), (1, 1)):
        given = picture(height, width)
        with torch.inference_mode():
            found = scripted(torch.from_numpy(given).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
        assert np.allclose(found, model.infer(given, tile_size="none"), atol=1e-4)


@pytest.mark.parametrize("target", ["torchscript", "onnx", "flame"])
@pytest.mark.parametrize("kind", ["image", "matte"])
def test_a_coarse_view_of_the_whole_frame_goes_through_every_export(
    kind: str, target: str, tmp_path: Path
) -> None:
    """An export is held against apply at several sizes, and is an error where it differs."""
    model = write_model(tmp_path / "two_views.cat", LINEAR, kind, coarse=4)
    assert export(ExportSettings(str(model), target, tmp_path / "out", "night", full=False))


def grown(network: nn.Module, x: Tensor) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


@pytest.mark.parametrize("function", [grown, lambda network, x: x * x.shape[2]])
def test_a_network_that_computes_with_the_frames_size_is_refused(function: Callable[..., Tensor]) -> None:
    with pytest.raises(ExportError, match="every frame size"):
        flatten(GlobalNetwork().eval(), function, (3,))


def test_half_precision_of_a_host_does_not_touch_the_colour_fit() -> None:
    network = random_network(Architecture(3, 3, "small", "image", "cubic", True, 3))
    network.portable = True
    finish = flatten(network, lambda net, x, r: net.finish(x, r), (3, 3))
    x, rest = torch.rand(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    with torch.inference_mode():
        whole, halved = finish(x, rest), finish.half()(x, rest)
    assert torch.equal(whole, halved)


def test_the_branch_for_half_precision_computes_the_same(model_of: Callable[..., Path]) -> None:
    """A GPU takes it; that it computes, and how exactly, is seen on a CPU that can compute in half too."""
    model = model_of("linear", colour=LINEAR)
    _, network = load_model(model)
    effect = torch.jit.script(ExportedEffect(describe_effect(model), network, None, None).eval())
    x = torch.rand(1, 3, 64, 48)
    with torch.inference_mode():
        half = effect.remainder.core(x.half())
        assert half.dtype == torch.float16 and torch.equal(half.float(), effect.remainder(x, True))
        assert (half.float() - effect.remainder(x, False)).abs().max() <= 1e-2


def test_the_command_exports_and_says_how_equal_it_is(
    model_of: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "export",
        str(model_of("matte", kind="matte")),
        "--to",
        "torchscript",
        "--output",
        str(tmp_path / "out"),
    ]
    assert run([*words, "--check", "quick"]) == 0
    said = capsys.readouterr().out
    assert "Largest difference" in said and "one pixel wide" in said
    assert said.startswith("Making matte.pt ...\nEach file beside understudy apply")
    assert said.count("Each file beside") == 1
    assert run([*words, "--check", "quick", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["compared"] * 5 + ["exported"]
    assert Path(lines[-1]["file"]).is_file()


def test_the_command_ends_with_1_where_the_file_disagrees(
    model_of: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from understudy.export import effect

    monkeypatch.setattr(effect, "Decode", lambda encoding: nn.Identity())
    words = [
        "export",
        str(model_of("linear", colour=LINEAR)),
        "--to",
        "nuke",
        "--output",
        str(tmp_path / "out"),
    ]
    assert run([*words, "--check", "quick"]) == 1
    said = capsys.readouterr().err
    assert "does not agree" in said and "Traceback" not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_run_is_exported_and_tried_on_its_own_plate(
    make_shot: Callable[..., SimpleNamespace], tmp_path: Path
) -> None:
    import understudy

    shot = make_shot(suffix=".exr", peak=4.0)
    trained = understudy.train(
        input=shot.plate,
        ground_truth=shot.truth,
        data_directory=tmp_path / "runs",
        name="night",
        max_steps=20,
        crop_size=32,
        model_size="small",
        devices="cpu",
        precision="float32",
    )
    made = export(ExportSettings(str(trained.run.path), "nuke", tmp_path / "out"))
    record = json.loads(made.record.read_text("utf-8"))
    assert record["tried_on"] == Path(shot.plate).name
    sizes = {each["frame"]: (each["width"], each["height"]) for each in record["comparisons"]}
    assert sizes["the plate"] == (48, 32) and sizes["4K"] == (4096, 2160)


@pytest.mark.footage
def test_exports_agree_on_real_frames(frames_folder: Path, tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.cat", colour=LINEAR)
    for name in (
        "TestImages_WideColorGamut.exr",
        "mitsuba_denoiser_noisy.exr",
        "TestImages_BrightRingsNanInf.exr",
    ):
        if not (frames_folder / name).is_file():
            pytest.skip(f"{name} is not there")
        made = export(
            ExportSettings(str(model), "nuke", tmp_path / "out", plate=str(frames_folder / name), full=False)
        )
        assert made.difference <= 1e-4
