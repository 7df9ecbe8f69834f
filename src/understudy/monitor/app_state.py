"""The state of a running monitor, shared by the page and the API."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from understudy.errors import UnderstudyError
from understudy.monitor.images.gallery import Gallery
from understudy.monitor.jobs.commands import Commands
from understudy.monitor.jobs.processes import Jobs
from understudy.monitor.pairs.report import PairsReport, frames_to_paint, pairs_report
from understudy.monitor.paths.allowed import AllowedFolders
from understudy.monitor.paths.run_files import find_run
from understudy.monitor.paths.truths import open_allowed_truth
from understudy.monitor.runs.advice import Advice, Figures, advise
from understudy.monitor.runs.curves import CurveStore
from understudy.monitor.runs.rows import RunRow, row_of
from understudy.monitor.runs.watcher import Watcher
from understudy.monitor.shot.corrections import Corrections
from understudy.monitor.shot.last_touch import LastTouch
from understudy.monitor.shot.pictures import FramePictures
from understudy.monitor.shot.results import Results
from understudy.monitor.shot.run_shot import RunShots
from understudy.monitor.shot.suggestions import Suggestions
from understudy.runs import RunFolder
from understudy.settings import DataSettings, TrainSettings


class AppState:
    """``data_directory`` holds the runs; ``footage`` are the other folders that may be read. With
    ``follow_links`` links in them may lead out of them.

    SettingError when one is not there."""

    def __init__(
        self, data_directory: str | Path, footage: Sequence[str | Path] = (), follow_links: bool = False
    ) -> None:
        self.allowed = AllowedFolders.of([data_directory, *footage], follow_links)
        self.data_directory = self.allowed.roots[0]
        self.curves = CurveStore()
        self.gallery = Gallery(self.allowed)
        self.shots = RunShots(self.allowed)
        self.results = Results(self.allowed)
        self.frame_pictures = FramePictures(self.results)
        self.last_touch = LastTouch(self.allowed, self.results)
        self.jobs = Jobs(self.data_directory)
        self.corrections = Corrections(self.jobs, self.shots, self.results)
        self.suggestions = Suggestions()
        self.commands = Commands(self.data_directory, self.allowed, self.jobs)
        self.watcher = Watcher(self.data_directory, self.curves, self.jobs)
        self._reports: dict[str, tuple[TrainSettings, PairsReport | None]] = {}
        self._lock = threading.Lock()

    def run(self, name: str) -> RunFolder:
        """The run called ``name``; NotFound when there is none."""
        return find_run(self.data_directory, name)

    def row(self, run: RunFolder) -> RunRow:
        """The row of ``run``, read now."""
        try:
            written = run.state_path.lstat().st_mtime
        except OSError:
            written = 0.0
        return row_of(run, run.read_state(), written, self.curves.read(run.summary_path))

    def pairs(self, settings: TrainSettings) -> PairsReport:
        """What a training with ``settings`` would learn from."""
        return pairs_report(settings, self.allowed, self.watcher.rows)

    def advice(self, run: RunFolder) -> list[Advice]:
        """Advice on ``run`` from its figures, and from its pairs where they can be read from here."""
        figures = Figures(self.row(run), self.curves.read(run.summary_path))
        settings = self._settings(run)
        if settings is None:
            return advise(figures)
        report = self._report(run, settings)
        return advise(
            Figures(
                figures.row,
                figures.curve,
                figures.row.model_size or settings.network.model_size,
                settings.augmentation.crop_size,
                self._to_paint(settings.data),
                report.warnings if report else (),
                bool(settings.preview.preview),
            )
        )

    def _settings(self, run: RunFolder) -> TrainSettings | None:
        try:
            return self.commands.train_settings(self.commands.settings_of_run(run))
        except UnderstudyError:
            return None

    def _report(self, run: RunFolder, settings: TrainSettings) -> PairsReport | None:
        """Comparing pairs takes seconds, so the report is kept until the settings change."""
        with self._lock:
            known = self._reports.get(run.name)
        if known is not None and known[0] == settings:
            return known[1]
        try:
            report = self.pairs(settings)
        except (UnderstudyError, OSError):
            report = None
        with self._lock:
            self._reports[run.name] = (settings, report)
        return report

    def _to_paint(self, data: DataSettings) -> list[int]:
        try:
            plate = self.allowed.shot(data.input[0])
            truth = open_allowed_truth(self.allowed, data.replace(frames=None))
        except UnderstudyError:
            return []
        return frames_to_paint(plate.numbers, truth.numbers)
