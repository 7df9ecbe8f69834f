"""What a run was asked for: its settings.toml, read back."""

from __future__ import annotations

from understudy.errors import RunError, SettingError
from understudy.runs.folder import RunFolder
from understudy.settings import TrainSettings, load_settings_file


def settings_of_run(run: RunFolder) -> TrainSettings:
    """What the run was begun with. RunError when its settings.toml is missing or has been damaged."""
    try:
        return TrainSettings(**load_settings_file(run.settings_path))
    except SettingError as error:
        raise RunError(
            f"The settings of this run cannot be used: {error.message}",
            expected=error.expected or "the file as understudy train wrote it",
            found=error.found,
            where=str(run.settings_path),
            remedy="Put the file right: every checkpoint has its settings too (understudy info RUN).",
        ) from error
