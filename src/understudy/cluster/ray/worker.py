"""What runs on each node: the job opened once, and frames made one by one."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from understudy.cluster.ray.shipping import Shipped, ship
from understudy.errors import ApplyError, UnderstudyError
from understudy.inference.events import ApplyPlanned
from understudy.inference.findings import Findings, findings_of
from understudy.inference.job import prepare_job
from understudy.inference.results import Outcome
from understudy.inference.work import Ready, own_threads, set_up
from understudy.settings import ApplySettings
from understudy.version import __version__

MOST = 64
"""Frames that a worker may have under way at the most."""


@dataclass(frozen=True)
class Asked:
    """What a worker needs to know: ``settings`` with whole paths, ``to_do`` all frames of the job, which
    decide how it is computed, and the ``version`` and ``provenance`` that it must agree in."""

    settings: ApplySettings
    to_do: tuple[int, ...]
    version: str
    provenance: Mapping[str, str]


@dataclass(frozen=True)
class Set:
    """A worker that is ready. ``frames``: how many it takes at a time."""

    frames: int
    plan: ApplyPlanned


@dataclass(frozen=True)
class Composed:
    """A finished frame that another process writes, as a movie has one writer alone."""

    frame: Shipped
    made_from: Mapping[str, str]


class FrameWorker:
    """Makes frames of one job. Its methods give errors back as values, which say more than what Ray would
    make of them when they are raised."""

    def __init__(self, asked: Asked) -> None:
        self._asked, self._open = asked, ExitStack()
        self._threads = threading.local()

    def set_up(self) -> Set | UnderstudyError:
        """Open everything and load the model."""
        try:
            self._check_version()
            job = prepare_job(self._asked.settings, (), self._open)
            if dict(job.provenance) != dict(self._asked.provenance):
                raise ApplyError(
                    "This node sees another model than the machine that asks.",
                    expected=str(dict(self._asked.provenance)),
                    found=str(dict(job.provenance)),
                    remedy="Let both see the same files under the same names.",
                )
            # As the whole job would be computed on one machine, whatever is done by now.
            self._ready: Ready = set_up(replace(job, to_do=self._asked.to_do))
        except UnderstudyError as error:
            return error
        self._each_thread = self._open.enter_context(own_threads(self._ready.crew, self._ready.on_cpu))
        return Set(min(self._ready.crew.workers, MOST), self._ready.plan)

    def make(self, number: int) -> Outcome:
        """A frame, written here."""
        self._prepare_thread()
        return self._ready.make(number)

    def compose(self, number: int) -> Composed | UnderstudyError:
        """A frame, to be written elsewhere."""
        self._prepare_thread()
        try:
            frame, made_from = self._ready.compose(number)
        except UnderstudyError as error:
            return error
        return Composed(ship(frame), made_from)

    def findings(self) -> Findings:
        """What is known of the frames that were made here."""
        return findings_of(self._ready.job)

    def _check_version(self) -> None:
        if self._asked.version != __version__:
            raise ApplyError(
                "This node has another version of Understudy.",
                expected=self._asked.version,
                found=__version__,
                remedy="Install the same on all nodes.",
            )

    def _prepare_thread(self) -> None:
        if not getattr(self._threads, "prepared", False):
            self._each_thread()
            self._threads.prepared = True
