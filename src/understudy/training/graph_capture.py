"""CUDA graphs: the operations of a step are captured once for each shape of batch, then replayed.

A step on a GPU is some hundred small operations, and launching each takes the CPU longer than running it
takes the GPU. A captured graph is launched as a whole.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from understudy.dataset.crops import Batch
from understudy.device import release_memory

WARM_UP_STEPS = 3
"""Runs before the capture, in which libraries choose their algorithms."""

Shapes = tuple[torch.Size, ...]


@dataclass(frozen=True)
class _Captured:
    """``graph`` reads the static input ``batch`` and writes ``loss`` and ``gradients``."""

    graph: torch.cuda.CUDAGraph
    batch: Batch
    loss: Tensor
    gradients: list[Tensor | None]


class GraphCapture:
    """Calls ``work(batch)``, which returns a loss and leaves gradients in ``weights``, through a captured
    graph; directly where it cannot be captured."""

    def __init__(self, work: Callable[[Batch], Tensor], weights: list[nn.Parameter]) -> None:
        self._work, self._weights = work, weights
        self._captured: dict[Shapes, _Captured] = {}
        self._able = True

    def __call__(self, batch: Batch) -> Tensor:
        shapes = tuple(part.shape for part in batch.tensors)
        if self._able and shapes not in self._captured:
            self._capture(shapes, batch)
        captured = self._captured.get(shapes)
        return self._work(batch) if captured is None else self._replay(captured, batch)

    def forget(self) -> None:
        """Drop all captured graphs and their memory."""
        self._captured.clear()
        self._able = True
        for weight in self._weights:
            weight.grad = None

    def _replay(self, captured: _Captured, batch: Batch) -> Tensor:
        for own, given in zip(captured.batch.tensors, batch.tensors, strict=True):
            own.copy_(given)
        captured.graph.replay()
        for weight, gradient in zip(self._weights, captured.gradients, strict=True):
            weight.grad = gradient
        return captured.loss

    def _capture(self, shapes: Shapes, batch: Batch) -> None:
        own = batch.of([part.clone() for part in batch.tensors])
        device = own.input.device
        stream, current = torch.cuda.Stream(device), torch.cuda.current_stream(device)
        self._warm_up(own, stream)
        with contextlib.suppress(RuntimeError):  # out of memory, too: the plain call then reports it
            self._captured[shapes] = self._capture_graph(own, stream)
            return
        torch.cuda.set_stream(current)
        self.forget()
        self._able = False
        with contextlib.suppress(RuntimeError):  # some versions of torch believe that they still capture
            release_memory(device)

    def _warm_up(self, batch: Batch, stream: torch.cuda.Stream) -> None:
        """Run the work a few times on the stream of the capture, as CUDA graphs require."""
        current = torch.cuda.current_stream(stream.device)
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_STEPS):
                self._work(batch)
        current.wait_stream(stream)

    def _capture_graph(self, batch: Batch, stream: torch.cuda.Stream) -> _Captured:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            loss = self._work(batch).detach()
        return _Captured(graph, batch, loss, [weight.grad for weight in self._weights])
