"""Exports of a network that keys: the whole keyer is in the file, at any size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from understudy.export.export import ExportSettings, export
from understudy.export.importing import import_network
from understudy.inference.model import load
from understudy.network.unet import SIZES, Size

Trained = Callable[..., Path]


@pytest.fixture(autouse=True)
def keying(zoo: Trained, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(SIZES, "small", Size((4, 4), (1, 1), (1,)))
    header = {"adapts": True, "output_channels": ["foreground.R", "foreground.G", "foreground.B", "alpha"]}
    return zoo("keying", ["network"], header=header, outputs=4, same_channels=False, screen=True)


@pytest.mark.parametrize("host", ["nuke", "onnx", "openvino"])
def test_a_host_gets_what_apply_makes(host: str, tmp_path: Path) -> None:
    for package in {"onnx": ("onnx", "onnxruntime"), "openvino": ("openvino",)}.get(host, ()):
        pytest.importorskip(package)
    found = export(ExportSettings("keying", host, tmp_path / "out", full=False))
    assert found.difference <= 1e-4 and len(found.comparisons) >= 5


def test_an_onnx_file_keys_a_screen_when_it_is_brought_in_again(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    file = export(ExportSettings("keying", "onnx", tmp_path / "out", full=False)).file
    again = import_network(file, tmp_path / "again").model
    pixels = np.broadcast_to(np.float32([0.27, 0.73, 0.33]), (67, 90, 3)).copy()
    pixels[20:50, 30:60] = (0.6, 0.58, 0.55)
    there, here = load(str(again), devices="cpu"), load("keying", devices="cpu", engine="torch")
    made = here(pixels)
    assert made[..., 3].std() > 0.2 and np.allclose(there(pixels), made, atol=1e-4)
