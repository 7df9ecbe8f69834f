"""The HTTP endpoint of a real server, asked by tritonclient and by hand."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import stat
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

triton = pytest.importorskip("tritonclient.http")


def tensor(pixels, kind="FP32", binary=True, name="input"):
    """An input of tritonclient: 1 x C x H x W of (height, width, channels)."""
    dtype = {"FP32": np.float32, "FP16": np.float16, "UINT8": np.uint8}[kind]
    values = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype)
    made = triton.InferInput(name, list(values.shape), kind)
    made.set_data_from_numpy(values, binary_data=binary)
    return made


def image(values):
    return values[0].transpose(1, 2, 0)


@pytest.fixture(scope="module")
def client(builtin):
    made = triton.InferenceServerClient(f"127.0.0.1:{builtin.http_port}", concurrency=4)
    yield made
    made.close()


def call(server, method, path, body=None, headers=None):
    """One request by hand: (status, decoded JSON or text, headers)."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    try:
        return response.status, json.loads(text), response.headers
    except ValueError:
        return response.status, text.decode("utf-8", "replace"), response.headers


def test_health_and_metadata(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("blur") and client.is_model_ready("blur", "1")
    assert not client.is_model_ready("nothing") and not client.is_model_ready("blur", "2")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    found = client.get_model_metadata("motion_vectors")
    assert [each["name"] for each in found["inputs"]] == ["current", "next"]
    assert found["inputs"][0]["datatype"] == "FP32"
    assert len(found["inputs"][0]["shape"]) == 4


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_any_number_of_channels_goes_through(client, channels):
    pixels = np.random.default_rng(0).normal(0, 3, (20, 31, channels)).astype(np.float32)
    answer = client.infer("blur", [tensor(pixels)], parameters={"kernel_size": 1})
    assert np.array_equal(image(answer.as_numpy("output")), pixels)


def test_all_forms_of_input_and_output_agree(client, picture):
    plain = client.infer("blur", [tensor(picture)]).as_numpy("output")
    wanted = [triton.InferRequestedOutput("output", binary_data=False)]
    as_json = client.infer("blur", [tensor(picture, binary=False)], outputs=wanted).as_numpy("output")
    named = client.infer(
        "blur", [tensor(picture)], outputs=[triton.InferRequestedOutput("output", binary_data=True)]
    )
    packed = client.infer(
        "blur",
        [tensor(picture)],
        request_compression_algorithm="gzip",
        response_compression_algorithm="deflate",
    )
    assert np.allclose(as_json, plain, rtol=1e-5)
    assert np.array_equal(named.as_numpy("output"), plain)
    assert np.array_equal(packed.as_numpy("output"), plain)


def test_half_and_eight_bits_are_taken_and_given(client):
    pixels = np.random.default_rng(0).random((16, 16, 3)).astype(np.float16)
    half = client.infer(
        "blur", [tensor(pixels, "FP16")], parameters={"kernel_size": 1, "output_datatype": "FP16"}
    )
    assert np.array_equal(image(half.as_numpy("output")), pixels)
    codes = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    eight = client.infer(
        "blur", [tensor(codes, "UINT8")], parameters={"kernel_size": 1, "output_datatype": "UINT8"}
    )
    assert np.array_equal(image(eight.as_numpy("output")), codes)
    as_float = client.infer("blur", [tensor(codes, "UINT8")], parameters={"kernel_size": 1}).as_numpy(
        "output"
    )
    assert as_float.dtype == np.float32 and as_float.max() == 1.0


def test_id_name_and_version_come_back(client, picture):
    answer = client.infer("blur", [tensor(picture)], request_id="shot 12").get_response()
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("shot 12", "blur", "1")


def test_the_list_of_models_is_an_array_with_options_and_their_ranges(builtin):
    status, models, _ = call(builtin, "GET", "/api/models")
    assert status == 200
    blur = next(each for each in models if each["name"] == "blur")
    assert {"name", "label", "inputs", "outputs", "options", "state"} <= set(blur)
    assert blur["state"] == "ready"
    kernel = next(each for each in blur["options"] if each["name"] == "kernel_size")
    assert (kernel["type"], kernel["default"], kernel["minimum"], kernel["maximum"]) == ("int", 5, 1, 255)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"kernel_size": 0}, "between"),
        ({"kernel_size": 2**40}, "between"),
        ({"kernel_size": "5"}, "type int"),
        ({"nothing": 1}, "no option"),
        ({"space": "moon"}, "space"),
        ({"output_datatype": "FP64"}, "output_datatype"),
        ({"kernel_size": [5]}, "type int"),
        ({"sigma": None}, "type float"),
    ],
)
def test_options_out_of_range_or_of_no_name_are_refused(client, picture, parameters, said):
    with pytest.raises(triton.InferenceServerException, match=said):
        client.infer("blur", [tensor(picture)], parameters=parameters)


