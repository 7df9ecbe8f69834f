"""Exports of a network that enlarges: each agrees with apply, and tells its host of the size."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.export.effect import ExportedEffect
from understudy.export.export import Exported, ExportSettings, export
from understudy.export.importing import import_network
from understudy.export.nk import read_script
from understudy.inference.model import load
from understudy.models.opening import open_model
from understudy.network.unet import SIZES, Size

Trained = Callable[..., Path]


@pytest.fixture
def upscale(zoo: Trained, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(SIZES, "small", Size((4, 4), (1, 1), (1,)))
    return zoo("upscale", kind=["network"], scale=2)


def made(host: str, folder: Path) -> Exported:
    """An export by name, which has agreed with apply, or there is none."""
    found = export(ExportSettings("upscale", host, folder, full=False))
    assert found.difference <= 1e-4 and len(found.comparisons) >= 5
    return found


def test_nuke_is_told_how_much_larger_the_result_is(upscale: Path, tmp_path: Path) -> None:
    nodes = read_script(made("nuke", tmp_path / "out").file.with_suffix(".nk").read_text())
    creator = next(node for node in nodes if node.kind == "CatFileCreator")
    assert creator.knob("outputScale") == "2 2"


def test_onnx_and_flame_are_told_so_too_and_it_can_be_brought_in_again(upscale: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    file = made("flame", tmp_path / "out").file
    (output,) = json.loads(file.with_suffix(".json").read_text())["ModelDescription"]["Outputs"]
    assert output["ScalingFactor"] == 2.0
    (value,) = onnx.load(file).graph.output
    assert [dim.dim_param for dim in value.type.tensor_type.shape.dim[2:]] == ["height * 2", "width * 2"]
    again = import_network(file, tmp_path / "again").model
    pixels = np.random.default_rng(0).random((21, 26, 3), np.float32)
    there, here = load(str(again), devices="cpu"), load("upscale", devices="cpu", engine="torch")
    assert there.description.scale == 2 and np.allclose(there(pixels), here(pixels), atol=1e-4)


def test_openvino_agrees(upscale: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    made("openvino", tmp_path / "out")


def test_a_pixel_that_is_no_number_keeps_its_value_in_all_of_its_cell(upscale: Path) -> None:
    description, network = open_model(upscale, "cpu")
    effect = ExportedEffect(description, network, None, None).eval()
    x = torch.rand(1, 3, 10, 12)
    x[0, 1, 4, 5] = float("inf")
    with torch.no_grad():
        y = effect(x)
    assert bool(y[0, 1, 8:10, 10:12].isposinf().all()) and int((~y.isfinite()).sum()) == 4


def test_nothing_of_the_effect_is_the_plate_as_large(upscale: Path) -> None:
    description, network = open_model(upscale, "cpu")
    effect = ExportedEffect(description, network, None, None).eval()
    effect.mix = 0.0
    y, x = np.mgrid[:20, :24].astype(np.float32)
    ramp = np.stack([0.02 * x, 0.03 * y, 0.01 * (x + y)], -1)
    with torch.no_grad():
        found = effect(torch.from_numpy(ramp).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    wanted = load("upscale", devices="cpu", engine="torch").infer(ramp, mix=0.0)
    assert np.allclose(found[4:-4, 4:-4], wanted[4:-4, 4:-4], atol=1e-6)
