"""What a training is, by what it begins from."""

from __future__ import annotations

from understudy.network.model_file import ModelHeader


def is_keyer(header: ModelHeader | None) -> bool:
    """Whether a network takes off what stands before a green or blue screen."""
    return header is not None and header.architecture.get("screen") is True
