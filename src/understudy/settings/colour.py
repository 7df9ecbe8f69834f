"""Settings of a training: colour."""

from __future__ import annotations

from understudy.settings.field import Text, setting
from understudy.settings.sections import Section


class ColourSettings(Section):
    """What the values in the files mean."""

    colour: Text = setting(
        "auto",
        "Colour",
        "The colour space of the files: auto, srgb, linear, raw, or a named OCIO space.",
        advanced=True,
    )
