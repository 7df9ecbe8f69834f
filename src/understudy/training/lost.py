"""Processes that do not come, or are gone: what torch says of it, and what is said to people."""

from __future__ import annotations

import re

import torch.distributed as dist

from understudy.errors import TrainingError, UnderstudyError

SIGNS = ("gloo", "nccl", "connection", "timed out", "timeout", "socket", "peer")


def is_of_connection(error: BaseException) -> bool:
    """Whether ``error`` tells that another process cannot be reached any more."""
    told = str(error).lower()
    return isinstance(error, dist.DistError) or any(sign in told for sign in SIGNS)


def first_line(error: BaseException) -> str:
    """What torch says, without where in its own source it stands."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r".*third_party/[^\]]*\] ", "", line)[:160]


def did_not_join(found: str) -> UnderstudyError:
    """Not all processes came to the start; ``found`` says which, and why."""
    return UnderstudyError(
        "Not all processes could begin.",
        expected="every device and machine of this training at its start, with the same frames before it",
        found=found,
        where="--devices",
        remedy="Start all of them within a quarter of an hour, on the same files, or use fewer.",
    )


def is_lost(found: str) -> TrainingError:
    """One of the processes is gone in the middle; ``found`` says which, and how."""
    return TrainingError(
        "One of the processes is gone, and training has ended.",
        found=found,
        remedy="What was learned is saved: go on with understudy resume, and fewer --devices.",
    )
