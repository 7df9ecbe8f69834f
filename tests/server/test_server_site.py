"""A server for a site: tokens of several people, what each may use, an audit, TLS, and all of it exchanged
while requests go on."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy import client
from understudy.cli.main import run
from understudy.errors import SettingError
from understudy.server.log import ServerLog
from understudy.server.reloading import Reloaded, Reloader
from understudy.server.tokens import Access, Grant, Rate, digest_of, read_tokens

sys.path.insert(0, str(Path(__file__).parent))
from site_files import ALICE, BOB, both, make_certificate, written

PICTURE = np.linspace(0, 1, 8 * 8 * 3, dtype=np.float32).reshape(8, 8, 3)


def test_each_token_is_known_by_its_name_as_it_is_or_as_its_digest(tmp_path: Path) -> None:
    grants = read_tokens(written(tmp_path, both('models = ["hero_*", "blur"]', 'rate = "600/min"')))
    access = Access(grants)
    alice, bob = access.find(ALICE), access.find(BOB)
    assert alice is not None and (alice.name, alice.rate) == ("alice", None)
    assert [alice.allows(name) for name in ("hero_7", "blur", "blurred", "denoise")] == [
        True,
        True,
        False,
        False,
    ]
    assert bob is not None and bob.allows("anything") and bob.rate == Rate(600, 60.0)
    assert access.find(ALICE + "x") is None and access.find("") is None
    assert ALICE not in repr(grants) and digest_of(ALICE).hex() not in repr(grants)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1 to 10000 tables"),
        ("token = 'x'", "tables whose names"),
        ("[alice]\n", "neither"),
        (f"[alice]\ntoken = '{ALICE}'\nsha256 = '{'0' * 64}'", "both"),
        ("[alice]\ntoken = 'short'", "at least 16"),
        ("[alice]\ntoken = 'with a space in the middle'", "at least 16"),
        ("[alice]\nsha256 = 'xyz'", "64 hexadecimal"),
        (f"[alice]\ntoken = '{ALICE}'\nmodels = 'blur'", "as a list"),
        (f"[alice]\ntoken = '{ALICE}'\nrate = 'often'", "a rate in"),
        (f"[alice]\ntoken = '{ALICE}'\nrate = '0/s'", "a rate in"),
        (f"[alice]\ntoken = '{ALICE}'\nmodel = ['blur']", "found: model"),
        (f"['a b']\ntoken = '{ALICE}'", "letters, digits"),
        (f"[a]\ntoken = '{ALICE}'\n[b]\ntoken = '{ALICE}'", "the same one for a and b"),
        ("[alice\n", "cannot be read"),
        ("\x00", "cannot be read"),
    ],
)
def test_what_does_not_say_who_may_do_what_is_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingError) as caught:
        read_tokens(written(tmp_path, text))
    assert said in caught.value.text and str(tmp_path) in caught.value.text
    assert ALICE not in caught.value.text


def test_a_rate_allows_so_many_at_once_and_then_one_after_the_other() -> None:
    now = [100.0]
    grant = Grant("a", b"", rate=Rate(4, 2.0))
    access = Access((grant,), lambda: now[0])
    assert [access.wait_for(grant) for _ in range(4)] == [0, 0, 0, 0]
    assert access.wait_for(grant) == pytest.approx(0.5)
    now[0] += 0.6
    assert access.wait_for(grant) == 0 and access.wait_for(grant) > 0
    now[0] += 1000
    assert sum(access.wait_for(grant) == 0 for _ in range(50)) == 4
    access.replace((grant,))
    assert access.wait_for(grant) > 0  # what was used up stays so
    assert access.wait_for(Grant("b", b"")) == 0


def test_a_file_that_breaks_leaves_what_was_known_and_one_that_is_mended_is_taken(tmp_path: Path) -> None:
    path, access = written(tmp_path, both()), Access()
    reload = Reloader(
        [Reloaded("the tokens", (path,), lambda: access.replace(read_tokens(path)))], ServerLog()
    )
    access.replace(read_tokens(path))
    path.write_text("[alice", "utf-8")
    reload.look()
    assert access.find(ALICE) is not None
    path.unlink()
    reload.look()
    assert access.find(ALICE) is not None
    written(tmp_path, both().replace(ALICE, "another-token-of-hers"))
    reload.look()
    assert access.find(ALICE) is None and access.find("another-token-of-hers") is not None


def ask(server: Any, path: str, token: str) -> tuple[int, Any, Any]:
    asked = urllib.request.Request(server.url + path, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"{}"), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read()), error.headers


def refused(server: Any, token: str, model: str) -> client.ServerError:
    with pytest.raises(client.ServerError) as caught:
        client.Client(server.url, token)._infer(
            model, {"inputs": [{"name": "input", "shape": [1, 1, 1, 1], "datatype": "FP32", "data": [0]}]}, []
        )
    return caught.value


def test_everyone_has_his_models_and_his_rate_and_leaves_a_line(tmp_path: Path, serve: Any) -> None:
    path, audit = written(tmp_path, both('models = ["blur"]\nrate = "2/h"')), tmp_path / "audit.jsonl"
    server = serve("--tokens", path, "--audit", audit)
    assert [each["name"] for each in client.list_models(server.url, ALICE)] == ["blur"]
    assert len(client.list_models(server.url, BOB)) > 2
    assert ask(server, "/api/models", "nobody-nobody-nobody")[0] == 401
    for name in ("motion_vectors", "Motion%20Vectors"):  # by its label as by its name
        status, said, _ = ask(server, f"/v2/models/{name}", ALICE)
        assert status == 403 and "alice is not for the model" in said["error"]
        assert refused(server, ALICE, name.replace("%20", " ")).status == 403
    for _ in range(2):
        client.infer("blur", [PICTURE], server.url, ALICE)
    too_often = refused(server, ALICE, "blur")
    assert too_often.status == 429 and "2 requests in 3600 s" in str(too_often)
    client.infer("blur", [PICTURE], server.url, BOB)
    assert not server.infer("blur", PICTURE).error
    lines = [json.loads(line) for line in audit.read_text("utf-8").splitlines()]
    infers = [line for line in lines if line.get("path", "").endswith("/infer")]
    assert [(each["token"], each["model"], each["status"]) for each in infers] == [
        ("alice", "", 403),
        ("alice", "", 403),
        ("alice", "blur", 200),
        ("alice", "blur", 200),
        ("alice", "blur", 429),
        ("bob", "blur", 200),
    ]
    assert infers[2]["received"] > PICTURE.nbytes and infers[2]["sent"] > PICTURE.nbytes
    assert [line["status"] for line in lines if line.get("token") == "" and line["door"] == "http"] == [401]
    door = [line for line in lines if line["door"] == "ml-server"]
    assert [(each["model"], each["outcome"]) for each in door] == [("blur", "ok")]
    assert ALICE not in audit.read_text("utf-8") and BOB not in audit.read_text("utf-8")
    written(tmp_path, both().replace(ALICE, "another-token-of-hers"))
    server.wait_for("the tokens read again")
    assert ask(server, "/api/models", ALICE)[0] == 401
    assert len(client.list_models(server.url, "another-token-of-hers")) > 2


def test_pictures_travel_encrypted_and_the_certificate_is_exchanged_while_it_runs(
    tmp_path: Path, serve: Any
) -> None:
    certificate, key = make_certificate(tmp_path, "first")
    server = serve("--tls-cert", certificate, "--tls-key", key)
    url = f"https://127.0.0.1:{server.http_port}"
    asked = client.Client(url, ca_file=str(certificate))
    result = asked.infer("blur", [PICTURE], kernel_size=1)[0]
    assert np.array_equal(np.asarray(result), PICTURE)
    with pytest.raises(client.ServerError, match="certificate verify failed"):
        client.Client(url).list_models()
    with pytest.raises(client.ServerError, match="no answer"):
        client.Client(server.url).list_models()
    other, other_key = make_certificate(tmp_path, "second")
    shutil.copy(other_key, key)  # for a moment both do not fit each other
    shutil.copy(other, certificate)
    server.wait_for("the certificate read again")
    shown = ssl.get_server_certificate(("127.0.0.1", server.http_port))
    assert shown.split() == other.read_text().split()
    assert client.Client(url, ca_file=str(other)).list_models()


def test_a_certificate_that_cannot_be_used_ends_it_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate, key = make_certificate(tmp_path, "one")
    _, other_key = make_certificate(tmp_path, "two")
    free = ["--port", "0", "--http-port", "0"]
    for given, said in (
        (["--tls-cert", str(certificate)], "nothing without its key"),
        (["--tls-cert", str(certificate), "--tls-key", str(other_key)], "cannot be used"),
        (["--tls-cert", str(key), "--tls-key", str(tmp_path / "none")], "cannot be used"),
        (["--tokens", str(tmp_path / "none.toml")], "cannot be read"),
        (["--audit", str(tmp_path / "no folder" / "audit")], "cannot be written"),
        (["--host", "0.0.0.0"], "--token-file or --tokens"),
    ):
        assert run(["serve", *given, *free]) == 2
        assert said in capsys.readouterr().err


def test_a_key_with_a_password_is_refused_without_a_question(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate, key = make_certificate(tmp_path, "one")
    locked = tmp_path / "locked.key"
    command = ["openssl", "rsa", "-aes128", "-passout", "pass:secret", "-in", str(key), "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True)
    given = ["--tls-cert", str(certificate), "--tls-key", str(locked), "--port", "0", "--http-port", "0"]
    assert run(["serve", *given]) == 2
    assert "password" in capsys.readouterr().err