HEAD = {"inputs": [{"name": "input", "datatype": "FP32", "shape": [1, 1, 2, 2], "data": [1, 2, 3, 4]}]}


def with_input(**change):
    return json.dumps({"inputs": [{**HEAD["inputs"][0], **change}]})


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"inputs": 7}',
        '{"inputs": []}',
        '{"inputs": [7]}',
        "9" * 10_000,
        with_input(name="other"),
        with_input(name=None),
        with_input(datatype="BYTES"),
        with_input(datatype=["FP32"]),
        with_input(shape=[1, 1, 2]),
        with_input(shape=[2, 1, 2, 2]),
        with_input(shape=[1, 1, -2, -2]),
        with_input(shape=[1, 1, 2, 3]),
        with_input(shape=[1, 10**9, 10**9, 10**9]),
        with_input(shape=[True, 1, 2, 2]),
        with_input(data="abc"),
        with_input(data=[1, 2, 3, "x"]),
        with_input(data=[[1], [2, 3]]),
        with_input(data=None),
        with_input(parameters={"binary_data_size": 16}),
        with_input(parameters={"binary_data_size": -16}),
        with_input(parameters=7, data=None),
        json.dumps({**HEAD, "outputs": [{"name": "other"}]}),
        json.dumps({**HEAD, "outputs": 7}),
        json.dumps({**HEAD, "parameters": []}),
        "\xff\xfe",
        json.dumps({"inputs": HEAD["inputs"] * 2}),
        json.dumps({"inputs": HEAD["inputs"] * 1000}),
    ],
)
def test_a_request_that_is_none_gets_400_and_a_sentence(builtin, body):
    status, answer, _ = call(builtin, "POST", "/v2/models/blur/infer", body.encode("latin-1"))
    assert status == 400, answer
    assert set(answer) == {"error"} and answer["error"]
    assert "Traceback" not in answer["error"] and "/" not in answer["error"]


def test_a_request_in_plain_json_is_answered_in_plain_json(builtin):
    status, answer, headers = call(builtin, "POST", "/v2/models/blur/infer", json.dumps(HEAD))
    assert status == 200
    assert "inference-header-content-length" not in headers
    assert answer["outputs"][0]["shape"] == [1, 1, 2, 2]
    assert len(answer["outputs"][0]["data"]) == 4


@pytest.mark.parametrize("size", ["-1", "0", "999999", "1e3", "x", "9" * 50, "²"])
def test_a_lying_length_of_the_json_part_is_refused(builtin, size):
    raw = json.dumps(HEAD)
    status, answer, _ = call(
        builtin,
        "POST",
        "/v2/models/blur/infer",
        raw,
        {"Inference-Header-Content-Length": size.encode("utf-8")},
    )
    assert status == 400 and "error" in answer


def test_unknown_paths_and_models_are_404_with_a_sentence(builtin):
    for method, path in (
        ("GET", "/v2/models/nothing"),
        ("POST", "/v2/models/..%2fblur/infer"),
        ("GET", "/nothing"),
        ("GET", "/v2/models/blur/config"),
        ("POST", "/v2/repository/index"),
    ):
        status, answer, _ = call(builtin, method, path, b"" if method == "POST" else None)
        assert status == 404 and answer["error"]


def test_a_body_beyond_the_limit_is_refused_unread(builtin):
    with socket.create_connection(("127.0.0.1", builtin.http_port), 10) as connection:
        connection.sendall(
            b"POST /v2/models/blur/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n"
        )
        assert b" 413 " in connection.recv(4096)


