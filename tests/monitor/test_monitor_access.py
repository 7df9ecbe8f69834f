"""Another web site can do nothing here; another host needs the token."""

from __future__ import annotations

import asyncio
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from understudy.errors import SettingError
from understudy.monitor.access import AccessControl
from understudy.monitor.server import _token, is_loopback

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

from understudy.monitor.api.app import make_app

TOKEN = "a-token-of-some-length"
OTHERS = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:9999"},
    {"origin": "file://127.0.0.1:8420"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"host": "evil.example:8420"},
    {"host": ""},
    {"host": "127.0.0.1.evil.example"},
]


@pytest.mark.parametrize("headers", OTHERS, ids=str)
def test_requests_of_other_sites_are_refused(api, make_run, headers):
    make_run("one")
    assert api.get("/api/runs", headers=headers).status_code == 403
    assert api.delete("/api/runs/one", headers=headers).status_code == 403
    assert (
        api.post("/api/runs/one/stop", headers={"content-type": "application/json", **headers}).status_code
        == 403
    )
    assert api.get("/api/runs/one").status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_what_a_plain_form_can_send_is_refused(api, make_run, kind):
    make_run("one")
    answer = api.post("/api/runs/one/resume", content=b"{}", headers={"content-type": kind})
    assert answer.status_code == 415
    assert "JSON" in answer.json()["error"]["message"]


@pytest.mark.parametrize("host", ["127.0.0.1:8420", "localhost:8420", "[::1]:8420", "LOCALHOST"])
def test_the_machines_own_names_are_accepted(api, host):
    assert api.get("/api/runs", headers={"host": host, "origin": f"http://{host}"}).status_code == 200


def test_a_link_followed_from_another_site_opens_the_page_only():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    client = TestClient(AccessControl(app), base_url="http://127.0.0.1:8420")
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/", headers=followed).status_code == 200
    assert client.get("/api/runs", headers=followed).status_code == 403
    assert client.get("/", headers={**followed, "sec-fetch-dest": "iframe"}).status_code == 403
    assert seen == ["/"]


def test_the_answers_may_not_be_framed_or_sniffed(api):
    headers = api.get("/api/runs").headers
    assert headers["x-frame-options"] == "DENY" and headers["x-content-type-options"] == "nosniff"


@pytest.fixture
def client_with_token(app_state):
    with TestClient(make_app(app_state, TOKEN), base_url="http://farm.example:8420") as client:
        yield client


