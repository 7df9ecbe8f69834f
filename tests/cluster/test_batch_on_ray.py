"""Jobs that are handed to a cluster: it is said where they begin, and a stop waits for none that has not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from understudy.cluster.batch.jobs import Job
from understudy.cluster.batch.on_ray import RayCluster
from understudy.cluster.batch.process import Ended
from understudy.cluster.ray.cluster import Gone


class FakeRunner:
    """``answers``: what its methods have answered by now; the others never do."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.stopped = False
        for name in ("place", "run"):
            setattr(self, name, SimpleNamespace(remote=lambda name=name: Ref(answers, name)))
        self.stop = SimpleNamespace(remote=self._stop)

    def _stop(self) -> None:
        self.stopped = True


class Ref:
    def __init__(self, answers: dict[str, Any], name: str) -> None:
        self.answers, self.name = answers, name


class FakeCluster:
    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        self.runners: dict[str, FakeRunner] = {}
        self.ended: list[FakeRunner] = []

    def anywhere(self, kind: type, cores: int, gpus: int, at_a_time: int, job: Job, *more: Any) -> FakeRunner:
        self.runners[job.name] = FakeRunner(self.answers.setdefault(job.name, {}))
        return self.runners[job.name]

    def wait(self, asked: tuple[Ref, ...], seconds: float) -> list[Ref]:
        return self.there(asked)[:1]

    def there(self, asked: tuple[Ref, ...]) -> list[Ref]:
        return [each for each in asked if each.name in each.answers]

    def answer(self, ref: Ref) -> Any:
        return ref.answers[ref.name]

    def end(self, runner: FakeRunner) -> None:
        self.ended.append(runner)


def job(name: str) -> Job:
    return Job(name, "check", None)  # type: ignore[arg-type]


def begun(cluster: FakeCluster, *names: str) -> tuple[RayCluster, list[Job]]:
    machine, jobs = RayCluster(Path("/"), cluster), [job(name) for name in names]  # type: ignore[arg-type]
    for each in jobs:
        machine.start(each)
    return machine, jobs


def test_where_a_job_begins_is_said_and_then_how_it_ended() -> None:
    cluster = FakeCluster()
    machine, (a, b) = begun(cluster, "a", "b")
    cluster.answers["a"]["place"] = "node7"
    assert machine.wait(0) == [(a, {"event": "batch_said", "text": "begins on node7"})]
    assert machine.wait(0) == []
    cluster.answers["a"]["run"] = Ended(0, "done")
    assert machine.wait(0) == [(a, Ended(0, "done"))] and cluster.ended == [cluster.runners["a"]]
    cluster.answers["b"] |= {"place": Gone("away"), "run": Gone("away")}
    assert machine.wait(0) == [], "that it never began there is no news"
    ((lost, said),) = machine.wait(0)
    assert lost is b and "begun again" in said["text"]


def test_a_stop_ends_those_that_are_at_work_and_does_not_wait_for_those_that_have_no_room() -> None:
    cluster = FakeCluster()
    machine, (a, b, _, d) = begun(cluster, "a", "b", "c", "d")
    cluster.answers["a"]["place"] = cluster.answers["d"]["place"] = "node7"
    machine.stop()
    assert cluster.runners["a"].stopped and cluster.runners["d"].stopped
    assert not cluster.runners["b"].stopped
    found = machine.wait(0)
    assert [(each.name, ended.code) for each, ended in found] == [("b", 130), ("c", 130)]
    assert cluster.ended == [cluster.runners[name] for name in "bc"] and b in [each for each, _ in found]
    cluster.answers["a"]["run"] = Ended(1, "stopped")
    assert machine.wait(0) == [(a, Ended(1, "stopped"))]
    cluster.answers["d"]["run"] = Ended(1, "stopped")
    assert machine.wait(0) == [(d, Ended(1, "stopped"))]
