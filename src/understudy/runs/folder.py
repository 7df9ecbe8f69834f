"""The folder of one run: its names, its files, and what may be done to it."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from understudy.errors import ModelFileError, RunError
from understudy.runs import contents, making, names, renaming, summary
from understudy.runs.contents import LOCK_FILE, LOG_FILE, SETTINGS_FILE, STATE_FILE, STOP_FILE, is_run
from understudy.runs.files import remove_leftovers, write_atomically
from understudy.runs.state import RunState, first_state, is_fresh, read_state_file, state_text


class RunFolder:
    """One run on disk. Make one with ``create``, or find one with ``open``.

    ``path`` is the folder, ``name`` its name, ``prefix`` what its files begin with (the name, unless somebody
    renamed the folder in a file browser).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.prefix = contents.prefix_of(path)
        self._made: tuple[Path, ...] = ()

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    @property
    def name(self) -> str:
        return self.path.name

    @classmethod
    def create(
        cls, data_directory: str | Path, name: str | None = None, settings: str | None = None
    ) -> RunFolder:
        """Make the folder of a new run, with its first state and its ``settings`` (the text of settings.toml)
        in it from the first moment on, and the data directory where needed.

        RunError when the name exists or is not allowed, or the folder cannot be made. Without a name it is
        Training_<yymmdd>_<hhmmss>, with _2, _3 ... behind it when that is taken.
        """
        parent = Path(os.path.abspath(data_directory))
        wanted = names.check_name(name) if name is not None else names.default_name()
        files = {STATE_FILE: first_state()} | ({} if settings is None else {SETTINGS_FILE: settings})
        made = making.make_parents(parent)
        try:
            run = cls(making.make_folder(parent, wanted, name is not None, files))
        except RunError:
            making.remove_empty(made)
            raise
        run._made = made
        return run

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """The run in the folder ``path``. RunError when it is not one."""
        folder = Path(os.path.abspath(path))
        if not is_run(folder):
            raise _not_a_run(folder)
        renaming.finish(folder)
        return cls(folder)

    # -- names ---------------------------------------------------------------------------------------------

    @property
    def state_path(self) -> Path:
        return self.path / STATE_FILE

    @property
    def settings_path(self) -> Path:
        return self.path / SETTINGS_FILE

    @property
    def log_path(self) -> Path:
        return self.path / LOG_FILE

    @property
    def stop_path(self) -> Path:
        return self.path / STOP_FILE

    @property
    def lock_path(self) -> Path:
        return self.path / LOCK_FILE

    @property
    def summary_path(self) -> Path:
        return self._own(".summary")

    @property
    def ost_path(self) -> Path:
        return self._own(".ost")

    @property
    def best_path(self) -> Path:
        return self._own("_best.cat")

    def cat_path(self, step: int) -> Path:
        return self._own(f"_{step:07d}.cat")

    def contact_path(self, step: int) -> Path:
        return self._own(f"_contact_{step:07d}.png")

    def preview_path(self, step: int, number: int, suffix: str = ".png") -> Path:
        """The preview of frame ``number`` at ``step``; ``suffix`` is .png or .exr."""
        return self._own(f"_preview_{step:07d}_{number}{suffix}")

    def validation_path(self, step: int) -> Path:
        return self._own(f"_validation_{step:07d}.png")

    def stage_path(self, step: int, picture: int) -> Path:
        """What is kept of a picture, counted from 1, at a stage."""
        return self._own(f"_stage_{step:07d}_{picture}.png")

    def stage_sheet_path(self, step: int) -> Path:
        """The sheet of all stages up to ``step``."""
        return self._own(f"_stages_{step:07d}.png")

    def _own(self, ending: str) -> Path:
        return self.path / f"{self.prefix}{ending}"

    # -- state, summary, log -------------------------------------------------------------------------------

    def read_state(self) -> RunState:
        """How the run is doing; never raises: what cannot be read is a state called "damaged"."""
        return read_state_file(self.state_path)

    def write_state(self, state: RunState) -> None:
        write_atomically(self.state_path, state_text(state))

    def is_busy(self) -> bool:
        """Whether a process is training it: a fresh heartbeat."""
        try:
            written = self.state_path.stat().st_mtime
        except OSError:
            return False
        return is_fresh(self.read_state(), written)

    def condition(self) -> str:
        """The state in a word or two for people: that of a dead process is "stopped (lost)"."""
        state = self.read_state()
        if state.state in ("starting", "training") and not self.is_busy():
            return "stopped (lost)"
        return state.state

    def append_summary(self, rows: Iterable[summary.Row]) -> None:
        summary.append(self.summary_path, rows)

    def read_summary(self) -> list[summary.Row]:
        return summary.read(self.summary_path)

    def truncate_summary(self, after_step: int) -> None:
        summary.truncate(self.summary_path, after_step)

    def log(self, text: str) -> None:
        """Add a line with the time to run.log. Never raises: training does not end over its diary."""
        with (
            contextlib.suppress(OSError),
            self.log_path.open("a", encoding="utf-8", errors="replace") as file,
        ):
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")

    # -- checkpoints and pictures --------------------------------------------------------------------------

    def checkpoints(self) -> list[tuple[int, Path]]:
        """(step, path) of every numbered .cat, oldest first."""
        return sorted((int(found[1]), path) for path, found in self._matching(names.STEP_FILE))

    def contact_sheets(self) -> list[tuple[int, Path]]:
        """(step, path) of every contact sheet, oldest first."""
        return sorted((int(found[1]), path) for path, found in self._matching(names.CONTACT_FILE))

    def previews(self) -> list[tuple[int, int, Path]]:
        """(step, frame number, path) of every preview, oldest first."""
        return sorted((int(f[1]), int(f[2]), path) for path, f in self._matching(names.PREVIEW_FILE))

    def validation_sheets(self) -> list[tuple[int, Path]]:
        """(step, path) of every sheet of validation pictures, oldest first."""
        return sorted((int(found[1]), path) for path, found in self._matching(names.VALIDATION_FILE))

    def stage_strips(self) -> list[tuple[int, int, Path]]:
        """(step, picture, path) of what is kept of each picture at each stage, oldest first."""
        return sorted((int(f[1]), int(f[2]), path) for path, f in self._matching(names.STAGE_FILE))

    def stage_sheets(self) -> list[tuple[int, Path]]:
        """(step, path) of every sheet of stages, oldest first."""
        return sorted((int(found[1]), path) for path, found in self._matching(names.STAGE_SHEET_FILE))

    def _matching(self, pattern: re.Pattern[str]) -> Iterator[tuple[Path, re.Match[str]]]:
        return contents.matching(self.path, self.prefix, pattern)

    def newest(self) -> Path | None:
        """The numbered .cat with the most steps, or None."""
        saved = self.checkpoints()
        return saved[-1][1] if saved else None

    def best_or_newest(self) -> Path:
        """What this run means where a model is asked for. ModelFileError when nothing is saved yet."""
        path = self.best_path if self.best_path.is_file() else self.newest()
        if path is None:
            raise ModelFileError(
                "This run has no checkpoint yet.",
                expected=f"{self.prefix}_best.cat or {self.prefix}_0001000.cat",
                where=str(self.path),
                remedy="Wait for its first checkpoint, or train with a smaller --checkpoint-interval."
                if self.is_busy()
                else f"Nothing trains it now. Go on with: understudy resume {self.path}",
            )
        return path

    def prune(self, max_checkpoints: int, keep: Iterable[int] = ()) -> list[Path]:
        """Remove the oldest numbered checkpoints until ``max_checkpoints`` are left; say which went.

        The newest, the best and those of the steps in ``keep`` are never removed.
        """
        saved, best = self.checkpoints(), self.read_state().best_held_out
        kept = {*keep, *([best.step] if best else []), *[step for step, _ in saved[-1:]]}
        old = [path for step, path in saved if step not in kept]
        removed = old[: max(0, len(saved) - max_checkpoints)]
        _remove(removed)
        return removed

    def forget_after(self, step: int) -> list[Path]:
        """Remove checkpoints and pictures of later steps; say which went. They are of a stretch that was
        killed, and may not come again: the run may end before, or take another course."""
        patterns = (names.STEP_FILE, *names.PICTURE_FILES)
        files = [(int(found[1]), path) for each in patterns for path, found in self._matching(each)]
        later = [path for at, path in sorted(files) if at > step]
        _remove(later)
        return later

    # -- stop, rename, delete ------------------------------------------------------------------------------

    def request_stop(self) -> None:
        """Ask the process that trains this run, wherever it is, to stop after its step."""
        write_atomically(self.stop_path, f"{time.time()}\n")

    def stop_requested(self) -> bool:
        return self.stop_path.exists()

    def clear_stop(self) -> None:
        with contextlib.suppress(OSError):
            self.stop_path.unlink(missing_ok=True)

    def refuse_when_busy(self, action: str) -> None:
        """RunError when a process is training it. ``action`` is what was to be done: "renamed"."""
        if not self.is_busy():
            return
        state = self.read_state()
        raise RunError(
            f"{self.name} is being trained and cannot be {action}.",
            found=f"process {state.process} on {state.host}, at step {state.step}",
            where=str(self.path),
            remedy=f"Stop it first: understudy stop {self.path}",
        )

    def rename(self, new: str) -> None:
        """Give the run, and every file in it, a new name. RunError when that is taken, or the run is busy."""
        names.check_name(new)
        self.refuse_when_busy("renamed")
        self.path = renaming.rename(self.path, self.prefix, new)
        self.prefix = contents.prefix_of(self.path)

    def own_files(self) -> list[Path]:
        """Every file that belongs to the run, the state last. Links, folders and foreign files do not."""
        return contents.own_files(self.path, self.prefix)

    def size(self) -> int:
        """Bytes that ``delete`` would free."""
        return sum(contents.size_of(path) for path in self.own_files())

    def delete(self) -> int:
        """Remove the run's files, and the folder when nothing else is in it; bytes freed.

        RunError when the run is busy, when its folder is a link, or when a file cannot be removed.
        """
        self.refuse_when_busy("deleted")
        if self.path.is_symlink():
            raise RunError(
                "This run is a link to another place.",
                where=str(self.path),
                remedy="Remove the link by hand, or delete the run where it is.",
            )
        return contents.remove_files(self.path, self.prefix)

    def discard(self) -> None:
        """Take back what ``create`` made, when the work is refused before it began."""
        with contextlib.suppress(RunError):
            contents.remove_files(self.path, self.prefix)
        making.remove_empty(self._made)

    def tidy(self) -> None:
        """Remove what a killed writer left behind. Only for the process that owns the run."""
        remove_leftovers(self.path, older_than=0)


def _not_a_run(path: Path) -> RunError:
    found = "a folder without state.json" if path.is_dir() else "a file" if path.exists() else "nothing"
    return RunError(
        "There is no run here.",
        expected="the folder of a run, with a state.json in it",
        found=found,
        where=str(path),
        remedy="Give the path of a run: understudy runs DATA_DIR lists them.",
    )


def _remove(paths: Iterable[Path]) -> None:
    """As many of them as the system lets go."""
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
