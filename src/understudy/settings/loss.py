"""Settings of a training: loss."""

from __future__ import annotations

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
