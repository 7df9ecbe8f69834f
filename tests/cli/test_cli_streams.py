"""Terminals and file names that are no UTF-8."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from understudy.cli.streams import prepare_streams


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_letters_that_the_terminal_has_not_become_ones_that_are_near(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    prepare_streams()
    print("12 … 34 × 5 漢 pl\udce4te")
    sys.stdout.flush()
    text = written.getvalue()
    assert text.endswith(b"pl\xe4te\n"), "a name that is no text is written as it is on the disk"
    assert (b"..." in text) == (encoding != "utf-8") and (b"?" in text) == (encoding != "utf-8")


def test_the_whole_help_can_be_read_in_a_latin_1_terminal() -> None:
    environment = {**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "understudy", "info", "nothing…漢.cat"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    assert done.returncode == 2 and b"fault" not in done.stderr and b"no such file" in done.stderr
