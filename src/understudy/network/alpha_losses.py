"""What "close" means where a truth has an alpha: of what is keyed, and of a plate that is taken apart.

Terms as in ``understudy.network.losses``; of several channels each has weights of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor

EDGES_OF_ALPHA = 4.0
SOFT_EDGES, DIFFERENCES, TOGETHER = 3.0, 0.5, 0.5
"""Of what is keyed: how much more soft edges count, and how much the differences between neighbours and both
together count beside the alpha."""


def gradient(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """L1 of the differences between neighbours, for edges."""
    error = result - truth
    across = torch.minimum(weight[..., 1:], weight[..., :-1])
    down = torch.minimum(weight[..., 1:, :], weight[..., :-1, :])
    return (error.diff(dim=3) * across).abs().mean() + (error.diff(dim=2) * down).abs().mean()


def alpha(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """L1 of an alpha (N, 1, H, W), more at soft edges, and of its differences between neighbours."""
    soft = 1 + SOFT_EDGES * (4 * truth * (1 - truth))
    return ((result - truth).abs() * soft * weight).mean() + DIFFERENCES * gradient(result, truth, weight)


def keyed(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Of a foreground and its alpha (N, 4, H, W): ``alpha``, L1 of the colours as far as each is known, and
    of both together, as they go over another picture."""
    (colours, matte), (wanted, over) = (each.split((3, 1), 1) for each in (result, truth))
    known, counts = (weight[:, :3], weight[:, 3:]) if weight.shape[1] == 4 else (weight, weight)
    straight = ((colours - wanted).abs() * known).mean()
    together = ((matte * colours - over * wanted).abs() * counts).mean()
    return alpha(matte, over, counts) + straight + TOGETHER * together


def composite(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """L1 of alpha, foreground and background (N, 7, H, W) as they lie over each other, which is the plate; of
    the alpha, most where it is neither 0 nor 1; and of the foreground as far as it shows. In network values,
    in which soft edges of display-referred plates are not quite the plate's own."""
    known = weight[:, :1]
    alpha, wanted = result[:, :1], truth[:, :1]
    edge = 1 + EDGES_OF_ALPHA * (4 * wanted * (1 - wanted))
    matte = ((alpha - wanted).abs() * edge * known).mean()
    over = ((_over_each_other(result) - _over_each_other(truth)).abs() * known).mean()
    shown = ((alpha * result[:, 1:4] - wanted * truth[:, 1:4]).abs() * known).mean()
    return matte + over + shown


def _over_each_other(parts: Tensor) -> Tensor:
    alpha, foreground, background = parts[:, :1], parts[:, 1:4], parts[:, 4:7]
    return alpha * foreground + (1 - alpha) * background
