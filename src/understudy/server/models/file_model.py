"""Networks of others as served models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.errors import ServerError
from understudy.inference.recurrence import plate_luma
from understudy.models.call import NetworkCall
from understudy.models.description import ModelDescription
from understudy.models.imported import TORCH, describe_imported, open_file
from understudy.models.sidecar import read_sidecar
from understudy.models.state import STATE
from understudy.server.log import ServerLog
from understudy.server.models.carried import CARRYING, NAME, Beside, Carried
from understudy.server.models.devices import EXECUTOR, cores, pool_for
from understudy.server.models.following import SEQUENCE, following, follows
from understudy.server.models.mattes import chosen_mattes, matte_options
from understudy.server.models.served import Answer, Call
from understudy.server.models.tensors import from_tensor, shape_for, to_tensor

if TYPE_CHECKING:
    from torch import Tensor

MAX_BATCH = 4


class FileModel:
    """A network of others, loaded when the server finds it."""

    executor = EXECUTOR
    state = "ready"
    trouble = ""

    def __init__(self, path: Path, devices: str, log: ServerLog) -> None:
        self._pool = pool_for(devices)
        self._log = log
        self.workers = len(self._pool.all())
        side = read_sidecar(path.with_suffix(".toml"))
        self._file = open_file(path, side, cores(), _providers(self._pool.all()))
        self.description = _with_options(describe_imported(path, side, self._file))
        self._carried = Carried()
        self.max_batch = MAX_BATCH if self._file.takes_batches and not self.description.state else 1

    def run(self, calls: list[Call]) -> list[Answer]:
        from understudy.device import is_out_of_memory

        with self._pool.one() as device:
            try:
                return self._run(calls, str(device))
            except Exception as error:
                if str(device) == "cpu" or not is_out_of_memory(error):
                    raise
                self._log.warning(
                    "out of memory on the device: going on with the CPU",
                    model=self.description.name,
                    device=str(device),
                )
            return self._run(calls, "cpu")

    def _run(self, calls: list[Call], device: str) -> list[Answer]:
        """The answers to calls of equal size and options, computed as one batch."""
        import torch

        description, linear = self.description, calls[0].linear
        shape = shape_for(calls[0], description.stride)
        images = [
            np.stack([to_tensor(call.pictures[index], spec, shape, linear) for call in calls])
            for index, spec in enumerate(description.inputs)
        ]
        where = device if self._file.runtime in TORCH else "cpu"
        with torch.inference_mode():
            given = [torch.from_numpy(np.ascontiguousarray(each)).to(where) for each in images]
            results = [each.cpu().numpy() for each in self._asked(given, calls[0])]
        if description.finds_instances:
            results = [results[0][:, chosen_mattes(description, calls[0].options)]]
        _check_results(results, len(calls))
        specs = description.outputs
        return [
            Answer(
                [
                    from_tensor(each[n], specs[min(i, len(specs) - 1)], shape, linear)
                    for i, each in enumerate(results)
                ]
            )
            for n in range(len(calls))
        ]

    def _asked(self, images: list[Tensor], call: Call) -> list[Tensor]:
        """All that the file makes of one batch; with what it made of the frame before, where it carries
        that."""

        def run(asked: NetworkCall) -> list[Tensor]:
            return self._file.ask(images, call.options, asked)

        description = self.description
        if not description.state and not follows(description):
            return self._file(images, call.options)
        colour = description.colour_in
        pixels = np.moveaxis(images[0][0].cpu().numpy(), 0, -1) * np.float32(colour.scale)
        step = _stateful(run) if description.state else following(call.options, run)
        return self._carried.follow(call, plate_luma(colour.space, pixels), step)

    def refresh(self) -> None:
        """Forget sequences that nobody goes on with."""
        self._carried.forget()

    def close(self) -> None: ...


def _stateful(run: Callable[[NetworkCall], list[Tensor]]) -> Callable[[Beside], tuple[list[Tensor], Beside]]:
    """One frame with the state that is carried on to it, and from it."""

    def step(before: Beside) -> tuple[list[Tensor], Beside]:
        call = NetworkCall(carried=before)
        return run(call), {STATE: call.found[STATE]}

    return step


def _with_options(description: ModelDescription) -> ModelDescription:
    """The description with what the server adds to a network's own options."""
    if description.state:
        said = f"It remembers what it made of the frame before, by the option {NAME}; see there."
        text = f"{description.text} {said}".strip()
        return replace(description, options=(*description.options, *CARRYING), text=text)
    added = (SEQUENCE,) if follows(description) else ()
    if description.finds_instances:
        added = (*matte_options(description), *added)
    return replace(description, options=(*description.options, *added))


def _providers(devices: Sequence[Any]) -> list[str]:
    """Where onnxruntime works, for these torch devices."""
    cuda = any(device.type == "cuda" for device in devices)
    return ["CUDAExecutionProvider", "CPUExecutionProvider"] if cuda else ["CPUExecutionProvider"]


def _check_results(results: list[np.ndarray], count: int) -> None:
    """ServerError for what is no image of each call."""
    if not results:
        raise ServerError("The model's result is not a picture.")
    for each in results:
        if each.ndim not in (3, 4) or len(each) != count:
            raise ServerError("The model's result is not a picture [1, channels, height, width].")
