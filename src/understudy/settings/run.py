"""Settings of a training: run."""

from __future__ import annotations

from pathlib import Path

from understudy.settings.field import Text, setting
from understudy.settings.sections import Section


class RunSettings(Section):
    """Where the run is kept, and what it is called."""

    data_directory: Path = setting(
        ..., "Data Directory", "The folder in which the folder of this run is made.", kind="folder"
    )
    name: Text | None = setting(None, "Name", "The name of the run; left out, it is made from date and time.")
