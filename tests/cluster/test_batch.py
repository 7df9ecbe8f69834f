"""Many jobs of one file: checked before the first begins, each as soon as it may, and gone on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from understudy.cli.main import run
from understudy.cluster.batch.jobs import read_batch
from understudy.cluster.batch.order import Order
from understudy.cluster.batch.process import Ended
from understudy.cluster.batch.run import JobBegun, JobEnded, run_batch
from understudy.errors import SettingError
from understudy.frames import open_shot

TRAIN = """
train.input = "p.####.png"
train.ground_truth = "t.####.png"
train.name = "NAME"
train.data_directory = "runs"
"""
APPLY = 'apply = { model = "runs/NAME", plate = "p.####.png", output = "NAME/o.####.png" }\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "jobs.toml"
    path.write_text(text, "utf-8")
    return path


def chain(folder: Path) -> Path:
    """d comes after b and c, which come after a; e is alone."""
    jobs = {"a": "[]", "d": '["b", "c"]', "c": '"a"', "b": '"a"', "e": "[]"}
    tables = [
        f"[jobs.{name}]\nafter = {after}\n" + TRAIN.replace("NAME", name) for name, after in jobs.items()
    ]
    return written(folder, "\n".join(tables))


class Machine:
    """Ends jobs in the order in which they began, with the codes of ``fails``."""

    def __init__(self, room: int = 99, fails: tuple[str, ...] = ()) -> None:
        self.room, self.fails = room, fails
        self.running: list[Any] = []
        self.stopped = self.closed = False

    def has_room(self, job: Any) -> bool:
        return len(self.running) < self.room

    def start(self, job: Any) -> None:
        self.running.append(job)

    def wait(self, seconds: float) -> list[tuple[Any, Any]]:
        if not self.running:
            return []
        job = self.running.pop(0)
        return [(job, Ended(1 if job.name in self.fails else 0, f"{job.name} is over"))]

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.closed = True


def test_each_job_begins_when_those_before_it_are_done(tmp_path: Path) -> None:
    events: list[Any] = []
    machine = Machine()
    states = run_batch(read_batch(chain(tmp_path)), machine, events.append, None)
    assert set(states.values()) == {"done"} and machine.closed
    told = [(type(each).__name__, each.job) for each in events[1:]]
    assert told.index(("JobEnded", "a")) < told.index(("JobBegun", "b"))
    assert max(told.index(("JobEnded", n)) for n in "bc") < told.index(("JobBegun", "d"))
    assert [each.done for each in events if isinstance(each, JobEnded)] == [1, 2, 3, 4, 5]


def test_what_comes_after_a_failed_job_is_left_out_and_the_others_go_on(tmp_path: Path) -> None:
    events: list[Any] = []
    states = run_batch(read_batch(chain(tmp_path)), Machine(fails=("c",)), events.append, None)
    assert states == {"a": "done", "b": "done", "c": "failed", "d": "left out", "e": "done"}
    assert next(each.text for each in events if isinstance(each, JobEnded) and each.job == "d") == "c"


def test_no_more_run_than_there_is_room_for(tmp_path: Path) -> None:
    events: list[Any] = []
    run_batch(read_batch(chain(tmp_path)), Machine(room=1), events.append, None)
    kinds = [type(each) for each in events[1:]]
    assert kinds == [JobBegun, JobEnded] * 5


def test_a_run_is_looked_at_when_a_job_has_ended_and_not_while_others_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    monkeypatch.setattr(
        "understudy.cluster.batch.run.is_done", lambda job, base: bool(looks.append(job.name))
    )

    class Slow(Machine):
        """Says something fifty times before each end."""

        said = 0

        def wait(self, seconds: float) -> list[tuple[Any, Any]]:
            self.said += 1
            return super().wait(seconds) if self.said % 50 == 0 else [(self.running[0], {"event": "said"})]

    states = run_batch(read_batch(chain(tmp_path)), Slow(room=1), lambda event: None, None)
    assert set(states.values()) == {"done"} and len(looks) <= 15


def test_those_that_are_done_already_let_the_next_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("understudy.cluster.batch.run.is_done", lambda job, base: job.name in "abc")
    events: list[Any] = []
    states = run_batch(read_batch(chain(tmp_path)), Machine(), events.append, None)
    assert set(states.values()) == {"done"}
    assert [each.job for each in events if isinstance(each, JobBegun)] == ["e", "d"]


def test_a_stop_begins_nothing_more(tmp_path: Path) -> None:
    machine = Machine()
    states = run_batch(read_batch(chain(tmp_path)), machine, lambda event: None, True)
    assert set(states.values()) == {"stopped"} and machine.stopped and machine.closed


def test_paths_are_those_of_the_file_and_defaults_hold_for_all(tmp_path: Path) -> None:
    usual = '[defaults.train]\nmodel_size = "small"\ndata_directory = "all"\n'
    own = TRAIN.replace('train.data_directory = "runs"', "cores = 2\ngpus = 1")
    job = read_batch(written(tmp_path, f"{usual}[jobs.a]{own}")).jobs["a"]
    settings: Any = job.settings
    assert settings.network.model_size == "small" and (job.cores, job.gpus) == (2, 1)
    assert settings.data.input == (str(tmp_path / "p.####.png"),)
    assert Path(settings.run.data_directory) == tmp_path / "all"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "[jobs.NAME] tables"),
        ("[job.a]\n" + TRAIN, "job"),
        ("[jobs.a]\n", "one of train, apply"),
        ("[jobs.a]\n" + TRAIN + APPLY, "one of train, apply"),
        ("[jobs.a]\nwhen = 3\n" + TRAIN, "one of train, apply"),
        ('[jobs."a b"]\n' + TRAIN, "letters, digits"),
        ("[jobs.a]\nafter = 3\n" + TRAIN, "after as"),
        ("[jobs.a]\ncores = -1\n" + TRAIN, "cores as"),
        ("[jobs.a]\ngpus = true\n" + TRAIN, "gpus as"),
        ('[jobs.a]\nafter = "b"\n' + TRAIN, "found: b"),
        ('[jobs.a]\nafter = "b"\n' + TRAIN + '[jobs.b]\nafter = "a"\n' + TRAIN, "a circle in a, b"),
        ("[jobs.a]\ntrain = { inputs = 3 }\n", "inputs"),
        ("[jobs.a]\napply = { model = 'm' }\n", "plate"),
        ("[defaults.paint]\nx = 1\n[jobs.a]\n" + TRAIN, "defaults for"),
        ("[jobs", "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_begins(
    tmp_path: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingError) as caught:
        read_batch(path)
    assert said in caught.value.text
    assert run(["batch", str(path)]) == 2 and said in capsys.readouterr().err


def test_order_knows_when_it_is_over(tmp_path: Path) -> None:
    order = Order(read_batch(chain(tmp_path)))
    assert [job.name for job in order.next()] == ["a", "e"] and not order.is_over


@pytest.mark.slow
def test_a_training_and_what_comes_after_it_are_done_and_the_same_command_goes_on(
    tmp_path: Path, make_shot: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shot = make_shot(numbers=range(1, 5), truth_numbers=(1, 4))
    text = f"""
