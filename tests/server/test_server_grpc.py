"""The gRPC endpoint of a real server, asked by tritonclient and by hand."""

from __future__ import annotations

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from site_files import ALICE, BOB, both, make_certificate, written

grpc = pytest.importorskip("grpc")
triton = pytest.importorskip("tritonclient.grpc")
InferenceServerException = pytest.importorskip("tritonclient.utils").InferenceServerException
door = pytest.importorskip("understudy.server.grpc.messages")
messages = door.messages
INFER = f"/{door.SERVICE}/ModelInfer"


def tensor(pixels: np.ndarray, kind: str = "FP32", name: str = "input") -> Any:
    dtype = {"FP32": np.float32, "FP16": np.float16, "UINT8": np.uint8}[kind]
    values = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype)
    made = triton.InferInput(name, list(values.shape), kind)
    made.set_data_from_numpy(values)
    return made


def image(values: np.ndarray) -> np.ndarray:
    return values[0].transpose(1, 2, 0)


@pytest.fixture(scope="module")
def server(serve_long: Any) -> Any:
    return serve_long("--grpc-port", "0", "--max-request", "64MB", "--patience", "1.5s")


@pytest.fixture(scope="module")
def client(server: Any) -> Any:
    with triton.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as made:
        yield made


def raw_call(server: Any) -> Any:
    channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")
    return channel.unary_unary(INFER)


def test_health_metadata_and_the_list(client: Any) -> None:
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("blur") and client.is_model_ready("blur", "1")
    assert client.get_server_metadata().name == "understudy"
    found = client.get_model_metadata("motion_vectors")
    assert [each.name for each in found.inputs] == ["current", "next"]
    assert list(found.inputs[0].shape) == [1, -1, -1, -1] and found.inputs[0].datatype == "FP32"
    assert {each.name for each in client.get_model_repository_index().models} >= {"blur", "denoise"}


@pytest.mark.parametrize("channels", [1, 3, 7])
def test_pictures_come_back_as_by_http(client: Any, server: Any, channels: int) -> None:
    from understudy import client as by_http

    pixels = np.random.default_rng(0).normal(0, 3, (20, 31, channels)).astype(np.float32)
    answer = client.infer("blur", [tensor(pixels)], parameters={"kernel_size": 1})
    assert np.array_equal(image(answer.as_numpy("output")), pixels)
    blurred = image(client.infer("blur", [tensor(pixels)], parameters={"kernel_size": 5}).as_numpy("output"))
    assert np.array_equal(blurred, np.asarray(by_http.infer("blur", [pixels], server.url, kernel_size=5)[0]))


def test_all_types_and_values_in_the_message_itself(client: Any, server: Any) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (9, 8, 3)).astype(np.float32)
    asked = {"kernel_size": 1}
    small = client.infer("blur", [tensor(pixels, "UINT8")], parameters=asked).as_numpy("output")
    np.testing.assert_allclose(image(small), pixels / 255, atol=1e-6)
    half = client.infer(
        "blur", [tensor(pixels / 256, "FP16")], parameters=asked | {"output_datatype": "UINT8"}
    )
    assert half.as_numpy("output").dtype == np.uint8
    request = messages()["ModelInferRequest"](model_name="blur", id="seven")
    given = request.inputs.add(name="input", datatype="FP32", shape=[1, 1, 2, 3])
    given.contents.fp32_contents.extend(range(6))
    request.parameters.add(key="kernel_size").value.int64_param = 1
    answer = messages()["ModelInferResponse"].FromString(raw_call(server)(request.SerializeToString()))
    assert answer.id == "seven" and list(answer.outputs[0].shape) == [1, 1, 2, 3]
    assert np.frombuffer(answer.raw_output_contents[0], "<f4").tolist() == list(range(6))


