"""Frames that follow on each other, of a client that asks for a shot in order: what a network made of one
goes into the next, and what is the same thing keeps its matte."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.inference.tracking import Tracks, arranged, assigned
from understudy.models.call import NetworkCall
from understudy.models.description import ModelDescription
from understudy.models.instances import INSTANCES
from understudy.models.options import Option
from understudy.models.prompted import MASK
from understudy.temporal import is_cut

if TYPE_CHECKING:
    from torch import Tensor

MOST = 8
"""Sequences that are remembered for a network; the one that was asked for least lately goes first."""
SEQUENCE = Option(
    "sequence",
    "string",
    "",
    description="Any name: frames of one name that are asked for in order follow on each other. Where "
    "nothing says what is meant, what was meant in the frame before is; mattes keep what they are of.",
    spare=True,
)
State = Mapping[str, Any]
"""What is carried on: the ``mask`` of the last frame, or the ``tracks`` of its instances."""


@dataclass(frozen=True)
class _Last:
    """The frame that was asked for last: its luma, and what was carried on to it and from it."""

    luma: np.ndarray
    before: State
    after: State


def follows(description: ModelDescription) -> bool:
    """Whether a model's frames can follow on each other."""
    return "mask" in description.prompts or description.finds_instances


class Following:
    """What was answered last, by sequence. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered: OrderedDict[str, _Last] = OrderedDict()

    def ask(
        self, options: Mapping[str, Any], luma: np.ndarray, run: Callable[[NetworkCall], list[Tensor]]
    ) -> list[Tensor]:
        """What ``run`` gives for one frame. Nothing comes over a cut; a frame that is asked for again has
        what came before it."""
        name = str(options.get("sequence", ""))
        before = self._before(name, luma) if name else {}
        own = bool(str(options.get("points", "")) or str(options.get("box", "")))
        call = NetworkCall(options, {} if own else {key: before[key] for key in (MASK,) if key in before})
        made = run(call)
        after: dict[str, Any] = {MASK: call.found[MASK]} if MASK in call.found else {}
        if INSTANCES in call.found:
            made[0], after["tracks"] = _in_their_mattes(made[0], call, before.get("tracks", {}))
        if name and after:
            self._remember(name, _Last(luma, before, after))
        return made

    def _before(self, name: str, luma: np.ndarray) -> State:
        with self._lock:
            last = self._answered.get(name)
        if last is None:
            return {}
        if np.array_equal(last.luma, luma):
            return last.before
        return {} if is_cut(last.luma, luma) else last.after

    def _remember(self, name: str, last: _Last) -> None:
        with self._lock:
            self._answered[name] = last
            self._answered.move_to_end(name)
            while len(self._answered) > MOST:
                self._answered.popitem(last=False)


def _in_their_mattes(planes: Tensor, call: NetworkCall, before: Tracks) -> tuple[Tensor, Tracks]:
    """Mattes (1, limit + 1, H, W) each in the place that it had in the frame before."""
    import torch

    slots, tracks = assigned(before, call.found[INSTANCES], planes.shape[1] - 1)
    made = arranged(np.moveaxis(planes[0].cpu().numpy(), 0, -1), slots)
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(made, -1, 0)))[None], tracks
