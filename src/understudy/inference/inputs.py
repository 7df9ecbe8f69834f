"""What a network takes: the plate's channels, then those of its extra inputs, each with its own encoding."""

from __future__ import annotations

from typing import Any

from understudy.colour import ColourEncoding


def input_encodings(header: Any) -> list[tuple[int, ColourEncoding]]:
    """(number of channels, encoding) of the plate, then of each extra input in order."""
    groups = [(len(header.input_channels), header.colour_in)]
    groups += [(len(extra.channels), extra.colour) for extra in header.extra]
    return groups


def expected_channels(header: Any) -> int:
    """How many channels the network takes in all."""
    return sum(count for count, _ in input_encodings(header))