def number_of(request: Any) -> Any:
    return request.parameters.add(key="kernel_size").value


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda r: setattr(r, "model_name", "nothing"), "NOT_FOUND", "no model"),
        (lambda r: setattr(r, "model_version", "77"), "NOT_FOUND", "is of version"),
        (lambda r: setattr(r.inputs[0], "name", "other"), "INVALID_ARGUMENT", "wants the inputs"),
        (lambda r: setattr(r.inputs[0], "datatype", "BYTES"), "INVALID_ARGUMENT", "datatype"),
        (lambda r: r.inputs[0].shape.append(3), "INVALID_ARGUMENT", "shape"),
        (lambda r: r.inputs[0].shape.__setitem__(3, -1), "INVALID_ARGUMENT", "shape"),
        (lambda r: r.inputs[0].shape.__setitem__(3, 2**40), "INVALID_ARGUMENT", "its shape wants"),
        (lambda r: r.raw_input_contents.append(b""), "INVALID_ARGUMENT", "raw contents"),
        (lambda r: r.raw_input_contents.__setitem__(0, b"123"), "INVALID_ARGUMENT", "its shape wants"),
        (lambda r: r.inputs.extend([r.inputs[0]] * 99), "INVALID_ARGUMENT", "more than"),
        (lambda r: r.parameters.add(key="kernel_size"), "INVALID_ARGUMENT", "has no value"),
        (lambda r: r.outputs.add(name="none"), "INVALID_ARGUMENT", "has no output"),
        (
            lambda r: setattr(r.parameters.add(key="kernel_size").value, "int64_param", 10**9),
            "INVALID",
            "kernel",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_words(server: Any, change: Any, code: str, said: str) -> None:
    request = messages()["ModelInferRequest"](model_name="blur")
    request.inputs.add(name="input", datatype="FP32", shape=[1, 1, 2, 2])
    request.raw_input_contents.append(np.zeros(4, "<f4").tobytes())
    change(request)
    with pytest.raises(grpc.RpcError) as caught:
        raw_call(server)(request.SerializeToString(), timeout=30)
    assert code in caught.value.code().name and said.lower() in caught.value.details().lower()


def test_bytes_that_are_no_message_and_methods_that_are_none(server: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        raw_call(server)(b"\xff" * 100, timeout=30)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(f"/{door.SERVICE}/RepositoryModelLoad")(b"", timeout=30)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_request_beyond_the_limit_is_not_taken(server: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        raw_call(server)(bytes(65_000_000), timeout=60)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert server.is_alive()


def test_many_at_once_all_have_their_own_answer(client: Any) -> None:
    def ask(seed: int) -> bool:
        pixels = np.random.default_rng(seed).random((64, 64, 3)).astype(np.float32)
        answer = client.infer("blur", [tensor(pixels)], parameters={"kernel_size": 1})
        return np.array_equal(image(answer.as_numpy("output")), pixels)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(64)))


def test_clients_that_send_nothing_more_keep_nobody_out(server: Any, client: Any) -> None:
    """Their requests are begun and never sent; those of another address are read beside them."""
    channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")
    held, calls = threading.Event(), []

    def nothing() -> Any:
        held.wait(60)
        yield from ()

    for _ in range(3):
        calls.append(channel.stream_unary(INFER).future(nothing()))
    time.sleep(0.5)
    pixels = np.ones((8, 8, 3), np.float32)
    answer = client.infer("blur", [tensor(pixels)], parameters={"kernel_size": 1}, client_timeout=30)
    assert np.array_equal(image(answer.as_numpy("output")), pixels)
    held.set()
    for each in calls:
        with pytest.raises(grpc.RpcError) as caught:
            each.result(30)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT and "0 came" in caught.value.details()


def test_tokens_models_and_rates_hold_here_as_well(tmp_path: Path, serve: Any) -> None:
    audit = tmp_path / "audit.jsonl"
    tokens = written(tmp_path, both('models = ["blur"]\nrate = "1/h"'))
    server = serve("--grpc-port", "0", "--tokens", tokens, "--audit", audit)
    pixels = np.ones((8, 8, 3), np.float32)
    with triton.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as client:

        def ask(model: str, token: str) -> Any:
            return client.infer(model, [tensor(pixels)], headers={"authorization": f"Bearer {token}"})

        assert client.is_server_live()
        with pytest.raises(InferenceServerException, match="A token is needed"):
            client.get_model_repository_index()
        with pytest.raises(InferenceServerException, match="not for the model"):
            ask("Motion Vectors", ALICE)
        assert ask("blur", ALICE).as_numpy("output").shape == (1, 3, 8, 8)
        with pytest.raises(InferenceServerException, match="1 requests in 3600 s"):
            ask("blur", ALICE)
        ask("blur", BOB)
        listed = client.get_model_repository_index(headers={"authorization": f"Bearer {ALICE}"}).models
        assert [each.name for each in listed] == ["blur"]
    lines = [json.loads(line) for line in audit.read_text("utf-8").splitlines()]
    assert [(each["door"], each["token"], each["model"], each["outcome"]) for each in lines] == [
        ("grpc", "alice", "", "failed"),
        ("grpc", "alice", "blur", "ok"),
        ("grpc", "alice", "blur", "failed"),
        ("grpc", "bob", "blur", "ok"),
    ]
    assert server.stop() == 0


def test_it_is_encrypted_with_the_same_certificate(tmp_path: Path, serve: Any) -> None:
    certificate, key = make_certificate(tmp_path, "site")
    server = serve("--grpc-port", "0", "--tls-cert", certificate, "--tls-key", key)
    address = f"127.0.0.1:{server.grpc_port}"
    with triton.InferenceServerClient(address, ssl=True, root_certificates=str(certificate)) as client:
        assert client.is_server_live()
    with triton.InferenceServerClient(address) as client, pytest.raises(InferenceServerException):
        client.is_server_live()
