"""Whatever is sent to the routes, the answer is one that was foreseen: never a 500."""

from __future__ import annotations

import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

import numpy as np
import OpenImageIO as oiio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy.monitor.api.app import make_app
from understudy.monitor.app_state import AppState
from understudy.runs import RunFolder, RunState
from understudy.settings import ApplySettings, TrainSettings, settings_of

EXAMPLES = 15
HERE = {"host": "127.0.0.1"}


@pytest.fixture(scope="module")
def app_with_runs(tmp_path_factory):
    """The routes over a good run, a damaged one and some footage. Nothing is started."""
    data = tmp_path_factory.mktemp("runs")
    run = RunFolder.create(data, "one")
    run.append_summary({"step": step, "loss": 1.0 / step} for step in range(1, 300))
    run.write_state(RunState(state="finished", step=299, total=299))
    spec = oiio.ImageSpec(40, 40, 3, "uint8")
    for path in (run.contact_path(100), run.preview_path(100, 7), data / "plate.1001.png"):
        output = oiio.ImageOutput.create(str(path))
        output.open(str(path), spec)
        output.write_image(np.zeros((40, 40, 3), np.uint8))
        output.close()
    damaged = RunFolder.create(data, "bad")
    damaged.state_path.write_bytes(b"\xff{")
    app_state = AppState(data)
    app_state.commands.jobs.start = _nothing_is_started
    return make_app(app_state)


@pytest.fixture(scope="module")
def schema_with_runs(app_with_runs):
    return schemathesis.openapi.from_asgi("/openapi.json", app_with_runs, headers=HERE)


@pytest.fixture(scope="module")
def client_with_runs(app_with_runs):
    return TestClient(app_with_runs, base_url="http://127.0.0.1")


def _nothing_is_started(*arguments, **named):
    from understudy.errors import RunError

    raise RunError("Nothing is started in this test.")


def check(case):
    names = case.path_parameters or {}
    if "name" in names and len(str(names["name"])) % 2:
        names["name"] = "one"  # half of the time a run that is there
    response = case.call(headers=HERE)
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert set(response.json()) == {"error"}


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_no_request_is_answered_with_a_500(schema_with_runs, method):
    chosen = schema_with_runs.include(method=method).exclude(path_regex="/api/events")
    operations = [result.ok() for result in chosen.get_all_operations()]
    assert operations
    for operation in operations:
        modes = [operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]
        fuzz = given(st.one_of(*modes))(check)
        settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))(fuzz)()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
LIKELY = st.sampled_from(
    ["plate.1001.png", "plate.####.png", ".", "1-10", "10m", "-1", "auto", "one", "../x", "\0"]
)
NAMES = [info.name for info in (*settings_of(TrainSettings), *settings_of(ApplySettings))]


@settings(max_examples=80)
@given(
    route=st.sampled_from(["/api/pairs", "/api/runs", "/api/apply"]),
    values=st.dictionaries(st.sampled_from(NAMES), LIKELY | st.lists(LIKELY, max_size=2) | JSON, max_size=8),
)
def test_no_settings_are_answered_with_a_500(client_with_runs, route, values):
    answer = client_with_runs.post(route, json={"settings": values})
    assert answer.status_code < 500, answer.text


@given(text=st.text(max_size=60), number=st.integers())
def test_no_path_is_answered_with_a_500(client_with_runs, text, number):
    for route, name in (("shot", "spec"), ("complete", "text"), ("frame", "spec")):
        answer = client_with_runs.get(f"/api/footage/{route}", params={name: text, "number": number})
        assert answer.status_code < 500, answer.text
