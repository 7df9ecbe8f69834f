"""Weights without their network: .safetensors through spandrel, and pickles, which are never read."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import understudy
from understudy.errors import MissingPackageError, ModelFileError
from understudy.export.importing import import_network
from understudy.models import spandrel_file


class Doubled(torch.nn.Module):
    """A network that makes pictures twice as large, in the place of one that spandrel knows."""

    purpose, input_channels, output_channels = "SR", 3, 3
    architecture = type("Architecture", (), {"name": "Stand-in"})

    def __init__(self, gain: torch.Tensor) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(gain)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (torch.nn.functional.interpolate(x, scale_factor=2, mode="nearest") * self.gain).clamp(0, 1)


class UnsupportedModelError(Exception):
    pass


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that answers as spandrel does, for one network."""
    from safetensors.torch import load_file

    class ModelLoader:
        def __init__(self, device: str) -> None:
            pass

        def load_from_file(self, path: Path) -> Any:
            weights = load_file(path)
            if set(weights) != {"gain"}:
                raise UnsupportedModelError
            return Doubled(weights["gain"])

    module: Any = ModuleType("spandrel")
    module.ModelLoader = ModelLoader
    monkeypatch.setitem(sys.modules, "spandrel", module)


def test_weights_are_imported_by_their_architecture_with_what_it_takes(
    stand_in: None, tmp_path: Path
) -> None:
    save_file({"gain": torch.tensor(0.5)}, tmp_path / "twice.safetensors")
    made = import_network(tmp_path / "twice.safetensors", tmp_path / "models")
    text = made.sidecar.read_text()
    assert 'colour = "srgb"' in text and "scale = 2" in text
    pixels = np.random.default_rng(0).random((9, 11, 3)).astype(np.float32)
    found = understudy.load(made.model, devices="cpu").infer(pixels)
    assert np.allclose(found, pixels.repeat(2, 0).repeat(2, 1) / 2, atol=1e-6)


def test_weights_of_an_unknown_architecture_are_refused(stand_in: None, tmp_path: Path) -> None:
    save_file({"other": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelFileError, match="an architecture that spandrel knows"):
        import_network(tmp_path / "other.safetensors", tmp_path / "models")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("data", [b"", b"\xff" * 8 + b"{}", (1 << 40).to_bytes(8, "little") + b"{"])
def test_a_damaged_file_of_weights_is_refused(stand_in: None, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(data)
    with pytest.raises(ModelFileError, match="This network cannot be used"):
        import_network(tmp_path / "bad.safetensors", tmp_path / "models")


def test_without_spandrel_it_is_said_which_package_is_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "spandrel", None)
    save_file({"gain": torch.tensor(0.5)}, tmp_path / "twice.safetensors")
    with pytest.raises(MissingPackageError, match=r"understudy\[spandrel\]"):
        import_network(tmp_path / "twice.safetensors", tmp_path / "models")


def test_what_stands_in_for_torchvision_is_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with spandrel_file._in_place_of_torchvision():
        from torchvision.transforms.functional import InterpolationMode, normalize

        with pytest.raises(MissingPackageError, match="needs torchvision"):
            normalize(1, 2)
        with pytest.raises(MissingPackageError):
            _ = InterpolationMode.BILINEAR
    assert not any(name.startswith("torchvision") for name in sys.modules)


class Harmful:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["w.pth", "w.ckpt", "w.pt", "w.bin", "w.pkl"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_refused_by_what_it_is_with_the_line_that_converts_it(
    name: str, zipped: bool, tmp_path: Path
) -> None:
    mark = tmp_path / "done"
    if zipped:
        torch.save({"weights": torch.zeros(2), "more": Harmful(mark)}, tmp_path / name)
    else:
        (tmp_path / name).write_bytes(pickle.dumps(Harmful(mark)))
    with pytest.raises(ModelFileError, match=r"torch\.onnx\.export"):
        import_network(tmp_path / name, tmp_path / "models")
    assert not mark.exists() and not (tmp_path / "models").exists()
