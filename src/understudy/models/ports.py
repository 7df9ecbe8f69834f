"""What readers of files share: how a tensor lies, which outputs are meant, numbers of another type."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from understudy.models.declared import picked_output

MOST_EXACT = 1 << 24
"""The largest whole number up to which float32 holds all of them."""


def layout_of(shape: Sequence[int | None], told: str | None = None) -> str:
    """NCHW or NHWC, as it is told; else NHWC where the last of four sides can only be channels and the second
    one cannot. None is a side that is free."""
    if told is not None and len(shape) == 4:
        return told
    if len(shape) != 4 or shape[3] is None or shape[3] > 4:
        return "NCHW"
    return "NCHW" if shape[1] is not None and shape[1] <= 4 else "NHWC"


def channels_of(shape: Sequence[int | None], layout: str) -> int | None:
    """How many channels a tensor has; None where that is free, or not known."""
    if len(shape) == 4:
        return shape[3 if layout == "NHWC" else 1]
    return 1 if len(shape) == 3 else None


def size_of(shape: Sequence[int | None], layout: str) -> tuple[int, int] | None:
    """(height, width) of a tensor of four sides that takes no other; None where one of them is free."""
    height, width = shape[1:3] if layout == "NHWC" else shape[2:4]
    return (height, width) if height and width else None


def output_places(names: Sequence[str], output: int | str | list[int | str] | None, path: Path) -> list[int]:
    """Which of the outputs are meant, by what the TOML says: all where it says nothing. ModelFileError for
    one that is not there."""
    if output is None:
        return list(range(len(names)))
    wanted = output if isinstance(output, list) else [output]
    return [picked_output(each, names, path) for each in wanted]


def cast(planes: np.ndarray, kind: Any) -> np.ndarray:
    """Numbers of another type; to whole ones they are rounded and held within its range."""
    kind = np.dtype(kind)
    if not np.issubdtype(kind, np.integer):
        return planes.astype(kind, copy=False)
    ends = np.iinfo(kind)
    held = np.clip(np.nan_to_num(planes), max(ends.min, -MOST_EXACT), min(ends.max, MOST_EXACT))
    return np.rint(held).astype(kind)
