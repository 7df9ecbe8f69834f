"""What import makes of answers that are not plainly pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from export_models import picture
from foreign_networks import onnx_of

import understudy
from understudy.errors import ModelFileError
from understudy.export.importing import import_network

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
