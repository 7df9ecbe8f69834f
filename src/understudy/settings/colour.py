"""Settings of a training: colour."""

from __future__ import annotations

from understudy.settings.field import Text, setting
from understudy.settings.sections import Section


class ColourSettings(Section):
    """What the values in the files mean."""

    colour: Text = setting(
        "auto",
        "Colour",
        "The colour space of the plate's files: auto, srgb, linear, raw, or a named OCIO space; auto goes by "
        "their headers, and where these say nothing by their data type. $OCIO may name the config.",
        advanced=True,
    )
    ground_truth_colour: Text | None = setting(
        None,
        "Ground Truth Colour",
        "The colour space of the ground truth's files, where it is another than the plate's: srgb, linear, "
        "raw, or a named OCIO space; left out, their headers say it. They are converted to the plate's.",
        advanced=True,
    )
