"""Settings of a training: devices."""

from __future__ import annotations

from typing import Literal

from understudy.settings.field import Text, setting
from understudy.settings.sections import Section


class DeviceSettings(Section):
    """What computes, and in which numbers."""

    devices: Text = setting(
        "auto",
        "Devices",
        "auto, cpu, cuda, cuda:1, mps, or several: 0,1,2 are GPUs, cpu:2 is two processes.",
        advanced=True,
    )
    precision: Literal["auto", "float32", "bfloat16"] = setting(
        "auto",
        "Precision",
        "The numbers the network computes with; bfloat16 is faster where there is hardware for it.",
        advanced=True,
    )
