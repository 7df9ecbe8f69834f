"""Settings of a training: preview."""

from __future__ import annotations

from understudy.settings.field import Count, Text, setting
from understudy.settings.sections import Section


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
