"""The four networks of the examples, as they are, with small ones of the same inputs and outputs."""

from __future__ import annotations

import io
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.colour.scene_linear import linear_to_srgb, srgb_to_linear

sys.path.insert(0, str(Path(__file__).parent.parent / "export"))

from foreign_networks import onnx_of

pytest.importorskip("onnxruntime")
MODELS = Path(__file__).resolve().parents[2] / "examples" / "networks" / "models"

Serve = Callable[..., Any]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """``serve(name, write)``: the example's model, ready, with the network that ``write`` puts beside it."""
    from understudy.server.log import ServerLog
    from understudy.server.models.python_model import PythonModel

    started = []

    def start(name: str, write: Callable[[Path], object]) -> Any:
        folder = tmp_path / "models" / name
        shutil.copytree(MODELS / name, folder)
        write(folder)
        model = PythonModel(folder, ServerLog(io.StringIO()))
        started.append(model)
        until = time.monotonic() + 60
        while model.state == "starting" and time.monotonic() < until:
            time.sleep(0.05)
        assert model.state == "ready", model.trouble
        return model

    yield start
    for each in started:
        each.close()


def asked(model: Any, *pictures: np.ndarray, **options: Any) -> np.ndarray:
    from understudy.server.models.served import Call

    planes = [np.moveaxis(each, -1, 0) for each in pictures]
    return np.moveaxis(model.run([Call(planes, options=options)])[0].pictures[0], 0, -1)


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)


def multiples(side: int, given: str, made: str) -> list[tuple]:
    """Steps that fail on any size but multiples, and change nothing."""
    return [
        ("SpaceToDepth", [given], [f"{made}_deep"], {"blocksize": side}),
        ("DepthToSpace", [f"{made}_deep"], [made], {"blocksize": side}),
    ]


@pytest.mark.parametrize("name", ["deblur", "motion_vectors", "instance_masks", "dense_pose"])
def test_each_is_under_forty_lines(name: str) -> None:
    assert len((MODELS / name / "model.py").read_text().splitlines()) < 40


def test_deblur_works_in_display_values_and_keeps_what_is_brighter_than_white(serve: Serve) -> None:
    def write(folder: Path) -> None:
        nodes = [*multiples(16, "blurry", "same"), ("Add", ["same", "by"], ["sharp"], {})]
        like = ("float", (1, 3, "h", "w"))
        onnx_of(folder / "deblur.onnx", nodes, {"blurry": like}, {"sharp": like}, {"by": np.float32(0.1)})

    model, given = serve("deblur", write), picture(21, 35)
    given[3, 4] = 7.0
    wanted = srgb_to_linear(linear_to_srgb(given) + np.float32(0.05))
    assert np.allclose(asked(model, given, mix=0.5), wanted, rtol=1e-3, atol=1e-3)


def test_motion_vectors_count_up_as_nuke_does(serve: Serve) -> None:
    def write(folder: Path) -> None:
        nodes = [
            *multiples(8, "image1", "first"),
            *multiples(8, "image2", "second"),
            ("Sub", ["second", "first"], ["moved"], {}),
            ("Slice", ["moved", "from", "to", "axis"], ["fine"], {}),
            ("Mul", ["fine", "zero"], ["coarse"], {}),
        ]
        like, flow = ("float", (1, 3, "h", "w")), ("float", (1, 2, "h", "w"))
        held = {"from": [0], "to": [2], "axis": [1]}
        constants = {name: np.int64(value) for name, value in held.items()} | {"zero": np.float32(0)}
        onnx_of(folder / "raft.onnx", nodes, {"image1": like, "image2": like},
                {"coarse": flow, "fine": flow}, constants)  # fmt: skip

    model, one, other = serve("motion_vectors", write), picture(19, 29), picture(19, 29, 1)
    found = asked(model, one, other)
    moved = 2 * (linear_to_srgb(other) - linear_to_srgb(one))
    assert np.allclose(found[..., 0], moved[..., 0], atol=1e-4)
    assert np.allclose(found[..., 1], -moved[..., 1], atol=1e-4) and not found[..., 2].any()


