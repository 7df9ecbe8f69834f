"""What became known of a job while its frames were made, for words at its end: what other processes found
is added to what this one did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from understudy.inference.job import Job


@dataclass(frozen=True)
class Findings:
    """``constant``, ``not_finite``, ``fine``, ``no_screen``, ``little_screen``: frames, as in ``Doubts``;
    ``unmeasured``: frames whose grain could not be told; ``largest``: the largest value of the mask;
    ``said``: sentences."""

    constant: frozenset[int] = frozenset()
    not_finite: frozenset[int] = frozenset()
    fine: frozenset[int] = frozenset()
    no_screen: frozenset[int] = frozenset()
    little_screen: frozenset[int] = frozenset()
    unmeasured: tuple[int, ...] = ()
    largest: float = 0.0
    said: tuple[str, ...] = ()


def findings_of(job: Job) -> Findings:
    """What is known of a job by now; its sentences are taken out."""
    doubts, composer = job.composer.maker.doubts, job.composer
    said: list[str] = []
    while not job.said.empty():
        said.append(job.said.get())
    return Findings(
        frozenset(doubts.constant),
        frozenset(doubts.not_finite),
        frozenset(doubts.fine),
        frozenset(doubts.no_screen),
        frozenset(doubts.little_screen),
        tuple(composer.finisher.unmeasured),
        composer.gatherer.mask.largest if composer.gatherer.mask else 0.0,
        (*said, *job.sink.notes),
    )


def add_findings(job: Job, found: Iterable[Findings]) -> None:
    """Let the end of ``job`` speak of these as well."""
    composer, known = job.composer, {*job.sink.notes}
    for each in found:
        composer.maker.doubts.constant |= each.constant
        composer.maker.doubts.not_finite |= each.not_finite
        composer.maker.doubts.fine |= each.fine
        composer.maker.doubts.no_screen |= each.no_screen
        composer.maker.doubts.little_screen |= each.little_screen
        composer.finisher.unmeasured.extend(each.unmeasured)
        if composer.gatherer.mask:
            composer.gatherer.mask.largest = max(composer.gatherer.mask.largest, each.largest)
        for sentence in each.said:
            if sentence not in known:
                known.add(sentence)
                job.said.put(sentence)
