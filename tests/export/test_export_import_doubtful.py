"""A network of others that is read wrongly does not end as if all were well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign_networks import onnx_of

from understudy.cli.main import run
from understudy.export.importing import import_network
from understudy.inference.doubtful import Doubts

pytest.importorskip("onnxruntime")

LIKE = ("float", (1, 3, "h", "w"))


def network(folder: Path, *nodes: tuple, **constants: np.ndarray) -> str:
    """A network of these nodes from ``in`` to ``out``, brought in."""
    file = onnx_of(folder / "n.onnx", list(nodes), {"in": LIKE}, {"out": LIKE}, constants)
    return str(import_network(file, folder / "models").model)


def applied(model: str, shot: Any, folder: Path) -> int:
    return run(["apply", model, shot.plate, str(folder / "out" / "o.####.exr"), "--devices", "cpu"])


def test_a_result_that_is_the_same_everywhere_is_said_and_ends_with_1(
    make_shot: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = network(tmp_path, ("Mul", ["in", "none"], ["out"], {}), none=np.float32(0))
    assert applied(model, make_shot(numbers=[1001, 1002]), tmp_path) == 1
    assert "the same everywhere on frames 1001-1002" in " ".join(capsys.readouterr().out.split())


def test_a_result_that_is_no_number_is_said_and_ends_with_1(
    make_shot: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = network(tmp_path, ("Neg", ["in"], ["minus"], {}), ("Log", ["minus"], ["out"], {}))
    assert applied(model, make_shot(numbers=[1001]), tmp_path) == 1
    assert "not finite on frame 1001" in " ".join(capsys.readouterr().out.split())


def test_a_plate_that_is_the_same_everywhere_and_a_result_that_is_not_are_nothing_to_say(
    make_shot: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = network(tmp_path, ("Mul", ["in", "half"], ["out"], {}), half=np.float32(0.5))
    flat = make_shot("flat", numbers=[1001], peak=0.0, suffix=".exr")
    assert applied(model, flat, tmp_path / "a") == 0
    assert applied(model, make_shot("moving", numbers=[1001]), tmp_path / "b") == 0
    assert "the same everywhere" not in capsys.readouterr().out


def test_a_matte_that_is_empty_on_some_frames_is_said_and_ends_well() -> None:
    class Header:
        format = "ONNX"

    doubts, plate = Doubts(), np.random.default_rng(0).random((20, 30, 3), np.float32)
    doubts.look(Header, 1, plate, plate[..., :1])
    doubts.look(Header, 2, plate, np.zeros((20, 30, 1), np.float32))
    assert not doubts.is_nothing and "frame 2," in doubts.sentences[0]
