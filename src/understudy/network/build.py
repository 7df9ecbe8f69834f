"""Any network that makes a picture or a matte of a plate, by its architecture."""

from __future__ import annotations

from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.keying import KeyingNetwork
from understudy.network.whole import WholeNetwork


def build_effect(architecture: Architecture) -> EffectNetwork:
    """A new one."""
    if architecture.screen:
        return KeyingNetwork(architecture)
    return WholeNetwork(architecture) if architecture.whole else EffectNetwork(architecture)
