"""OpenVINO's own files, .xml and .bin, as networks of others."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import understudy
from understudy.cli.main import run
from understudy.errors import ModelFileError
from understudy.export.importing import import_network
from understudy.frames import read_image_file
from understudy.inference.provenance import fingerprint
from understudy.models.imported import open_file
from understudy.models.sidecar import Sidecar

openvino = pytest.importorskip("openvino")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ir")


def written(folder: Path, name: str, shape: list[int], further: bool = False) -> Path:
    """A network that blurs 3 x 3, zeros beyond the border, times an option; ``further`` outputs are a list
    and a mean."""
    from openvino import opset13 as op

    x = op.parameter(shape, np.float32, name="picture")
    strength = op.parameter([1], np.float32, name="strength")
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    for channel in range(3):
        kernel[channel, channel] = 1 / 9
    blur = op.convolution(x, op.constant(kernel), [1, 1], [1, 1], [1, 1], [1, 1])
    made = [op.multiply(blur, strength)]
    if further:
        made.insert(0, op.reduce_mean(x, op.constant(np.int64([2, 3])), keep_dims=False))
        made.append(op.reduce_mean(x, op.constant(np.int64([1])), keep_dims=True))
    for each, called in zip(made, ("list", "blurred", "grey") if further else ("blurred",), strict=True):
        each.output(0).get_tensor().set_names({called})
    model = openvino.Model(made, [x, strength], name)
    openvino.save_model(model, str(folder / f"{name}.xml"), compress_to_fp16=False)
    return folder / f"{name}.xml"


@pytest.fixture(scope="module")
def blur(folder: Path) -> Path:
    return written(folder, "blur", [1, 3, -1, -1])


def blurred(pixels: np.ndarray, strength: float = 1.0) -> np.ndarray:
    wide = np.pad(pixels.astype(np.float64), ((1, 1), (1, 1), (0, 0)))
    return np.lib.stride_tricks.sliding_window_view(wide, (3, 3), axis=(0, 1)).mean((-1, -2)) * strength


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).random((height, width, 3)).astype(np.float32)


def test_it_is_imported_with_its_weights_applied_and_served(
    blur: Path, make_shot: Callable[..., Any], tmp_path: Path
) -> None:
    from understudy.server.log import ServerLog
    from understudy.server.models.file_model import FileModel
    from understudy.server.models.served import Call

    model = import_network(blur, tmp_path / "models", "soft").model
    assert sorted(each.name for each in model.parent.iterdir()) == ["soft.bin", "soft.toml", "soft.xml"]
    shot = make_shot(suffix=".exr", data_format="float", numbers=[1001])
    understudy.apply(str(model), shot.plate, str(tmp_path / "o.####.exr"), devices="cpu")
    plate = read_image_file(shot.plate_file(1001)).planes(("R", "G", "B"))
    found = read_image_file(tmp_path / "o.1001.exr").planes(("R", "G", "B"))
    assert np.allclose(found, blurred(plate), atol=1e-5)
    served = FileModel(model, "cpu", ServerLog(io.StringIO()))
    call = Call([np.moveaxis(plate, -1, 0)], options={"strength": 0.5})
    answer = np.moveaxis(served.run([call])[0].pictures[0], 0, -1)
    assert np.allclose(answer, blurred(plate, 0.5), atol=1e-5)


def test_one_of_fixed_size_takes_frames_of_any(folder: Path, tmp_path: Path) -> None:
    model = import_network(written(folder, "fixed", [1, 3, 32, 48]), tmp_path / "models").model
    assert understudy.load(model, devices="cpu").infer(picture(70, 90)).shape == (70, 90, 3)


def test_the_pictures_among_its_outputs_are_found_and_one_is_picked_by_name(
    folder: Path, tmp_path: Path
) -> None:
    path = written(folder, "several", [1, 3, -1, -1], further=True)
    assert [each.name for each in open_file(path, Sidecar()).outputs] == ["blurred", "grey"]
    given = picture(20, 30)
    (tmp_path / "t.toml").write_text('output = "grey"\n')
    model = import_network(path, tmp_path / "models", settings=tmp_path / "t.toml").model
    found = understudy.load(model, devices="cpu").infer(given)
    assert np.allclose(found[..., 0], given.mean(-1), atol=1e-5)


def test_info_tells_what_it_is(blur: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = import_network(blur, tmp_path / "models").model
    assert run(["info", str(model)]) == 0
    assert "OpenVINO of another program" in capsys.readouterr().out


def test_other_weights_make_another_model(blur: Path, tmp_path: Path) -> None:
    model = import_network(blur, tmp_path / "models").model
    before = fingerprint(model)
    weights = model.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    assert fingerprint(model) != before


def test_without_its_weights_it_is_refused_by_the_name_that_is_missing(blur: Path, tmp_path: Path) -> None:
    shutil.copy(blur, tmp_path / "alone.xml")
    with pytest.raises(ModelFileError, match=r"no alone\.bin beside it"):
        import_network(tmp_path / "alone.xml", tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_the_weights_alone_are_refused_with_the_file_to_give(blur: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"Give blur\.xml"):
        import_network(blur.with_suffix(".bin"), tmp_path / "models")


@pytest.mark.parametrize("cut", [".xml", ".bin"])
def test_a_file_cut_short_is_refused_in_words(blur: Path, cut: str, tmp_path: Path) -> None:
    for ending in (".xml", ".bin"):
        data = blur.with_suffix(ending).read_bytes()
        (tmp_path / f"cut{ending}").write_bytes(data[: len(data) // 2] if ending == cut else data)
    with pytest.raises(ModelFileError, match="This network cannot be used"):
        import_network(tmp_path / "cut.xml", tmp_path / "models")


def test_a_stranger_s_xml_is_no_network(tmp_path: Path) -> None:
    (tmp_path / "note.xml").write_text("<note><to>artist</to></note>")
    (tmp_path / "note.bin").write_bytes(b"")
    with pytest.raises(ModelFileError, match="This network cannot be used"):
        import_network(tmp_path / "note.xml", tmp_path / "models")
