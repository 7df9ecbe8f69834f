"""Networks that see frames whole, as pictures of one size: their exports take frames of any size."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from export_models import write_model

from understudy.colour import SRGB
from understudy.export.export import ExportSettings, export
from understudy.export.remainder import Resample
from understudy.network.nested import NESTED_SIZES, NestedSize
from understudy.network.resampling import resample_to

SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("host", "kind", "size"),
    [
        ("nuke", "matte", "small"),
        ("torchscript", "image", "small"),
        ("torchscript", "matte", "u2netp"),
        pytest.param("onnx", "matte", "small", marks=SLOW),
        pytest.param("flame", "image", "small", marks=SLOW),
        pytest.param("openvino", "matte", "small", marks=SLOW),
        pytest.param("openvino", "matte", "u2netp", marks=[SLOW, pytest.mark.timeout(900)]),
    ],
)
def test_a_network_that_sees_frames_whole_goes_to_every_host(
    host: str, kind: str, size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export is held against apply at several sizes, one pixel wide and high too, and is an error where it
    differs."""
    for package in {"onnx": ("onnxscript",), "openvino": ("onnxscript", "openvino")}.get(host, ()):
        pytest.importorskip(package, reason=f"{package} is not installed")
    monkeypatch.setitem(NESTED_SIZES, "u2netp", NestedSize(((2, 4),) * 6, ((2, 4),) * 5, 5000))
    model = write_model(tmp_path / "whole.cat", SRGB, kind, whole=64, size=size)
    made = export(ExportSettings(str(model), host, tmp_path / "out", "night", full=False))
    assert len({(each.width, each.height) for each in made.comparisons}) == 4
    assert made.difference < 5e-5


@pytest.mark.parametrize("size", [(64, 64), (1, 1), (1, 40), (40, 1), (243, 331)])
@pytest.mark.parametrize("shape", [(64, 64), (243, 331), (241, 1), (1, 241), (1, 1)])
def test_pictures_at_other_sizes_are_the_same_in_a_file_for_a_host(
    shape: tuple[int, int], size: tuple[int, int]
) -> None:
    """One pixel wide and high too, where torch's own function mixes up the rows."""
    planes = torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(1))
    wanted = resample_to(planes, *size)
    assert torch.allclose(wanted, resample_to(planes.double(), *size, portable=True).float(), atol=2e-5)
    assert torch.allclose(wanted, Resample()(planes, *size), atol=2e-5)
