"""One process's part of each batch, and what training asks of the other processes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from understudy.dataset.crops import Batch
from understudy.network.effect import EffectNetwork


class Shard:
    """Process ``rank`` of ``world_size``, and how it talks to the others. This base class is one process on
    its own.

    ``device`` and ``threads`` are what it computes with; None leaves the choice to the settings. ``notes``
    are sentences for the artist. ``received_stop``, ``received_total`` and ``received_turn`` are what the
    last ``all_reduce`` brought.
    """

    rank = 0
    world_size = 1
    device: torch.device | None = None
    threads: int | None = None
    notes: tuple[str, ...] = ()
    received_stop = False
    received_total = 0
    received_turn = False

    def samples(self, total: int) -> range:
        """The indices of this process's samples in a batch of ``total``."""
        return range(total * self.rank // self.world_size, total * (self.rank + 1) // self.world_size)

    def join(self, job: Any, path: Path, step: int, stop: Any, say: Callable[[str], None]) -> bool:
        """Wait until all processes are ready, then give all of them the weights of process 0 after ``step``.
        ``path`` is the run's folder. False when ``stop`` becomes true first. UnderstudyError when a process
        cannot take part."""
        return True

    def answer(self, network: EffectNetwork, batch: Batch) -> Tensor:
        """``network.answers`` to what the batch shows; its backward pass sums the gradients over all
        processes."""
        return network.answers(*batch.seen)

    def detecting_lost_workers(self) -> contextlib.AbstractContextManager[None]:
        """The block in which the loss of another process is raised as TrainingError."""
        return contextlib.nullcontext()

    def request(self, stop: bool, total: int, turn: bool) -> None:
        """What the next ``all_reduce`` tells every process: whether to stop, new Total Steps (0: no change),
        and whether to turn crops from now on."""

    def all_reduce(self, loss: Tensor) -> Tensor:
        """The sum of ``loss`` over all processes."""
        return loss

    def broadcast(self, step: int, state: dict[str, Tensor]) -> tuple[int, dict[str, Tensor]]:
        """``step`` and ``state`` of process 0, in every process; those of the others are overwritten."""
        return step, state
