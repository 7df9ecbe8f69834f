"""Processes that do not join or are lost: torch's errors, and the errors that users see."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import torch.distributed as dist

from understudy.errors import TrainingError, UnderstudyError

SIGNS = ("gloo", "nccl", "connection", "timed out", "timeout", "socket", "peer")
PARTS = ("message", "expected", "found", "where", "remedy")
LINE_LENGTH = 160


class Stopped(UnderstudyError):
    """A stop was requested while this process waited for process 0. Nothing has begun, nothing has failed."""

    def __init__(self) -> None:
        super().__init__("Stopped before training began.")


def is_connection_error(error: BaseException) -> bool:
    """Whether ``error`` means that another process can no longer be reached."""
    text = str(error).lower()
    return isinstance(error, dist.DistError) or any(sign in text for sign in SIGNS)


def first_line(error: BaseException) -> str:
    """The first line of torch's message, without source locations and guesses at the cause."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    line = re.sub(r".*third_party/[^\]]*\] ", "", line).split(". This is typically")[0]
    return textwrap.shorten(line, LINE_LENGTH, placeholder=" ...")


def join_error(found: str, where: str = "--devices") -> UnderstudyError:
    """Not all processes joined. ``found``: which one, and why; ``where``: what started them."""
    return UnderstudyError(
        "Not all processes could begin.",
        expected="every device and machine of this training at its start, with the same frames before it",
        found=found,
        where=where,
        remedy="Start all of them within a quarter of an hour, on the same files, or use fewer.",
    )


def lost_worker_error(found: str, remedy: str) -> TrainingError:
    """A process was lost during training. ``found``: which one, and how."""
    return TrainingError("One of the processes is gone, and training has ended.", found=found, remedy=remedy)


# -- from one process to another ------------------------------------------------------------------------


def error_parts(error: BaseException) -> dict[str, str]:
    """The parts of ``error``, as JSON values for another process."""
    if isinstance(error, UnderstudyError):
        return {part: getattr(error, part) for part in PARTS}
    return {"message": "A process ended before the start."}


def error_from(rank: int, parts: dict[str, Any]) -> UnderstudyError:
    """The error that process ``rank`` has reported; ``where`` also names the process."""
    reported = {part: str(parts.get(part, "")) for part in PARTS}
    reported["where"] = ", ".join(filter(None, (f"process {rank}", reported["where"])))
    return UnderstudyError(reported.pop("message"), **reported)