def test_without_the_token_nothing_is_answered(client_with_token):
    for path in ("/api/runs", "/", "/openapi.json", "/api/events", "/?token=wrong"):
        assert client_with_token.get(path, follow_redirects=False).status_code == 401
    assert client_with_token.get("/api/runs", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert (
        client_with_token.get("/api/runs", headers={"cookie": "understudy_token=; x\x01"}).status_code == 401
    )


def test_programs_bring_the_token_in_a_header_and_browsers_in_a_cookie(client_with_token):
    assert client_with_token.get("/api/runs", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    arrival = client_with_token.get(f"/?token={TOKEN}", follow_redirects=False)
    assert arrival.status_code == 303 and arrival.headers["location"] == "/"
    cookie = arrival.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert client_with_token.get("/api/runs").status_code == 200


def test_the_token_does_not_admit_other_sites(client_with_token):
    headers = {"authorization": f"Bearer {TOKEN}", "origin": "http://evil.example"}
    assert client_with_token.get("/api/runs", headers=headers).status_code == 403


REWRITTEN = {"host": "127.0.0.1:8420", "origin": "http://monitor.studio"}  # as nginx sends it by default


@pytest.fixture
def behind_a_proxy(app_state):
    """The API and something like the page's files and connection beside it."""
    app = make_app(app_state, page_key="the-key-in-the-page")

    @app.api_route("/", methods=["GET", "POST"])
    @app.api_route("/monitor/style.css", methods=["GET", "POST"])
    @app.api_route("/_nicegui_ws/socket.io/", methods=["GET", "POST"])
    def reached():
        return {}

    with TestClient(app, base_url="http://127.0.0.1:8420") as client:
        yield client


def test_behind_a_proxy_that_rewrites_the_host_the_page_gets_its_files_and_its_connection(behind_a_proxy):
    socket = "/_nicegui_ws/socket.io/?transport=polling&page_key=the-key-in-the-page"
    for path in ("/", "/monitor/style.css"):
        response = behind_a_proxy.get(path, headers=REWRITTEN)
        assert response.status_code == 200
        assert "access-control-allow-origin" not in response.headers  # so that no other site can read it
    assert behind_a_proxy.get(socket, headers=REWRITTEN).status_code == 200
    assert behind_a_proxy.post(socket, headers=REWRITTEN).status_code == 200
    assert behind_a_proxy.get("/api/runs", headers={"host": "127.0.0.1:8420"}).status_code == 200


@pytest.mark.parametrize("key", ["", "&page_key=", "&page_key=guessed"])
def test_without_the_key_that_stands_in_the_page_another_site_gets_no_connection(behind_a_proxy, key):
    socket = "/_nicegui_ws/socket.io/?transport=polling"
    assert behind_a_proxy.get(socket + key, headers=REWRITTEN).status_code == 403
    assert behind_a_proxy.post(socket + key, headers=REWRITTEN).status_code == 403


def test_behind_a_proxy_another_site_does_not_reach_the_api(behind_a_proxy, make_run):
    make_run("one")
    key = "?page_key=the-key-in-the-page"
    for path in ("/api/runs", "/api/runs/one", "/openapi.json"):
        assert behind_a_proxy.get(path + key, headers=REWRITTEN).status_code == 403
    assert behind_a_proxy.delete("/api/runs/one" + key, headers=REWRITTEN).status_code == 403
    assert behind_a_proxy.post("/", headers=REWRITTEN).status_code == 403


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_what_the_browser_calls_another_site_gets_nothing_with_the_key_either(behind_a_proxy, site):
    headers = {**REWRITTEN, "sec-fetch-site": site}
    socket = "/_nicegui_ws/socket.io/?page_key=the-key-in-the-page"
    for path in (socket, "/monitor/style.css", "/api/runs"):
        assert behind_a_proxy.get(path, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "named", [{"sec-fetch-site": "same-origin"}, {"x-forwarded-host": "monitor.studio, 10.0.0.1"}]
)
def test_the_pages_own_requests_through_a_proxy_that_says_so_pass(behind_a_proxy, make_run, named):
    make_run("one")
    headers = {**REWRITTEN, **named, "content-type": "application/json"}
    assert behind_a_proxy.get("/api/runs", headers=headers).status_code == 200
    assert behind_a_proxy.post("/api/runs/one/stop", headers=headers).status_code == 409  # it does not train


def test_a_name_that_the_proxy_reports_does_not_open_the_monitor_to_that_name(behind_a_proxy):
    """A page of another site whose name leads here may send any header."""
    headers = {"host": "evil.example", "origin": "http://evil.example", "x-forwarded-host": "evil.example"}
    assert behind_a_proxy.get("/api/runs", headers=headers).status_code == 403


def test_a_websocket_of_another_site_is_closed():
    sent = []

    async def app(scope, receive, send):
        raise AssertionError("it came through")

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/_nicegui_ws/socket.io/",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8420"), (b"origin", b"http://evil.example")],
    }
    # In a thread of its own: a browser that other tests drive may have a loop in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, AccessControl(app)(scope, receive, send)).result()
    assert sent[0]["type"] == "websocket.close"


@pytest.mark.parametrize(("host", "alone"), [("127.0.0.1", True), ("::1", True), ("localhost", True)])
def test_loopback_needs_no_token(host, alone):
    assert is_loopback(host) is alone and _token(host, None) == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "farm.example"])
def test_every_other_address_gets_one(host):
    assert len(_token(host, None)) >= 24


@pytest.mark.parametrize("token", ["short", "with blanks in it", "semicolon;semicolon", "ümläute-in-a-token"])
def test_a_weak_token_is_refused(token):
    with pytest.raises(SettingError):
        _token("0.0.0.0", token)
