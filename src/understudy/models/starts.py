"""What a training is, by what it begins from."""

from __future__ import annotations

from understudy.errors import UnderstudyError
from understudy.models.finding import find_model
from understudy.network.model_file import ModelHeader, read_header
from understudy.settings import NO_WEIGHTS


def is_keyer(header: ModelHeader | None) -> bool:
    """Whether a network takes off what stands before a green or blue screen."""
    return header is not None and header.architecture.get("screen") is True


def begins_from_keyer(initial_weights: str) -> bool:
    """Whether the initial weights are those of a keyer; False where they cannot be found or read, which the
    training will say."""
    if initial_weights == NO_WEIGHTS:
        return False
    try:
        return is_keyer(read_header(find_model(initial_weights, start=True).path))
    except UnderstudyError:
        return False
