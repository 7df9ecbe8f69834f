"""What a network that has to be told what is meant is told."""

from __future__ import annotations

from understudy.settings.field import Text, setting
from understudy.settings.sections import Section


class PromptSettings(Section):
    """What is meant, for a network of others that takes points and boxes."""

    points: Text | None = setting(
        None,
        "Points",
        "For a network that is told what is meant: x,y,1 for a point of the subject, x,y,0 for one of what "
        "it is not, parted by semicolons; in pixels from the left and the top of the frame. They count for "
        "every frame.",
        kind="points",
        advanced=True,
    )
    box: Text | None = setting(
        None,
        "Box",
        "For a network that is told what is meant: two corners of a box around it, in pixels from the left "
        "and the top. It counts for every frame.",
        kind="box",
        advanced=True,
    )
    prompts: Text | None = setting(
        None,
        "Prompts",
        "A file of points and boxes by frame: lines of JSON or of CSV. Frames without any go on with what "
        "the network made of the frame before, where it takes that, else with the nearest prompts before.",
        kind="file",
        advanced=True,
    )
