"""Initial Weights: what a network takes over from another that has learned before."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from understudy.errors import ModelFileError
from understudy.models.finding import find_model
from understudy.models.names import count_text
from understudy.models.opening import finds_motion
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.kinds import MOTION
from understudy.network.model_file import load_model
from understudy.network.nested import NESTED_SIZES
from understudy.network.unet import MODEL_SIZES, STEM, UNet

STEM_WEIGHT = "stem.weight"
LAST = ("head.", "context.")
"""What a U-Net answers with, and what it is told of another's answer."""
ROOM = 0.3
"""How much of each layer begins anew where a network takes in more than the initial weights know, such as the
frames before and after. Without, a training of two minutes hardly learns to look at what is new, and ends
below one that began with nothing (measured: docs/learning.md)."""
HEARD = 0.7
"""What is new is heard so much as in a network that begins with nothing: more shakes what is known."""


@dataclass(frozen=True)
class _Shared:
    """What two networks have in common: of the channels that go in, the first ``inputs``, all where it is
    None; whether ours takes in ``more``; and whether they ``answer`` with the same."""

    inputs: int | None
    more: bool
    answer: bool


def begin_from(network: EffectNetwork, initial_weights: str) -> tuple[str, ...]:
    """Give ``network`` the U-Nets of another .cat instead of new ones; the colour fit stays that of the pairs
    at hand. Where only one of the two has a coarse view, what has seen the whole frame goes on seeing it.
    What only one of them takes in or tells begins anew. Sentences on what did; ModelFileError where the
    layers are of other sizes, or the plate has fewer channels than they know."""
    path = find_model(initial_weights, start=True).path
    header, other = load_model(path)
    if header.kind == MOTION:
        raise finds_motion(path)
    ours, theirs = network.architecture, other.architecture
    if ours.screen or theirs.screen:
        return _begin_keying(network, other, initial_weights)
    shared = _shared(ours, theirs)
    if ours.size in NESTED_SIZES:
        return _begin_nested(network, other, initial_weights)
    fits = ours.size == theirs.size and _plate(theirs) <= _plate(ours)
    views = _views_of_both(network, other)
    if not fits or not all(_take_over(*pair, shared) for pair in views):
        raise _no_fit(initial_weights, ours, theirs)
    for unet, _ in views:
        _see_alike(unet, network, other, shared)
    return _notes(shared, ours, theirs)


@torch.no_grad()
def _begin_nested(network: EffectNetwork, other: EffectNetwork, initial_weights: str) -> tuple[str, ...]:
    """The same for U-2-Net. Where both take the same channels, pictures are seen as those were that the
    weights have learned from: their range goes with them."""
    ours, theirs = network.architecture, other.architecture
    shared, weights = _shared(ours, theirs), other.unet.state_dict()
    own = network.unet.state_dict()
    same = {name: own[name].shape == tensor.shape for name, tensor in weights.items() if name in own}
    ends = ("head.", "encoder.0.enter.conv.weight")
    if ours.size != theirs.size or not all(fits or name.startswith(ends) for name, fits in same.items()):
        raise _no_fit(initial_weights, ours, theirs)
    taken = {name: tensor for name, tensor in weights.items() if same[name]}
    if not shared.answer:
        taken = {name: tensor for name, tensor in taken.items() if not name.startswith("head.")}
    network.unet.load_state_dict({**own, **taken})
    if shared.inputs is None and ours.kind == "matte":
        network.low.copy_(other.low)
        network.high.copy_(other.high)
    return _notes(shared, ours, theirs)


def _begin_keying(network: EffectNetwork, other: EffectNetwork, initial_weights: str) -> tuple[str, ...]:
    """The same for keyers, whose U-Nets see and say the same, whatever of it comes out."""
    ours, theirs = network.architecture, other.architecture
    if ours.screen != theirs.screen or ours.size != theirs.size:
        raise _no_fit(initial_weights, ours, theirs)
    network.unet.load_state_dict(other.unet.state_dict())
    return ()


def _plate(shape: Architecture) -> int:
    """How many of the channels that go in are the plate's own; early files do not say, and have no others."""
    return shape.plate or shape.inputs


def _shared(ours: Architecture, theirs: Architecture) -> _Shared:
    both = [(each.inputs, _plate(each), each.beside) for each in (ours, theirs)]
    told = [(each.kind, each.outputs, each.scale) for each in (ours, theirs)]
    known = None if both[0] == both[1] else _plate(theirs)
    return _Shared(known, known is not None and ours.inputs > known, told[0] == told[1])


def _views_of_both(network: EffectNetwork, other: EffectNetwork) -> list[tuple[UNet, UNet]]:
    """Which U-Net goes on from which."""
    ours, theirs = (each.architecture.coarse > 1 for each in (network, other))
    both = [(network.unet, other.unet), (network.coarse, other.coarse)] if ours and theirs else []
    both = both or [(network.coarse if ours else network.unet, other.coarse if theirs else other.unet)]
    return [(one, two) for one, two in both if isinstance(one, UNet) and isinstance(two, UNet)]


