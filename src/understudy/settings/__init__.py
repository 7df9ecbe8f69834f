"""Every choice a user has, once, in sections: flags, the page, files and documents derive from them.

A setting is one field of one section; to add one is to write that field. Rooms are handed the sections that
they need; faces give and take the settings flat, by name.
"""

from understudy.settings.apply import (
    ApplySettings,
    EngineSettings,
    ModelSettings,
    OutputSettings,
    PlateSettings,
    TileSettings,
)
from understudy.settings.augmentation import AugmentationSettings
from understudy.settings.check import CheckSettings, RepairSettings
from understudy.settings.checkpoints import CheckpointSettings
from understudy.settings.colour import ColourSettings
from understudy.settings.correct import CorrectionSettings, CorrectSettings, TaughtSettings
from understudy.settings.data import DataSettings
from understudy.settings.devices import DeviceSettings
from understudy.settings.farm import (
    FarmApplySettings,
    FarmSettings,
    FarmTrainSettings,
    ThenApplySettings,
    without_farm,
)
from understudy.settings.field import parse_region
from understudy.settings.file import flattened, load_settings_file, load_settings_text, to_toml
from understudy.settings.finishing import FinishingSettings
from understudy.settings.flags import flags_of, given_values
from understudy.settings.info import SettingInfo
from understudy.settings.loss import LossSettings
from understudy.settings.network import NO_WEIGHTS, NetworkSettings
from understudy.settings.preview import PreviewSettings
from understudy.settings.prompting import PromptSettings
from understudy.settings.report import ReportFolderSettings, ReportSettings, SubjectSettings
from understudy.settings.run import RunSettings
from understudy.settings.schedule import DEFAULT_EPOCHS, ScheduleSettings
from understudy.settings.sections import Section, Settings, sections_of, settings_of
from understudy.settings.suggest import SuggestionSettings, SuggestSettings
from understudy.settings.train import TrainSettings

__all__ = [
    "DEFAULT_EPOCHS",
    "NO_WEIGHTS",
    "ApplySettings",
    "AugmentationSettings",
    "CheckSettings",
    "CheckpointSettings",
    "ColourSettings",
    "CorrectSettings",
    "CorrectionSettings",
    "DataSettings",
    "DeviceSettings",
    "EngineSettings",
    "FarmApplySettings",
    "FarmSettings",
    "FarmTrainSettings",
    "FinishingSettings",
    "LossSettings",
    "ModelSettings",
    "NetworkSettings",
    "OutputSettings",
    "PlateSettings",
    "PreviewSettings",
    "PromptSettings",
    "RepairSettings",
    "ReportFolderSettings",
    "ReportSettings",
    "RunSettings",
    "ScheduleSettings",
    "Section",
    "SettingInfo",
    "Settings",
    "SubjectSettings",
    "SuggestSettings",
    "SuggestionSettings",
    "TaughtSettings",
    "ThenApplySettings",
    "TileSettings",
    "TrainSettings",
    "flags_of",
    "flattened",
    "given_values",
    "load_settings_file",
    "load_settings_text",
    "parse_region",
    "sections_of",
    "settings_of",
    "to_toml",
    "without_farm",
]
