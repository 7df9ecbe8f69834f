"""What checking pairs needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from understudy.settings.colour import ColourSettings
from understudy.settings.data import DataSettings
from understudy.settings.field import setting
from understudy.settings.sections import Section, Settings


class RepairSettings(Section):
    """Where repaired ground truths go."""

    repair: Path | None = setting(
        None,
        "Repair",
        "Write the ground truths into this folder, new or empty, those that can be put right repaired. The "
        "originals are never touched.",
        kind="folder",
    )


@dataclass(frozen=True, init=False)
class CheckSettings(Settings):
    """What checking pairs needs to know, section by section."""

    data: DataSettings
    repair: RepairSettings
    colour: ColourSettings