def mask_rcnn(folder: Path) -> None:
    """What is bright in red, green and blue, as three things of the classes 1, 3 and 1."""
    nodes = [
        ("Greater", ["image", "half"], ["bright"], {}),
        ("Cast", ["bright"], ["planes"], {"to": 1}),
        ("Unsqueeze", ["planes", "axis"], ["masks"], {}),
        *((("Identity", [f"{name}_held"], [name], {})) for name in ("boxes", "labels", "scores")),
    ]
    made = {
        "boxes": ("float", (3, 4)),
        "labels": ("int64", (3,)),
        "scores": ("float", (3,)),
        "masks": ("float", (3, 1, "h", "w")),
    }
    constants = {
        "half": np.float32(0.5),
        "axis": np.int64([1]),
        "boxes_held": np.zeros((3, 4), np.float32),
        "labels_held": np.int64([1, 3, 1]),
        "scores_held": np.float32([0.7, 0.9, 0.2]),
    }
    onnx_of(folder / "maskrcnn.onnx", nodes, {"image": ("float", (3, "h", "w"))}, made, constants)


def test_instance_masks_are_numbered_by_how_sure_they_are(serve: Serve) -> None:
    model, given = serve("instance_masks", mask_rcnn), picture(20, 30)
    red, green, blue = (linear_to_srgb(given[..., c]) > 0.5 for c in range(3))
    both = asked(model, given, threshold=0.5)
    assert np.array_equal(both[..., 0], red | green)
    assert np.array_equal(both[..., 1], np.where(green, 1, np.where(red, 2, 0))), "the surest lies on top"
    assert np.array_equal(both[..., 2], np.where(green, 3, np.where(red, 1, 0)))
    assert np.array_equal(asked(model, given, instance=2)[..., 0], red)
    people = asked(model, given, threshold=0.1, category=1)
    assert np.array_equal(people[..., 0], red | blue)
    assert not asked(model, given, threshold=0.95).any()


def dense_pose(folder: Path) -> None:
    """Two people: a sure one in part 3 on the left half of its box, and one that is not sure."""
    coarse, fine = np.zeros((2, 2, 8, 8), np.float32), np.zeros((2, 25, 8, 8), np.float32)
    coarse[:, 0] = 0.5
    coarse[:, 1, :, :4] = 1
    fine[:, 3] = 1
    u, v = np.full((2, 25, 8, 8), 0.9, np.float32), np.full((2, 25, 8, 8), 0.9, np.float32)
    u[:, 3], v[:, 3] = 0.25, 0.75
    held = {
        "pred_boxes": np.float32([[4, 2, 20, 18], [-3, 0, 900, 900]]),
        "scores": np.float32([0.95, 0.3]),
        "coarse_segm": coarse,
        "fine_segm": fine,
        "u": u,
        "v": v,
    }
    nodes = [("Identity", [f"{name}_held"], [name], {}) for name in held]
    made = {name: ("float", each.shape) for name, each in held.items()}
    constants = {f"{name}_held": each for name, each in held.items()}
    onnx_of(folder / "densepose.onnx", nodes, {"image": ("float", (3, "h", "w"))}, made, constants)


def test_dense_pose_lays_parts_where_the_bodies_are(serve: Serve) -> None:
    model, given = serve("dense_pose", dense_pose), picture(24, 32)
    found = asked(model, given)
    inside = np.zeros((24, 32), bool)
    inside[2:18, 4:12] = True
    assert np.array_equal(found[..., 0] > 0, inside)
    assert np.allclose(found[inside], [3, 0.25, 0.75])
    every = asked(model, given, threshold=0.1)
    assert every[23, 0, 0] == 3 and np.allclose(every[5, 5], [3, 0.25, 0.75]), "a box may reach beyond"


def test_a_model_whose_network_is_missing_says_so(serve: Serve) -> None:
    with pytest.raises(AssertionError, match=r"it does not start \(NoSuchFile\)"):
        serve("deblur", lambda folder: None)


def test_a_knob_that_nuke_uses_itself_fails_the_model_in_words(serve: Serve) -> None:
    def write(folder: Path) -> None:
        mask_rcnn(folder)
        side = (folder / "model.toml").read_text().replace('"category"', '"label"')
        (folder / "model.toml").write_text(side)

    with pytest.raises(AssertionError, match=r"model\.toml: An option's name cannot become a knob"):
        serve("instance_masks", write)
