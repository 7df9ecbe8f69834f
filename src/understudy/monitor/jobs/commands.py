"""What the page and the API may start or change. Settings and paths are checked before a process starts."""

from __future__ import annotations

import contextlib
import os
import shlex
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from understudy.errors import RunError, UnderstudyError
from understudy.models.finding import resolve_model
from understudy.monitor.jobs.processes import Job, Jobs
from understudy.monitor.paths.allowed import AllowedFolders
from understudy.monitor.paths.pictures import check_pictures
from understudy.monitor.paths.run_files import NotFound
from understudy.runs import RunFolder, check_name, default_name
from understudy.settings import (
    ApplySettings,
    Settings,
    TrainSettings,
    flags_of,
    flattened,
    load_settings_file,
    settings_of,
)

S = TypeVar("S", bound=Settings)
STOP_TIMEOUT = 120.0  # seconds for a step to end
LIMITS = ("epochs", "max_steps", "time_limit")


class Commands:
    """``jobs`` starts the processes; paths outside of the ``allowed`` folders are refused."""

    def __init__(self, data_directory: Path, allowed: AllowedFolders, jobs: Jobs) -> None:
        self.data_directory = data_directory
        self.allowed = allowed
        self.jobs = jobs
        self._changing: set[str] = set()
        self._checks: dict[str, Callable[[str], str]] = {
            "shot": allowed.spec,
            "shots": allowed.named_spec,
            "mask": allowed.mask,
            "file": lambda text: str(allowed.path(text)),
            "model": lambda text: allowed.model(text),
            "weights": lambda text: allowed.model(text, start=True),
        }

    def train(self, values: dict[str, Any]) -> Job:
        """Start a training with the settings ``values`` (text as from a form, or as in settings.toml)."""
        settings = self.train_settings(values)
        check_pictures(self.allowed, settings.data)
        name = settings.run.name or self._free_name()
        if os.path.lexists(self.data_directory / name):
            raise RunError(
                f"A run called {name} exists already.",
                where="Name",
                remedy="Choose another name, or leave it empty.",
            )
        settings = settings.replace(name=check_name(name))
        return self.jobs.start("train", flags_of(settings), title=name, run=name)

    def train_settings(self, values: dict[str, Any]) -> TrainSettings:
        """``values``, in tables or without, checked: types, ranges, and that every path lies in an allowed
        folder."""
        filled = _filled(values, TrainSettings)
        filled["data_directory"] = str(self.data_directory)
        return self._with_allowed_paths(TrainSettings(**filled))

    def apply_settings(self, values: dict[str, Any]) -> ApplySettings:
        """``values`` checked, for applying. ``model`` may be a run's folder."""
        filled = _filled(values, ApplySettings)
        return self._with_allowed_paths(ApplySettings(**filled))

    def apply(self, values: dict[str, Any]) -> Job:
        """Start applying a network to a plate."""
        settings = self.apply_settings(values)
        model, plate, output = settings.model.model, settings.plate, settings.output.output
        resolve_model(model)
        self.allowed.shot(plate.plate, plate.frames, plate.part)
        title = f"{Path(model).stem} on {Path(plate.plate).name}"
        arguments = [*flags_of(settings), "--json"]
        return self.jobs.start("apply", arguments, title=title, plate=plate.plate, output=output)

    def apply_command(self, values: dict[str, Any]) -> str:
        """The same as a line for a shell."""
        return shlex.join(["understudy", "apply", *flags_of(self.apply_settings(values))])

    def export(self, run: RunFolder, target: str, output: str) -> Job:
        """Start an export of the run's best checkpoint."""
        folder = self.allowed.path(output)
        run.best_or_newest()
        arguments = [str(run.path), f"--to={target}", f"--output={folder}", f"--name={run.name}"]
        return self.jobs.start("export", arguments, title=f"{run.name} for {target}", run=run.name)

    def stop(self, run: RunFolder) -> None:
        """Ask the run, on whatever machine, to stop after its step and keep everything."""
        if not run.is_busy():
            raise RunError(f"{run.name} is not being trained.", found=run.condition())
        run.request_stop()

    def resume(self, run: RunFolder, **limits: Any) -> Job:
        """Start the run again where it stopped; ``limits`` as of ``understudy resume``."""
        run.refuse_when_busy("resumed")
        if not run.ost_path.is_file():
            raise RunError(
                f"{run.name} has nothing to go on from.",
                expected=run.ost_path.name,
                where=str(run.path),
                remedy="Duplicate its settings into a new run instead.",
            )
        arguments = [str(run.path), *_limit_flags(run, limits)]
        return self.jobs.start("resume", arguments, title=run.name, run=run.name)

    def change_limits(self, run: RunFolder, **limits: Any) -> None:
        """Give a run that trains another limit: it stops after its step and is resumed with it."""
        _limit_flags(run, limits)  # refused now rather than after it has stopped
        if not run.is_busy():
            self.resume(run, **limits)
            return
        if run.name in self._changing:
            raise RunError(f"{run.name} is being given a new limit already.")
        self._changing.add(run.name)
        run.request_stop()
        threading.Thread(target=self._resume_when_stopped, args=(run, limits), daemon=True).start()

    def _resume_when_stopped(self, run: RunFolder, limits: dict[str, Any]) -> None:
        deadline = time.monotonic() + STOP_TIMEOUT
        try:
            while run.is_busy() and time.monotonic() < deadline:
                time.sleep(0.2)
            with contextlib.suppress(UnderstudyError):
                self.resume(run, **limits)
        finally:
            self._changing.discard(run.name)

    def settings_of_run(self, run: RunFolder) -> dict[str, Any]:
        """What the run was trained with, for a form; without its name. NotFound when that cannot be read."""
        if run.settings_path not in run.own_files():
            raise NotFound(f"{run.name} has no settings that can be read.", where=str(run.path))
        values = load_settings_file(run.settings_path)
        return {name: value for name, value in values.items() if name not in ("name", "data_directory")}

    def _free_name(self) -> str:
        name = default_name()
        for count in range(2, 1000):
            if not os.path.lexists(self.data_directory / name):
                return name
            name = f"{default_name()}_{count}"
        return name

    def _with_allowed_paths(self, settings: S) -> S:
        """The same settings with every path absolute. PathNotAllowed when one lies outside of the folders."""
        changes, values = {}, settings.flat()
        layers = {"extra": self.allowed.layer} if isinstance(settings, ApplySettings) else {}
        for info in settings_of(type(settings)):
            value = values[info.name]
            if info.kind in self._checks and value not in (None, "none", ()):
                check = layers.get(info.name, self._checks[info.kind])
                changes[info.name] = tuple(map(check, value)) if isinstance(value, tuple) else check(value)
        return settings.replace(**changes)


def _filled(values: dict[str, Any], model: type[Settings]) -> dict[str, Any]:
    """What was filled in, by name."""
    return {
        name: value for name, value in flattened(values, model).items() if value not in (None, "", [], ())
    }


def _limit_flags(run: RunFolder, limits: dict[str, Any]) -> list[str]:
    given = {name: value for name, value in limits.items() if name in LIMITS and value not in (None, "")}
    if not given:
        return []
    checked = TrainSettings(**load_settings_file(run.settings_path)).replace(**given).flat()
    return [f"--{name.replace('_', '-')}={checked[name]}" for name in given]
