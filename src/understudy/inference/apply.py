"""THE JOB: a trained network and a plate -> frames on disk.

Everything that can be refused is refused before the first frame is made; after that, a frame that fails is
named and the others go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from understudy.device import keep_freed_memory
from understudy.errors import SettingError
from understudy.frames import FrameSink
from understudy.inference.ending import ended
from understudy.inference.events import Report
from understudy.inference.job import Job, prepare_job
from understudy.inference.like import taken_over
from understudy.inference.results import ApplyResult, Outcome
from understudy.inference.vectors_job import finds_vectors, write_vectors
from understudy.inference.work import work as work_here
from understudy.settings import ApplySettings

Work = Callable[[Job, Report, Any], Iterator[Outcome]]
"""What makes the frames of a job, as ``inference.work.work`` does."""


def apply(
    settings: ApplySettings,
    report: Report = lambda event: None,
    stop: Any = None,
    work: Work = work_here,
) -> ApplyResult:
    """Apply a trained network to the frames of a plate; reads, computes and writes at the same time.

    ``report`` is called with events of ``understudy.inference.events``, from this thread. ``stop`` is
    anything that becomes true when the work shall stop after the frames under way, such as a
    ``runs.stop.StopFlag``. ``work``: what makes the frames; by default this process.

    Frames there already that the same model made in the same way, from the same plate, mask and extra inputs,
    are kept, and those made from others are made again; a movie starts again. One
    unreadable frame, or one that cannot be written, is in ``failed`` and does not stop the others.

    Raises, before any frame is written: ModelFileError, SequenceError, ChannelError, SizeError,
    PairingError, DeviceError, MissingPackageError, ColourError, and SettingError when frames of another
    model are in the way. WriteError when a movie cannot be finished.

    A network that finds motion writes vectors instead: see ``understudy.inference.vectors_job``.
    """
    started = time.monotonic()
    keep_freed_memory()
    settings, like = taken_over(settings)
    if finds_vectors(settings.model.model):
        if work is not work_here:
            raise SettingError(
                "Motion vectors are made by one machine alone.", found=settings.model.model, where="--on"
            )
        return write_vectors(settings, report, stop, like)
    with ExitStack() as open_things:
        job = prepare_job(settings, like, open_things)
        with _aborting(job.sink):
            outcomes = list(work(job, report, stop)) if job.to_do else []
            stopped = len(outcomes) < len(job.to_do)
            job.sink.abort() if stopped else job.sink.close()
    return ended(job, outcomes, stopped, time.monotonic() - started, report)


@contextmanager
def _aborting(sink: FrameSink) -> Iterator[None]:
    """Let the sink clear up after itself when the work breaks off."""
    try:
        yield
    except BaseException:
        sink.abort()
        raise
