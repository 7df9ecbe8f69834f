"""Networks that are told what is meant, and those that give lists, at the doors of the server."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.errors import RequestError
from understudy.server.log import ServerLog
from understudy.server.models.carried import MOST
from understudy.server.models.file_model import FileModel
from understudy.server.models.served import Call

pytest.importorskip("onnxruntime")
sys.path.insert(0, str(Path(__file__).parent.parent / "export"))
import test_export_import_instances as lists
import test_export_import_prompts as told
from prompted_networks import enlarged, low_res

HEIGHT, WIDTH = told.HEIGHT, told.WIDTH


@pytest.fixture
def sam(tmp_path: Path) -> Path:
    return told.bring_in(tmp_path / "sam").model


def asked(model: FileModel, frame: np.ndarray, **options: Any) -> np.ndarray:
    """The answer (H, W, C) to one call."""
    call = Call([np.moveaxis(frame, -1, 0)], model.description.read_options(options, clamp=False))
    return np.moveaxis(model.run([call])[0].pictures[0], 0, -1)


def served(path: Path) -> FileModel:
    return FileModel(path, "cpu", ServerLog())


def test_points_and_a_box_are_options_of_the_model(sam: Path) -> None:
    model, frame = served(sam), told.plates(1)[0]
    assert [option.name for option in model.description.options] == ["points", "box", "sequence"]
    made = asked(model, frame, points="10,20,1;30,5,0")
    np.testing.assert_allclose(made[..., 0], enlarged(low_res(frame, 50), HEIGHT, WIDTH), atol=1e-5)
    for options, words in (
        ({}, "has to be told"),
        ({"points": "65,1,1"}, "outside"),
        ({"box": "1"}, "no box"),
    ):
        with pytest.raises(RequestError, match=words):
            asked(model, frame, **options)


def test_another_click_on_a_served_frame_costs_the_decoder_alone(
    sam: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from understudy.models.onnx_file import OnnxFile

    runs, own = [], OnnxFile.all_of
    monkeypatch.setattr(OnnxFile, "all_of", lambda self, images: runs.append(1) or own(self, images))
    model, frame = served(sam), told.plates(1)[0]
    for points in ("1,1,1", "2,2,1", "3,3,0"):
        asked(model, frame, points=points)
    assert len(runs) == 1


def test_in_a_sequence_frames_without_prompts_go_on_with_the_mask_of_the_frame_before(sam: Path) -> None:
    frames = told.plates(3)
    model = served(sam)
    chain = told.expected_chain(frames, 50)
    asked(model, frames[0], points="10,20,1", sequence="a")
    for at in (1, 2, 2):  # a frame that is asked for again has the same answer
        made = asked(model, frames[at], sequence="a")
        np.testing.assert_allclose(made[..., 0], enlarged(chain[at], HEIGHT, WIDTH), atol=1e-5)
    for other in ({"sequence": "b"}, {}):
        with pytest.raises(RequestError, match="has to be told"):
            asked(model, frames[1], **other)
    with pytest.raises(RequestError, match="has to be told"):  # after a cut
        asked(model, told.plates(1, seed=4)[0], sequence="a")
    for number in range(MOST):
        asked(model, frames[0], points="1,1,1", sequence=f"c{number}")
    with pytest.raises(RequestError, match="has to be told"):  # forgotten
        asked(model, frames[1], sequence="a")


def test_instances_have_a_fixed_number_of_channels_and_keep_their_mattes_in_a_sequence(
    tmp_path: Path,
) -> None:
    model = served(lists.bring_in(tmp_path))
    still = told.plates(1)[0]
    first, second = lists.said_by(still), lists.said_by(still, shift=2, swap=True)
    assert model.description.outputs[0].channels == lists.CHANNELS
    np.testing.assert_allclose(asked(model, first, sequence="a"), lists.expected({0: 1, 1: 2}), atol=1e-5)
    followed = asked(model, second, sequence="a")
    np.testing.assert_allclose(followed, lists.expected({1: 2, 0: 1}, 2), atol=1e-5)
    np.testing.assert_allclose(asked(model, second), lists.expected({1: 1, 0: 2}, 2), atol=1e-5)
    chosen = asked(model, second, mattes="002,id")
    np.testing.assert_array_equal(chosen, asked(model, second)[..., [1, 3]])


def infer(url: str, frame: np.ndarray, **options: Any) -> tuple[int, Any]:
    planes = np.moveaxis(frame, -1, 0)
    given = {
        "name": "plate",
        "datatype": "FP32",
        "shape": [1, *planes.shape],
        "data": planes.ravel().tolist(),
    }
    body = json.dumps({"inputs": [given], "parameters": options}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/infer", body)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_both_doors_take_prompts_and_nuke_counts_from_the_bottom(
    sam: Path, serve: Callable[..., Any], tmp_path: Path
) -> None:
    server = serve(sam.parent)
    frame = told.plates(1)[0]
    expected = enlarged(low_res(frame, 50), HEIGHT, WIDTH)
    with urllib.request.urlopen(f"{server.url}/v2/models/sam") as answer:
        assert json.load(answer)["name"] == "sam"
    status, made = infer(f"{server.url}/v2/models/sam", frame, points="10,20,1;30,5,0")
    assert status == 200, made
    values = np.float32(made["outputs"][0]["data"]).reshape(HEIGHT, WIDTH)
    np.testing.assert_allclose(values, expected, atol=1e-5)
    status, made = infer(f"{server.url}/v2/models/sam", frame, points="10,nan,1")
    assert status == 400 and "no point" in made["error"]
    many = ";".join(["1,1,1"] * 1_000_000)
    status, made = infer(f"{server.url}/v2/models/sam", frame, points=many)
    assert status == 400 and "1000 are the most" in made["error"]

    assert [model.name for model in server.models()] == ["sam"]  # the encoder is none
    points = f"10,{HEIGHT - 20},1;30,{HEIGHT - 5},0"
    answer = server.infer("sam", frame, points=points, box="", sequence="")
    np.testing.assert_allclose(answer.picture()[..., 0], expected, atol=1e-5)
