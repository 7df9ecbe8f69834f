"""Strangers' bytes: whatever comes, it ends in a request or in an error meant for clients."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.errors import RequestError
from understudy.server import kserve
from understudy.server.models.builtin import GaussianBlur
from understudy.server.protocol import ProtocolError, RequestReader

FUZZ = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz_protocol.py"
LIMIT = 100_000


def load_fuzz():
    spec = importlib.util.spec_from_file_location("fuzz_protocol", FUZZ)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_mutated_messages_end_in_a_call_or_in_a_clean_refusal():
    """A part of what benchmarks/fuzz_protocol.py does a million times."""
    endings = load_fuzz().fuzz(20_000, seed=1)
    assert endings["slow"] == 0
    assert min(endings["a call"], endings["ProtocolError"], endings["RequestError"]) > 500


@given(st.binary(max_size=6000), st.integers(0, LIMIT) | st.none())
@settings(max_examples=300)
def test_any_bytes_through_the_reader(body, claim):
    reader = RequestReader(LIMIT)
    raw = (b"%012d" % (len(body) if claim is None else claim)) + body
    try:
        raw = raw[reader.feed(raw) :]
        if reader.state == "buffer":
            reader.use(bytearray(reader.memory_wanted()))
            reader.feed(raw)
        if reader.state == "complete":
            reader.request()
    except ProtocolError:
        pass


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["input", "FP32", "FP16", "UINT8", "data", [1, 1, 2, 2]]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["name", "datatype", "shape", "data", "parameters", "binary_data_size", "binary_data"]
            )
            | st.text(max_size=5),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)
INPUT = st.fixed_dictionaries(
    {
        "name": st.just("input") | JSON,
        "datatype": st.sampled_from(["FP32", "FP16", "UINT8"]) | JSON,
        "shape": st.just([1, 1, 2, 2]) | JSON,
    },
    optional={"data": st.just([1, 2, 3, 4]) | JSON, "parameters": st.just({"binary_data_size": 16}) | JSON},
)
HEAD = st.fixed_dictionaries(
    {"inputs": st.lists(INPUT, max_size=2) | JSON},
    optional={
        "outputs": st.lists(st.just({"name": "output"}) | JSON, max_size=2) | JSON,
        "parameters": JSON,
        "id": JSON,
    },
)


@given(HEAD | JSON, st.binary(max_size=40), st.integers(-3, 3))
@settings(max_examples=200)
def test_any_json_and_any_bytes_through_the_http_door(head, tail, lie):
    raw = json.dumps(head).encode()
    body = memoryview(raw + tail)
    try:
        request = kserve.read_request(body, len(raw) + lie if tail else None)
        call = kserve.call_of(GaussianBlur.description, request)
        kserve.write_answer(GaussianBlur.description, request, _echo(call))
    except RequestError:
        pass


def _echo(call):
    from understudy.server.models.served import Answer

    return Answer([call.pictures[0]])
