"""Networks of other programs: brought in, described in the TOML that the server reads, used like our own."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from export_models import depth, picture
from foreign_networks import Brighten, Depth, Double, Two, onnx_same, script
from torch import Tensor, nn

from understudy.cli.info import card_of
from understudy.cli.main import run
from understudy.colour import LINEAR
from understudy.errors import ModelFileError, SettingError
from understudy.export.export import ExportSettings, export
from understudy.export.importing import import_network
from understudy.inference.model import LoadedModel
from understudy.inference.torch_engine import TorchEngine
from understudy.models.opening import describe_effect, open_model
from understudy.models.sidecar import Sidecar, read_sidecar, sidecar_text
from understudy.network.model_file import read_header as read_own_header


def loaded(path: Path) -> LoadedModel:
    header, network = open_model(path, "cpu")
    return LoadedModel(header, TorchEngine(network, torch.device("cpu")))


def test_a_network_is_tried_until_its_size_multiple_is_known(tmp_path: Path) -> None:
    made = import_network(script(Brighten(), tmp_path / "brighten.pt"), tmp_path / "models", "night")
    side = read_sidecar(made.sidecar)
    assert made.model == tmp_path / "models" / "night.pt" and made.sidecar == made.model.with_suffix(".toml")
    assert (side.size_multiple, side.inputs[0].channels, side.outputs[0].channels) == (4, 3, 3)


def test_what_came_in_takes_and_gives_file_values_at_any_size(tmp_path: Path) -> None:
    settings = tmp_path / "told.toml"
    settings.write_text('colour = "srgb"\nrange = 255.0\n[[options]]\nname = "strength"\ndefault = 1.0\n')
    made = import_network(
        script(Brighten(), tmp_path / "brighten.pt"), tmp_path / "models", settings=settings
    )
    model = loaded(made.model)
    assert (model.header.colour_in.space, model.header.input_channels) == ("srgb", ["R", "G", "B"])
    for height, width in ((37, 41), (1, 1), (4, 8)):
        given = picture(height, width)
        assert np.allclose(model.infer(given), given + 0.2, atol=1e-5)


def test_one_channel_out_of_colours_is_a_matte(tmp_path: Path) -> None:
    made = import_network(script(Depth(), tmp_path / "depth.pt"), tmp_path / "models")
    header = describe_effect(made.model)
    assert (header.kind, header.output_channels) == ("matte", ["A"])
    assert loaded(made.model).infer(picture(5, 7)).shape == (5, 7, 1)


def test_further_pictures_become_extra_inputs(tmp_path: Path) -> None:
    settings = tmp_path / "two.toml"
    settings.write_text('[[inputs]]\nname="plate"\n[[inputs]]\nname="hint"\nchannels=1\n')
    made = import_network(script(Two(), tmp_path / "two.pt"), tmp_path / "models", settings=settings)
    header = describe_effect(made.model)
    assert [(extra.name, extra.channels) for extra in header.extra] == [("hint", ("Y",))]
    given = picture(6, 9, 4)
    assert np.allclose(loaded(made.model).infer(given), given[..., :3] * given[..., 3:], atol=1e-5)


def test_an_onnx_file_comes_in_and_gives_the_same(model_of: Callable[..., Path], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = model_of("linear", colour=LINEAR)
    file = export(ExportSettings(str(model), "onnx", tmp_path, "ours", full=False)).file
    made = import_network(file, tmp_path / "models")
    given = picture(23, 31)
    import understudy

    wanted = understudy.load(model, devices="cpu").infer(given)
    assert np.abs(loaded(made.model).infer(given) - wanted).max() <= 1e-4


def test_an_export_of_our_own_says_by_itself_what_a_toml_says(
    model_of: Callable[..., Path], tmp_path: Path
) -> None:
    for name, kind, space in (("srgb", "image", "srgb"), ("matte", "matte", "srgb")):
        model = model_of(name, kind=kind)
        wish = ExportSettings(str(model), "torchscript", tmp_path, name, full=False)
        header = describe_effect(import_network(export(wish).file, tmp_path / "models").model)
        assert (header.kind, header.colour_in.space) == (kind, space)
        own = read_own_header(model)
        assert (header.reach, header.stride) == (own.reach, own.stride), "tiles fit as they fit ours"


def test_an_export_with_its_extra_inputs_in_one_tensor_is_not_taken_for_rgba(
    model_of: Callable[..., Path], tmp_path: Path
) -> None:
    model = model_of("depth", extra=(depth(),))
    file = export(ExportSettings(str(model), "torchscript", tmp_path, "d", full=False)).file
    with pytest.raises(ModelFileError, match="--to onnx"):
        import_network(file, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_the_server_serves_what_came_in(tmp_path: Path) -> None:
    from understudy.server.log import ServerLog
    from understudy.server.models.file_model import FileModel
    from understudy.server.models.served import Call

    made = import_network(script(Brighten(), tmp_path / "brighten.pt"), tmp_path / "models", "night")
    served = FileModel(made.model, "cpu", ServerLog(io.StringIO()))
    given = np.moveaxis(picture(9, 10), -1, 0)
    answer = served.run([Call([given], options={"strength": 1.0})])[0].pictures[0]
    assert np.allclose(answer, given + 51.0, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[inputs]]\nname="plate"\nchannels=5\n', "channels"),
        ('[[inputs]]\nname="a"\n[[inputs]]\nname="b"\n', "1 inputs"),
        ('[[outputs]]\nname="x"\nchannels=2\n', "3 channels"),
        ("size_multiple = 3\n", "size"),
        ("range = -1\n", "range"),
        ("colour = 5\n", "colour"),
        ("no toml at all", "TOML|Expected|invalid"),
        ("unknown = 1\n", "one of label, description, colour"),
        ('colour = "acescct"\n', "expected: colour: Input should be 'linear', 'srgb' or 'raw'"),
        ('[[inputs]]\nname = "a"\nchanels = 3\n', "one of name, channels, tensor"),
        ('[[inputs]]\nname = "a"\nchannels = 0\n', "inputs 1, channels: .*at least one channel"),
    ],
)
def test_a_wrong_description_is_refused_and_nothing_is_written(text: str, words: str, tmp_path: Path) -> None:
    class Colours(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 3, 4, stride=4)

        def forward(self, x: Tensor) -> Tensor:
            return torch.repeat_interleave(torch.repeat_interleave(self.layer(x), 4, 2), 4, 3)

    file = script(Colours(), tmp_path / "colours.pt")
    file.with_suffix(".toml").write_text(text)
    with pytest.raises(ModelFileError, match=words):
        import_network(file, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_network_that_enlarges_is_brought_in_with_its_scale(tmp_path: Path) -> None:
    made = import_network(script(Double(), tmp_path / "double.pt"), tmp_path / "models")
    assert "scale = 2" in made.sidecar.read_text() and "It makes a picture 2 times larger." in made.found
    assert describe_effect(made.model).scale == 2


def test_a_scale_that_did_not_come_out_is_refused(tmp_path: Path) -> None:
    file = script(Double(), tmp_path / "double.pt")
    file.with_suffix(".toml").write_text("scale = 4\n")
    with pytest.raises(ModelFileError, match="scale = 2, as came out"):
        import_network(file, tmp_path / "models")


class Wide(nn.Module):
    """Twice as wide, as high as it was."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.repeat_interleave(x, 2, 3)


