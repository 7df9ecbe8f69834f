"""Every choice a user has, once: name, type, default, range, unit and a sentence on what it does.

Flags, the page, the files and the documents derive from these models; nothing here is said again elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from understudy import toml_text
from understudy.durations import parse_duration
from understudy.errors import SettingError
from understudy.setting_info import SettingInfo, from_validation, settings_of, unknown_setting

DEFAULT_EPOCHS = 10_000
NO_WEIGHTS = "none"

__all__ = [
    "DEFAULT_EPOCHS",
    "ApplySettings",
    "SettingInfo",
    "Settings",
    "TrainSettings",
    "load_settings_file",
    "parse_duration",
    "settings_of",
    "to_toml",
]


def setting(
    default: Any, label: str, description: str, *, unit: str = "", kind: str = "text", advanced: bool = False
) -> Any:
    """One setting. ``kind`` tells faces how to ask: text, shot, file, folder, seconds, channels or frames."""
    extra: dict[str, Any] = {"label": label, "unit": unit, "kind": kind, "advanced": advanced}
    return Field(default, description=description, json_schema_extra=extra)


def _text(value: object) -> object:
    """Paths and whole numbers count as text, so that Python callers may pass them as they are."""
    if isinstance(value, Path) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    return value


def _texts(value: object) -> object:
    if value is None:
        return ()
    items = [value] if isinstance(value, str | Path) else value
    return tuple(_text(item) for item in items) if isinstance(items, Iterable) else value


def _frames(value: object) -> object:
    if isinstance(value, str) or value is None or not isinstance(value, Iterable):
        return _text(value)
    return ",".join(str(number) for number in value)


def _seconds(value: object) -> object:
    if value is None:
        return None
    try:
        return parse_duration(value)  # type: ignore[arg-type]
    except SettingError as error:
        raise ValueError(error.message) from None


Text = Annotated[Annotated[str, Field(min_length=1, max_length=4096)], BeforeValidator(_text)]
Texts = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=4096)], ...], BeforeValidator(_texts)]
Frames = Annotated[str | None, BeforeValidator(_frames)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Seconds = Annotated[Annotated[float, Field(ge=1)] | None, BeforeValidator(_seconds)]
TileSize = Annotated[int, Field(ge=64, le=16384)]
Overlap = Annotated[int, Field(ge=0, le=4096)]


class Settings(BaseModel):
    """What both jobs share: frozen values, and one error (SettingError) for whatever does not fit."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise from_validation(type(self), error) from None

    def replace(self, **changes: Any) -> Self:
        """The same settings with ``changes``, checked again."""
        return type(self)(**{**self.given(), **changes})

    def given(self) -> dict[str, Any]:
        """The values that were set, without the defaults that were not touched."""
        return {
            name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set
        }

    def anchored(self, folder: Path | None = None) -> Self:
        """The same settings with every path absolute, so that they mean the same from any folder."""
        base = str(folder or Path.cwd())
        paths = [info.name for info in settings_of(type(self)) if info.kind in ("shot", "file", "folder")]
        return self.replace(**{name: _absolute(getattr(self, name), base) for name in paths})


def _absolute(value: Any, base: str) -> Any:
    if isinstance(value, tuple):
        return tuple(_absolute(item, base) for item in value)
    if value is None or value == NO_WEIGHTS:
        return value
    return type(value)(os.path.join(base, value)) if not os.path.isabs(value) else value


