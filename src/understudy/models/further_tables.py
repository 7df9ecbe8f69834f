"""Tables of the TOML for networks that take more than pictures, or give lists."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from understudy.models.sidecar_parts import Strict


def _name_of_a_file(name: str) -> str:
    if name != Path(name).name or "\\" in name or name[0] == "." or not name.lower().endswith(".onnx"):
        raise ValueError("the name of an .onnx file in the same folder, without a path")
    return name


FileName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_name_of_a_file)]
TensorName = Annotated[str, Field(max_length=200)]
MOST_INSTANCES = 64
UNDER_POINTS = ("points", "labels", "box", "mask", "has_mask", "size")


class PromptText(Strict):
    """Which inputs of the file are prompts, by the names of its tensors.

    ``points`` (1, N, 2) and ``labels`` (1, N): 1 the subject, 0 not, 2 and 3 the box's corners, -1 nothing.
    ``box`` (1, 4): where it has an input of its own. ``mask``: takes the output ``next_mask`` of the last
    frame, where that is named; ``has_mask``: whether there is one. ``size``: height and width of the frame,
    at which it then answers. ``quality``: the output that says how good each of several masks is.
    ``coordinates``: in pixels of what the network sees (``network``), of the frame, or 0 to 1 (``unit``).
    ``padding``: a further point labelled -1 stands for a box that is not there.
    """

    points: TensorName = ""
    labels: TensorName = ""
    box: TensorName = ""
    mask: TensorName = ""
    has_mask: TensorName = ""
    size: TensorName = ""
    next_mask: TensorName = ""
    quality: TensorName = ""
    coordinates: Literal["network", "frame", "unit"] = "network"
    padding: bool = True

    @model_validator(mode="after")
    def _agree(self) -> PromptText:
        if not (self.points or self.box):
            raise ValueError("points or box: the name of the input that takes them")
        if self.next_mask and not self.mask:
            raise ValueError("next_mask goes with mask: the output, and the input that it goes into")
        if self.has_mask and not self.mask:
            raise ValueError("has_mask goes with mask")
        return self

    @property
    def inputs(self) -> dict[str, str]:
        """What each input of the file that is a prompt takes: tensor -> points, labels, box, ..."""
        return {getattr(self, role): role for role in UNDER_POINTS if getattr(self, role)}

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs that are wanted beside the masks."""
        return tuple(name for name in (self.next_mask, self.quality) if name)


class InstanceText(Strict):
    """Which outputs of the file are lists of what it found, and what becomes of them.

    ``boxes`` (N, 4), laid out as ``form`` says, in pixels of what the network sees, or 0 to 1 (``unit``);
    ``labels`` (N), ``scores`` (N), ``masks`` (N, 1, H, W). ``paste``: masks are of their boxes alone;
    by default, where their size is not that of what the network sees. ``activation``: of the masks.
    ``threshold``: scores below it are left out; ``limit``: how many mattes there are; ``names``: what labels
    are called, from 0 on; ``only``: the labels that are kept.
    """

    boxes: TensorName = Field(default="boxes", min_length=1)
    labels: TensorName = "labels"
    scores: TensorName = Field(default="scores", min_length=1)
    masks: TensorName = Field(default="masks", min_length=1)
    form: Literal["xyxy", "yxyx", "xywh", "cxcywh"] = "xyxy"
    coordinates: Literal["network", "unit"] = "network"
    paste: bool | None = None
    activation: Literal["none", "sigmoid"] = "none"
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    limit: Annotated[int, Field(ge=1, le=MOST_INSTANCES)] = 8
    names: list[Annotated[str, Field(max_length=64)]] = Field(default=[], max_length=10_000)
    only: list[str | int] = Field(default=[], max_length=1000)

    @model_validator(mode="after")
    def _agree(self) -> InstanceText:
        unknown = [each for each in self.only if isinstance(each, str) and each not in self.names]
        if unknown:
            raise ValueError(f"only names {unknown[0]!r}, which names has not")
        return self

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs that are wanted, in this order: boxes, scores, masks and, if there are any, labels."""
        return tuple(name for name in (self.boxes, self.scores, self.masks, self.labels) if name)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that become of them."""
        return (*(f"instance.{number:03d}" for number in range(1, self.limit + 1)), "instance.id")
