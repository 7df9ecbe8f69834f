"""Settings of a training: loss."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from understudy.settings.field import Text, setting
from understudy.settings.sections import Section


class LossSettings(Section):
    """What the network is to make small."""

    loss: Text = setting(
        "auto",
        "Loss",
        "What counts as close to the ground truth: auto, or a sum such as l1+structure:0.2, of l1, l2, "
        "charbonnier, gradient, structure, perceptual, dice, jaccard and, for mattes, bce and edges.",
        advanced=True,
    )
    agreement: Annotated[float, Field(ge=0, le=1)] = setting(
        0.0,
        "Agreement along motion",
        "How much the results of frames that follow each other are to agree along the plate's motion, 0 to "
        "1. Frames that nobody painted take part: a matte crawls less, and steps take up to twice as long.",
        advanced=True,
    )
