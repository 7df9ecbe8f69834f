"""Settings of a training: validation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from understudy.settings.field import Count, setting
from understudy.settings.sections import Section


class ValidationSettings(Section):
    """How a network is judged by pairs that it does not learn from, where there are such."""

    validation_interval: Literal["auto"] | Annotated[int, Field(ge=1)] = setting(
        "auto",
        "Validation Interval",
        "Judge the network by the validation pairs after every so many steps; auto is ten times in a run, "
        "and at every checkpoint of a long one.",
        unit="steps",
        advanced=True,
    )
    validation_pictures: Count = setting(
        200,
        "Validation Pictures",
        "Judge by at most so many of the validation pairs, evenly spread and always the same.",
        advanced=True,
    )
    patience: Count | None = setting(
        None,
        "Patience",
        "End the run when so many validations in a row were no better than the best before them.",
        unit="validations",
        advanced=True,
    )
