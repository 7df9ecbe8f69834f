"""What a network takes: the plate's channels, then those of its extra inputs, each with its own encoding."""

from __future__ import annotations

from typing import Any

from understudy.colour import ColourEncoding
from understudy.network.places import PLACES


def input_encodings(header: Any) -> list[tuple[int, ColourEncoding]]:
    """(number of channels, encoding) of the plate, then of each extra input in order."""
    groups = [(len(header.input_channels), header.colour_in)]
    groups += [(len(extra.channels), extra.colour) for extra in header.extra]
    return groups


def expected_channels(header: Any) -> int:
    """How many channels the network takes in all."""
    return sum(count for count, _ in input_encodings(header))


def network_channels(header: Any, network: Any) -> int:
    """How many channels go into the network itself: those it takes, and the places where it wants them."""
    return expected_channels(header) + (PLACES if is_placed(network) else 0)


def is_placed(network: Any) -> bool:
    """Whether a network wants to know where in the frame a pixel is (``understudy.network.places``)."""
    return bool(getattr(network, "placed", False))
