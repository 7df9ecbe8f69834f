"""understudy batch"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from understudy.cli.json_flag import JsonFlag
from understudy.cli.on_flag import On, ray_address
from understudy.cli.progress import Progress
from understudy.cli.text import columns
from understudy.runs.stop import StopFlag

if TYPE_CHECKING:
    from understudy.cluster.batch.run import Machine

AtATime = Annotated[int | None, Parameter(validator=lambda _, value: _positive(value))]


def command(jobs: Path, /, *, on: On = None, at_a_time: AtATime = None, json: JsonFlag = False) -> int:
    """Do all jobs of a file: trainings, and what is done with what they learn, in the order that they need.

    A training whose run is there goes on, or is done; frames that are there are kept: the same command goes
    on where it stopped. A job that fails is named, those that come after it are left out, the others go on.

    Parameters
    ----------
    jobs:
        A TOML file of tables [jobs.NAME], each with a command and its settings; see docs/scale.md.
    at_a_time:
        How many jobs run beside each other on this machine; by default one for each accelerator, or one.
    """
    from understudy.cluster.batch.jobs import read_batch
    from understudy.cluster.batch.run import run_batch

    batch = read_batch(jobs)
    base = batch.path.absolute().parent
    with ExitStack() as stack:
        stop = stack.enter_context(StopFlag(ends_process=True))
        progress = stack.enter_context(BatchProgress(json))
        machine = stack.enter_context(_machine(base, on, at_a_time))
        states = run_batch(batch, machine, progress.report, stop)
        return progress.ended(states)


@contextmanager
def _machine(base: Path, on: str | None, at_a_time: int | None) -> Iterator[Machine]:
    """What the jobs run on."""
    if on is None:
        from understudy.cluster.batch.local import LocalMachine
        from understudy.device import accelerator_count

        gpus = accelerator_count()
        yield LocalMachine(base, at_a_time or max(1, gpus), gpus)
        return
    from understudy.cluster.batch.on_ray import RayCluster
    from understudy.cluster.ray.cluster import connected

    with connected(ray_address(on)) as cluster:
        yield RayCluster(base, cluster)


class BatchProgress(Progress):
    """The events of understudy.cluster.batch.run."""

    def _on_batch_planned(self, event: Any) -> None:
        self.screen.say(f"{len(event.jobs)} jobs")

    def _on_job_begun(self, event: Any) -> None:
        self.screen.say(f"{event.job}: begins ({event.command})")

    def _on_job_said(self, event: Any) -> None:
        if event.said.get("event") in ("batch_said", "frame_failed", "refused"):
            words = event.said.get("text") or event.said.get("message") or event.said.get("error")
            self.screen.say(f"{event.job}: {words}")

    def _on_job_ended(self, event: Any) -> None:
        words = {"left out": f"left out, as {event.text} was not done"}.get(event.state, event.state)
        more = f": {event.text}" if event.text and event.state != "left out" else ""
        self.screen.say(f"{event.job}: {words}{more}")
        self.screen.advance(event.done, event.total, "jobs")

    def ended(self, states: Mapping[str, str]) -> int:
        """The closing table; the exit code: 0 when all are done."""
        self.screen.finish()
        self.screen.say(columns([("Job", "State"), *states.items()]))
        return 0 if all(state == "done" for state in states.values()) else 1


def _positive(value: int | None) -> None:
    if value is not None and not 1 <= value <= 1024:
        raise ValueError("a number from 1 to 1024")
