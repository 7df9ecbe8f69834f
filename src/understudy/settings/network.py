"""Settings of a training: network."""

from __future__ import annotations

from typing import Literal

from understudy.settings.field import Text, setting
from understudy.settings.sections import Section

NO_WEIGHTS = "none"


class NetworkSettings(Section):
    """The network, and what it starts from."""

    model_size: Literal["auto", "small", "medium", "large"] = setting(
        "auto",
        "Model Size",
        "Small learns fast, large reaches far; auto goes by the time.",
        advanced=True,
    )
    initial_weights: Text = setting(
        NO_WEIGHTS,
        "Initial Weights",
        "Start from what this .cat, or run, has learned; none starts from nothing.",
        kind="file",
        advanced=True,
    )
