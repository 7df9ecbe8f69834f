"""Settings of a training: data."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from understudy.errors import SettingError
from understudy.settings.field import Frames, FramesOfShots, Text, Texts, setting
from understudy.settings.sections import Section

NO_FRAMES = "none"


class DataSettings(Section):
    """What is learned from: which frames, and which of their channels."""

    input: Texts = setting(
        ..., "Input", "The plate: the frames as they were shot. Give it once for each shot.", kind="shot"
    )
    ground_truth: Texts = setting(
        ..., "Ground Truth", "The same frames as they should become; a few painted ones suffice.", kind="shot"
    )
    frames: Frames = setting(
        None, "Frames", "Learn only from these frames, such as 1001-1100x5,1180.", kind="frames"
    )
    empty: FramesOfShots = setting(
        (),
        "Empty Frames",
        "Frames of the plate, such as 1040-1055, on which there is nothing to matte, or nothing to change. "
        "Of several plates: once for each, in the same order, none where there are no such frames.",
        kind="frames",
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
        if self.empty and len(self.empty) != len(self.input):
            raise SettingError(
                "It is not said for each plate which of its frames are empty.",
                expected=f"--empty {len(self.input)} times for {len(self.input)} plates",
                found=f"{len(self.empty)} times",
                where="--empty",
                remedy=f"Give --empty once for each --input, in the same order; {NO_FRAMES} for one without "
                "such frames.",
            )
        return self
