"""Corrections from the page: strokes become floats in the run, and a job teaches them to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from understudy.artist.strokes.document import StrokesDocument
from understudy.artist.strokes.raster import rasterise
from understudy.errors import SettingError
from understudy.frames import format_numbers, parse_frame_range
from understudy.monitor.jobs.processes import Job, Jobs
from understudy.monitor.paths.run_files import NotFound
from understudy.monitor.shot.results import Results
from understudy.monitor.shot.run_shot import RunShot, RunShots
from understudy.runs import RunFolder
from understudy.runs.corrections import Correction, read_corrections

if TYPE_CHECKING:
    from understudy.artist.correct.store import Sheet

TIMEOUT = 300.0  # seconds that a result may take


class Corrections:
    """Starts ``understudy correct``, which goes on with an idle run and hands over to one that trains."""

    def __init__(self, jobs: Jobs, shots: RunShots, results: Results) -> None:
        self._jobs, self._shots, self._results = jobs, shots, results

    def start(
        self, run: RunFolder, documents: Sequence[StrokesDocument], accept: str = "", empty: str = ""
    ) -> tuple[list[str], Job | None]:
        """Correct a run: the numbers of the corrections that are kept by now, and the job that keeps the rest
        and teaches all; None where a process trains the run already, which does. ``accept`` and ``empty`` are
        ranges of frames.

        SettingError, NotFound, and what reading, inference and writing raise: nothing is kept or started
        then."""
        shot = self._shots.of(run)
        flags = [
            *_range_flag("--accept", accept, shot),
            *_range_flag("--empty", empty, shot),
        ]
        for document in documents:
            shot.check(document.frame)
        if not (flags or documents):
            raise SettingError(
                "There is nothing to correct with.", expected="strokes, accept or empty", where="the body"
            )

        kept = [f"{self._keep(shot, documents).id:04}"] if documents else []
        if run.is_busy() and not flags:
            return kept, None  # the process that trains it takes it up
        arguments = [str(run.path), *flags, "--json"]
        return kept, self._jobs.start("correct", arguments, title=run.name, run=run.name)

    def undo(self, run: RunFolder, number: int) -> Job:
        """Take a correction back. NotFound when there is none of that number, SettingError when it is undone
        already."""
        found = next((each for each in read_corrections(run.path) if each.id == number), None)
        if found is None:
            raise NotFound(f"{run.name} has no correction {number:04}.", where=str(run.path))
        if found.undone:
            raise SettingError(f"Correction {number:04} is undone already.", where=str(found.path))
        arguments = [str(run.path), f"--undo={number}", "--json"]
        return self._jobs.start("correct", arguments, title=run.name, run=run.name)

    def _keep(self, shot: RunShot, documents: Sequence[StrokesDocument]) -> Correction:
        """The strokes as a correction in the run's folder: not by way of a file that has to say which colours
        it holds, and kept even where no process can be started."""
        from understudy.artist.correct.store import add_correction

        sheets: dict[int, Sheet] = {}
        channels: tuple[str, ...] = ()
        for document in documents:
            sheets[document.frame], channels = self._paint(shot, document)
        return add_correction(shot.run, "strokes", tuple(sheets), sheets, channels, plate=0)

    def _paint(self, shot: RunShot, document: StrokesDocument) -> tuple[Sheet, tuple[str, ...]]:
        from understudy.artist.correct.store import Sheet

        result = self._results.request(shot, document.frame).result(TIMEOUT)
        plate = shot.plate.read(document.frame)

        def result_of(number: int) -> np.ndarray:
            other = self._results.request(shot, number).result(TIMEOUT)
            return other.kept_values(shot.plate.read(number))

        painted = rasterise(document, result.canvas(plate, result_of))
        return Sheet(painted.truth, painted.mask), result.channels


def _range_flag(flag: str, text: str, shot: RunShot) -> list[str]:
    """A range of frames, such as 1001-1010, all of the shot, as a flag. SettingError."""
    if not text.strip():
        return []
    missing = sorted(set(parse_frame_range(text)) - set(shot.plate.numbers))
    if missing:
        raise SettingError(
            "The shot has not all of these frames.",
            expected=f"frames of {format_numbers(shot.plate.numbers)}",
            found=format_numbers(missing[:1000]),
            where=flag.removeprefix("--"),
        )
    return [f"{flag}={text.strip()}"]
