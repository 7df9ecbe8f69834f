"""Settings of a training: checkpoints."""

from __future__ import annotations

from understudy.settings.field import Count, setting
from understudy.settings.sections import Section


class CheckpointSettings(Section):
    """Which states of the network are kept."""

    checkpoint_interval: Count = setting(
        1000, "Checkpoint Interval", "Write a .cat after every so many steps.", unit="steps", advanced=True
    )
    max_checkpoints: Count = setting(
        100, "Max Checkpoints", "Keep so many; the oldest go first, best and newest never.", advanced=True
    )