class TrainSettings(Settings):
    """What a training needs to know."""

    input: Texts = setting(
        ..., "Input", "The plate: the frames as they were shot. Give it once for each shot.", kind="shot"
    )
    ground_truth: Texts = setting(
        ..., "Ground Truth", "The same frames as they should become; a few painted ones suffice.", kind="shot"
    )
    data_directory: Path = setting(
        ..., "Data Directory", "The folder in which the folder of this run is made.", kind="folder"
    )
    preview: Text | None = setting(
        None, "Preview", "A plate without ground truth, on which you see how the network does.", kind="shot"
    )
    frames: Frames = setting(
        None, "Frames", "Learn only from these frames, such as 1001-1100x5,1180.", kind="frames"
    )
    name: Text | None = setting(None, "Name", "The name of the run; left out, it is made from date and time.")
    epochs: Count | None = setting(
        None,
        "Epochs",
        "How often each pair is looked at: 10000, unless a time limit or a number of steps is given.",
    )
    max_steps: Count | None = setting(None, "Max Steps", "End after this many steps.", unit="steps")
    time_limit: Seconds = setting(
        None,
        "Time Limit",
        "End after this time, counted from the start of the program; takes the place of epochs unless both "
        "are given.",
        unit="seconds, or 10m, 1h30m",
        kind="seconds",
    )
    initial_weights: Text = setting(
        NO_WEIGHTS,
        "Initial Weights",
        "Start from what this .cat, or run, has learned; none starts from nothing.",
        kind="file",
        advanced=True,
    )
    model_size: Literal["auto", "small", "medium", "large"] = setting(
        "auto",
        "Model Size",
        "Small learns fast, large reaches far; auto goes by the time.",
        advanced=True,
    )
    batch_size: Literal["auto"] | Annotated[int, Field(ge=1, le=4096)] = setting(
        "auto",
        "Batch Size",
        "How many crops make one step; auto fits it to the memory.",
        unit="crops",
        advanced=True,
    )
    crop_size: Annotated[int, Field(ge=32, le=1024, multiple_of=16)] = setting(
        256,
        "Crop Size",
        "The width and height of a crop; larger sees more context and takes longer.",
        unit="pixels",
        advanced=True,
    )
    checkpoint_interval: Count = setting(
        1000, "Checkpoint Interval", "Write a .cat after every so many steps.", unit="steps", advanced=True
    )
    max_checkpoints: Count = setting(
        100, "Max Checkpoints", "Keep so many; the oldest go first, best and newest never.", advanced=True
    )
    contact_sheet_interval: Count = setting(
        100,
        "Contact Sheet Interval",
        "Write a contact sheet after every so many steps.",
        unit="steps",
        advanced=True,
    )
    learning_rate: Literal["auto"] | Annotated[float, Field(gt=0, le=1)] = setting(
        "auto", "Learning Rate", "How far each step goes.", advanced=True
    )
    loss: Text = setting(
        "auto",
        "Loss",
        "What counts as close to the ground truth: auto, or a sum such as l1+structure:0.2, of l1, l2, "
        "charbonnier, gradient, structure, perceptual, dice, jaccard and, for mattes, bce and edges.",
        advanced=True,
    )
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = setting(
        0, "Seed", "Another number gives other random crops; the same number the same ones.", advanced=True
    )
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
    input_channels: Text | None = setting(
        None,
        "Input Channels",
        "Channels of the plate: rgb, rgba, alpha, or names such as depth.Z,R.",
        kind="channels",
        advanced=True,
    )
    ground_truth_channels: Text | None = setting(
        None,
        "Ground Truth Channels",
        "Channels of the ground truth to learn: rgb, alpha, or names.",
        kind="channels",
        advanced=True,
    )
    part: Text | None = setting(None, "Part", "Which part of a multi-part EXR to read.", advanced=True)
    extra: Texts = setting(
        (),
        "Extra Inputs",
        "A further layer to learn from, such as depth, normals or a hint mask.",
        kind="shot",
        advanced=True,
    )
    neighbours: Literal["auto"] | Annotated[int, Field(ge=0, le=3)] = setting(
        "auto",
        "Neighbours",
        "How many frames before and after each one the network sees as well; auto tries whether they tell "
        "more of the effect, 0 makes a network for single frames.",
        unit="frames",
        advanced=True,
    )
    region: Text | None = setting(
        None,
        "Region",
        "A mask, one file or a sequence; outside it nothing is learned. To change nothing there, apply with "
        "it as --mask.",
        kind="shot",
        advanced=True,
    )
    pair_by: Literal["number", "order"] = setting(
        "number", "Pair By", "Match the frames by their number, or by their order.", advanced=True
    )
    colour: Text = setting(
        "auto",
        "Colour",
        "The colour space of the files: auto, srgb, linear, raw, or a named OCIO space.",
        advanced=True,
    )
    held_out: Literal["auto", "none"] | int = setting(
        "auto",
        "Held-out Frame",
        "A pair that is judged instead of learned from: auto gives it back after a third of the run, but of "
        "twelve pairs, and where you name frame N, it stays apart and chooses the best checkpoint.",
        advanced=True,
    )

    @field_validator("input", "ground_truth")
    @classmethod
    def _at_least_one(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one shot is needed")
        return value

    @model_validator(mode="after")
    def _in_pairs(self) -> Self:
        if len(self.input) != len(self.ground_truth):
            raise SettingError(
                "Plates and ground truths must be given in pairs.",
                expected=f"{len(self.input)} ground truths for {len(self.input)} plates",
                found=f"{len(self.ground_truth)} ground truths",
                where="--input and --ground-truth",
                remedy="Give --input and --ground-truth once for each shot, in the same order.",
            )
        return self

    @property
    def planned_epochs(self) -> int | None:
        """The epochs that hold: what was asked, nothing beside another limit, else the default of 10000."""
        if self.epochs is None and self.time_limit is None and self.max_steps is None:
            return DEFAULT_EPOCHS
        return self.epochs


class ApplySettings(Settings):
    """What applying a trained network to a plate needs to know."""

    model: Text = setting(
        ...,
        "Model File",
        "A .cat, a run, which means its best checkpoint, or an imported network.",
        kind="file",
    )
    plate: Text = setting(..., "Input", "The frames to work on.", kind="shot")
    output: Text = setting(
        ..., "Output", "Where the finished frames go, such as out/shot.####.exr.", kind="shot"
    )
    frames: Frames = setting(None, "Frames", "Only these frames, such as 1001-1100x5,1180.", kind="frames")
    tile_size: Literal["auto", "none"] | TileSize = setting(
        "auto",
        "Tile Size",
        "Work in tiles of this size when memory is short; none takes frames whole.",
        unit="pixels",
        advanced=True,
    )
    tile_overlap: Literal["auto"] | Overlap = setting(
        "auto",
        "Tile Overlap",
        "How far tiles reach into each other; auto covers what the network sees.",
        unit="pixels",
        advanced=True,
    )
    mix: Annotated[float, Field(ge=0, le=1)] = setting(1.0, "Mix", "0 gives the plate, 1 the full effect.")
    mask: Text | None = setting(
        None,
        "Mask",
        "Where the effect shows: an image, a sequence, or a channel of the plate, as in channel:A.",
        kind="mask",
    )
    input_channels: Text | None = setting(
        None,
        "Input Channels",
        "Channels of the plate to work on instead of those the network learned from, such as beauty.rgb.",
        kind="channels",
        advanced=True,
    )
    extra: Texts = setting(
        (),
        "Extra Inputs",
        "The further layers that the network was trained with.",
        kind="shot",
        advanced=True,
    )
    part: Text | None = setting(None, "Part", "Which part of a multi-part EXR to work on.", advanced=True)
    devices: Text = setting("auto", "Devices", "auto, cpu, cuda, cuda:1 or mps.", advanced=True)
    precision: Literal["auto", "float32", "bfloat16"] = setting(
        "auto",
        "Precision",
        "auto takes the faster bfloat16 only where the difference cannot be seen.",
        advanced=True,
    )
    overwrite: bool = setting(False, "Overwrite", "Make frames again that are there already.")
    engine: Literal["auto", "torch", "openvino"] = setting(
        "auto",
        "Engine",
        "What computes the network; auto takes OpenVINO on a CPU where it is installed.",
        advanced=True,
    )


def load_settings_file(path: str | Path, model: type[Settings] = TrainSettings) -> dict[str, Any]:
    """What the TOML file at ``path`` sets, by name (hyphens count as underscores), not yet checked for range.

    SettingError when the file cannot be read or names a setting that does not exist.
    """
    path = Path(path)
    values = {key.replace("-", "_"): value for key, value in toml_text.read_toml(path).items()}
    unknown = sorted(set(values) - set(model.model_fields))
    if unknown:
        raise unknown_setting(unknown[0], tuple(model.model_fields), str(path))
    return values


def to_toml(settings: Settings | Mapping[str, Any], comments: Iterable[str] = ()) -> str:
    """``settings`` as the text of a settings file; values left at None are left out."""
    values = dict(settings) if isinstance(settings, Mapping) else settings.model_dump()
    return toml_text.to_toml(values, comments)
