"""Exports of a network that keys: the whole keyer is in the file, at any size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from understudy.export.export import ExportSettings, export
from understudy.network.unet import SIZES, Size

Trained = Callable[..., Path]


@pytest.fixture(autouse=True)
def keying(zoo: Trained, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(SIZES, "small", Size((4, 4), (1, 1), (1,)))
    header = {"adapts": True, "output_channels": ["foreground.R", "foreground.G", "foreground.B", "alpha"]}
    return zoo("keying", ["network"], header=header, outputs=4, same_channels=False, screen=True)


@pytest.mark.parametrize("host", ["nuke", "onnx"])
def test_a_host_gets_what_apply_makes(host: str, tmp_path: Path) -> None:
    for package in {"onnx": ("onnx", "onnxruntime")}.get(host, ()):
        pytest.importorskip(package)
    found = export(ExportSettings("keying", host, tmp_path / "out", full=False))
    assert found.difference <= 1e-4 and len(found.comparisons) >= 5
