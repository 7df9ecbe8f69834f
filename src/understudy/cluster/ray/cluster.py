"""The connection to a Ray cluster: the one place that imports Ray."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from understudy.errors import ApplyError, MissingPackageError

FEW = 32
"""Answers under way of which one is taken at a time."""


@dataclass(frozen=True)
class Gone:
    """What comes in place of an answer from a worker that is no more."""

    reason: str


@dataclass(frozen=True)
class Node:
    """One machine of the cluster that is alive: all its cores and accelerators, busy or not."""

    id: str
    name: str
    cores: int
    accelerators: int

    @property
    def workers(self) -> int:
        """One process for each accelerator, as each computes one thing at a time; without any, one, whose
        threads share what is read and loaded."""
        return max(1, min(self.accelerators, self.cores))

    @property
    def cores_each(self) -> int:
        """The cores that each of these has."""
        return max(1, self.cores // self.workers)


@contextmanager
def connected(address: str | None = None) -> Iterator[Cluster]:
    """The cluster at ``ray://HOST:PORT`` or ``HOST:PORT``; without it the one that this machine belongs to.
    MissingPackageError, and ApplyError where there is none."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingPackageError(
            "Work on a Ray cluster needs a package that is not installed.",
            found=str(error),
            where="--on ray",
            remedy='pip install "understudy[ray]", on all nodes',
        ) from error
    was_open = ray.is_initialized()
    if not was_open:
        try:
            ray.init(address=address or "auto", log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:
            raise ApplyError(
                "There is no Ray cluster to work on.",
                expected="a running one (ray start --head on one machine, ray start --address=... on others)",
                found=str(error).strip().partition("\n")[0][:300],
                where=f"--on {address or 'ray'}",
            ) from error
    try:
        yield Cluster(ray)
    finally:
        if not was_open:
            ray.shutdown()


class Cluster:
    """What is asked of Ray."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    def nodes(self) -> tuple[Node, ...]:
        """Those that are alive and have a core."""
        found = []
        for each in self._ray.nodes():
            has = each.get("Resources", {})
            if each.get("Alive") and has.get("CPU", 0) >= 1:
                name = f"{each.get('NodeManagerHostname', '?')} ({each['NodeID'][:8]})"
                found.append(Node(each["NodeID"], name, int(has["CPU"]), int(has.get("GPU", 0))))
        return tuple(found)

    def actor(
        self, kind: type, node: Node, cores: int, accelerators: int, at_a_time: int, *given: Any
    ) -> Any:
        """A ``kind`` in a process of its own on ``node``, with so many cores and accelerators to itself."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return (
            self._ray.remote(kind)
            .options(
                num_cpus=cores,
                num_gpus=accelerators,
                max_concurrency=at_a_time,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
                runtime_env={"env_vars": {"OMP_NUM_THREADS": str(cores)}},
            )
            .remote(*given)
        )

    def anywhere(self, kind: type, cores: int, accelerators: int, at_a_time: int, *given: Any) -> Any:
        """The same on any node, as soon as one has that much to spare."""
        options = {"num_cpus": cores, "num_gpus": accelerators, "max_concurrency": at_a_time}
        return self._ray.remote(kind).options(**options).remote(*given)

    def wait(self, asked: Sequence[Any], seconds: float) -> list[Any]:
        """Those that are answered, as soon as one is; none after so many seconds. Of many all that are there:
        each question costs as much as is under way, and would be asked for each answer alone."""
        if not asked:
            return []
        refs = list(asked)
        there = self._ray.wait(refs, num_returns=1, timeout=seconds)[0]
        return self.there(refs) if there and len(refs) > FEW else list(there)

    def there(self, asked: Sequence[Any]) -> list[Any]:
        """All those that are answered by now."""
        return self._ray.wait(list(asked), num_returns=len(asked), timeout=0)[0] if asked else []

    def answer(self, asked: Any) -> Any:
        """What was answered; ``Gone`` where the process, or its node, is no more."""
        try:
            return self._ray.get(asked)
        except (self._ray.exceptions.RayActorError, self._ray.exceptions.ObjectLostError) as error:
            return Gone(str(error).strip().partition("\n")[0][:300])

    def end(self, actor: Any) -> None:
        self._ray.kill(actor)
