"""Frames that follow on each other, of a client that asks for a shot in order: what a network made of one
goes into the next, and what is the same thing keeps its matte."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.inference.tracking import Tracks, arranged, assigned
from understudy.models.call import NetworkCall
from understudy.models.description import ModelDescription
from understudy.models.instances import INSTANCES
from understudy.models.options import Option
from understudy.models.prompted import MASK
from understudy.server.models.carried import Beside

if TYPE_CHECKING:
    from torch import Tensor

TRACKS = "tracks"
SEQUENCE = Option(
    "sequence",
    "string",
    "",
    description="Any name: frames of one name that are asked for in order follow on each other. Where "
    "nothing says what is meant, what was meant in the frame before is; mattes keep what they are of.",
    spare=True,
)


def follows(description: ModelDescription) -> bool:
    """Whether a model's frames can follow on each other."""
    return "mask" in description.prompts or description.finds_instances


def following(
    options: Mapping[str, Any], run: Callable[[NetworkCall], list[Tensor]]
) -> Callable[[Beside], tuple[list[Tensor], Beside]]:
    """What ``run`` gives for one frame with what is carried on to it, and what is carried on from it: the
    ``mask``, where the frame has no prompts of its own, and the ``tracks`` of its instances."""

    def step(before: Beside) -> tuple[list[Tensor], Beside]:
        own = bool(str(options.get("points", "")) or str(options.get("box", "")))
        call = NetworkCall(options, {} if own else {key: before[key] for key in (MASK,) if key in before})
        made = run(call)
        after: dict[str, Any] = {MASK: call.found[MASK]} if MASK in call.found else {}
        if INSTANCES in call.found:
            made[0], after[TRACKS] = _in_their_mattes(made[0], call, before.get(TRACKS, {}))
        return made, after

    return step


def _in_their_mattes(planes: Tensor, call: NetworkCall, before: Tracks) -> tuple[Tensor, Tracks]:
    """Mattes (1, limit + 1, H, W) each in the place that it had in the frame before."""
    import torch

    slots, tracks = assigned(before, call.found[INSTANCES], planes.shape[1] - 1)
    made = arranged(np.moveaxis(planes[0].cpu().numpy(), 0, -1), slots)
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(made, -1, 0)))[None], tracks
