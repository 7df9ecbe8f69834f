"""Memory that runs out at a chosen step, here or in a worker.

python out_of_memory.py FOLDER RANK WORLD DEVICE THREADS      a worker whose memory runs out at step FAIL_AT
"""

from __future__ import annotations

import os
import sys
from typing import Any

import torch

from understudy.training.distributed.worker import main
from understudy.training.learner import Learner


def run_out_of_memory(moments: dict[int, str]) -> Any:
    """``Learner.step`` that runs out of memory once at each of the steps: before it has its crops, in the
    way forth, or at the very end of the way back."""
    step = Learner.step

    def failing(self: Learner, number: int) -> float:
        where = moments.pop(number, "")
        if where == "crops":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        if where == "forth":
            _fail_once(self)
        hook = next(self.network.parameters()).register_hook(_fail) if where == "back" else None
        try:
            return step(self, number)
        finally:
            if hook:
                hook.remove()

    return failing


def _fail(gradient: torch.Tensor) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


def _fail_once(learner: Learner) -> None:
    loss = learner.loss

    def failing(*values: Any) -> torch.Tensor:
        learner.loss = loss
        _fail(values[0])
        return loss(*values)

    failing.names, failing.parts = loss.names, failing  # type: ignore[attr-defined]
    learner.loss = failing  # type: ignore[assignment]


if __name__ == "__main__":
    Learner.step = run_out_of_memory({int(os.environ["FAIL_AT"]): "forth"})  # type: ignore[method-assign]
    sys.exit(main(sys.argv[1:]))
