"""The optimiser: Muon for the convolutions inside the network, AdamW for its ends and biases.

Muon (Jordan et al., 2024) makes each update of a weight matrix orthogonal, by a few Newton-Schulz iterations
on its momentum. From few frames and in few steps it reaches in a hundred steps what Adam reaches in many
hundreds. Matrices of one shape are worked on together, as one batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
BETAS = (0.9, 0.99)
EPSILON = 1e-8
DECAY = 0.01
END_RATE = 0.025
CLIP = 1.0
ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ENDS = ("stem", "head")


def orthogonal(matrices: Tensor, kind: torch.dtype) -> Tensor:
    """(N, rows, columns) -> about U V^T of each matrix's singular value decomposition."""
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).to(kind)
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).float()


class Optimizer:
    """Steps the parameters of an EffectNetwork. Its state is a flat dict of named tensors."""

    def __init__(self, network: nn.Module, kind: torch.dtype) -> None:
        self._kind = kind
        named = dict(network.named_parameters())
        inner = [n for n, p in named.items() if p.ndim == 4 and not any(f".{end}." in n for end in ENDS)]
        shapes: dict[tuple[int, int], list[nn.Parameter]] = {}
        for name in inner:
            shapes.setdefault((named[name].shape[0], named[name][0].numel()), []).append(named[name])
        self._groups = shapes
        self._momenta = {
            shape: torch.zeros(len(group), *shape, device=group[0].device) for shape, group in shapes.items()
        }
        self._outer = [parameter for name, parameter in named.items() if name not in inner]
        self._first = [torch.zeros_like(parameter) for parameter in self._outer]
        self._second = [torch.zeros_like(parameter) for parameter in self._outer]

    @torch.no_grad()
    def step(self, rate: float, count: int) -> None:
        """One update at ``rate``; ``count`` is the number of updates with this one."""
        for shape, group in self._groups.items():
            self._step_group(shape, group, rate)
        self._step_outer(rate * END_RATE, count)

    def _step_group(self, shape: tuple[int, int], group: list[nn.Parameter], rate: float) -> None:
        gradients = torch.stack([_gradient(parameter).reshape(shape) for parameter in group])
        momentum = self._momenta[shape].lerp_(gradients, 1 - MOMENTUM)
        scale = max(1.0, shape[0] / shape[1]) ** 0.5
        updates = orthogonal(gradients.lerp(momentum, MOMENTUM), self._kind) * (rate * scale)
        for parameter, update in zip(group, updates, strict=True):
            parameter.mul_(1 - rate * DECAY).sub_(update.reshape(parameter.shape))

    def _step_outer(self, rate: float, count: int) -> None:
        gradients = [_gradient(parameter) for parameter in self._outer]
        norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
        torch._foreach_mul_(gradients, (CLIP / (norm + 1e-6)).clamp(max=1.0))
        torch._foreach_lerp_(self._first, gradients, 1 - BETAS[0])
        torch._foreach_mul_(self._second, BETAS[1])
        torch._foreach_addcmul_(self._second, gradients, gradients, 1 - BETAS[1])
        roots = torch._foreach_div(self._second, 1 - BETAS[1] ** count)
        torch._foreach_sqrt_(roots)
        torch._foreach_add_(roots, EPSILON)
        torch._foreach_mul_(self._outer, 1 - rate * DECAY)
        torch._foreach_addcdiv_(self._outer, self._first, roots, -rate / (1 - BETAS[0] ** count))

    def state(self) -> dict[str, Tensor]:
        """Everything that goes on from step to step, by name."""
        named = {f"muon.{index}": momentum for index, momentum in enumerate(self._momenta.values())}
        named |= {f"adam1.{index}": each for index, each in enumerate(self._first)}
        return named | {f"adam2.{index}": each for index, each in enumerate(self._second)}


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
