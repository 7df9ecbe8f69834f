"""THE JOB: a run, its plate and its result -> a page that a supervisor opens, and its figures.

Everything is made in a hidden folder beside its place, and moved there when it is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from understudy.artist.report import gather, pictures
from understudy.artist.report.facts import Facts, FrameFacts, WorstFrame
from understudy.artist.report.looking import Seen, look
from understudy.artist.report.page import page
from understudy.artist.report.place import FIGURES, PAGE, hidden_beside, put_in_place, refuse_occupied
from understudy.artist.report.risk import Risk, expected_errors, worst_frames
from understudy.artist.report.subject import Subject, open_subject
from understudy.colour.overlay import in_words
from understudy.errors import ApplyError
from understudy.frames.held_files import held_files
from understudy.frames.matte_names import matte_labels
from understudy.inference.apply import apply
from understudy.models.channels import makes_mattes
from understudy.models.description import ModelDescription
from understudy.models.opening import describe_effect
from understudy.runs import RunFolder
from understudy.runs.files import write_atomically
from understudy.settings import ApplySettings, ReportSettings
from understudy.version import __version__

Report = Callable[[object], None]
RESULTS = ".results"
HELD = 1_000_000_000
"""Bytes of pairs, about, that are held between what is asked of them."""


@dataclass(frozen=True)
class Reported:
    """``page``: the HTML file. ``figures``: report.json. ``facts``: what both say."""

    page: Path
    figures: Path
    files: tuple[Path, ...]
    facts: Facts


@dataclass(frozen=True)
class _Job:
    settings: ReportSettings
    run: RunFolder
    network: Path
    model: ModelDescription
    output: Path
    report: Report
    stop: object


def report(settings: ReportSettings, say: Report = lambda event: None, stop: object = None) -> Reported:
    """Report on what a run makes of a plate. ``say`` is called with the events of ``artist.report.events``
    and, while results are made, with those of ``inference.events``. ``stop`` is anything
    that becomes true when the work shall end, with KeyboardInterrupt; then nothing is left of it.

    Raises, before anything is written: RunError, ModelFileError, SequenceError, FrameError, ChannelError,
    SizeError, PairingError, SettingError when the folder is not empty. ApplyError when no result could be
    made, WriteError when the disk is full; then no part of a report is left.
    """
    job = _prepare(settings, say, stop)
    with hidden_beside(job.output) as hidden, ExitStack() as stack:
        failed: list[str] = []
        result = settings.subject.result or _make_results(job, hidden / RESULTS, failed)
        subject = open_subject(job.model, settings.plate, result, stack)
        made = hidden / "report"
        made.mkdir()
        facts = _facts(job, subject, made, failed)
        _write(facts, made)
        files = put_in_place(made, job.output)
    return Reported(job.output / PAGE, job.output / FIGURES, files, facts)


def _prepare(settings: ReportSettings, say: Report, stop: object) -> _Job:
    run = RunFolder.open(settings.subject.run)
    network = run.best_or_newest()
    output = Path(os.path.abspath(os.path.expanduser(settings.folder.output)))
    refuse_occupied(output, settings.folder.overwrite)
    return _Job(settings, run, network, describe_effect(network), output, say, stop)


def _make_results(job: _Job, folder: Path, failed: list[str]) -> str:
    """Apply the run to the plate; where the results are. Frames that fail are noted and left out."""
    given = {**job.settings.plate.given(), **job.settings.engine.given()}
    wanted = ApplySettings(model=str(job.network), output=f"{folder}{os.sep}", **given)
    ended = apply(wanted, job.report, job.stop)
    if ended.stopped:
        raise KeyboardInterrupt
    failed += [f"Frame {number} could not be made: {error.message}" for number, error in ended.failed]
    if not ended.written:
        raise ended.failed[0][1] if ended.failed else ApplyError("No frame of the plate could be made.")
    return str(folder)


def _facts(job: _Job, subject: Subject, folder: Path, failed: list[str]) -> Facts:
    with held_files(gather.pair_files(job.run), HELD):
        return _gathered(job, subject, folder, failed)


def _gathered(job: _Job, subject: Subject, folder: Path, failed: list[str]) -> Facts:
    seen = look(subject, folder, job.report, job.stop)
    painted = gather.painted_frames(job.run, subject.plate)
    corrected = gather.corrected_frames(job.run)
    expected = expected_errors(job.settings, seen.numbers, job.report, job.stop)
    findings, unchecked = gather.findings(job.run)
    if job.stop:
        raise KeyboardInterrupt
    risks = expected.risks
    told, ranked_by = worst_frames(risks, seen.changes, job.settings.folder.worst, painted)
    return Facts(
        run=job.run.name,
        plate=job.settings.plate.plate,
        result=job.settings.subject.result or "",
        kind=job.model.kind,
        made=gather.now(),
        version=__version__,
        frames=tuple(_frame(number, risks.get(number), seen, painted, corrected) for number in seen.numbers),
        steady=seen.steady,
        worst=tuple(_draw(subject, number, reason, folder) for number, reason in told),
        ranked_by=ranked_by,
        cuts=seen.cuts,
        pairs=gather.pair_facts(job.run, job.model, folder),
        findings=findings,
        corrections=gather.correction_facts(job.run),
        settings=gather.settings_text(job.run),
        provenance=gather.provenance_text(job.model, job.network, subject.result),
        strip=seen.strip,
        movie=seen.movie,
        measure=expected.measure,
        notes=(
            *failed,
            *subject.notes,
            *seen.notes,
            *expected.notes,
            *filter(None, (unchecked,)),
            *gather.changed_plates(job.run),
        ),
    )


def _frame(
    number: int, risk: Risk | None, seen: Seen, painted: frozenset[int], corrected: frozenset[int]
) -> FrameFacts:
    change = seen.changes.get(number, {})
    return FrameFacts(
        frame=number,
        painted=number in painted,
        corrected=number in corrected,
        expected_error=risk.expected_error if risk else None,
        reason=risk.reason if risk else "",
        result=change.get("result"),
        plate=change.get("plate"),
    )


def _draw(subject: Subject, number: int, reason: str, folder: Path) -> WorstFrame:
    """Plate, result, and what changed, as pictures in ``folder``."""
    looked = subject.read(number)
    is_matte = subject.model.kind == "matte"
    last = pictures.matte_over if is_matte else pictures.changed
    shown = {
        "Plate": ("plate", pictures.three(looked.plate)),
        "Result": ("result", pictures.three(looked.result)),
    }
    if makes_mattes(subject.model):
        colours = in_words(matte_labels(subject.model.output_channels))
        shown[f"Mattes over the plate: {colours}"] = shown.pop("Result")
    else:
        name = "Matte over the plate" if is_matte else "What changed, four times as strong"
        shown[name] = ("difference", last(looked.plate, looked.result))
    files = {}
    for name, (ending, pixels) in shown.items():
        files[name] = f"worst_{number}_{ending}.jpg"
        pictures.write_jpeg(folder / files[name], pixels)
    return WorstFrame(number, reason, files)


def _write(facts: Facts, folder: Path) -> None:
    figures = json.dumps(facts.as_json(), indent=1, allow_nan=False)
    write_atomically(folder / FIGURES, (figures + "\n").encode())
    write_atomically(folder / PAGE, page(facts).encode("utf-8", "replace"))