def test_a_packed_bomb_is_refused(builtin):
    bomb = gzip.compress(bytes(300_000_000), 1)
    before = builtin.memory()
    status, answer, _ = call(builtin, "POST", "/v2/models/blur/infer", bomb, {"Content-Encoding": "gzip"})
    assert status == 413 and answer["error"]
    assert builtin.memory() < before + 150_000_000


def ends(server, sent, then):
    """Whether the server lets a client go that sends ``sent``, then a byte of ``then`` now and again."""
    with socket.create_connection(("127.0.0.1", server.http_port), 10) as connection:
        connection.sendall(sent)
        for at in range(60):
            connection.settimeout(0.1)
            try:
                if connection.recv(4096) == b"":
                    return True
            except TimeoutError:
                pass
            except OSError:
                return True
            try:
                connection.sendall(then[at : at + 1])
            except OSError:
                return True
    return False


def test_silent_and_slow_clients_are_let_go(builtin):
    post = b"POST /v2/models/blur/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nabc"
    ways = [
        (b"", b""),
        (b"GET /v2 HT", b""),
        (b"GET /v2 HTTP/1.1\r\n", b"a" * 60),
        (post, b""),
        (post, b"d" * 60),
    ]
    with ThreadPoolExecutor(len(ways)) as pool:
        assert all(pool.map(lambda way: ends(builtin, *way), ways))


def test_headers_without_end_are_cut_off(builtin):
    with (
        pytest.raises(OSError),
        socket.create_connection(("127.0.0.1", builtin.http_port), 10) as connection,
    ):
        for _ in range(2000):
            connection.sendall(b"GET /v2 HTTP/1.1\r\n" if not _ else b"a: " + b"b" * 2000 + b"\r\n")
            time.sleep(0.0005)


def test_metrics_tell_requests_errors_latency_queue_and_memory(builtin, client, picture):
    client.infer("blur", [tensor(picture)])
    builtin.infer("nothing-of-that-name", picture)
    status, text, headers = call(builtin, "GET", "/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain")
    assert 'understudy_requests_total{door="http",model="blur",outcome="ok"}' in text
    assert 'understudy_requests_total{door="ml-server",model="(unknown)",outcome="refused"}' in text
    for name in (
        "understudy_latency_seconds_bucket",
        "understudy_queue_length",
        "understudy_request_memory_bytes",
        "process_resident_memory_bytes",
        "understudy_connections",
    ):
        assert name in text
    assert "nothing-of-that-name" not in text


def test_the_description_is_there_for_machines_and_people_and_needs_nothing_from_outside(builtin):
    status, description, _ = call(builtin, "GET", "/openapi.json")
    assert status == 200
    assert {"/api/models", "/metrics", "/v2/models/{name}/infer"} <= set(description["paths"])
    status, text, _ = call(builtin, "GET", "/docs")
    assert status == 200 and "/v2/models/{name}/infer" in text
    assert "http://" not in text and "https://" not in text


def test_a_foreign_page_in_a_visitors_browser_is_refused(builtin):
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Host": "localhost.evil.example:8000"},
    ):
        status, answer, _ = call(builtin, "GET", "/api/models", headers=headers)
        assert status == 403 and answer["error"]
    assert call(builtin, "GET", "/api/models", headers={"Host": f"localhost:{builtin.http_port}"})[0] == 200


def test_with_a_token_nobody_gets_in_without_it(serve, tmp_path):
    file = tmp_path / "token"
    server = serve("--token-file", file)
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    token = file.read_text().strip()
    assert len(token) >= 32
    for path in ("/api/models", "/v2", "/metrics", "/docs", "/openapi.json"):
        assert call(server, "GET", path)[0] == 401
        assert call(server, "GET", path, headers={"Authorization": "Bearer " + token[:-1] + "x"})[0] == 401
        assert call(server, "GET", path, headers={"Authorization": "Bearer " + token})[0] == 200
    assert call(server, "GET", "/v2/health/live")[0] == 200
    client = triton.InferenceServerClient(f"127.0.0.1:{server.http_port}")
    assert client.is_model_ready("blur", headers={"Authorization": "Bearer " + token})
    client.close()
    assert token not in json.dumps(server.log)
