"""Corrections from the page: strokes become floats in the run, and a job teaches them to it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from understudy.artist.strokes.document import StrokesDocument
from understudy.artist.strokes.raster import rasterise
from understudy.dataset.empty import check_empty
from understudy.errors import SettingError
from understudy.frames import format_numbers, parse_frame_range
from understudy.frames.matte import spread
from understudy.models.opening import describe
from understudy.monitor.jobs.processes import Job, Jobs
from understudy.monitor.paths.run_files import NotFound, is_plain_file
from understudy.monitor.shot.results import Results
from understudy.monitor.shot.run_shot import RunShot, RunShots
from understudy.runs import RunFolder
from understudy.runs.corrections import MOST_OF_RANGE, Correction, Kind, read_corrections
from understudy.runs.presence import is_kept_open

if TYPE_CHECKING:
    from understudy.artist.correct.store import Sheet

TIMEOUT = 300.0  # seconds that a result may take
COMING = 120.0  # seconds that a process may take to come up
STAY = "--wait=10m"  # for the next strokes: a run is read in some seconds
Give = Callable[[], Correction]


class Corrections:
    """Starts ``understudy correct``, which goes on with an idle run and hands over to one that trains."""

    def __init__(self, jobs: Jobs, shots: RunShots, results: Results) -> None:
        self._jobs, self._shots, self._results = jobs, shots, results
        self._teachers: dict[str, str] = {}
        self._lock = threading.Lock()

    def start(
        self,
        run: RunFolder,
        documents: Sequence[StrokesDocument],
        accept: str = "",
        empty: str = "",
        index: int = 0,
    ) -> tuple[list[str], Job | None]:
        """Correct a run: the numbers of the corrections, which are kept in it by now, and the job that
        teaches them; None where a process that was not started here trains the run or keeps it open, which
        does. ``accept`` and ``empty`` are ranges of frames of the run's shot ``index``.

        SettingError, NotFound, and what reading, inference and writing raise: nothing is kept or started
        then."""
        shot = self._shots.of(run, index)
        accepted, emptied = _frames_of("accept", accept, shot), _frames_of("empty", empty, shot)
        for document in documents:
            shot.check(document.frame)
        if not (accepted or emptied or documents):
            raise SettingError(
                "There is nothing to correct with.", expected="strokes, accept or empty", where="the body"
            )
        gives = [
            *self._painted(shot, documents),
            *([self._accepted(shot, accepted)] if accepted else []),
            *([_empty(shot, emptied)] if emptied else []),
        ]
        kept = [f"{give().id:04}" for give in gives]
        with self._lock:
            teacher = self._teacher(run)
            if teacher is None and not run.is_busy() and not is_kept_open(run):
                teacher = self._start_teacher(run)
        return kept, teacher

    def open(self, run: RunFolder) -> Job | None:
        """Let a process keep the run open, so that what is painted now is learned at once when it is saved;
        None where one does already, the run is being trained, or has not learned anything yet."""
        if run.is_busy() or is_kept_open(run) or not is_plain_file(run.ost_path):
            return None
        with self._lock:
            return self._teacher(run) or self._start_teacher(run)

    def _start_teacher(self, run: RunFolder) -> Job:
        job = self._jobs.start("correct", [str(run.path), STAY, "--json"], title=run.name, run=run.name)
        self._teachers[run.name] = job.id
        return job

    def _teacher(self, run: RunFolder) -> Job | None:
        """The process that was started here to keep the run open, where it does, or is about to."""
        with contextlib.suppress(NotFound):
            job = self._jobs.get(self._teachers.get(run.name, ""))
            coming = time.time() - job.started < COMING and not job.waiting
            return job if job.state == "running" and (coming or is_kept_open(run)) else None
        return None

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

    def _painted(self, shot: RunShot, documents: Sequence[StrokesDocument]) -> list[Give]:
        """Strokes as corrections in the run's folder, one for each of several mattes: not by way of a file
        that has to say which colours it holds, and kept even where no process can be started."""
        sheets: dict[tuple[str, ...], dict[int, Sheet]] = {}
        for document in documents:
            for matte, strokes in document.by_matte().items():
                sheet, channels = self._paint(shot, strokes, matte)
                sheets.setdefault(channels, {})[document.frame] = sheet
        return [_given(shot, "strokes", tuple(own), own, channels) for channels, own in sheets.items()]

    def _accepted(self, shot: RunShot, numbers: tuple[int, ...]) -> Give:
        """What the network makes of some of the frames that are right as they are."""
        from understudy.artist.correct.store import Sheet

        sheets: dict[int, Sheet] = {}
        channels: tuple[str, ...] = ()
        for number in spread(numbers, MOST_OF_RANGE):
            result = self._results.request(shot, number).result(TIMEOUT)
            sheets[number] = Sheet(result.kept_values(shot.plate.read(number)))
            channels = result.channels
        return _given(shot, "accept", numbers, sheets, channels)

    def _paint(self, shot: RunShot, document: StrokesDocument, matte: str) -> tuple[Sheet, tuple[str, ...]]:
        from understudy.artist.correct.store import Sheet

        result = self._results.request(shot, document.frame).result(TIMEOUT).one(matte)
        plate = shot.plate.read(document.frame)

        def result_of(number: int) -> np.ndarray:
            other = self._results.request(shot, number).result(TIMEOUT).one(matte)
            return other.kept_values(shot.plate.read(number))

        painted = rasterise(document, result.canvas(plate, result_of))
        return Sheet(painted.truth, painted.mask), result.channels


def _empty(shot: RunShot, numbers: tuple[int, ...]) -> Give:
    """Frames on which there is nothing. ChannelError where that tells nothing of the effect."""
    model = describe(shot.run.best_or_newest())
    check_empty(model.kind, model.input_channels, model.output_channels)
    return _given(shot, "empty", numbers, {}, ())


def _given(
    shot: RunShot,
    kind: Kind,
    numbers: tuple[int, ...],
    sheets: Mapping[int, Sheet],
    channels: tuple[str, ...],
) -> Give:
    from understudy.artist.correct.store import add_correction

    seen = tuple(sheets) or spread(numbers, MOST_OF_RANGE)
    values = {"plate": shot.index, "plate_hashes": {each: shot.plate.read(each).content for each in seen}}
    return lambda: add_correction(shot.run, kind, numbers, sheets, channels, **values)


def _frames_of(what: str, text: str, shot: RunShot) -> tuple[int, ...]:
    """The frames of a range such as 1001-1010. SettingError unless the shot has all of them."""
    if not text.strip():
        return ()
    numbers = tuple(sorted(set(parse_frame_range(text))))
    missing = [number for number in numbers if not shot.plate.has(number)]
    if missing:
        raise SettingError(
            "The shot has not all of these frames.",
            expected=f"frames of {format_numbers(shot.plate.numbers)}",
            found=format_numbers(missing[:1000]),
            where=what,
        )
    return numbers
