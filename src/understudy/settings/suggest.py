"""What suggesting frames to paint needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from understudy.settings.apply import PlateSettings
from understudy.settings.field import Text, setting
from understudy.settings.sections import Section, Settings


class SuggestionSettings(Section):
    """How many frames, what is painted already, and what is known of the shot."""

    count: Annotated[int, Field(ge=1, le=200)] = setting(5, "Count", "How many frames to suggest.")
    painted: Text | None = setting(
        None,
        "Painted",
        "Frames that are painted already, by their numbers: they need not be suggested again.",
        kind="shot",
    )
    run: Text | None = setting(
        None,
        "Run",
        "A run that has learned from some frames of this shot: suggest what would teach it most.",
        kind="folder",
    )
    sheet: Text | None = setting(
        None, "Sheet", "Write a contact sheet of the suggested frames there, as PNG.", kind="file"
    )


@dataclass(frozen=True, init=False)
class SuggestSettings(Settings):
    """What suggesting frames to paint needs to know, section by section."""

    plate: PlateSettings
    suggestion: SuggestionSettings