def test_a_network_that_changes_the_size_otherwise_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"input's size, or of whole times as much"):
        import_network(script(Wide(), tmp_path / "wide.pt"), tmp_path / "models")


@pytest.mark.parametrize("name", ["x.pt", "x.onnx", "x.bin"])
def test_a_file_that_is_no_network_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x08\x07 no network")
    with pytest.raises(ModelFileError):
        import_network(tmp_path / name, tmp_path / "models")


def test_a_file_or_a_description_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"gone\.pt"):
        import_network(tmp_path / "gone.pt", tmp_path)
    file = script(Depth(), tmp_path / "depth.pt")
    with pytest.raises(SettingError, match=r"gone\.toml"):
        import_network(file, tmp_path, settings=tmp_path / "gone.toml")
    with pytest.raises(ModelFileError, match=r"depth\.toml beside it"):
        describe_effect(file)


def test_a_description_reads_back_as_it_was_written(tmp_path: Path) -> None:
    told = {
        "label": 'Größe "x"',
        "range": 255.0,
        "matte": True,
        "inputs": [{"name": "plate", "channels": 4, "tensor": "input.1"}],
        "options": [{"name": "strength", "type": "float", "default": 0.5, "minimum": 0.0}],
    }
    side = Sidecar.model_validate(told)
    (tmp_path / "x.toml").write_text(sidecar_text(side, ("a comment",)), encoding="utf-8")
    assert read_sidecar(tmp_path / "x.toml") == side


def test_the_command_says_what_it_found_and_info_repeats_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = script(Brighten(), tmp_path / "brighten.pt")
    assert run(["import", str(file), "--output", str(tmp_path / "models")]) == 0
    assert "multiples of 4" in capsys.readouterr().out
    card = card_of(tmp_path / "models" / "brighten.pt")
    assert card["Format"] == "TorchScript of another program" and card["Size multiple"] == "4"
    assert run(["import", str(tmp_path / "none.pt")]) == 2


def test_a_network_of_8_bits_is_brought_in_with_255_for_white(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    made = import_network(onnx_same(tmp_path / "codes.onnx"), tmp_path / "models")
    given = picture(11, 13).clip(0, 1)
    assert np.allclose(loaded(made.model).infer(given), np.rint(given * 255) / 255, atol=1e-5)


def test_a_network_of_8_bits_that_would_see_black_is_refused_by_apply_and_by_the_server(
    tmp_path: Path,
) -> None:
    pytest.importorskip("onnxruntime")
    from understudy.server.log import ServerLog
    from understudy.server.models.file_model import FileModel

    file = onnx_same(tmp_path / "codes.onnx")
    file.with_suffix(".toml").write_text('[[inputs]]\nname="plate"\n[[outputs]]\nname="result"\n')
    with pytest.raises(ModelFileError, match=r"whole numbers[^$]*range = 255"):
        loaded(file)
    with pytest.raises(ModelFileError, match="whole numbers"):
        FileModel(file, "cpu", ServerLog(io.StringIO()))
