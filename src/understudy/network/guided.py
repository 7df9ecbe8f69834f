"""Planes at the size of a picture, with the picture's edges: the fast guided filter (He, Sun and Tang, Guided
Image Filtering, 2013; He and Sun, Fast Guided Filter, 2015).

About each pixel of the small picture the answer is a linear function of its colour, fitted by least
squares; these functions, made larger, are given the colours of the large picture. All of it is linear in the
answer and without a threshold: where the frames of a shot change little, what is made of them does too.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from understudy.network.resampling import resample

RADIUS = 4
"""Of the window about a pixel of the small picture."""
EPSILON = 2e-4
"""How much the colours have to vary in a window, as a variance of values 0 to 1, to count as an edge."""
MOST_GUIDES = 3


def follow(answer: Tensor, small: Tensor, large: Tensor, portable: bool = False) -> Tensor:
    """``answer`` (N, K, h, w), which belongs to the picture ``small`` (N, C, h, w), at the size of the same
    picture ``large`` (N, C, H, W): (N, K, H, W). Pictures are about 0..1; their first three channels
    guide."""
    return along(resample(lines_of(answer, small), large, portable), large)


def lines_of(answer: Tensor, small: Tensor) -> Tensor:
    """What about each pixel of ``small`` (N, C, h, w) makes ``answer`` (N, K, h, w) of its colours: (N, K * G
    + K, h, w), for each plane of the answer the slopes of the G guides, and behind all of them where each
    starts."""
    guides = small[:, :MOST_GUIDES].unbind(1)
    means = [_around(guide) for guide in guides]
    spread = [
        [_around(a * b) - means[i] * means[j] + (EPSILON if i == j else 0.0) for j, b in enumerate(guides)]
        for i, a in enumerate(guides)
    ]
    slopes, starts = [], []
    for plane in answer.unbind(1):
        mean = _around(plane)
        shared = [_around(guide * plane) - own * mean for guide, own in zip(guides, means, strict=True)]
        slope = _solved(spread, shared)
        slopes += slope
        starts.append(mean - sum(s * own for s, own in zip(slope, means, strict=True)))
    return _around(torch.stack([*slopes, *starts], 1).flatten(0, 1)).unflatten(0, (answer.shape[0], -1))


def along(lines: Tensor, large: Tensor) -> Tensor:
    """The answer (N, K, H, W) that ``lines_of`` stands for, at the size of lines, for the colours of
    ``large`` (N, C, H, W)."""
    guides = large[:, :MOST_GUIDES]
    count = lines.shape[1] // (guides.shape[1] + 1)
    slopes = lines[:, :-count].unflatten(1, (count, guides.shape[1]))
    return (slopes * guides[:, None]).sum(2) + lines[:, -count:]


def _around(plane: Tensor) -> Tensor:
    """(N, h, w): the mean of the window about each pixel, as far as the picture has it."""
    size = 2 * RADIUS + 1
    plane = plane.contiguous()  # a plane among channels that lie last takes seven times as long
    return functional.avg_pool2d(plane[:, None], size, 1, RADIUS, count_include_pad=False)[:, 0]


def _solved(matrix: list[list[Tensor]], right: list[Tensor]) -> list[Tensor]:
    """The solution of a small symmetric positive system at every pixel, by elimination."""
    rows, right = [list(row) for row in matrix], list(right)
    count = len(right)
    for pivot in range(count):
        for row in range(pivot + 1, count):
            factor = rows[row][pivot] / rows[pivot][pivot]
            rows[row] = [a - factor * b for a, b in zip(rows[row], rows[pivot], strict=True)]
            right[row] = right[row] - factor * right[pivot]
    found: list[Tensor] = []
    for row in reversed(range(count)):
        known = sum(rows[row][count - 1 - index] * value for index, value in enumerate(found))
        found.append((right[row] - known) / rows[row][row])
    return found[::-1]
