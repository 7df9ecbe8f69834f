"""What correcting a run needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from understudy.settings.field import Count, Frames, Seconds, Text, setting
from understudy.settings.sections import Section, Settings

LESSON_SECONDS = 20.0


class TaughtSettings(Section):
    """The run that is corrected."""

    run: Text = setting(..., "Run", "The folder of the run.", kind="folder")


class CorrectionSettings(Section):
    """What is put right, or taken back, and how long the run learns it."""

    ground_truth: Text | None = setting(
        None,
        "Ground Truth",
        "Further painted frames of the shot, by their numbers. Of several mattes with the name of the one "
        "that is painted, as in hero=SHOT, or a file with their layers.",
        kind="shots",
    )
    ground_truth_colour: Text | None = setting(
        None,
        "Ground Truth Colour",
        "The colour space of these painted frames, where it is another than the plate's: srgb, linear, raw, "
        "or a named OCIO space; left out, that of the run's ground truth. They are converted to the plate's.",
        advanced=True,
    )
    strokes: Text | None = setting(
        None,
        "Strokes",
        "Masks, by frame number: only where they are white does --ground-truth count.",
        kind="shot",
    )
    accept: Frames = setting(
        None, "Accept", "The results of these frames are right as they are.", kind="frames"
    )
    empty: Frames = setting(
        None, "Empty", "There is nothing to matte, or nothing to change, on these frames.", kind="frames"
    )
    undo: Annotated[int, Field(ge=1, le=9999)] | None = setting(
        None, "Undo", "Take the correction of this number back, as info lists them."
    )
    wait: Seconds = setting(
        None,
        "Wait",
        "Afterwards keep the run open for so long, counted from the last correction, and learn at once what "
        "is put right meanwhile. Others may use the run all the while.",
        unit="seconds, or 10m, 1h30m",
        kind="seconds",
        advanced=True,
    )
    time_limit: Seconds = setting(
        LESSON_SECONDS,
        "Time Limit",
        "How long the run learns from it, counted from its first step.",
        unit="seconds, or 10m, 1h30m",
        kind="seconds",
    )
    max_steps: Count | None = setting(
        None, "Max Steps", "Learn for this many steps instead of a time.", unit="steps", advanced=True
    )
    author: Annotated[str, Field(max_length=200)] | None = setting(
        None, "Author", "Who corrects, if not who is logged in.", advanced=True
    )


@dataclass(frozen=True, init=False)
class CorrectSettings(Settings):
    """What correcting a run needs to know, section by section."""

    taught: TaughtSettings
    correction: CorrectionSettings
