"""Networks that carry state from frame to frame, served: by sequence, bounded, and said."""

from __future__ import annotations

import io
import json
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.models.options import Option
from understudy.models.state import STATE, State
from understudy.server.log import ServerLog
from understudy.server.models import carried
from understudy.server.models.carried import EXPIRES, MOST, Carried
from understudy.server.models.file_model import FileModel
from understudy.server.models.served import Call

sys.path.insert(0, str(Path(__file__).parent.parent / "export"))
from recurrent_networks import matting_loop, onnx_around, onnx_matting
from test_export_import_state import TOLD, picture

from understudy.export.importing import import_network

pytest.importorskip("onnxruntime")

CODES = 2 / 255
LUMA = np.random.default_rng(0).random((32, 48)).astype(np.float32)


@pytest.fixture
def matting(tmp_path: Path) -> Path:
    settings = tmp_path / "told.toml"
    settings.write_text(TOLD)
    return import_network(onnx_matting(tmp_path / "rvm.onnx"), tmp_path / "models", settings=settings).model


@pytest.fixture
def served(matting: Path) -> FileModel:
    return FileModel(matting, "cpu", ServerLog(io.StringIO()))


def ask(model: FileModel, number: int, client: str = "a", seed: int = 0, **options: Any) -> np.ndarray:
    """The answer (H, W, 4) for a frame of the moving picture."""
    planes = np.moveaxis(picture(number, seed), -1, 0)
    read = model.description.read_options(options, clamp=False)
    made = model.run([Call([planes], read, client=client)])[0].pictures[0]
    return np.moveaxis(made, 0, -1)


def loop(model: Path, *frames: int, seed: int = 0) -> np.ndarray:
    """The last answer of a plain loop over frames."""
    return np.concatenate(matting_loop(model, [picture(each, seed) for each in frames])[-1], axis=2)


def test_frames_of_one_sequence_follow_on_each_other(served: FileModel, matting: Path) -> None:
    for number in range(1, 5):
        made = ask(served, number, sequence="shot", frame_number=number)
    assert np.abs(made - loop(matting, 1, 2, 3, 4)).max() < CODES
    assert served.max_batch == 1


def test_without_a_sequence_each_frame_is_the_first_and_the_model_says_so(
    served: FileModel, matting: Path
) -> None:
    for number in (1, 2, 3):
        assert np.abs(ask(served, number) - loop(matting, number)).max() < CODES
    assert "sequence" in served.description.text and len(served._carried) == 0
    options = {option.name: option.default for option in served.description.options}
    assert options == {"sequence": "", "frame_number": -1}


def test_a_frame_that_is_asked_for_again_has_the_answer_that_it_had(served: FileModel) -> None:
    for number in (1, 2):
        ask(served, number, sequence="shot", frame_number=number)
    first = ask(served, 3, sequence="shot", frame_number=3)
    assert np.array_equal(ask(served, 3, sequence="shot", frame_number=3), first)
    unnumbered = [ask(served, number, sequence="other") for number in (1, 2, 3, 3)]
    assert np.array_equal(unnumbered[3], unnumbered[2])


@pytest.mark.parametrize("number", [7, 1])
def test_a_jump_of_numbers_begins_anew(number: int, served: FileModel, matting: Path) -> None:
    for each in (1, 2, 3):
        ask(served, each, sequence="shot", frame_number=each)
    made = ask(served, number, sequence="shot", frame_number=number)
    assert np.abs(made - loop(matting, number)).max() < CODES


def test_a_cut_begins_anew(served: FileModel, matting: Path) -> None:
    for number in (1, 2, 3):
        ask(served, number, sequence="shot")
    made = ask(served, 4, seed=1, sequence="shot")
    assert np.abs(made - loop(matting, 4, seed=1)).max() < CODES


def test_clients_and_sequences_keep_apart(served: FileModel, matting: Path) -> None:
    for number in (1, 2, 3):
        ask(served, number, "a", sequence="shot", frame_number=number)
        made = ask(served, number, "b", sequence="shot", frame_number=number)
        ask(served, number + 40, "a", sequence="other", frame_number=number)
    assert np.abs(made - loop(matting, 1, 2, 3)).max() < CODES


def follow(known: Carried, name: str, size: int = 1, number: int = -1, **more: Any) -> Any:
    """What goes into a frame of a sequence, which leaves a state of so many bytes."""

    def step(before: Any) -> Any:
        return before.get(STATE), {STATE: State((1, 1), {"h": np.zeros(size, np.uint8)})}

    call = Call([np.zeros((1, 8, 8), np.float32)], {"sequence": name, "frame_number": number}, **more)
    return known.follow(call, LUMA, step)


