"""The truth of frames on which there is nothing to matte, or nothing to change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from understudy.errors import ChannelError


def tells_of(kind: str, inputs: Sequence[str], outputs: Sequence[str]) -> bool:
    """Whether empty frames tell of an effect: not where it makes channels that plates lack."""
    return kind == "matte" or set(outputs) <= set(inputs)


def check_empty(kind: str, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """ChannelError where empty frames tell nothing of an effect."""
    if tells_of(kind, inputs, outputs):
        return
    raise ChannelError(
        "Empty frames tell nothing of this effect: it makes channels that the plate does not have.",
        expected=", ".join(inputs),
        found=", ".join(outputs),
        where="--empty",
        remedy="Give painted frames instead: --ground-truth SHOT.",
    )


def empty_truth(before: np.ndarray, kind: str, inputs: Sequence[str], outputs: Sequence[str]) -> np.ndarray:
    """The truth of an empty frame, in file values, float32 (height, width, outputs): 0 for a matte, else the
    plate's own channels, of which ``before`` has the ``inputs``."""
    if kind == "matte":
        return np.zeros((*before.shape[:2], len(outputs)), np.float32)
    return np.ascontiguousarray(before[..., [list(inputs).index(name) for name in outputs]])
