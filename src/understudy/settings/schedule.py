"""Settings of a training: schedule."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from understudy.settings.field import Count, Seconds, setting
from understudy.settings.sections import Section

DEFAULT_EPOCHS = 10_000


class ScheduleSettings(Section):
    """How long a training lasts, and what a step is."""

    epochs: Count | None = setting(
        None,
        "Epochs",
        "How often each pair is looked at: 10000, unless a time limit or a number of steps is given.",
    )
    max_steps: Count | None = setting(None, "Max Steps", "End after this many steps.", unit="steps")
    time_limit: Seconds = setting(
        None,
        "Time Limit",
        "End after this time, counted from the start of the program; takes the place of epochs unless both "
        "are given.",
        unit="seconds, or 10m, 1h30m",
        kind="seconds",
    )
    batch_size: Literal["auto"] | Annotated[int, Field(ge=1, le=4096)] = setting(
        "auto",
        "Batch Size",
        "How many crops make one step; auto fits it to the memory.",
        unit="crops",
        advanced=True,
    )
    accumulate: Annotated[int, Field(ge=1, le=1024)] = setting(
        1,
        "Accumulate",
        "Take so many batches for each step, one after the other: as one batch so many times as large, which "
        "need not fit into the memory.",
        unit="batches",
        advanced=True,
    )
    learning_rate: Literal["auto"] | Annotated[float, Field(gt=0, le=1)] = setting(
        "auto",
        "Learning Rate",
        "How far each step goes; auto is 0.012, and 0.004 for many pairs and for u2net.",
        advanced=True,
    )

    @property
    def planned_epochs(self) -> int | None:
        """The epochs that hold: what was asked, nothing beside another limit, else the default of 10000."""
        if self.epochs is None and self.time_limit is None and self.max_steps is None:
            return DEFAULT_EPOCHS
        return self.epochs
