"""understudy import --try: a sheet of the plausible readings of a network, and which is likely."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from export_models import picture
from foreign_networks import onnx_of, onnx_same

from understudy.cli.main import run
from understudy.errors import ModelFileError
from understudy.export.readings import try_readings
from understudy.frames import read_image_file

pytest.importorskip("onnxruntime")
Save = Callable[..., Path]


@pytest.fixture
def photo(tmp_path: Path, save_pixels: Save) -> Path:
    return save_pixels(tmp_path / "photo.png", (picture(60, 90).clip(0, 1) * 255).astype(np.uint8), "uint8")


def clipping(path: Path, white: float) -> Path:
    """A network that holds what it gives to 0..white, and takes red for red."""
    like = ("float", (1, 3, "h", "w"))
    nodes = [("Clip", ["in", "low", "high"], ["held"], {}), ("Mul", ["held", "by"], ["out"], {})]
    limits = {
        "low": np.float32(0),
        "high": np.float32(white),
        "by": np.float32([1, 0.9, 0.8]).reshape(1, 3, 1, 1),
    }
    return onnx_of(path, nodes, {"in": like}, {"out": like}, limits)


def test_the_reading_that_gives_the_picture_back_is_likely_and_says_why(photo: Path, tmp_path: Path) -> None:
    found = try_readings(clipping(tmp_path / "n.onnx", 0.5), photo, tmp_path / "sheet.png")
    assert len(found.all) == 8 and "[-1.0, 1.0]" in found.all[found.likely].toml
    assert "away from the picture" in found.all[found.likely].why
    assert read_image_file(tmp_path / "sheet.png").planes(("R",)).std() > 0.05


def test_readings_that_cannot_be_told_apart_are_named(photo: Path, tmp_path: Path) -> None:
    found = try_readings(onnx_same(tmp_path / "n.onnx", "float32"), photo, tmp_path / "sheet.png")
    assert found.alike, "RGB and BGR are the same to a network that does nothing"


def test_what_the_toml_says_already_is_not_tried_otherwise(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "n.toml").write_text('order = "BGR"\nrange = 255.0\n')
    found = try_readings(onnx_same(tmp_path / "n.onnx", "float32"), photo, tmp_path / "sheet.png")
    assert len(found.all) == 1


def test_the_command_prints_the_lines_and_brings_nothing_in(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["import", str(clipping(tmp_path / "n.onnx", 0.5)), "--try", str(photo)]) == 0
    said = capsys.readouterr().out
    assert "<- likely" in said and "range = [-1.0, 1.0]" in said and "Wrote n.readings.png" in said
    assert (tmp_path / "n.readings.png").is_file() and not (tmp_path / "models").exists()


def test_a_network_that_no_reading_makes_run_is_refused(photo: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="however it is read"):
        try_readings(onnx_same(tmp_path / "n.onnx", "float32", (1, 7, "h", "w")), photo, tmp_path / "s.png")
    assert not (tmp_path / "s.png").exists()
