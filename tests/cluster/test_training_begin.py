"""How a training begins on nodes: all of them begin, or that is said; nothing is waited for that cannot come,
and nothing is left behind."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from understudy.cluster.command import Command
from understudy.cluster.ray import training
from understudy.cluster.ray.cluster import Gone, Node
from understudy.cluster.ray.rank import Rank, Told
from understudy.errors import TrainingError, UnderstudyError
from understudy.settings import TrainSettings, to_toml

NODES = (Node("a", "first", 1, 0), Node("b", "second", 1, 0))


class Method:
    def __init__(self, call: Callable[..., Any]) -> None:
        self.remote = call


class FakeRank:
    """Answers at once, as it is told to by its node's name."""

    def __init__(self, node: Node, answers: dict[tuple[str, str], Any]) -> None:
        self.node, self.answers, self.begun = node, answers, []
        for name, usual in (("place", ("127.0.0.1", 1)), ("told", Told((), 0, ""))):
            setattr(self, name, Method(lambda name=name, usual=usual: answers.get((node.name, name), usual)))
        self.begin = Method(self._begin)

    def _begin(self, *given: Any) -> Any:
        self.begun.append(given)
        return self.answers.get((self.node.name, "begin"), "")


class FakeCluster:
    """``busy``: answers that never come."""

    def __init__(self, answers: dict[tuple[str, str], Any], busy: Any = None) -> None:
        self.answers, self.busy = answers, busy
        self.ranks: list[FakeRank] = []
        self.ended: list[FakeRank] = []

    def nodes(self) -> tuple[Node, ...]:
        return NODES

    def actor(self, kind: type, node: Node, *more: Any) -> FakeRank:
        self.ranks.append(FakeRank(node, self.answers))
        return self.ranks[-1]

    def wait(self, asked: list[Any], seconds: float) -> list[Any]:
        there = [each for each in asked if each is not self.busy]
        return there if there else time.sleep(0.01) or []

    def answer(self, asked: Any) -> Any:
        return asked

    def end(self, rank: FakeRank) -> None:
        self.ended.append(rank)


def attempt(cluster: FakeCluster, folder: Path, said: list[Any], stop: Any = None) -> bool:
    settings = TrainSettings(input=("a.exr",), ground_truth=("b.exr",), data_directory=str(folder), name="r")
    return training._Training(cluster, settings, folder / "r", said.append, stop, False).attempt()


@pytest.mark.parametrize("answer", ["No such file or directory", Gone("the node went away")])
def test_a_node_that_cannot_begin_is_named_and_the_others_do_not_wait_for_it(
    tmp_path: Path, answer: Any
) -> None:
    cluster = FakeCluster({("second", "begin"): answer, ("first", "told"): Told((), None, "")})
    with pytest.raises(TrainingError, match="second could not begin") as caught:
        attempt(cluster, tmp_path, [])
    assert caught.value.found in ("No such file or directory", "the node went away")
    assert cluster.ended == cluster.ranks


def test_a_node_that_goes_as_a_run_goes_on_costs_a_try_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "PAUSE", 0.0)
    (tmp_path / "r").mkdir()
    said: list[Any] = []
    assert attempt(FakeCluster({("second", "begin"): Gone("away")}), tmp_path, said) is False
    assert "A process is lost (away)" in said[-1]["text"]


def test_nodes_that_are_busy_are_waited_for_which_is_said_until_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "BUSY", 0.0)
    busy, said = object(), []
    cluster = FakeCluster({("second", "place"): busy}, busy)

    class AfterWords:
        def __bool__(self) -> bool:
            return bool(said)

    with pytest.raises(UnderstudyError, match="Stopped before training began"):
        attempt(cluster, tmp_path, said, AfterWords())
    assert "1 of 2 nodes" in said[0]["text"] and cluster.ended == cluster.ranks
    assert not any(rank.begun for rank in cluster.ranks)


def test_each_process_knows_its_place_and_begins_in_a_folder_that_is_there(tmp_path: Path) -> None:
    cluster = FakeCluster({})
    assert attempt(cluster, tmp_path / "not" / "yet", []) is True
    (first,), (second,) = (rank.begun for rank in cluster.ranks)
    assert [each[1]["RANK"] for each in (first, second)] == ["0", "1"]
    assert all(each[1]["WORLD_SIZE"] == "2" and Path(each[2]).is_dir() for each in (first, second))


def end_of(rank: Rank) -> Told:
    events: tuple[Any, ...] = ()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        told = rank.told()
        events += told.events
        if told.code is not None:
            return Told(events, told.code, told.last)
        time.sleep(0.05)
    raise AssertionError("it does not end")


def test_a_process_takes_its_settings_without_a_file_and_all_that_it_says_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    rank = Rank()
    asked = TrainSettings(input=("none.exr",), ground_truth=("x.exr",), data_directory="runs", name="r")
    assert rank.begin(Command(["train"], to_toml(asked)), {}, str(tmp_path)) == ""
    told = end_of(rank)
    assert told.code == 2
    assert [each["event"] for each in told.events][-1] == "refused" and "none.exr" in told.last
    assert not list((tmp_path / "tmp").glob("*.toml"))


def test_what_cannot_be_started_is_an_answer(tmp_path: Path) -> None:
    assert "No such file" in Rank().begin(Command(["train"]), {}, str(tmp_path / "nowhere"))
