"""What ``report`` tells while it works, beside the events of ``inference.events``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FrameMeasured:
    """A frame of plate and result was looked at. ``done`` of ``total`` frames are done with."""

    number: int
    done: int
    total: int


@dataclass(frozen=True)
class ReportMessage:
    """A sentence for the artist."""

    text: str