def test_few_sequences_are_remembered_and_none_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    known = Carried(lambda: now[0])
    for number in range(2 * MOST):
        follow(known, f"s{number}")
    assert len(known) == MOST
    now[0] = EXPIRES + 1
    known.forget()
    assert len(known) == 0
    monkeypatch.setattr(carried, "MOST_BYTES", 100)
    for number in range(4):
        follow(known, f"s{number}", 60)
    assert len(known) == 1, "as many as there is room for, and the last one"


def test_a_client_says_where_a_sequence_begins_and_ends() -> None:
    known = Carried()
    assert follow(known, "shot", number=1) is None
    assert follow(known, "shot", number=2) is not None
    assert follow(known, "shot", number=3, begins=True) is None
    assert follow(known, "shot", number=4, ends=True) is not None
    assert len(known) == 0


def test_frames_about_each_one_come_as_pictures_of_their_own(tmp_path: Path) -> None:
    for stack, told in (("apart", "[frames]\nprevious = -1\nnext = 1\n"), ("time", "frames = [-1, 0, 1]\n")):
        settings = tmp_path / "told.toml"
        settings.write_text(told)
        model = import_network(onnx_around(tmp_path / f"{stack}.onnx", stack), tmp_path, settings=settings)
        served = FileModel(model.model, "cpu", ServerLog(io.StringIO()))
        assert [image.offset for image in served.description.inputs] == [0, -1, 1]
        own, before, after = (np.moveaxis(picture(1, seed), -1, 0) for seed in (1, 2, 3))
        made = served.run([Call([own, before, after])])[0].pictures[0]
        assert np.abs(made - (0.6 * own + 0.2 * before + 0.2 * after)).max() < CODES


def test_both_doors_carry_state_and_the_metadata_says_it(matting: Path, serve: Callable[..., Any]) -> None:
    server = serve(matting, "--devices", "cpu")
    with urllib.request.urlopen(f"{server.url}/v2/models/rvm", timeout=60) as answer:
        told = json.load(answer)
    assert told["parameters"]["state"] == ["r1i", "r2i", "r3i", "r4i"] and "sequence" in told["parameters"]
    for number in (1, 2, 3):
        planes = np.ascontiguousarray(np.moveaxis(picture(number), -1, 0)[None])
        head = {
            "inputs": [
                {
                    "name": "plate",
                    "datatype": "FP32",
                    "shape": list(planes.shape),
                    "data": planes.ravel().tolist(),
                }
            ],
            "parameters": {"sequence_id": 7, "sequence_start": number == 1, "frame_number": number},
        }
        request = urllib.request.Request(
            f"{server.url}/v2/models/rvm/infer",
            json.dumps(head).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            output = json.load(answer)["outputs"][0]
    made = np.reshape(output["data"], output["shape"])[0].transpose(1, 2, 0)
    assert np.abs(made - loop(matting, 1, 2, 3)).max() < CODES
    listed = next(each for each in server.models() if each.name == "rvm")
    assert {each.name for each in listed.string_options} >= {"sequence"}
    from understudy.colour.scene_linear import linear_to_srgb, srgb_to_linear

    for number in (1, 2, 3):
        linear = srgb_to_linear(picture(number))
        found = server.infer("rvm", linear, sequence="nuke", frame_number=number).picture()
    assert np.abs(linear_to_srgb(found[..., :3]) - loop(matting, 1, 2, 3)[..., :3]).max() < CODES
    assert np.abs(found[..., 3] - loop(matting, 1, 2, 3)[..., 3]).max() < CODES


def test_sequences_of_triton_s_own_client_go_on(matting: Path, serve: Callable[..., Any]) -> None:
    triton = pytest.importorskip("tritonclient.grpc")
    server = serve(matting, "--devices", "cpu", "--grpc-port", "0")
    with triton.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as client:
        assert client.get_model_metadata("rvm").inputs[0].name == "plate"
        for number in (1, 2, 3):
            planes = np.ascontiguousarray(np.moveaxis(picture(number), -1, 0)[None])
            given = triton.InferInput("plate", list(planes.shape), "FP32")
            given.set_data_from_numpy(planes)
            answer = client.infer("rvm", [given], sequence_id=5, sequence_start=number == 1)
    made = np.moveaxis(answer.as_numpy(answer.get_response().outputs[0].name)[0], 0, -1)
    assert np.abs(made - loop(matting, 1, 2, 3)).max() < CODES


def test_options_of_the_network_stay_beside_those_of_sequences(tmp_path: Path) -> None:
    settings = tmp_path / "free.told.toml"
    settings.write_text('output = "fgr"\n[constants]\n')  # none: the ratio stays an option
    model = import_network(onnx_matting(tmp_path / "free.onnx"), tmp_path / "models", settings=settings).model
    served = FileModel(model, "cpu", ServerLog(io.StringIO()))
    assert served.description.options[0] == Option("downsample_ratio", "float", 1.0)
    plain = ask(served, 1, downsample_ratio=0.5)
    assert np.abs(plain - matting_loop(model, [picture(1)])[0][0]).max() < CODES
