"""Which shot a run works on: its plate, the frames that were painted, and the network that is newest."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from understudy.dataset.matching import is_set
from understudy.errors import UnderstudyError
from understudy.frames import Shot, pair_shots
from understudy.monitor.images.rendering import stamp
from understudy.monitor.paths.allowed import AllowedFolders
from understudy.monitor.paths.run_files import NotFound, is_plain_file
from understudy.monitor.paths.truths import open_allowed_truth
from understudy.runs import RunFolder
from understudy.runs.asked import settings_of_run
from understudy.runs.corrections import Correction, active_corrections
from understudy.settings import TrainSettings

KEPT = 8
FRESH = 2.0  # seconds for which a folder is not listed again


@dataclass(frozen=True)
class Checkpoint:
    """A .cat file: its step, and what changes when the file does."""

    path: Path
    step: int
    stamp: tuple[str, int, int]


@dataclass(frozen=True)
class RunShot:
    """One of the shots that a run learns from, ``index`` of all. ``truth_of``: the number of the painted
    frame of each plate frame that has one."""

    run: RunFolder
    settings: TrainSettings
    plate: Shot
    truth: Shot | None
    truth_of: dict[int, int]
    index: int = 0

    @property
    def corrections(self) -> tuple[Correction, ...]:
        """The corrections of this plate that count, in order; none where one is damaged."""
        try:
            return tuple(each for each in active_corrections(self.run.path) if each.plate == self.index)
        except UnderstudyError:  # said where they are listed
            return ()

    @property
    def corrected(self) -> list[int]:
        """The frames that have corrections."""
        return sorted({number for each in self.corrections for number in each.frames})

    def correction_of(self, number: int) -> Path | None:
        """The truth that a frame was last corrected with; None without one."""
        paths = (each.truth_path(number) for each in reversed(self.corrections) if number in each.frames)
        return next((path for path in paths if is_plain_file(path)), None)

    def check(self, number: int) -> None:
        """NotFound when the plate has no such frame."""
        if not self.plate.has(number):
            raise NotFound(f"The shot has no frame {number}.", where=self.plate.spec)


class RunShots:
    """Opens the shots of runs, within the ``allowed`` folders, and holds the last few. Thread-safe."""

    def __init__(self, allowed: AllowedFolders) -> None:
        self._allowed = allowed
        self._known: OrderedDict[tuple[object, int], tuple[float, RunShot]] = OrderedDict()
        self._sizes: dict[tuple[str, int, int], tuple[int, int]] = {}
        self._lock = threading.Lock()

    def of(self, run: RunFolder, index: int = 0) -> RunShot:
        """The shot of ``run``, of those that it learns from that of this index. NotFound when its settings
        are not there, or it has not so many shots, RunError when they are damaged, PathNotAllowed,
        SequenceError."""
        if not is_plain_file(run.settings_path):
            raise NotFound(f"{run.name} has no settings that can be read.", where=str(run.path))
        key = stamp(run.settings_path), index
        with self._lock:
            opened, known = self._known.get(key, (0.0, None))
        if known is not None and (known.plate.is_movie or time.monotonic() - opened < FRESH):
            return known
        found = self._open(run, index)
        with self._lock:
            self._known[key] = time.monotonic(), found
            self._known.move_to_end(key)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return found

    def size(self, shot: RunShot) -> tuple[int, int]:
        """(width, height) of the display window of the shot's first frame. FrameError."""
        first = shot.plate.numbers[0]
        key = stamp(shot.plate.path(first))
        with self._lock:
            known = self._sizes.get(key)
        if known is None:
            window = shot.plate.read(first).display_window
            known = window.width, window.height
            with self._lock:
                self._sizes = {**dict(list(self._sizes.items())[-KEPT:]), key: known}
        return known

    def _open(self, run: RunFolder, index: int) -> RunShot:
        settings = settings_of_run(run)
        data = settings.data
        if index >= len(data.input):
            raise NotFound(f"{run.name} has no shot {index}.", expected=f"0 to {len(data.input) - 1}")
        if is_set(data, index):
            raise NotFound(
                f"{run.name} has learned from pictures, and not from the frames of a shot.",
                expected="a shot as --input",
                found=data.input[index],
                where=str(run.path),
            )
        plate = self._allowed.shot(data.input[index], None, data.part)
        for spec in data.extra:
            self._allowed.spec(spec)
        try:
            truth = open_allowed_truth(self._allowed, data, index)
            pairs = dict(pair_shots(plate, truth, data.pair_by).pairs)
        except UnderstudyError:  # the painted frames may be away: the plate can be corrected nevertheless
            return RunShot(run, settings, plate, None, {}, index)
        return RunShot(run, settings, plate, truth, pairs, index)


def newest_checkpoint(run: RunFolder) -> Checkpoint | None:
    """The .cat that was written last, a numbered one where two are as young; None when there is none."""
    found = [_checkpoint(path, step) for step, path in run.checkpoints()[-1:]]
    if is_plain_file(run.best_path):
        best = run.read_state().best_held_out
        found.append(_checkpoint(run.best_path, best.step if best else run.read_state().step))
    there = [each for each in found if each is not None]
    return max(there, key=lambda each: each.stamp[1], default=None)


def checkpoint_at(path: Path) -> Checkpoint:
    """The network in a file. NotFound."""
    found = _checkpoint(path, 0)
    if found is None:
        raise NotFound("There is no network here.", where=str(path))
    return found


def _checkpoint(path: Path, step: int) -> Checkpoint | None:
    try:
        return Checkpoint(path, step, stamp(path))
    except OSError:
        return None
