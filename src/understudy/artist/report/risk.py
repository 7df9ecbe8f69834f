"""What is expected of every frame, and which are the worst."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from understudy.artist.report.events import FrameMeasured, ReportMessage
from understudy.artist.suggest import Looked, Suggestion, suggest
from understudy.errors import UnderstudyError
from understudy.settings import ReportSettings, SuggestSettings


@dataclass(frozen=True)
class Risk:
    """The error that is expected of a frame, and why, in words."""

    expected_error: float
    reason: str


@dataclass(frozen=True)
class Expected:
    """The risk of each frame that something is known of. ``measure``: the unit of expected errors."""

    risks: Mapping[int, Risk] = field(default_factory=dict)
    measure: str = ""
    notes: tuple[str, ...] = ()


def expected_errors(
    settings: ReportSettings,
    numbers: Sequence[int],
    report: Callable[[object], None],
    stop: object = None,
) -> Expected:
    """What is to be expected of the frames ``numbers``, by what ``suggest`` says of the run; a note instead,
    where it cannot say it."""

    def tell(event: object) -> None:
        if isinstance(event, Looked):
            report(FrameMeasured(event.number, event.done, event.total))

    try:
        given = settings.plate.given()
        said = suggest(SuggestSettings(run=settings.subject.run, **given), tell, stop)
    except UnderstudyError as error:
        report(ReportMessage(f"No expected errors: {error.message}"))
        return Expected(notes=(f"No expected errors: {error.message} {error.found}".strip(),))
    known = {each.frame: risk for each in said.all if (risk := _risk(each)) and each.frame in numbers}
    return Expected(known, said.measure, said.notes)


def _risk(each: Suggestion) -> Risk | None:
    return None if each.expected_error is None else Risk(each.expected_error, each.reason)


def _said(risk: Risk) -> str:
    """The error, and the reason, unless it only names a frame that shows the like."""
    reason = "" if risk.reason.startswith("Like ") else f": {risk.reason}"
    return f"expected error {risk.expected_error:.3g}{reason}"


def worst_frames(
    risks: Mapping[int, Risk], changes: Mapping[int, Mapping[str, float]], count: int, known: frozenset[int]
) -> tuple[list[tuple[int, str]], str]:
    """The ``count`` worst frames with the reason of each, and what they were ranked by, in words.

    By the error that is expected of those that are not ``known`` from painting; where nothing is, by how much
    more than the plate's the result changes along the motion.
    """
    if risks:
        order = sorted((n for n in risks if n not in known), key=lambda n: -risks[n].expected_error)
        told = [(n, _said(risks[n])) for n in order[:count]]
        return told, "by the error that is to be expected of them"
    excess = {n: c["result"] - c.get("plate", 0.0) for n, c in changes.items() if "result" in c}
    order = sorted(excess, key=lambda n: -excess[n])
    told = [(n, f"{excess[n]:+.2f} code values beside the plate's own change") for n in order[:count]]
    return told, "by how much more than the plate they change along the motion"
