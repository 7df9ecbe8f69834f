"""understudy import --try asks on a terminal, and only there."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from export_models import picture
from foreign_networks import onnx_same

pytest.importorskip("onnxruntime")
SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture
def command(tmp_path: Path, save_pixels) -> list[str]:
    save_pixels(tmp_path / "photo.png", (picture(40, 60).clip(0, 1) * 255).astype(np.uint8), "uint8")
    onnx_same(tmp_path / "n.onnx", "float32")
    return [sys.executable, "-m", "understudy", "import", "n.onnx", "--try", "photo.png"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCE)}


def on_a_terminal(command: list[str], folder: Path, answer: bytes) -> str:
    """What it says on a terminal on which ``answer`` is typed when it asks."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment()
    )
    os.close(theirs)
    said, until = b"", time.monotonic() + 120
    while time.monotonic() < until:
        if not select.select([ours], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        said += piece
        if answer and b"Which one?" in said:
            os.write(ours, answer)
            answer = b""
    assert process.wait(30) == 0, said
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (b"2\n", "range = 255.0"),
        (b"\n", "# as it is: RGB, 0 to 1"),
        (b"\x04", "# as it is: RGB, 0 to 1"),
        (b"99\n", "# as it is: RGB, 0 to 1"),
    ],
)
def test_on_a_terminal_it_asks_which_reading_is_meant(
    command: list[str], tmp_path: Path, typed: bytes, line: str
) -> None:
    said = on_a_terminal(command, tmp_path, typed)
    assert "Which one? 1 to 8, Enter for 1" in said
    assert line in said.rpartition("--settings:")[2]
    assert (tmp_path / "n.readings.png").is_file() and not (tmp_path / "models").exists()


def test_without_a_terminal_it_writes_the_sheet_and_says_the_line(command: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    assert "Which one?" not in done.stdout
    assert "Wrote n.readings.png" in done.stdout and "# as it is: RGB, 0 to 1" in done.stdout
    assert (tmp_path / "n.readings.png").is_file() and not (tmp_path / "models").exists()
