"""Pixels from one decided space into another, so that a ground truth means what its plate means."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from understudy.colour.decide import SpaceDecision
from understudy.colour.named_space import NamedSpace, convert, convert_back, resolved_in
from understudy.colour.scene_linear import ROLE, linear_to_srgb, srgb_to_linear

REC709 = "lin_rec709_scene"


def are_alike(one: SpaceDecision, other: SpaceDecision) -> bool:
    """Whether values of the two mean the same."""
    return one.space == other.space and _config_of(one) == _config_of(other)


def convert_between(pixels: np.ndarray, source: SpaceDecision, target: SpaceDecision) -> np.ndarray:
    """float32 (H, W, 3 or more) file values of ``source`` as those of ``target``; channels after the third
    stay. A new array. ColourError where a config cannot convert.

    ``srgb`` has the primaries of Rec.709. So has ``linear`` where a header says it; else its values are those
    of the ``scene_linear`` role of the other's config.
    """
    if source.named and target.named and source.named.config == target.named.config:
        return convert(pixels, source.named, target.named.name)
    bridge = _bridge(source, target)
    return _from_bridge(_into_bridge(pixels, source, bridge), target, bridge)


def _bridge(source: SpaceDecision, target: SpaceDecision) -> str:
    """Linear Rec.709 where both sides know it, else what both sides call scene-linear."""
    sides = (source, target)
    unsaid = any(side.space == "linear" and not side.said for side in sides)
    named = [side.named for side in sides if side.named]
    return REC709 if not unsaid and all(resolved_in(REC709, each.config) for each in named) else ROLE


def _into_bridge(pixels: np.ndarray, source: SpaceDecision, bridge: str) -> np.ndarray:
    if source.named:
        return convert(pixels, source.named, _name_in(bridge, source.named))
    return _with_colours(pixels, srgb_to_linear) if source.space == "srgb" else np.array(pixels, np.float32)


def _from_bridge(pixels: np.ndarray, target: SpaceDecision, bridge: str) -> np.ndarray:
    if target.named:
        return convert_back(pixels, _name_in(bridge, target.named), target.named)
    return _with_colours(pixels, linear_to_srgb) if target.space == "srgb" else pixels


def _name_in(bridge: str, space: NamedSpace) -> str:
    return resolved_in(bridge, space.config) or bridge


def _with_colours(pixels: np.ndarray, curve: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    result = np.array(pixels, np.float32)
    result[..., :3] = curve(result[..., :3])
    return result


def _config_of(decision: SpaceDecision) -> str:
    return decision.named.config if decision.named else ""
