"""What goes into a network of others beside the picture of one frame, and what came out beside its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class NetworkCall:
    """One frame's call. ``options``: values of the network's options, by name. ``carried``: what an earlier
    frame's call ``found`` that is to go in again. ``found``: what the network gave beside its result; filled
    by the call."""

    options: Mapping[str, Any] = field(default_factory=dict)
    carried: Mapping[str, Any] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)