[defaults.train]
data_directory = "runs"
input = "{shot.plate}"
ground_truth = "{shot.truth}"
max_steps = 2
model_size = "small"
crop_size = 32

[jobs.look]
train = {{ name = "look" }}

[jobs.frames]
after = "look"
apply = {{ model = "runs/look", plate = "{shot.plate}", output = "out/o.####.png" }}

[jobs.lost]
apply = {{ model = "runs/nothing", plate = "{shot.plate}", output = "lost/o.####.png" }}

[jobs.never]
after = "lost"
apply = {{ model = "runs/look", plate = "{shot.plate}", output = "never/o.####.png" }}
"""
    path = written(tmp_path, text)
    assert run(["batch", str(path), "--json"]) == 1
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ended = {each["job"]: each["state"] for each in events if each["event"] == "job_ended"}
    assert ended == {"look": "done", "frames": "done", "lost": "failed", "never": "left out"}
    assert any("nothing" in each["text"] for each in events if each.get("job") == "lost" and "text" in each)
    assert open_shot(str(tmp_path / "out" / "o.####.png")).numbers == (1, 2, 3, 4)
    assert (tmp_path / "runs" / "look").is_dir() and not (tmp_path / "never").exists()
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    path.write_text(
        text.replace(
            '[jobs.lost]\napply = { model = "runs/nothing"', '[jobs.lost]\napply = { model = "runs/look"'
        )
    )
    assert run(["batch", str(path)]) == 0
    said = capsys.readouterr().out
    assert "look: done: was there already" in said and "never: done" in said
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == made
