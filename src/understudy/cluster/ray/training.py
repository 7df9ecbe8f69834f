"""One network learned by the nodes of a Ray cluster: a process for each accelerator, or for each node, that
find each other as torchrun's would. When one is lost the run goes on with what is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from understudy.cluster.command import Command
from understudy.cluster.ray.cluster import Cluster, Gone, Node, connected
from understudy.cluster.ray.rank import Event, Rank, Told
from understudy.errors import TrainingError, UnderstudyError
from understudy.runs import RunFolder, default_name
from understudy.settings import TrainSettings, to_toml

LOOK = 1.0
BUSY = 10.0
"""Seconds after which it is said that nodes are waited for."""
PAUSE = 25.0
"""Seconds before a run goes on whose processes were lost: until then it counts as at work, by its last sign
of life."""
TRIES = 5
KILLED = 60.0
"""Seconds that the other processes have to end by themselves once one is lost."""


def train_on_ray(
    settings: TrainSettings,
    report: Callable[[Event], None],
    stop: Any,
    address: str | None = None,
    go_on: bool = False,
) -> RunFolder:
    """Learn on all nodes of the cluster at ``address``; the run. ``go_on``: with the run of this name, which
    was begun before. ``report`` is given the events of
    ``understudy.training.events`` as the JSON that ``--json`` prints. ``stop``: as for ``train``.

    Raises MissingPackageError, ApplyError where there is no cluster, and TrainingError where it cannot go on:
    refused, or lost too often.
    """
    named = settings if settings.run.name else settings.replace(name=default_name())
    named = named.anchored()
    run = Path(named.run.data_directory) / str(named.run.name)
    with connected(address) as cluster:
        work = _Training(cluster, named, run, report, stop, go_on)
        while not work.attempt():
            pass
    return RunFolder.open(run)


class _Training:
    def __init__(
        self,
        cluster: Cluster,
        settings: TrainSettings,
        run: Path,
        report: Callable[[Event], None],
        stop: Any,
        begun: bool,
    ) -> None:
        self._cluster, self._settings, self._run = cluster, settings, run
        self._report, self._stop = report, stop
        self._begun, self._tries, self._stopping = begun, 0, False

    def attempt(self) -> bool:
        """Begin the training, or go on with it, on the nodes that there are now; whether it is over."""
        places = _places(self._cluster.nodes())
        if not places:
            raise TrainingError("The cluster has no node to learn on.", expected="a node with a free core")
        ranks = [self._start(node, accelerators) for node, accelerators in places]
        try:
            lost = self._begin(ranks, places)
            return self._again(lost) if lost else self._follow(ranks)
        finally:
            for rank in ranks:
                with suppress(Exception):  # gone already
                    self._cluster.end(rank)

    def _start(self, node: Node, accelerators: int) -> Any:
        return self._cluster.actor(Rank, node, node.cores_each, accelerators, 4)

    def _begin(self, ranks: list[Any], places: list[tuple[Node, int]]) -> str:
        """Start the process of each rank, once all nodes have their cores free; why one is lost already, ""
        where none is. TrainingError where one cannot begin."""
        nodes = [node for node, _ in places]
        found = self._answers([rank.place.remote() for rank in ranks])
        lost = self._refused(nodes, found)
        if lost:
            return lost
        again, self._begun = self._begun and self._run.is_dir(), True
        command = (
            Command(["resume", str(self._run)]) if again else Command(["train"], to_toml(self._settings))
        )
        self._say(f"{'Goes on' if again else 'Learns'} in {len(ranks)} processes: {_names(nodes)}.")
        envs = _environments(nodes, *found[0])
        begun = [
            rank.begin.remote(command, env, self._run.anchor) for rank, env in zip(ranks, envs, strict=True)
        ]
        return self._refused(nodes, self._answers(begun))

    def _answers(self, asked: list[Any]) -> list[Any]:
        """All answers. UnderstudyError when a stop is asked for meanwhile, as nodes may be busy for long."""
        left, said, began = asked, False, time.monotonic()
        while left:
            if self._stop:
                raise UnderstudyError("Stopped before training began.")
            there = self._cluster.wait(left, LOOK)
            left = [each for each in left if each not in there]
            if left and not said and time.monotonic() - began > BUSY:
                said = True
                self._say(f"Waits for {len(left)} of {len(asked)} nodes, which may be busy with other jobs.")
        return [self._cluster.answer(each) for each in asked]

    def _refused(self, nodes: list[Node], found: list[Any]) -> str:
        """Why one is lost, while there is a run to go on with; "" where all have answered as they should."""
        for node, each in zip(nodes, found, strict=True):
            if isinstance(each, Gone) and self._run.is_dir():
                return each.reason
            if isinstance(each, Gone | str) and each:
                raise TrainingError(
                    f"The node {node.name} could not begin.",
                    found=each.reason if isinstance(each, Gone) else each,
                    remedy="See to that node, or take it out of the cluster.",
                )
        return ""

    def _follow(self, ranks: list[Any]) -> bool:
        """Report what the first process says until it ends; whether the training is over."""
        ended_at: float | None = None
        while True:
            time.sleep(LOOK)
            if self._stop and not self._stopping:
                self._stopping = True
                ranks[0].stop.remote()
            found = [self._cluster.answer(rank.told.remote()) for rank in ranks]
            first = found[0]
            if isinstance(first, Told):
                for event in first.events:
                    self._report(event)
                if first.code is not None:
                    return self._ended(first)
            lost = [each for each in found if isinstance(each, Gone)]
            if lost and ended_at is None:
                ended_at = time.monotonic()
            if isinstance(first, Gone) or (ended_at and time.monotonic() - ended_at > KILLED):
                return self._again(lost[0].reason)

    def _ended(self, told: Told) -> bool:
        if told.code == 0:
            return True
        if told.code == 2 or self._stopping or not self._run.is_dir():
            raise TrainingError("The training could not go on.", found=told.last, where=str(self._run))
        return self._again(told.last)

    def _again(self, why: str) -> bool:
        self._tries += 1
        if not self._stop and self._tries < TRIES and self._run.is_dir():
            self._say(f"A process is lost ({why[:200]}); the run goes on with what is left in {PAUSE:g} s.")
            until = time.monotonic() + PAUSE
            while time.monotonic() < until and not self._stop:
                time.sleep(min(LOOK, PAUSE))
        if self._stop or self._tries >= TRIES or not self._run.is_dir():
            raise TrainingError(
                f"The training was lost {self._tries} times.",
                found=why,
                where=str(self._run),
                remedy=f"understudy resume {self._run}",
            )
        return False

    def _say(self, text: str) -> None:
        self._report({"event": "said", "text": text})


def _places(nodes: Sequence[Node]) -> list[tuple[Node, int]]:
    """A process for each accelerator; where no node has one, a process for each node."""
    with_gpu = [node for node in nodes if node.accelerators]
    if with_gpu:
        return [(node, 1) for node in with_gpu for _ in range(node.accelerators)]
    return [(node, 0) for node in nodes]


def _environments(nodes: Sequence[Node], address: str, port: int) -> list[dict[str, str]]:
    """What the process on each node is told by its environment: how many cores it has and, of several, how
    they find each other, as torchrun says it."""
    cores = [{"OMP_NUM_THREADS": str(node.cores_each)} for node in nodes]
    if len(nodes) == 1:
        return cores
    shared = {"WORLD_SIZE": str(len(nodes)), "MASTER_ADDR": address, "MASTER_PORT": str(port)}
    local = {"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    return [{**shared, **local, "RANK": str(rank), **own} for rank, own in enumerate(cores)]


def _names(nodes: Sequence[Node]) -> str:
    return ", ".join(node.name for node in nodes)
