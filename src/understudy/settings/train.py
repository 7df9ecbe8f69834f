"""What a training needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from understudy.settings.augmentation import AugmentationSettings
from understudy.settings.checkpoints import CheckpointSettings
from understudy.settings.colour import ColourSettings
from understudy.settings.data import DataSettings
from understudy.settings.devices import DeviceSettings
from understudy.settings.loss import LossSettings
from understudy.settings.network import NetworkSettings
from understudy.settings.preview import PreviewSettings
from understudy.settings.run import RunSettings
from understudy.settings.schedule import ScheduleSettings
from understudy.settings.sections import Settings
from understudy.settings.validation import ValidationSettings


@dataclass(frozen=True, init=False)
class TrainSettings(Settings):
    """What a training needs to know, section by section, in the order in which they should be shown."""

    data: DataSettings
    run: RunSettings
    preview: PreviewSettings
    schedule: ScheduleSettings
    validation: ValidationSettings
    augmentation: AugmentationSettings
    network: NetworkSettings
    loss: LossSettings
    colour: ColourSettings
    checkpoints: CheckpointSettings
    devices: DeviceSettings
