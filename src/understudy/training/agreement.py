"""What the network makes of one frame is to agree, along the plate's motion, with what it makes of the next.

Every few steps a few crops of frames that follow each other are looked at beside the pairs. What is to be
learned is still what was painted: agreement is asked for only where the motion is sure.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor

from understudy.dataset.numbers import hash_numbers
from understudy.device import autocast
from understudy.network.effect import EffectNetwork
from understudy.training.links import Link
from understudy.training.plan import Plan

EVERY = 4
"""Steps. Each time costs about two steps, as both frames are learned from."""
CROPS = 2
FROM = 0.15
"""The part of the run before which there is no result yet that could agree with anything."""
SALT = 0xA93EE


class Agreement:
    """Crops of ``links``, and how far apart the results on them are."""

    def __init__(self, links: Sequence[Link], plan: Plan, device: torch.device) -> None:
        self.links, self.plan, self.device = links, plan, device

    def is_due(self, step: int) -> bool:
        """Whether it is looked at in a step: of a coarse view, which says what is where, in that one's."""
        plan = self.plan
        if step % EVERY or plan.teaches(step) or (plan.coarse > 1 and not plan.is_coarse(step)):
            return False
        return step >= FROM * plan.total_at(step - 1)

    def disagreement(self, network: EffectNetwork, step: int) -> Tensor:
        """The mean difference of two results along the motion, times what it counts."""
        first, second, grid, sure = self._crops(step, network.stride // self.plan.coarse)
        before, after = (self._result(network, each) for each in (first, second))
        carried = functional.grid_sample(after, grid, padding_mode="border", align_corners=False)
        apart = ((before - carried).abs() * sure).sum() / (sure.sum() * before.shape[1]).clamp(min=1)
        return apart * self.plan.agreement

    def _result(self, network: EffectNetwork, x: Tensor) -> Tensor:
        with autocast(self.device, self.plan.precision):
            seen = (None, x) if self.plan.coarse > 1 else (x, None)
            answer = network.answer(*seen)
        return network.finish(x, answer)

    def _crops(self, step: int, stride: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """CROPS of both frames (N, C, h, w), where to read the second (N, h, w, 2), and where that is sure
        (N, 1, h, w), all on the device."""
        drawn = [self._crop(step, sample, stride) for sample in range(CROPS)]
        least = [min(each[3].shape[axis] for each in drawn) for axis in (1, 2)]
        drawn = [each for each in drawn if list(each[3].shape[1:]) == least]  # frames of several sizes
        first, second, grid, sure = (torch.stack(part).to(self.device) for part in zip(*drawn, strict=True))
        return first.float(), second.float(), grid, sure

    def _crop(self, step: int, sample: int, stride: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """One crop of the first frame of a link, and that of the second one where its content has gone."""
        generator = torch.Generator().manual_seed(hash_numbers(self.plan.seed, step, sample, SALT))
        numbers = torch.rand(3, generator=generator).tolist()
        link = self.links[min(int(numbers[0] * len(self.links)), len(self.links) - 1)]
        size = [_fitting(each, most, stride) for each, most in zip(self.plan.crop, link.size, strict=True)]
        room = [most - side for most, side in zip(link.size, size, strict=True)]
        top, left = (round(number * most) for number, most in zip(numbers[1:], room, strict=True))
        here = (slice(top, top + size[0]), slice(left, left + size[1]))
        vectors, sure = link.vectors[(slice(None), *here)].float(), link.sure[here]
        across, down = (round(float(each[sure].median())) if sure.any() else 0 for each in vectors)
        row, column = min(max(0, top + down), room[0]), min(max(0, left + across), room[1])
        x = vectors[0] + torch.arange(size[1]) + (left - column)
        y = vectors[1] + torch.arange(size[0])[:, None] + (top - row)
        inside = (x >= 0) & (x <= size[1] - 1) & (y >= 0) & (y <= size[0] - 1)
        grid = torch.stack([(2 * x + 1) / size[1] - 1, (2 * y + 1) / size[0] - 1], 2)
        there = (slice(None), slice(row, row + size[0]), slice(column, column + size[1]))
        return link.first[(slice(None), *here)], link.second[there], grid, (sure & inside)[None].float()


def _fitting(side: int, most: int, stride: int) -> int:
    """As much of a side as there is, on the stride; a frame that is smaller than one is refused before."""
    return max(stride, min(side, most) // stride * stride)
