"""What a model is to the server: its description, and a function that answers calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from understudy.errors import RequestError, ServerError
from understudy.models.description import ModelDescription


class UnknownModel(RequestError):
    """There is no model of that name."""


class ModelDown(ServerError):
    """The model cannot answer now. The message is fit for the client."""


@dataclass
class Call:
    """One request to a model: float32 pictures as planes (channels, height, width), the top row first.

    ``linear`` says that pictures are scene-linear, as Nuke sends them, and must go back so; otherwise they
    hold the values of the files that the model knows. ``client``: who asks. ``begins``, ``ends``: whether the
    client says that the frame is the first, or the last, of its sequence.
    """

    pictures: list[np.ndarray]
    options: dict[str, Any] = field(default_factory=dict)
    buttons: dict[str, bool] = field(default_factory=dict)
    linear: bool = False
    client: str = ""
    begins: bool = False
    ends: bool = False

    def batch_key(self) -> tuple[Any, ...]:
        """Calls of equal batch_key may run as one batch."""
        return (
            tuple(each.shape for each in self.pictures),
            tuple(sorted(self.options.items())),
            self.linear,
            any(self.buttons.values()),
        )


@dataclass
class Answer:
    """Float32 pictures as planes, the top row first; ``objects`` are encoded attributes for the node."""

    pictures: list[np.ndarray]
    objects: list[bytes] = field(default_factory=list)


class ServedModel(Protocol):
    """What a model is to the server. ``run`` is called by one of the workers of its ``executor``."""

    description: ModelDescription
    executor: str
    workers: int
    max_batch: int
    state: str  # "ready", "starting", "waiting", "down", "failed"
    trouble: str

    def run(self, calls: list[Call]) -> list[Answer]: ...

    def refresh(self) -> None: ...

    def close(self) -> None: ...
