"""Below a path of a proxy: routes, redirects, cookies and the description of the API know it."""

from __future__ import annotations

import warnings

import pytest

from understudy.monitor.root_path import is_root_path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

from understudy.monitor.api.app import make_app

TOKEN = "a-token-of-some-length"
PREFIX = {"x-forwarded-prefix": "/understudy"}


@pytest.fixture
def below(app_state):
    """The API with --root-path /understudy and a token."""
    app = make_app(app_state, TOKEN, root_path="/understudy")
    with TestClient(app, base_url="http://127.0.0.1:8420") as client:
        yield client


@pytest.fixture
def plain(app_state):
    """The API with a token, without --root-path."""
    with TestClient(make_app(app_state, TOKEN), base_url="http://127.0.0.1:8420") as client:
        yield client


@pytest.mark.parametrize("path", ["/api/runs", "/understudy/api/runs"])
def test_a_route_is_found_with_the_root_path_and_without_it(below, make_run, path):
    make_run("one")
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert [run["name"] for run in below.get(path, headers=headers).json()["runs"]] == ["one"]


@pytest.mark.parametrize("path", ["/", "/understudy/", "/understudy"])
def test_the_token_goes_into_a_cookie_of_that_path_and_the_redirect_stays_below_it(below, path):
    response = below.get(f"{path}?token={TOKEN}&x=1", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (303, "/understudy/?x=1")
    assert "path=/understudy;" in response.headers["set-cookie"].lower()


def test_a_prefix_that_the_proxy_reports_counts_without_the_flag(plain):
    response = plain.get(f"/?token={TOKEN}", headers=PREFIX, follow_redirects=False)
    assert response.headers["location"] == "/understudy/"
    assert plain.get(f"/?token={TOKEN}", follow_redirects=False).headers["location"] == "/"


@pytest.mark.parametrize(
    "prefix",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a/../b",
        '/"><script>',
        "/a b",
        "/" + "x" * 300,
    ],
)
def test_a_prefix_that_is_no_plain_path_is_ignored(plain, prefix):
    response = plain.get(f"/?token={TOKEN}", headers={"x-forwarded-prefix": prefix}, follow_redirects=False)
    assert response.headers["location"] == "/"


def test_below_a_root_path_bodies_that_are_not_json_are_refused_too(below, make_run):
    make_run("one")
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "text/plain"}
    for path in ("/api/runs/one/resume", "/understudy/api/runs/one/resume"):
        assert below.post(path, content=b"{}", headers=headers).status_code == 415


def test_the_description_of_the_api_names_the_root_path_of_the_flag(below):
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert below.get("/openapi.json", headers=headers).json()["servers"] == [{"url": "/understudy"}]


def test_the_description_of_the_api_names_no_path_that_a_request_brings(plain):
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert "servers" not in plain.get("/openapi.json", headers=headers | PREFIX).json()


def test_events_are_not_collected_by_a_proxy(plain):
    headers = {"authorization": f"Bearer {TOKEN}"}
    with plain.stream("GET", "/api/events?seconds=0.1", headers=headers) as stream:
        assert stream.headers["x-accel-buffering"] == "no"


@pytest.mark.parametrize("path", ["", "/understudy", "/tools/under.study-1_2~"])
def test_a_root_path_is_a_plain_path(path):
    assert is_root_path(path)


@pytest.mark.parametrize(
    "path", ["/", "/a/", "a", "//a", "/a//b", "/.", "/a/..", "/a?b", "/a b", "/ä", "/%41"]
)
def test_everything_else_is_none(path):
    assert not is_root_path(path)
