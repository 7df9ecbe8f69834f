"""Settings of a training: preview."""

from __future__ import annotations

from pydantic import field_validator

from understudy.settings.field import Count, Text, Texts, setting
from understudy.settings.sections import Section

MOST_STAGES = 64


def parse_stages(text: str | None) -> int | tuple[int, ...] | None:
    """How many stages there are, or after which steps; None where none are asked for. ValueError."""
    if text is None:
        return None
    numbers = tuple(int(part) for part in text.split(",") if part.strip().isdecimal())
    if len(numbers) != text.count(",") + 1 or min(numbers) < 1 or max(numbers) > 10**9:
        raise ValueError("a number of stages, or steps with commas between them, such as 100,1000,10000")
    return numbers[0] if len(numbers) == 1 and numbers[0] <= MOST_STAGES else tuple(sorted(set(numbers)))


class PreviewSettings(Section):
    """What there is to look at while the network learns."""

    preview: Text | None = setting(
        None, "Preview", "A plate without ground truth, on which you see how the network does.", kind="shot"
    )
    contact_sheet_interval: Count = setting(
        100,
        "Contact Sheet Interval",
        "Write a contact sheet after every so many steps.",
        unit="steps",
        advanced=True,
    )
    stages: Text | None = setting(
        None,
        "Stages",
        "Show what the network makes of the stage pictures, or of the first pairs, after so many equal parts "
        "of the run, as in 4, or after these steps, as in 100,1000,10000; all stages side by side.",
        advanced=True,
    )
    stage_pictures: Texts = setting(
        (),
        "Stage Pictures",
        "The pictures of which stages are shown: files, a folder, or a shot; without stages at every "
        "checkpoint.",
        kind="shot",
        advanced=True,
    )

    @field_validator("stages")
    @classmethod
    def _are_stages(cls, value: str | None) -> str | None:
        parse_stages(value)
        return value
