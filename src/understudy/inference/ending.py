"""What a job says at its end."""

from __future__ import annotations

import math
from collections.abc import Mapping

from understudy.frames import FrameSink, format_numbers
from understudy.frames.difference import HALF_A_CODE
from understudy.inference.events import ApplyEnded, ApplyMessage, Report
from understudy.inference.job import Job
from understudy.inference.layers import BLACK
from understudy.inference.notes import report_said
from understudy.inference.origins import in_words
from understudy.inference.results import ApplyResult, Outcome


def ended(job: Job, outcomes: list[Outcome], stopped: bool, seconds: float, report: Report) -> ApplyResult:
    """The result of a job, once what is to be said of it has been reported."""
    report_said(job, report)
    lost = stopped and job.sink.is_movie
    done = [each for each in outcomes if each.error is None]
    same = tuple(sorted(each.number for each in done if each.is_same or job.sink.left))
    written = () if lost else tuple(sorted({each.number for each in done} - {*same}))
    changed_by = _changed_by(job, done)
    unchanged = sum(each.number in job.compared for each in done) - len(changed_by)
    failed = tuple(sorted((each.number, each.error) for each in outcomes if each.error is not None))
    _report_black(job, written, report)
    _report_unmeasured(job, report)
    for sentence in job.composer.maker.doubts.sentences:
        report(ApplyMessage(sentence))
    again = _made_again(job, written)
    missing = job.plate.missing if job.plate.requested else ()
    counts = len(written), len(job.kept), len(failed)
    if job.compared and not lost:
        report(ApplyMessage(_compared_words(changed_by, unchanged, job.sink)))
    report(ApplyEnded(*counts, stopped, seconds, in_words(again), len(missing), len(same)))
    is_movie = job.sink.is_movie
    return ApplyResult(
        written,
        job.kept,
        failed,
        stopped,
        seconds,
        is_movie,
        again,
        missing,
        same,
        changed_by,
        job.composer.maker.doubts.is_nothing,
    )


def _report_black(job: Job, written: tuple[int, ...], report: Report) -> None:
    """Say that the mask let nothing show, where that was not known at the start."""
    mask = job.composer.gatherer.mask
    if mask and written and mask.largest == 0 and BLACK not in mask.notes:
        report(ApplyMessage(BLACK))


def _report_unmeasured(job: Job, report: Report) -> None:
    if numbers := job.composer.finisher.unmeasured:
        frames = f"Frame{'s' if len(numbers) > 1 else ''} {format_numbers(tuple(sorted(numbers)))}"
        report(
            ApplyMessage(
                f"{frames} got no grain: the network changed the finest detail everywhere, so that there is "
                "no place to measure the plate's in."
            )
        )


def _changed_by(job: Job, done: list[Outcome]) -> dict[int, float]:
    """By how much the frames that were compared differ, of those that do; a movie's once it is whole."""
    whole = job.sink.differs
    found = {
        each.number: each.difference if whole is None else whole.get(each.number, math.inf)
        for each in done
        if each.number in job.compared
    }
    return {number: difference for number, difference in found.items() if difference > HALF_A_CODE}


def _compared_words(changed_by: Mapping[int, float], same: int, sink: FrameSink) -> str:
    """Which frames changed, and by how much; how many stayed the ``same``."""
    amounts = sorted(each for each in changed_by.values() if math.isfinite(each))
    much = f", by {amounts[0]:.3g} to {amounts[-1]:.3g} code values at most" if amounts else ""
    which = f" (frames {format_numbers(tuple(sorted(changed_by)))})" if changed_by else ""
    left = (
        "; the movie was written anew" if sink.is_movie and not sink.left else ", and were left as they are"
    )
    return f"Compared: {len(changed_by)} changed{which}{much}; {same} did not{left}."


def _made_again(job: Job, written: tuple[int, ...]) -> dict[tuple[str, ...], tuple[int, ...]]:
    reasons = {why: None for why in job.changed.values()}
    found = {why: tuple(number for number in written if job.changed.get(number) == why) for why in reasons}
    return {why: numbers for why, numbers in found.items() if numbers}
