"""A loss in what another network sees: its own features of the result and of the truth, held against each
other (Johnson, Alahi and Fei-Fei, Perceptual Losses, 2016)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from understudy.errors import ModelFileError
from understudy.models.finding import find_model
from understudy.models.torchscript_file import load_script
from understudy.network.losses import Term
from understudy.network.model_file import load_model

SCRIPTS = (".pt", ".pth", ".ts")

Features = Callable[[Tensor], Sequence[Tensor]]


def feature_term(spec: str, outputs: int, device: torch.device) -> Term:
    """The term that a network of ours (a .cat, a run, a name), or a TorchScript file, makes. A script takes
    (N, 3, H, W), 0 to 1, and gives a tensor or several. ModelFileError where it cannot take a result of
    ``outputs`` channels."""
    look, stride = _script(spec, device) if spec.lower().endswith(SCRIPTS) else _own(spec, outputs, device)

    def features(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        """The mean difference of features, as a share of how large those of the truth are."""
        height, width = (side // stride * stride for side in result.shape[-2:])
        if not height or not width:
            return result.sum() * 0
        known = torch.where(weight > 0, result, truth)[..., :height, :width]
        with torch.no_grad():
            wanted = look(truth[..., :height, :width])
        pairs = zip(look(known), wanted, strict=True)
        apart = [(ours - theirs).abs().mean() / theirs.abs().mean().clamp(min=1e-6) for ours, theirs in pairs]
        return torch.stack(apart).mean()

    with torch.no_grad():
        _try(look, outputs, max(stride, 64), device, spec)
    return features


def _own(spec: str, outputs: int, device: torch.device) -> tuple[Features, int]:
    network = load_model(find_model(spec, start=True).path, device)[1].requires_grad_(False)
    if network.architecture.screen:
        raise _unfit(spec, "a network that sees pictures as they are", "a keyer")
    if network.architecture.inputs != outputs or network.placed:
        raise _unfit(spec, f"a network that takes {outputs} channels", f"{network.architecture.inputs}")
    core = network.coarse if network.architecture.coarse > 1 else network.unet
    return lambda planes: core.features(network.seen(planes)), core.stride


def _script(spec: str, device: torch.device) -> tuple[Features, int]:
    if not Path(spec).is_file():
        raise _unfit(spec, "a TorchScript file", "no such file")
    module = load_script(Path(spec)).to(device)

    def look(planes: Tensor) -> Sequence[Tensor]:
        shown = planes if planes.shape[1] == 3 else planes[:, :1].expand(-1, 3, -1, -1)
        made = module(shown)
        return [made] if isinstance(made, Tensor) else list(made)

    return look, 1


def _try(look: Features, outputs: int, side: int, device: torch.device, spec: str) -> None:
    try:
        made = look(torch.full((1, outputs, side, side), 0.5, device=device))
    except (RuntimeError, TypeError) as error:
        raise _unfit(spec, "a network that takes a picture", str(error).strip()[:200]) from error
    if not made or not all(isinstance(each, Tensor) and each.is_floating_point() for each in made):
        raise _unfit(spec, "a network that gives tensors of numbers", "something else")


def _unfit(spec: str, expected: str, found: str) -> ModelFileError:
    return ModelFileError(
        "This network cannot tell how alike results are.",
        expected=expected,
        found=found,
        where=f"--perceptual-network {spec}",
        remedy="Use another one, or the term perceptual, which needs none.",
    )
