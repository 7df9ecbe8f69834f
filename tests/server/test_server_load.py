"""Many artists at once, clients that leave or lie, and the end of the server."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from understudy.client import Client, ServerError

NAP = """
import time
import numpy as np
from ..baseModel import BaseModel


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.name = 'Nap'
        self.seconds = 0.3
        self.mark = 0
        self.options = ('seconds', 'mark')
        self.seen = []

    def inference(self, image_list):
        if self.mark < 0:
            return [np.float32([[self.seen]])]
        self.seen.append(self.mark)
        print(f'works on {self.mark}', flush=True)
        time.sleep(self.seconds)
        return [image_list[0] * 0 + len(self.seen)]
"""

SMALL = np.zeros((4, 4, 3), np.float32)


def start_nap(serve, folder):
    """A server with one model that takes its time, one request after the other."""
    folder = folder / "models" / "nap"
    folder.mkdir(parents=True)
    (folder / "model.py").write_text(NAP)
    return serve(folder)


@pytest.fixture(scope="module")
def nap(serve_long, tmp_path_factory):
    return start_nap(serve_long, tmp_path_factory.mktemp("nap"))


def seen_by(server):
    """The marks of all requests that the model has run."""
    image = server.infer("nap", np.zeros((1, 1, 3), np.float32), mark=-1).message.r2.images[0]
    return np.frombuffer(image.image, "<f4").tolist()


def wait_for_work(server, mark):
    """Until the model works on the request with this mark."""
    server.wait_for("a model printed", line=f"works on {mark}")


def in_background(call, *arguments, **more):
    """Run a call in a thread: (thread, list that gets its result)."""
    results = []
    thread = threading.Thread(target=lambda: results.append(call(*arguments, **more)))
    thread.start()
    return thread, results


def test_64_clients_at_once_are_all_served_and_memory_stays_bounded(serve, frame, make_request):
    """Each sends 25 MB: 3.2 GB with the answers, of which 8 x 50 MB may be in the server at a time."""
    server = serve("--max-request", "50MB")
    pixels = np.random.default_rng(0).random((1080, 1920, 3), np.float32)
    before, peak, done = server.memory(), [0], threading.Event()

    def watch():
        while not done.wait(0.02):
            peak[0] = max(peak[0], server.memory())

    watcher, _ = in_background(watch)

    request = frame(make_request("blur", pixels, kernel_size=1))
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)[:, ::-1]).tobytes()

    def ask(number):
        space = bytearray(len(planes) + 1000)
        started, at = time.monotonic(), 0
        with server.connect(f"127.0.1.{number + 1}") as connection:
            connection.sendall(request)
            while count := connection.recv_into(memoryview(space)[at:]):
                at += count
        return space.find(planes, 0, at) < 0, time.monotonic() - started

    with ThreadPoolExecutor(64) as pool:
        results = list(pool.map(ask, range(64)))
    done.set()
    watcher.join()
    assert not [wrong for wrong, _ in results if wrong]
    assert max(seconds for _, seconds in results) < 100
    assert peak[0] - before < 600_000_000


def test_a_client_with_one_request_does_not_wait_for_the_many_of_another(nap, until):
    with ThreadPoolExecutor(12) as pool:
        busy = [pool.submit(nap.infer, "nap", SMALL, seconds=0.3, mark=n) for n in range(1, 11)]
        until(lambda: nap.queued() >= 8)
        assert not nap.infer("nap", SMALL, source="127.0.0.9", seconds=0.0, mark=99).error
        assert all(not each.result().error for each in busy)
    order = [mark for mark in seen_by(nap) if mark in (*range(1, 11), 99)]
    assert order.index(99) < len(order) - 3, "several that came before it are served after it"


def test_a_client_that_goes_away_is_dropped_from_the_queue(nap, frame, make_request, until):
    first, _ = in_background(nap.infer, "nap", SMALL, seconds=3.0, mark=11)
    wait_for_work(nap, 11)
    leaves = nap.connect()
    leaves.sendall(frame(make_request("nap", SMALL, seconds=0.0, mark=12)))
    until(nap.queued)
    time.sleep(0.5)  # one that closes at once after its request may still listen
    leaves.close()
    assert nap.wait_for("a client went away", why="while its request waited")
    assert not nap.infer("nap", SMALL, seconds=0.0, mark=13).error
    first.join()
    assert {11, 12, 13} & set(seen_by(nap)) == {11, 13}


def test_a_client_of_the_http_door_that_goes_away_is_dropped_too(nap, until):
    first, _ = in_background(nap.infer, "nap", SMALL, seconds=3.0, mark=21)
    wait_for_work(nap, 21)
    pixel = {"name": "input", "datatype": "FP32", "shape": [1, 3, 1, 1], "data": [0, 0, 0]}
    body = json.dumps({"inputs": [pixel], "parameters": {"mark": 22}}).encode()
    with socket.create_connection(("127.0.0.1", nap.http_port)) as leaves:
        leaves.sendall(
            b"POST /v2/models/nap/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        leaves.sendall(body)
        until(nap.queued)
    first.join()
    assert not nap.infer("nap", SMALL, seconds=0.0, mark=23).error
    assert {21, 22, 23} & set(seen_by(nap)) == {21, 23}


def test_a_liar_who_holds_memory_is_let_go_when_others_wait_for_it(serve):
    """Four claims of 48 MB that never arrive fill the memory of a server that takes 50 MB."""
    server = serve("--max-request", "50MB", "--patience", "30s")
    liars = [server.connect() for _ in range(6)]
    for liar in liars:
        liar.sendall(b"000048000000" + b"\x0a\x00" * 2048)
    time.sleep(0.2)
    started = time.monotonic()
    pixels = np.zeros((1080, 1920, 3), np.float32)
    assert not server.infer("blur", pixels).error
    assert time.monotonic() - started < 20
    for liar in liars:
        liar.close()


def test_sigterm_finishes_what_is_in_work_and_refuses_the_rest_politely(serve, tmp_path, until):
    nap = start_nap(serve, tmp_path)
    client = Client(nap.url)
    working, worked = in_background(nap.infer, "nap", SMALL, seconds=4.0, mark=1)
    wait_for_work(nap, 1)
    waiting, waited = in_background(nap.infer, "nap", SMALL, seconds=0.0)
    browsing, browsed = in_background(_refusal, client)
    until(lambda: nap.queued() == 2)
    nap.process.send_signal(signal.SIGTERM)
    nap.wait_for("shutting down: finishing what is in work")
    assert "shutting down" in nap.infer("nap", SMALL).error
    assert _refusal(client) == 503
    for thread in (working, waiting, browsing):
        thread.join()
    assert worked[0].picture().shape == SMALL.shape
    assert "shutting down" in waited[0].error
    assert browsed == [503]
    assert nap.process.wait(60) == 0


def _refusal(client):
    """The status with which the HTTP endpoint refuses a request, 0 when it does not."""
    try:
        client.infer("nap", [SMALL], seconds=0.0)
    except ServerError as error:
        return error.status
    return 0


def test_a_second_server_on_the_same_port_says_so(builtin, serve):
    command = [sys.executable, "-m", "understudy", "serve", "--port", str(builtin.port), "--http-port", "0"]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert made.returncode == 1
    assert "port" in made.stderr and "Traceback" not in made.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing-there.cat"], "does not exist"),
        (["--host", "0.0.0.0"], "token"),
        (["--port", "70000"], "65535"),
        (["--max-request", "lots"], "amount of memory"),
        (["--patience", "-1"], "length of time"),
        (["--new-model", "../x"], "cannot be a model"),
        (["--new-model", "models; rm"], "cannot be a model"),
    ],
)
def test_wrong_arguments_are_refused_with_one_message(arguments, said, tmp_path, monkeypatch, capsys):
    from understudy.cli.main import run

    monkeypatch.chdir(tmp_path)
    assert run(["serve", *arguments]) == 2
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told
    assert not list(tmp_path.iterdir())


def test_off_loopback_the_open_door_is_said_loudly(serve, tmp_path):
    server = serve("--host", "0.0.0.0", "--token-file", tmp_path / "token")
    loud = next(line for line in server.log if line["level"] == "warning")
    assert "OPEN TO EVERY MACHINE" in loud["event"]
    assert server.models()


def test_more_silent_clients_than_there_is_room_for_keep_nobody_out(serve):
    """One address opens more connections than the server has sessions; another address is served at once."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    server = serve("--patience", "60s")
    crowd = []
    try:
        for number in range(1300):
            crowd.append(server.connect("127.0.0.7"))
            crowd[-1].sendall(b"0000" if number % 2 else b"000000100000" + b"x" * 50)
        started = time.monotonic()
        assert not server.infer("blur", SMALL, source="127.0.0.8").error
        assert time.monotonic() - started < 30
    finally:
        for each in crowd:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