def _take_over(unet: UNet, other: UNet, shared: _Shared) -> bool:
    """Give ``unet`` the weights of ``other``; False where their layers have other sizes. What only one of
    them takes in or tells stays as it is in ``unet``, and is left out of ``other``; where there is more that
    goes in, a part of all layers stays, too."""
    weights, ours = other.state_dict(), unet.state_dict()
    stem = weights[STEM_WEIGHT]
    stem = stem if shared.inputs is None else stem[:, : shared.inputs * STEM * STEM]
    new = ours[STEM_WEIGHT][:, stem.shape[1] :] * (HEARD if shared.more else 0.0)
    weights[STEM_WEIGHT] = torch.cat([stem, new], 1)[:, : ours[STEM_WEIGHT].shape[1]]
    if shared.answer:
        for name in ("head.weight", "head.bias"):
            rows = min(len(weights[name]), len(ours[name]))
            weights[name] = torch.cat([weights[name][:rows], ours[name][rows:]])
    else:
        weights = {name: tensor for name, tensor in weights.items() if not name.startswith(LAST)}
        weights |= {name: tensor for name, tensor in ours.items() if name.startswith(LAST)}
    if _shapes(weights) != _shapes(ours):
        return False
    unet.load_state_dict(_with_room(weights, ours) if shared.more else weights)
    return True


def _with_room(weights: dict[str, Tensor], ours: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of which a part is as it was in a new network, but for what comes first; a last layer has no
    part of a new one, which says nothing."""
    made = dict(weights)
    for name, tensor in weights.items():
        if name.startswith("head."):
            made[name] = tensor * (1 - ROOM)
        elif tensor.ndim == 4 and name != STEM_WEIGHT:
            made[name] = torch.lerp(tensor, ours[name], ROOM)
    return made


@torch.no_grad()
def _see_alike(unet: UNet, network: EffectNetwork, other: EffectNetwork, shared: _Shared) -> None:
    """Let the stem of a U-Net of ``network``, which comes from ``other``, tell of a plate what it told there:
    each network sees the range of its own pairs as -1..1, and a stem is linear, so that it can take in the
    difference."""
    shape, count = network.architecture, shared.inputs or len(other.low)
    low, high = network.low[:count], network.high[:count]
    before, span = other.low[:count] + other.high[:count], other.high[:count] - other.low[:count]
    wider, shift = (high - low) / span, (low + high - before) / span
    shift[shape.plate : shape.plate * (1 + shape.beside)] = 0  # seen as what differs from the plate
    weight = unet.stem.weight[:, : count * STEM * STEM]
    assert unet.stem.bias is not None
    unet.stem.bias += (weight.sum((2, 3)) * shift.repeat_interleave(STEM * STEM)).sum(1)
    weight *= wider.repeat_interleave(STEM * STEM)[:, None, None]


def _shapes(tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def _notes(shared: _Shared, ours: Architecture, theirs: Architecture) -> tuple[str, ...]:
    notes = []
    if shared.inputs is not None:
        notes.append(
            f"The initial weights know {_takes(theirs)}: of the {ours.inputs} here, what is not among the "
            f"plate's first {shared.inputs} begins anew."
        )
    if not shared.answer:
        notes.append(
            f"The initial weights make {_makes(theirs)}, which is not wanted here: all of their layers are "
            "taken but the last."
        )
    return tuple(notes)


def _keys(shape: Architecture) -> str:
    return "a keyer" if shape.screen else "a network that keys nothing"


def _takes(shape: Architecture) -> str:
    return f"{shape.inputs} channels in"


def _makes(shape: Architecture) -> str:
    what = "a matte" if shape.kind == "matte" else f"{shape.outputs} channels"
    return f"{what} of {shape.scale} times the size" if shape.scale > 1 else what


def _asked_as(size: str) -> str:
    if size in NESTED_SIZES:
        return f"--architecture {size}"
    if size not in MODEL_SIZES:
        return f"a size that no training has ({size})"
    return f"--model-size {size} (or auto)"


def _channels(shape: Architecture) -> str:
    return count_text(_plate(shape), "channel")


def _no_fit(initial_weights: str, ours: Architecture, theirs: Architecture) -> ModelFileError:
    differ = []
    if ours.screen != theirs.screen:
        differ.append((_keys(ours), _keys(theirs)))
    if ours.size != theirs.size:
        differ.append((f"a {ours.size} network", f"a {theirs.size} network"))
    if _plate(theirs) > _plate(ours):
        differ.append((f"{_channels(ours)} of the plate", f"{_channels(theirs)} of the plate"))
    return ModelFileError(
        "The initial weights do not fit this training.",
        expected=", ".join(wanted for wanted, _ in differ) or "layers as this version has them",
        found=", ".join(found for _, found in differ) or "layers of other sizes",
        where=f"--initial-weights {initial_weights}",
        remedy=f"They are for {_asked_as(theirs.size)} and {_channels(theirs)} of the plate, or "
        "more; or choose others.",
    )
