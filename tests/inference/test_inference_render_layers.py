"""apply NAME --extra albedo --extra normal: the second network of that name, and layers of the plate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

import understudy
from understudy.cli.main import run as understudy_command
from understudy.colour import LINEAR, PLAIN
from understudy.errors import ChannelError, SettingError
from understudy.export.export import ExportSettings, export
from understudy.frames import open_shot
from understudy.inference.apply import apply
from understudy.inference.events import ApplyPlanned
from understudy.network.model_file import ExtraInput
from understudy.server.models.served import Call
from understudy.server.repository import ModelRepository
from understudy.server.serving import start_models, trained_networks
from understudy.server.state import ServerSettings, ServerState
from understudy.settings import ApplySettings

pytestmark = pytest.mark.usefixtures("elsewhere")
ALBEDO, NORMAL = ("albedo.R", "albedo.G", "albedo.B"), ("N.X", "N.Y", "N.Z")
COLOURS = ("R", "G", "B")
LAYERS = [
    ExtraInput(name="albedo", channels=list(ALBEDO), colour=PLAIN),
    ExtraInput(name="normal", channels=list(NORMAL), colour=PLAIN),
]
SHAPE = {"inputs": 9, "fit_inputs": 3, "albedo": 3}


@pytest.fixture
def both(zoo: Any) -> Any:
    """denoise, and beside it the one that takes albedo and normals."""
    zoo("denoise", header={"adapts": True})
    said = {"extra": LAYERS, "colour_in": LINEAR, "colour_out": LINEAR}
    return zoo("denoise-renders", kind=["network"], header=said, **SHAPE)


def save(file: Path, **layers: np.ndarray) -> str:
    """An EXR; a layer's name stands before its channels."""
    names = {"rgb": COLOURS, "albedo": ALBEDO, "normal": NORMAL, "diffuse_albedo": ALBEDO}
    channels = [name for layer in layers for name in names[layer]]
    if "diffuse_albedo" in layers:
        channels = [name.replace("albedo", "diffuse_albedo") for name in channels]
    pixels = np.concatenate(list(layers.values()), 2)
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], len(channels), "float")
    spec.channelnames = channels
    output = oiio.ImageOutput.create(str(file))
    assert output.open(str(file), spec) and output.write_image(np.float32(pixels)) and output.close()
    return str(file)


def drawn(seed: int, low: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, 1, (40, 64, 3)).astype(np.float32)


RENDER = {"rgb": drawn(1), "albedo": drawn(2), "normal": drawn(3, -1)}


def applied(folder: Path, plate: str, **settings: Any) -> tuple[np.ndarray, ApplyPlanned]:
    events: list[Any] = []
    output = folder / f"out{len(list(folder.iterdir()))}.1001.exr"
    asked = {"model": "denoise", "plate": plate, "output": str(output), "engine": "torch", **settings}
    result = apply(ApplySettings(**{"precision": "float32", **asked}), events.append)
    assert not result.failed
    frame = open_shot(str(output)).read(1001)
    return frame.planes(COLOURS), next(each for each in events if isinstance(each, ApplyPlanned))


def test_with_layers_the_second_network_is_taken_and_that_is_said(both: Path, tmp_path: Path) -> None:
    plate = save(tmp_path / "plate.1001.exr", **RENDER)
    made, planned = applied(tmp_path, plate, extra=("albedo", "normal"))
    assert "denoise with the layers albedo and normal is denoise-renders." in planned.notes
    model = understudy.load(str(both), precision="float32")
    assert np.allclose(
        made, model.infer(RENDER["rgb"], beside=[RENDER["albedo"], RENDER["normal"]]), atol=2e-5
    )
    plain, planned = applied(tmp_path, plate)
    assert not any("denoise-renders" in note for note in planned.notes)
    assert not np.allclose(made, plain, atol=1e-2)


def test_layers_of_the_plate_and_files_of_their_own_give_the_same(both: Path, tmp_path: Path) -> None:
    plate = save(tmp_path / "plate.1001.exr", **RENDER)
    albedo = save(tmp_path / "albedo.1001.exr", rgb=RENDER["albedo"])
    normal = save(tmp_path / "normal.1001.exr", normal=RENDER["normal"])
    inside = applied(tmp_path, plate, extra=("albedo", "N"))[0]
    assert np.array_equal(inside, applied(tmp_path, plate, extra=(albedo, normal))[0])
    assert np.array_equal(inside, applied(tmp_path, plate, extra=(plate, plate))[0])


