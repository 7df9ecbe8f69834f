"""One network learned by the nodes of a Ray cluster: a process for each accelerator, or for each node, that
find each other as torchrun's would. When one is lost the run goes on with what is left."""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.cluster.command import event_of, start_command
from understudy.cluster.ray.cluster import Cluster, Gone, Node, connected
from understudy.errors import TrainingError
from understudy.runs import RunFolder, default_name
from understudy.settings import TrainSettings, to_toml

LOOK = 1.0
PAUSE = 25.0
"""Seconds before a run goes on whose processes were lost: until then it counts as at work, by its last sign
of life."""
TRIES = 5
KILLED = 60.0
"""Seconds that the other processes have to end by themselves once one is lost."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What a rank has to say since it was last asked: its ``events``, and, once it has ended, its exit
    ``code`` and ``last`` words."""

    events: tuple[Event, ...]
    code: int | None
    last: str


class Rank:
    """One process of the training, on a node."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._lock, self._last = threading.Lock(), ""
        self._process: subprocess.Popen[str] | None = None

    def place(self) -> tuple[str, int]:
        """The address of this node, and a port that is free there."""
        import ray

        with socket.socket() as probe:
            probe.bind(("", 0))
            return ray.util.get_node_ip_address(), probe.getsockname()[1]

    def begin(self, words: Sequence[str], settings: str | None, env: dict[str, str], folder: str) -> None:
        """Start the command; ``settings`` is the text of its settings file, where it takes one."""
        given = list(words)
        if settings is not None:
            with tempfile.NamedTemporaryFile("w", suffix=".toml", delete=False, encoding="utf-8") as file:
                file.write(settings)
            given += ["--settings", file.name]
        self._process = start_command(given, folder, env)
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()

    def told(self) -> Told:
        process = self._process
        code = process.poll() if process is not None else None
        with self._lock:
            events, self._events = tuple(self._events), []
            return Told(events, code, self._last)

    def stop(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            event = event_of(line)
            with self._lock:
                if event is not None:
                    self._events.append(event)
                elif line.strip():
                    self._last = line.strip()[:500]


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
            self._begin(ranks, places)
            return self._follow(ranks)
        finally:
            for rank in ranks:
                with suppress(Exception):  # gone already
                    self._cluster.end(rank)

    def _start(self, node: Node, accelerators: int) -> Any:
        return self._cluster.actor(Rank, node, node.cores_each, accelerators, 4)

    def _begin(self, ranks: list[Any], places: list[tuple[Node, int]]) -> None:
        found = self._cluster.answer(ranks[0].place.remote())
        if isinstance(found, Gone):
            raise TrainingError("The first node could not begin.", found=found.reason)
        address, port = found
        again, self._begun = self._begun and self._run.is_dir(), True
        words = ["resume", str(self._run)] if again else ["train"]
        text = None if again else to_toml(self._settings)
        self._say(f"{'Goes on' if again else 'Learns'} in {len(ranks)} processes: {_names(places)}.")
        shared = {"WORLD_SIZE": str(len(ranks)), "MASTER_ADDR": address, "MASTER_PORT": str(port)}
        for number, (rank, (node, _)) in enumerate(zip(ranks, places, strict=True)):
            own = {"RANK": str(number), "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
            cores = {"OMP_NUM_THREADS": str(node.cores_each)}
            env = {**shared, **own, **cores} if len(ranks) > 1 else cores
            rank.begin.remote(words, text, env, str(self._run.parent.parent))

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
        if self._stopping or self._tries >= TRIES or not self._run.is_dir():
            raise TrainingError(
                f"The training was lost {self._tries} times.",
                found=why,
                where=str(self._run),
                remedy=f"understudy resume {self._run}",
            )
        self._say(f"A process is lost ({why[:200]}); the run goes on with what is left in {PAUSE:g} s.")
        time.sleep(PAUSE)
        return False

    def _say(self, text: str) -> None:
        self._report({"event": "said", "text": text})


def _places(nodes: Sequence[Node]) -> list[tuple[Node, int]]:
    """A process for each accelerator; where no node has one, a process for each node."""
    with_gpu = [node for node in nodes if node.accelerators]
    if with_gpu:
        return [(node, 1) for node in with_gpu for _ in range(node.accelerators)]
    return [(node, 0) for node in nodes]


def _names(places: list[tuple[Node, int]]) -> str:
    return ", ".join(node.name for node, _ in places)
