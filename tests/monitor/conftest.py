"""Run folders made on the spot, a client of the API, and a monitor with a real browser in front of it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from monitor_stage import Stage

from understudy.monitor.app_state import AppState
from understudy.runs import RunFolder, RunState

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP studio.test 127.0.0.1",
]


def write_png(path: Path, pixels: np.ndarray) -> Path:
    """8-bit (H, W, 3) pixels as a PNG."""
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], 3, "uint8")
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec) and output.write_image(np.ascontiguousarray(pixels, np.uint8))
    output.close()
    return path


def sheet(side: int = 24, output: int = 90, truth: int = 200) -> np.ndarray:
    """A contact sheet: three rows of input, ground truth and output, plain greys with a gap between."""
    gap = 4
    pixels = np.full((gap + 3 * (side + gap), gap + 3 * (side + gap), 3), 30, np.uint8)
    for row in range(3):
        for column, value in enumerate((60, truth, output)):
            top, left = gap + row * (side + gap), gap + column * (side + gap)
            pixels[top : top + side, left : left + side] = value
    return pixels


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """An empty data directory."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def make_run(data: Path) -> Callable[..., RunFolder]:
    """``make_run(name, steps=200, state="finished", ...)`` makes a run with a falling loss, contact sheets,
    checkpoints and settings; further values go into its state."""

    def make(
        name: str, steps: int = 200, state: str = "finished", sheets: int = 2, **fields: Any
    ) -> RunFolder:
        run = RunFolder.create(data, name)
        run.append_summary(
            {"step": s, "loss": 1.0 / s, "lr": 1e-3, "time": s * 0.1} for s in range(1, steps + 1)
        )
        for index in range(sheets):
            write_png(run.contact_path((index + 1) * 100), sheet(output=60 + 100 * index))
        run.settings_path.write_text(
            f'input = ["plate.####.png"]\nground_truth = ["truth.####.png"]\ndata_directory = "{data}"\n'
        )
        values = {"step": steps, "total": steps, "model_size": "medium", "pairs": 5, "created": time.time()}
        run.write_state(RunState(state=state, **{**values, **fields}))
        return run

    return make


@pytest.fixture
def app_state(data: Path, tmp_path: Path) -> AppState:
    """The state of a monitor over ``data``, with ``tmp_path / "footage"`` beside it."""
    (tmp_path / "footage").mkdir(exist_ok=True)
    return AppState(data, [tmp_path / "footage"])


@pytest.fixture
def api(app_state: AppState) -> Iterator[Any]:
    """A client of the API over ``app_state``, under a host name that it accepts."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fastapi.testclient import TestClient

        from understudy.monitor.api.app import make_app

    with TestClient(make_app(app_state), base_url="http://127.0.0.1:8420") as client:
        yield client


def _end_with_the_tests() -> None:
    """A monitor does not outlive tests that were killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Monitor:
    """``understudy monitor`` as a process of its own."""

    def __init__(
        self, data: Path, *footage: Path, arguments: tuple[str, ...] = (), cwd: Path | None = None
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        flags = [flag for folder in footage for flag in ("--footage", str(folder))]
        command = [sys.executable, "-m", "understudy", "monitor", str(data), *flags, "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=cwd or data,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            preexec_fn=_end_with_the_tests if sys.platform == "linux" else None,
        )
        self.url = f"http://127.0.0.1:{self.port}"

    def wait(self, path: str = "/api/folders", headers: dict[str, str] | None = None) -> None:
        """Until it answers."""
        for _ in range(900):
            assert self.process.poll() is None, self.process.stdout.read() if self.process.stdout else ""
            with contextlib.suppress(OSError):
                urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers or {}))
                return
            time.sleep(0.1)
        raise AssertionError("the monitor does not answer")

    def close(self) -> str:
        """End it; what it said."""
        self.process.terminate()
        try:
            return self.process.communicate(timeout=120)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.communicate()[0]


@pytest.fixture(scope="session")
def monitor_class() -> type[Monitor]:
    """For fixtures that keep one monitor for many tests."""
    return Monitor


@pytest.fixture
def start_monitor() -> Iterator[Callable[..., Monitor]]:
    """``start_monitor(data, *footage)`` starts one and waits until it answers; all are ended afterwards."""
    started: list[Monitor] = []

    def start(data: Path, *footage: Path, wait: bool = True, **named: Any) -> Monitor:
        started.append(Monitor(data, *footage, **named))
        if wait:
            started[-1].wait()
        return started[-1]

    yield start
    for monitor in started:
        monitor.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium; skips where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """``open_page(url, width=1440, height=900)`` opens a page and collects what it complains about in
    ``page.complaints``: errors of scripts, requests that failed, requests to other hosts."""
    contexts = []

    def open_it(url: str, width: int = 1440, height: int = 900, **named: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **named)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda m: page.complaints.append(m.text) if m.type == "error" else None)
        host = url.split("/")[2].partition(":")[0]
        page.on("request", lambda r: page.complaints.append(r.url) if _is_foreign(r.url, host) else None)
        page.goto(url, timeout=120_000)
        return page

    yield open_it
    for context in contexts:
        context.close()


def _is_foreign(url: str, host: str) -> bool:
    return url.startswith(("http", "ws")) and url.split("/")[2].partition(":")[0] != host


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Stage]:
    """Some runs, footage and a monitor; what it has started is ended with it."""
    root = tmp_path_factory.mktemp("stage")
    stage = Stage(root, Monitor)
    yield stage
    stage.end_jobs()
    stage.monitor.close()


@pytest.fixture
def page(stage: Stage, open_page: Callable[..., Any]) -> Iterator[Any]:
    """The page of ``stage``, ready; nothing may have gone wrong in it."""
    page = open_page(stage.url)
    page.wait_for_selector('.ag-row[row-id="sky"]')
    yield page
    assert page.complaints == []
