"""What a training would begin from, and what speaks against it, before it starts."""

from __future__ import annotations

from dataclasses import dataclass

from understudy.errors import UnderstudyError
from understudy.models.finding import find_model
from understudy.models.starts import is_keyer
from understudy.network.model_file import read_header
from understudy.settings import NO_WEIGHTS, TrainSettings
from understudy.settings.keying import check_keying


@dataclass(frozen=True)
class Beginning:
    """``keys``: it goes on as a keyer. ``notes`` and ``refused`` are sentences for the artist."""

    keys: bool = False
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def begin_of(settings: TrainSettings) -> Beginning:
    """What the initial weights are, and what a training would refuse to begin with."""
    weights = settings.network.initial_weights
    if weights == NO_WEIGHTS:
        return Beginning()
    try:
        found = find_model(weights, start=True)
        header = read_header(found.path)
    except UnderstudyError as error:
        return Beginning(refused=(f"Initial Weights: {error.message} {error.remedy}".strip(),))
    said = (f"Initial Weights: {weights}.", *found.notes)
    if not is_keyer(header):
        return Beginning(notes=said)
    return Beginning(True, (*said, "It goes on as a keyer, on what is put right here."), _refused(settings))


def _refused(settings: TrainSettings) -> tuple[str, ...]:
    try:
        check_keying(settings)
    except UnderstudyError as error:
        return (f"{error.message} Found: {error.found}. {error.remedy}",)
    return ()
