"""What "close" means, term by term.

A loss is a sum of weighted terms, written ``l1``, ``l1+gradient``, or with weights ``l1:1+structure:0.2``.
Every term takes the result and the truth as (N, C, H, W) and weights (N, 1, H, W), in float32, and gives a
mean over the samples, so that parts of a batch computed apart add up to the whole. What has no weight has no
say: of a sample, the mean is that over the pixels that count. Of several mattes each has weights of its own,
(N, C, H, W), and a loss of its own; what is learned is their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor

from understudy.errors import SettingError
from understudy.network.alpha_losses import alpha, composite, gradient, keyed

Term = Callable[[Tensor, Tensor, Tensor], Tensor]
AUTO = {"image": "l1", "matte": "edges+jaccard"}
NESTED_AUTO = "bce+structure+jaccard"
"""What auto is for mattes of a network with several answers: the hybrid loss of pixels, patches and the whole
(Qin et al., BASNet, 2019), on each of them."""
EARLIER_AUTO = {"image": "l1", "matte": "bce+dice"}
"""What auto was in runs that were begun before their loss was kept with them."""
UNMIX = "l1+composite"
"""What auto is of a plate that is taken apart."""
KEYING = {"image": "keyed", "matte": "alpha"}
"""What auto is of a network that keys, by what it makes."""
SMOOTH = 1e-3
LEAST_SHARE = 0.01
WINDOW = 3
"""Pixels on each side of one that its surroundings reach, in ``structure``."""
EDGE_CELLS = (4, 8, 16, 32)
EDGE_WEIGHT = 20.0


def _mean(error: Tensor, weight: Tensor) -> Tensor:
    return (error * weight).mean()


def l1(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    return _mean((result - truth).abs(), weight)


def l2(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    return _mean((result - truth).square(), weight)


def charbonnier(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """A smooth L1 (Charbonnier et al., 1994)."""
    return _mean(((result - truth).square() + SMOOTH**2).sqrt(), weight)


def bce(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Binary cross entropy of a matte, soft edges included, from what the sigmoid is taken of: a pixel that
    is surely wrong pulls as hard as any other."""
    return _mean(functional.binary_cross_entropy_with_logits(logits, truth, reduction="none"), weight)


