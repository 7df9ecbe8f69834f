"""Real servers as processes, and clients that talk to them over sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from understudy.server.descriptors import message_module

PB = message_module()
START_LIMIT = 60.0
SOURCE = Path(__file__).resolve().parents[2] / "src"


@dataclass
class Answer:
    """What a client of the ML-Server endpoint got: ``message`` is None when the connection ended without an
    answer.
    """

    message: Any
    raw: bytes

    @property
    def error(self) -> str:
        assert self.message is not None, "closed without an answer"
        return self.message.error.msg if self.message.HasField("error") else ""

    def picture(self, index: int = 0) -> np.ndarray:
        """float32 (height, width, channels), the top row first."""
        assert not self.error, self.error
        image = self.message.r2.images[index]
        planes = np.frombuffer(image.image, "<f4").reshape(image.channels, image.height, image.width)
        return planes[:, ::-1].transpose(1, 2, 0)


@dataclass
class Server:
    """A running server. ``log`` grows while it runs."""

    process: subprocess.Popen
    log: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0
    http_port: int = 0
    grpc_port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), 20, source_address=(source, 0))
        connection.settimeout(120)
        return connection

    def send_raw(
        self, *pieces: bytes, pause: float = 0.0, end: bool = False, source: str = "127.0.0.1"
    ) -> Answer:
        """Send bytes as they are, then read until the server closes. ``end`` closes the sending side
        first.
        """
        with self.connect(source) as connection:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
            if end:
                connection.shutdown(socket.SHUT_WR)
            return read_answer(connection)

    def ask(self, request: Any, source: str = "127.0.0.1") -> Answer:
        """Send a message of the protobuf library in one piece, as the plug-in does."""
        return self.send_raw(framed(request), source=source)

    def models(self) -> list[Any]:
        """The list that the plug-in gets, by the six bytes that it sends."""
        answer = self.send_raw(b"000000000006" + bytes.fromhex("080112020801"))
        assert len(answer.raw) <= 1400
        assert answer.message.r1.num_models == len(answer.message.r1.models)
        return list(answer.message.r1.models)

    def infer(self, model: str, *images: np.ndarray, source: str = "127.0.0.1", **options: Any) -> Answer:
        return self.ask(inference(model, *images, **options), source=source)

    def memory(self) -> int:
        """Bytes of memory in use."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf(
            "SC_PAGE_SIZE"
        )

    def wait_for(self, event: str, seconds: float = 60.0, **facts: Any) -> dict[str, Any]:
        """The first line of the log with this event and these facts."""
        return wait_until(
            lambda: next((line for line in list(self.log) if _is(line, event, facts)), None), seconds
        )

    def queued(self) -> int:
        """Requests that wait for a device."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        return sum(
            int(float(line.split()[-1])) for line in lines if line.startswith("understudy_queue_length{")
        )

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


def _is(line: dict[str, Any], event: str, facts: dict[str, Any]) -> bool:
    return line.get("event") == event and all(line.get(key) == value for key, value in facts.items())


def wait_until(look: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true value of ``look``; fails after so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def framed(message: Any) -> bytes:
    body = message.SerializeToString()
    return b"%012d" % len(body) + body


def inference(model: str, *images: np.ndarray, buttons: tuple[str, ...] = (), **options: Any) -> Any:
    """A request as the plug-in makes it: planes, the bottom row first."""
    request = PB.RequestWrapper(info=True)
    request.r2.model.name = model
    for name, value in options.items():
        kind = {bool: "bool", int: "int", float: "float", str: "string"}[type(value)]
        getattr(request.r2.model, f"{kind}_options").add(name=name, values=[value])
    for name in buttons:
        request.r2.model.button_options.add(name=name, values=[True])
    for image in images:
        height, width, channels = image.shape
        data = np.ascontiguousarray(image.transpose(2, 0, 1)[:, ::-1], "<f4").tobytes()
        request.r2.images.add(width=width, height=height, channels=channels, image=data)
    return request


def read_answer(connection: socket.socket) -> Answer:
    """Read as the compiled plug-in does: twelve bytes by one recv, then until the end."""
    try:
        header = connection.recv(12)
        raw = header
        while piece := connection.recv(1 << 16):
            raw += piece
    except ConnectionError:
        return Answer(None, b"")
    if len(header) != 12:
        return Answer(None, raw)
    assert int(header) == len(raw) - 12
    return Answer(PB.RespondWrapper.FromString(raw[12:]), raw)


def start_server(*arguments: object, env: dict[str, str] | None = None, cwd: Path | None = None) -> Server:
    """Start a server on free ports; wait until it listens."""
    command = [
        sys.executable,
        "-m",
        "understudy",
        "serve",
        *map(str, arguments),
        "--port",
        "0",
        "--http-port",
        "0",
    ]
    source = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": source, **(env or {})},
    )
    server = Server(process)
    threading.Thread(target=_read_log, args=(server,), daemon=True).start()
    listening = server.wait_for("listening", START_LIMIT)
    server.port, server.http_port = listening["port"], listening["http_port"]
    server.grpc_port = listening.get("grpc_port", 0)
    return server


def _read_log(server: Server) -> None:
    for line in server.process.stderr:
        try:
            server.log.append(json.loads(line))
        except ValueError:
            server.log.append({"event": "(not JSON)", "line": line})


def _starter() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(*arguments: object, **more: Any) -> Server:
        started.append(start_server(*arguments, **more))
        return started[-1]

    yield start
    for server in started:
        _end(server)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """``serve(*arguments, env=, cwd=)``: start servers that end with the test."""
    yield from _starter()


@pytest.fixture(scope="module")
def serve_long() -> Iterator[Callable[..., Server]]:
    """The same for servers that end with the tests of one file."""
    yield from _starter()


@pytest.fixture(scope="session")
def builtin() -> Iterator[Server]:
    """One server with the built-in models, little patience, and a limit of 64 MB for all tests that do
    not harm it. A client that a busy machine holds up for a second is no silent one yet.
    """
    server = start_server("--patience", "1.5s", "--max-request", "64MB")
    yield server
    _end(server)


def _end(server: Server) -> None:
    if server.is_alive():
        server.process.kill()
    server.process.wait(20)
    server.process.stderr.close()


@pytest.fixture(scope="session")
def pb() -> ModuleType:
    """The messages as classes of the protobuf library."""
    return PB


@pytest.fixture(scope="session")
def make_request() -> Callable[..., Any]:
    """``make_request(model, *images, buttons=(), **options)``: an inference request."""
    return inference


@pytest.fixture(scope="session")
def frame() -> Callable[..., bytes]:
    """``frame(message)``: header and message."""
    return framed


@pytest.fixture(scope="session")
def read() -> Callable[[socket.socket], Answer]:
    """``read(socket)``: the answer, read as the plug-in reads it."""
    return read_answer


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """``until(look, seconds)``: the first true value of ``look()``."""
    return wait_until


@pytest.fixture
def picture() -> np.ndarray:
    """float32 (12, 17, 3), with values below 0 and above 1, no two alike."""
    return np.random.default_rng(5).normal(0.5, 1.5, (12, 17, 3)).astype(np.float32)
