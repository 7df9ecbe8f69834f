"""What import makes of answers that are not plainly pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from export_models import picture
from foreign_networks import onnx_of

import understudy
from understudy.errors import ModelFileError
from understudy.export.importing import import_network
from understudy.export.readings import try_readings

pytest.importorskip("onnxruntime")
IMAGE = ("float", (1, 3, "h", "w"))


def test_a_matte_of_pictures_from_below_0_is_0_to_1_where_it_never_lies_there(tmp_path: Path) -> None:
    nodes = [
        ("ReduceMean", ["in"], ["mean"], {"axes": [1], "keepdims": 1}),
        ("Sigmoid", ["mean"], ["out"], {}),
    ]
    file = onnx_of(tmp_path / "m.onnx", nodes, {"in": IMAGE}, {"out": ("float", (1, 1, "h", "w"))})
    (tmp_path / "m.toml").write_text("range = [-1.0, 1.0]\n")
    made = import_network(file, tmp_path / "models")
    assert "output_range = 1.0" in made.sidecar.read_text()
    given = picture(9, 12).clip(0, 1)
    found = understudy.load(made.model, devices="cpu").infer(given)
    assert np.allclose(found[..., 0], 1 / (1 + np.exp(-(given * 2 - 1).mean(-1))), atol=1e-5)


def test_a_matte_that_lies_below_0_too_keeps_the_range_of_the_pictures(tmp_path: Path) -> None:
    nodes = [
        ("ReduceMean", ["in"], ["mean"], {"axes": [1], "keepdims": 1}),
        ("Tanh", ["mean"], ["out"], {}),
    ]
    file = onnx_of(tmp_path / "m.onnx", nodes, {"in": IMAGE}, {"out": ("float", (1, 1, "h", "w"))})
    (tmp_path / "m.toml").write_text("range = [-1.0, 1.0]\n")
    made = import_network(file, tmp_path / "models")
    assert "output_range" not in made.sidecar.read_text()


@pytest.mark.parametrize("shape", [(1, 63), (1, 1, 1, 63), (63,)])
def test_a_network_that_gives_a_list_is_refused_with_what_it_gives(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    nodes = [
        ("ReduceMean", ["in"], ["mean"], {"keepdims": 0}),
        ("Expand", ["mean", "shape"], ["points"], {}),
    ]
    made = {"points": ("float", shape)}
    shapes = {"shape": np.int64(shape)}
    file = onnx_of(tmp_path / "l.onnx", nodes, {"in": ("float", (1, 3, 32, 32))}, made, shapes)
    with pytest.raises(ModelFileError, match=r"gives no picture") as refused:
        import_network(file, tmp_path / "models")
    assert f"points: {' x '.join(map(str, shape))}" in str(refused.value.found)
    assert not (tmp_path / "models").exists()


def test_weights_beside_an_onnx_file_come_into_one_file_with_it(tmp_path: Path) -> None:
    import onnx

    gain = np.random.default_rng(0).random((1, 3, 1, 1)).astype(np.float32)
    nodes = [("Mul", ["in", "gain"], ["out"], {})]
    file = onnx_of(tmp_path / "plain.onnx", nodes, {"in": IMAGE}, {"out": IMAGE}, {"gain": gain})
    model = onnx.load(str(file))
    where = tmp_path / "away" / "net.onnx"
    where.parent.mkdir()
    onnx.save(model, str(where), save_as_external_data=True, location="net.onnx.data", size_threshold=0)
    assert (where.parent / "net.onnx.data").is_file()
    made = import_network(where, tmp_path / "models").model
    assert sorted(each.name for each in made.parent.iterdir()) == ["net.onnx", "net.toml"]
    (where.parent / "net.onnx.data").unlink()
    given = picture(9, 12)
    found = understudy.load(made, devices="cpu").infer(given)
    assert np.allclose(found, given * gain[0, :, 0, 0], atol=1e-6)
    with pytest.raises(ModelFileError):
        import_network(where, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def logits(path: Path) -> Path:
    """Far above 0 where red is bright, far below where it is dark."""
    nodes = [
        ("Slice", ["in", "from", "to", "axis"], ["red"], {}),
        ("Sub", ["red", "half"], ["about"], {}),
        ("Mul", ["about", "much"], ["out"], {}),
    ]
    held = {"from": np.int64([0]), "to": np.int64([1]), "axis": np.int64([1])}
    numbers = {"half": np.float32(0.5), "much": np.float32(80)}
    return onnx_of(path, nodes, {"in": IMAGE}, {"out": ("float", (1, 1, "h", "w"))}, held | numbers)


def test_import_says_what_nobody_has_said(tmp_path: Path) -> None:
    said = " ".join(import_network(logits(tmp_path / "l.onnx"), tmp_path / "models").found)
    assert 'colour = "srgb" in the TOML' in said
    assert "a matte is 0 to 1" in said and 'activation = "sigmoid"' in said
    (tmp_path / "told.toml").write_text('colour = "srgb"\nactivation = "sigmoid"\n')
    told = import_network(tmp_path / "l.onnx", tmp_path / "told", settings=tmp_path / "told.toml").found
    assert not any("in the TOML" in each or "a matte is" in each for each in told)


@pytest.fixture
def photo(tmp_path: Path, save_pixels: Callable[..., Path]) -> Path:
    pixels = (picture(64, 96).clip(0, 1) * 255).astype(np.uint8)
    return save_pixels(tmp_path / "photo.png", pixels, "uint8")


def test_logits_are_shown_as_their_sigmoid(photo: Path, tmp_path: Path) -> None:
    found = try_readings(logits(tmp_path / "l.onnx"), photo, tmp_path / "s.png")
    assert all('activation = "sigmoid"' in each.toml for each in found.all)
    assert "0% beyond 0 to 1" in found.all[found.likely].why
    (tmp_path / "l.toml").write_text('activation = "none"\n')
    plain = try_readings(tmp_path / "l.onnx", photo, tmp_path / "t.png")
    assert not any("sigmoid" in each.toml for each in plain.all)


def test_a_matte_of_pictures_from_below_0_is_judged_as_import_reads_it(photo: Path, tmp_path: Path) -> None:
    nodes = [
        ("Slice", ["in", "from", "to", "axis"], ["red"], {}),
        ("Greater", ["red", "none"], ["bright"], {}),
        ("Cast", ["bright"], ["out"], {"to": 1}),
    ]
    held = {"from": np.int64([0]), "to": np.int64([1]), "axis": np.int64([1]), "none": np.float32(0)}
    made = {"out": ("float", (1, 1, "h", "w"))}
    file = onnx_of(tmp_path / "m.onnx", nodes, {"in": IMAGE}, made, held)
    found = try_readings(file, photo, tmp_path / "s.png")
    (whole,) = (each for each in found.all if each.toml == "range = [-1.0, 1.0]")
    assert whole.why.startswith("100% decided") and whole.picture is not None
    assert whole.picture.min() == 0 and whole.picture.max() == 255


def test_an_enlarged_picture_is_held_against_the_whole_picture(photo: Path, tmp_path: Path) -> None:
    nodes = [("Resize", ["in", "", "twice"], ["out"], {"mode": "nearest"})]
    large = {"out": ("float", (1, 3, "h2", "w2"))}
    held = {"twice": np.float32([1, 1, 2, 2])}
    file = onnx_of(tmp_path / "u.onnx", nodes, {"in": IMAGE}, large, held)
    found = try_readings(file, photo, tmp_path / "s.png")
    assert found.all[0].why == "it is 0.000 away from the picture in the mean"