def test_a_layer_by_another_name_of_its_kind_is_taken(both: Path, tmp_path: Path) -> None:
    plate = save(tmp_path / "plate.1001.exr", **RENDER)
    other = {"rgb": RENDER["rgb"], "diffuse_albedo": RENDER["albedo"], "normal": RENDER["normal"]}
    renamed = save(tmp_path / "renamed.1001.exr", **other)
    first = applied(tmp_path, plate, extra=("albedo", "normal"))[0]
    assert np.array_equal(first, applied(tmp_path, renamed, extra=("albedo", "normal"))[0])


def test_a_missing_layer_is_named_with_those_that_there_are(both: Path, tmp_path: Path, capsys: Any) -> None:
    plate = save(tmp_path / "plate.1001.exr", rgb=RENDER["rgb"], normal=RENDER["normal"])
    with pytest.raises(ChannelError) as caught:
        applied(tmp_path, plate, extra=("albedo", "normal"))
    assert "albedo" in caught.value.expected and "N" in caught.value.found
    words = ["apply", "denoise", plate, str(tmp_path / "no" / "x.exr"), "--extra", "albedo", "--extra", "N"]
    assert understudy_command(words) == 2
    assert "albedo" in capsys.readouterr().err and not (tmp_path / "no").exists()


def test_layers_in_the_wrong_order_are_refused(both: Path, tmp_path: Path) -> None:
    plate = save(tmp_path / "plate.1001.exr", **RENDER)
    with pytest.raises(SettingError) as caught:
        applied(tmp_path, plate, extra=("N", "albedo"))
    assert caught.value.expected == "albedo, normal"


def test_one_layer_of_two_is_refused_with_both(both: Path, tmp_path: Path) -> None:
    plate = save(tmp_path / "plate.1001.exr", **RENDER)
    with pytest.raises(SettingError) as caught:
        applied(tmp_path, plate, extra=("albedo",))
    assert "N.X" in caught.value.expected and caught.value.found == "albedo"
    assert "--extra albedo --extra normal." in caught.value.remedy


def test_a_file_of_ones_own_called_denoise_goes_first_with_layers_too(
    both: Path, tmp_path: Path, elsewhere: Path, zoo: Any
) -> None:
    own = zoo("mine", kind=["network"])
    (elsewhere / "denoise.cat").write_bytes(own.read_bytes())
    plate = save(tmp_path / "plate.1001.exr", **RENDER)
    with pytest.raises(SettingError, match="takes the plate alone") as caught:
        applied(tmp_path, plate, extra=("albedo", "normal"))
    assert caught.value.remedy == "Leave --extra out."


def test_a_layer_keeps_its_name_where_paths_become_absolute(elsewhere: Path) -> None:
    (elsewhere / "hint.exr").touch()
    asked = ApplySettings(model="denoise", plate="a.exr", output="b.exr", extra=("albedo", "hint.exr"))
    assert asked.anchored().plate.extra == ("albedo", str(elsewhere / "hint.exr"))


@pytest.mark.parametrize("host", ["nuke", "onnx"])
def test_exports_agree_with_apply_and_take_the_layers_as_inputs(
    both: Path, tmp_path: Path, host: str
) -> None:
    pytest.importorskip("onnxruntime")
    found = export(ExportSettings("denoise-renders", host, tmp_path / "out", full=False))
    assert found.difference <= 1e-4 and len(found.comparisons) >= 5


def test_it_is_served_with_three_pictures(both: Path) -> None:
    state = ServerState(ServerSettings(models=(), devices="cpu"))
    repository = ModelRepository(trained_networks(state), state)
    try:
        start_models(state, repository)
        model = state.registry.get("denoise-renders")
        assert [image.name for image in model.description.inputs] == ["input", "albedo", "normal"]
        pictures = [RENDER[name].transpose(2, 0, 1) for name in ("rgb", "albedo", "normal")]
        (answer,) = model.run([Call(pictures, model.description.defaults())])
    finally:
        repository.close()
    loaded = understudy.load(str(both))
    wanted = loaded.infer(RENDER["rgb"], beside=[RENDER["albedo"], RENDER["normal"]])
    assert np.allclose(answer.pictures[0].transpose(1, 2, 0), wanted, atol=2e-2)


def test_frames_are_kept_while_the_layers_stay_the_same(both: Path, tmp_path: Path) -> None:
    plate = save(tmp_path / "plate.1001.exr", **RENDER)
    asked = {"model": "denoise", "plate": plate, "output": str(tmp_path / "kept.1001.exr")}
    settings = ApplySettings(**asked, extra=("albedo", "normal"), engine="torch")
    assert apply(settings).written == (1001,) and apply(settings).kept == (1001,)
    save(tmp_path / "plate.1001.exr", **{**RENDER, "albedo": drawn(9)})
    assert apply(settings).written == (1001,)
