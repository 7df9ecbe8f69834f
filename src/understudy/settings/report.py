"""What a report on a result needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from understudy.settings.apply import EngineSettings, PlateSettings
from understudy.settings.field import Text, setting
from understudy.settings.sections import Section, Settings


class SubjectSettings(Section):
    """The run that is reported on, and what was made with it."""

    run: Text = setting(..., "Run", "The folder of the run.", kind="folder")
    result: Text | None = setting(
        None,
        "Result",
        "The frames that were made with the run; without them they are made for the report, and not kept.",
        kind="shot",
    )


class ReportFolderSettings(Section):
    """Where the report goes, and how much it shows."""

    output: Text = setting(..., "Output", "The folder for the report.", kind="folder")
    worst: Annotated[int, Field(ge=0, le=100)] = setting(
        6, "Worst Frames", "How many frames to show beside the plate, the worst first.", unit="frames"
    )
    overwrite: bool = setting(False, "Overwrite", "Write over a report that is there already.")


@dataclass(frozen=True, init=False)
class ReportSettings(Settings):
    """What a report needs to know, section by section."""

    subject: SubjectSettings
    plate: PlateSettings
    folder: ReportFolderSettings
    engine: EngineSettings
