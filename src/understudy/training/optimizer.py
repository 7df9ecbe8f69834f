"""The optimiser: Muon for the convolutions inside the network, AdamW for its ends and biases.

Muon (Jordan et al., 2024) makes each update of a weight matrix orthogonal, by a few Newton-Schulz iterations
on its momentum. From few frames and in few steps it reaches in a hundred steps what Adam reaches in many
hundreds. Matrices of one shape are worked on together, as one batch; one matrix in four has its turn in a
step, and goes four times as far, as the momentum hardly changes from one step to the next.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
BETAS = (0.9, 0.99)
EPSILON = 1e-8
DECAY = 0.01
END_RATE = 0.025
CLIP = 1.0
ITERATIONS = 4
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ENDS = ("stem", "head", "context")
COARSE = "coarse."
TURNS = 4


def orthogonal(matrices: Tensor, kind: torch.dtype) -> Tensor:
    """(N, rows, columns) -> about U V^T of each matrix's singular value decomposition, of type ``kind``.

    The first product also tells how large the largest singular value can be (the square root of its norm),
    closer than the norm of the matrix does, which saves an iteration.
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).to(kind)
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    square = x @ x.mT
    size = square.norm(dim=(1, 2), keepdim=True) + 1e-14
    x, square = x / size.sqrt(), square / size
    for turn in range(ITERATIONS):
        square = square if turn == 0 else x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class _Group:
    """Weights of one shape whose turn comes together, and their momentum, (N, outputs, rest)."""

    def __init__(self, weights: list[nn.Parameter]) -> None:
        self.weights: list[Tensor] = list(weights)
        self.momentum = torch.zeros(len(weights), *_rows(weights[0]).shape, device=weights[0].device)

    @property
    def learns(self) -> bool:
        """Whether this step has gradients for them: one of the two views has none while the other learns."""
        return any(weight.grad is not None for weight in self.weights)

    def gradients(self) -> list[Tensor]:
        """As matrices."""
        return [_rows(_gradient(weight)) for weight in self.weights]

    def step(self, gradients: list[Tensor], rate: float, kind: torch.dtype) -> None:
        ahead = torch.stack(torch._foreach_lerp(gradients, list(self.momentum.unbind()), MOMENTUM))
        outputs, rest = ahead.shape[1:]
        updates = orthogonal(ahead, kind).float()
        torch._foreach_mul_(self.weights, 1 - rate * DECAY)
        moves = [_like(update, weight) for update, weight in zip(updates, self.weights, strict=True)]
        torch._foreach_add_(self.weights, moves, alpha=-rate * max(1.0, outputs / rest) ** 0.5)


class Optimizer:
    """Steps the parameters of an EffectNetwork. Its state is a flat dict of named tensors. Each matrix has
    its turn in one of ``turns`` steps."""

    def __init__(self, network: nn.Module, kind: torch.dtype, turns: int) -> None:
        self._kind, self._turns = kind, turns
        named = dict(network.named_parameters())
        inner = [n for n, p in named.items() if p.ndim == 4 and not any(f".{end}." in n for end in ENDS)]
        shapes: dict[tuple[int, bool, torch.Size], list[nn.Parameter]] = {}
        for place, name in enumerate(inner):
            key = place % turns, name.startswith(COARSE), named[name].shape
            shapes.setdefault(key, []).append(named[name])
        self._groups = [(turn, _Group(weights)) for (turn, _, _), weights in shapes.items()]
        self._outer: list[Tensor] = [parameter for name, parameter in named.items() if name not in inner]
        self._first = [torch.zeros_like(parameter) for parameter in self._outer]
        self._second = [torch.zeros_like(parameter) for parameter in self._outer]

    @torch.no_grad()
    def step(self, rate: float, count: int) -> None:
        """One update at ``rate``; ``count`` is the number of updates with this one."""
        groups = [(turn, group) for turn, group in self._groups if group.learns]
        all_gradients = [group.gradients() for _, group in groups]
        momenta = [momentum for _, group in groups for momentum in group.momentum.unbind()]
        torch._foreach_lerp_(momenta, list(itertools.chain(*all_gradients)), 1 - MOMENTUM)
        for (turn, group), gradients in zip(groups, all_gradients, strict=True):
            if count % self._turns == turn:
                group.step(gradients, rate * self._turns, self._kind)
        self._step_outer(rate * END_RATE, count)

    def _step_outer(self, rate: float, count: int) -> None:
        learns = [index for index, parameter in enumerate(self._outer) if parameter.grad is not None]
        outer, first, second = (
            [each[index] for index in learns] for each in (self._outer, self._first, self._second)
        )
        if not outer:
            return
        gradients = [_gradient(parameter) for parameter in outer]
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
        torch._foreach_mul_(gradients, (CLIP / (norm + 1e-6)).clamp(max=1.0))
        torch._foreach_lerp_(first, gradients, 1 - BETAS[0])
        torch._foreach_mul_(second, BETAS[1])
        torch._foreach_addcmul_(second, gradients, gradients, 1 - BETAS[1])
        roots = torch._foreach_div(second, 1 - BETAS[1] ** count)
        torch._foreach_sqrt_(roots)
        torch._foreach_add_(roots, EPSILON)
        torch._foreach_mul_(outer, 1 - rate * DECAY)
        torch._foreach_addcdiv_(outer, first, roots, -rate / (1 - BETAS[0] ** count))

    def state(self) -> dict[str, Tensor]:
        """Everything that goes on from step to step, by name."""
        named = {f"muon.{index}": group.momentum for index, (_, group) in enumerate(self._groups)}
        named |= {f"adam1.{index}": each for index, each in enumerate(self._first)}
        return named | {f"adam2.{index}": each for index, each in enumerate(self._second)}


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _rows(weight: Tensor) -> Tensor:
    """(outputs, inputs, h, w) -> (outputs, h * w * inputs), the order in which channels-last weights lie."""
    return weight.detach().permute(0, 2, 3, 1).reshape(weight.shape[0], -1)


def _like(rows: Tensor, weight: Tensor) -> Tensor:
    """The way back from ``_rows``."""
    outputs, inputs, height, width = weight.shape
    return rows.reshape(outputs, height, width, inputs).permute(0, 3, 1, 2)
