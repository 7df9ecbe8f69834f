"""A process that keeps a run open says so, and is believed only while it is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from understudy.runs import RunFolder
from understudy.runs.contents import TEACHER_FILE
from understudy.runs.presence import Presence, is_kept_open
from understudy.runs.state import this_host


def test_a_process_that_keeps_a_run_open_is_seen_while_it_is_there(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "run")
    assert not is_kept_open(run)
    with Presence(run) as presence:
        assert presence.is_mine and is_kept_open(run) and not run.is_busy()
        with Presence(run) as second:
            assert not second.is_mine
        assert is_kept_open(run), "who is not the one does not end it"
    assert not is_kept_open(run) and not (run.path / TEACHER_FILE).exists()
    with Presence(run, wanted=False) as nobody:
        assert not nobody.is_mine and not is_kept_open(run)


def test_one_that_was_killed_or_is_silent_is_not_believed(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "run")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    path = run.path / TEACHER_FILE

    def say(process: int, age: float, host: str = this_host()) -> bool:
        said = {"host": host, "process": process, "heartbeat": time.time() - age, "token": "x"}
        path.write_text(json.dumps(said))
        os.utime(path, (time.time() - age,) * 2)
        return is_kept_open(run)

    assert say(os.getpid(), 0)
    assert not say(dead.pid, 0), "it is dead"
    assert not say(os.getpid(), 100), "it has been silent for long"
    assert say(dead.pid, 0, "another-host") and not say(dead.pid, 100, "another-host")
    for text in ("", "[]", '{"process": "x", "heartbeat": 1}', '{"process": 1}'):
        path.write_text(text)
        assert not is_kept_open(run)


def test_the_file_is_the_runs_own(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "run")
    (run.path / TEACHER_FILE).write_text("{}")
    run.delete()
    assert not run.path.exists()