def edges(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Binary cross entropy of a matte that counts up to some ten times as much at its edges, in hair and in
    whatever else is thin: where the truth differs from its mean over the surroundings (Wei et al., F3Net,
    2020; here over three sizes of them)."""
    near = _unlike_surroundings(truth, (weight > 0).to(truth.dtype))
    return bce(logits, truth, weight * (1 + EDGE_WEIGHT * near))


def _unlike_surroundings(truth: Tensor, known: Tensor) -> Tensor:
    """0..1: how far each pixel is from what is known around it, as a mean over cells of several sizes."""
    size, total = truth.shape[-2:], torch.zeros_like(truth)
    for cell in EDGE_CELLS:
        known_share = functional.avg_pool2d(known, cell, ceil_mode=True)
        mean = functional.avg_pool2d(truth * known, cell, ceil_mode=True) / known_share.clamp(min=SMOOTH)
        total += (functional.interpolate(mean, size=size, mode="bilinear") - truth).abs()
    return total / len(EDGE_CELLS)


def jaccard(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """1 - intersection over union of each sample, and 0 only where both are equal, soft edges too (Wang and
    Blaschko, Jaccard Metric Losses, 2023); a sample without matte counts little."""
    apart, total = _apart_and_total(result, truth, weight)
    return (2 * apart / (total + apart)).mean()


def dice(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """1 - Dice overlap of each sample; a sample without matte counts little.

    In the form that is 0 only where both are equal, soft edges too (Wang et al., Dice Semimetric Losses,
    2023). For truths of 0 and 1 it is the product form of Milletari et al. (2016), which draws what is half
    transparent to one or the other. Of an image, values below 0 count by their size.
    """
    apart, total = _apart_and_total(result, truth, weight)
    return (apart / total).mean()


def _apart_and_total(result: Tensor, truth: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Of each sample, and of each of several mattes, how far both are apart, and how much there is in both,
    with a little slack."""
    over = _over(weight)
    apart = ((result - truth).abs() * weight).sum(over)
    total = ((result.abs() + truth.abs()) * weight).sum(over)
    return apart, total + 1e-4 * weight[0, 0].numel()


def structure(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """1 - SSIM over windows of 7 pixels (Wang et al., 2004), for values about 0..1. What has no weight counts
    as equal in the windows of others."""
    result = torch.where(weight > 0, result, truth)
    a, b = _window(result), _window(truth)
    aa, bb, ab = (
        _window(result.square()) - a * a,
        _window(truth.square()) - b * b,
        _window(result * truth) - a * b,
    )
    similarity = (2 * a * b + 1e-4) * (2 * ab + 9e-4) / ((a * a + b * b + 1e-4) * (aa + bb + 9e-4))
    return _mean(1 - similarity, weight)


def perceptual(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """L1 over a Laplacian pyramid (Bojanowski et al., 2018): detail at every scale, no trained weights."""
    error, total = (result - truth) * weight, result.new_zeros(())
    for level in range(4):
        if min(error.shape[-2:]) < 4:
            break
        coarse = functional.avg_pool2d(error, 2)
        fine = error[..., : coarse.shape[-2] * 2, : coarse.shape[-1] * 2]
        detail = fine - coarse.repeat_interleave(2, -2).repeat_interleave(2, -1)
        total = total + detail.abs().mean() * 2.0**level
        error = coarse
    return total + error.abs().mean()


TERMS: dict[str, Term] = {
    term.__name__: term
    for term in (
        *(l1, l2, charbonnier, gradient, structure, perceptual),
        *(bce, edges, dice, jaccard),
        *(composite, alpha, keyed),
    )
}
LOGIT_TERMS = (bce, edges)
"""What takes a matte as it is before the sigmoid, and no image."""


def _evened(weight: Tensor) -> Tensor:
    """Weights with a mean of 1 in each sample: a crop of which only a part counts is no weaker than others,
    unless that is next to nothing. Of several mattes those that a sample does not have leave it to the
    others."""
    share = weight.mean(_over(weight), keepdim=True)
    if weight.shape[1] > 1:
        counting = (share > 0).to(weight.dtype).mean(1, keepdim=True)
        share = share * counting.clamp(min=1 / weight.shape[1])
    return weight / share.clamp(min=LEAST_SHARE)


def _over(weight: Tensor) -> tuple[int, ...]:
    """What is one whole: a sample, or each of the several mattes of one."""
    return (1, 2, 3) if weight.shape[1] == 1 else (2, 3)


def _window(planes: Tensor) -> Tensor:
    """The mean of the window about each pixel, as far as there is one."""
    return _along(_along(planes, 3), 2)


def _along(planes: Tensor, side: int) -> Tensor:
    """The mean of the pixels about each along one side, by a running sum: that takes a tenth of the time of a
    pooling where planes lie as they come from the network, channels last."""
    length = planes.shape[side]
    place = torch.arange(length, device=planes.device)
    below, above = (place - WINDOW).clamp(min=0), (place + WINDOW + 1).clamp(max=length)
    sums = functional.pad(planes.cumsum(side), (1, 0) if side == 3 else (0, 0, 1, 0))
    count = (above - below).to(planes.dtype).view(-1, *(1,) * (3 - side))
    return (sums.index_select(side, above) - sums.index_select(side, below)) / count


def chosen_terms(text: str, kind: str, nested: bool = False) -> str:
    """What ``--loss`` means: itself, or what ``auto`` stands for, for a network of one answer or of several
    (``nested``)."""
    if text != "auto":
        return text
    return NESTED_AUTO if nested and kind == "matte" else AUTO[kind]


class Loss:
    """A sum of weighted terms; ``names`` are what they are called. Called with the network's answer, the
    truth and the weights, it gives their sum; ``parts`` are the terms, each times its weight, (terms,).
    ``logits``: the answer is what the sigmoid is taken of."""

    def __init__(self, terms: Sequence[tuple[str, float, Term]], logits: bool) -> None:
        self.names = tuple(name for name, _, _ in terms)
        self._terms, self._logits = terms, logits

    def __call__(self, answer: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        return self.parts(answer, truth, weight).sum()

    def parts(self, answer: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        weight = _evened(weight)
        result = answer.sigmoid() if self._logits else answer
        return torch.stack(
            [
                factor * term(answer if term in LOGIT_TERMS else result, truth, weight)
                for _, factor, term in self._terms
            ]
        )


def make_loss(
    text: str,
    kind: str,
    unmixes: bool = False,
    further: Mapping[str, Term] | None = None,
    keys: bool = False,
) -> Loss:
    """The function for ``--loss``; ``auto`` is chosen by the kind of truth, by whether the plate is taken
    apart (``unmixes``), and by whether the network ``keys``. ``further``: terms beside those of this file.
    SettingError when unknown, or of another kind of network."""
    if text == "auto" and (keys or unmixes):
        text = KEYING[kind] if keys else UNMIX
    known = {**TERMS, **(further or {})}
    weighted = [_parse(item.strip(), text, known) for item in chosen_terms(text, kind).split("+")]
    logits = kind == "matte" and not keys
    strange: list[Term] = [] if logits else [*LOGIT_TERMS]
    strange += [] if unmixes and not keys else [composite]
    strange += [alpha, keyed] if not keys else [alpha] if kind == "image" else [keyed]
    if any(term in strange for _, _, term in weighted):
        raise _no_loss(text)
    return Loss(weighted, logits)


def _parse(item: str, text: str, known: Mapping[str, Term]) -> tuple[str, float, Term]:
    name, _, factor = item.partition(":")
    try:
        value = float(factor or 1)
    except ValueError:
        raise _no_loss(text) from None
    if name not in known or not 0 < value < 1e6:
        raise _no_loss(text)
    return name, value, known[name]


def _no_loss(text: str) -> SettingError:
    return SettingError(
        "There is no such loss.",
        expected=f"auto, or terms joined by +, each with a weight: {', '.join(TERMS)} (bce and edges for "
        "mattes only, composite with --unmix only, alpha and keyed for a keyer's alpha, alone or with "
        "colours, features with --perceptual-network)",
        found=text,
        where="--loss",
        remedy="Write it as in l1+structure:0.2.",
    )
