"""The pictures that go into a network, frame by frame, and the inputs of its file that they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.errors import ModelFileError
from understudy.models.description import ImageSpec
from understudy.models.sidecar import Sidecar

if TYPE_CHECKING:
    from torch import Tensor

COLOURS = (1, 3, 4)
"""Lengths that a dimension of channels has as a rule."""


@dataclass(frozen=True)
class Picture:
    """One picture, the frame itself or one about it. ``input``: the place of the file's input that it lies
    in, None for one that only says what is worked on; ``place``: among the frames of that input."""

    spec: ImageSpec
    input: int | None
    place: int = 0


def pictures_of(inputs: Sequence[ImageSpec], side: Sidecar) -> tuple[Picture, ...]:
    """The plate first, then the frames about it, then further layers, for the inputs of a file in their
    order."""
    taken = [(spec, side.offsets_of(index, spec.name, spec.tensor)) for index, spec in enumerate(inputs)]
    all_of_them = [
        Picture(replace(spec, name=_named(spec.name, each, offsets), offset=each), index, place)
        for index, (spec, offsets) in enumerate(taken)
        for place, each in enumerate(offsets)
    ]
    own = [each for each in all_of_them if not each.spec.offset]
    about = [each for each in all_of_them if each.spec.offset]
    if not own and inputs:  # such as a network that makes a frame of those before and after it
        own = [Picture(replace(inputs[0], name="plate", offset=0), None)]
    return (*own[:1], *about, *own[1:])


def _named(name: str, offset: int, offsets: Sequence[int]) -> str:
    """The input's own name for its only frame and for the frame itself, else with how far away a frame is:
    ``clip_before_2``."""
    if not offset or len(offsets) == 1:
        return name
    return f"{name[:50]}_{'before' if offset < 0 else 'after'}_{abs(offset)}"


def check_frames(inputs: Sequence[ImageSpec], side: Sidecar, path: Path) -> None:
    """ModelFileError where the TOML names frames for inputs that are not there."""
    told = side.frames if isinstance(side.frames, dict) else {}
    names = {name for spec in inputs for name in (spec.name, spec.tensor) if name}
    unknown = [name for name in told if name not in names]
    if unknown:
        raise ModelFileError(
            "The TOML names frames for an input that the network has not.",
            expected=f"[frames] with names of {', '.join(spec.tensor or spec.name for spec in inputs)}",
            found=", ".join(unknown),
            where=str(path.with_suffix(".toml")),
        )


def stack_of(shape: Sequence[Any], count: int, told: str | None) -> str:
    """How ``count`` frames lie in a tensor of this shape: as told, else as its dimensions say; empty for one
    frame."""
    if count == 1 and len(shape) != 5:
        return ""
    if told is not None:
        return told
    if len(shape) == 5:
        return "depth" if shape[1] in COLOURS and shape[1] != count else "time"
    return "batch" if len(shape) == 4 and shape[0] == count != 1 else "channels"


def check_count(shape: Sequence[Any], stack: str, count: int, name: str, path: Path) -> None:
    """ModelFileError where a tensor takes another number of frames than the ``count`` that the TOML says."""
    if stack in ("time", "depth") and len(shape) != 5:
        raise _other_count(name, path, "an input of five dimensions", f"{len(shape)}, and stack = {stack}")
    takes = {"time": shape[1:2], "depth": shape[2:3], "batch": shape[:1]}.get(stack, [])
    wrong = [each for each in takes if isinstance(each, int) and each > 0 and each != count]
    if wrong:
        which = [each - wrong[0] // 2 for each in range(wrong[0])]
        raise _other_count(name, path, f"{wrong[0]} frames, such as frames = {which}", str(count))
    if stack == "channels" and isinstance(shape[1], int) and shape[1] % count and shape[-1] != shape[1]:
        raise _other_count(name, path, f"frames that share {shape[1]} channels", str(count))


def _other_count(name: str, path: Path, expected: str, found: str) -> ModelFileError:
    return ModelFileError(
        f"The input {name} takes other frames than the TOML says.",
        expected=expected,
        found=found,
        where=str(path.with_suffix(".toml")),
        remedy="Say which frames it takes: frames = [-1, 0, 1] are those before and after, with its own "
        "between them; stack says how they lie in it.",
    )


def of_one(shape: Sequence[Any], stack: str) -> list[Any]:
    """The shape that one of the frames in a tensor has, four dimensions of five."""
    made = list(shape)
    if len(made) == 5:
        del made[1 if stack == "time" else 2]
    elif stack == "batch" and len(made) == 4:
        made[0] = 1
    return made


def stacked(planes: Sequence[Tensor], stack: str, last: bool) -> Tensor:
    """Pictures (N, C, H, W), or (N, H, W, C) where channels come ``last``, as one tensor."""
    import torch

    if stack in ("time", "depth"):
        return torch.stack(list(planes), 1 if stack == "time" else 2)
    if len(planes) == 1:
        return planes[0]
    return torch.cat(list(planes), 0 if stack == "batch" else 3 if last else 1)


def unstacked(made: Tensor, stack: str, offsets: Sequence[int]) -> Tensor:
    """What a network made of the frame itself, of an answer that holds one for each frame that went in, or
    for one of them."""
    place = offsets.index(0) if 0 in offsets else len(offsets) // 2
    if made.ndim == 5:
        along = 1 if stack != "depth" else 2
        return made.select(along, place if made.shape[along] == len(offsets) else 0)
    if stack == "batch" and made.ndim == 4 and made.shape[0] == len(offsets):
        return made[place : place + 1]
    return made
