"""What a recipe says: the network, what it is for, and how a crop is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from understudy.colour import SRGB, ColourEncoding
from understudy.network.card import Kind, Source
from understudy.network.colour_fit import Scaling
from understudy.network.effect import Architecture
from understudy.network.losses import Term
from understudy.network.model_file import ExtraInput
from understudy.network.motion import MotionArchitecture
from zoo.pictures import Part

RANGE = (0.0, 1.5)
"""The range of network values that the networks see: all of 0..1, and of scene-linear plates lights up to
some twelve times as bright as white."""


class Crop(NamedTuple):
    """What goes in and what is to come out, float32 (H, W, C) network values; where the truth is larger, it
    is a whole number of times as large."""

    input: np.ndarray
    truth: np.ndarray


Make = Callable[[np.random.Generator, Any, int], Crop]
Load = Callable[[Path, Path, Part], Any]
"""The folder of photographs, that of renders, and which part -> what crops are made of."""
MakeShot = Callable[[np.random.Generator, Any, int], list[Crop]]


@dataclass(frozen=True)
class Recipe:
    """``make(random, pictures, side)`` makes one crop with an input of ``side`` pixels a side; ``pictures``
    are photographs, or what ``renders`` loads from these and from a folder of renders. A step takes
    ``crops`` of them. ``kinds``: ``network`` where it is applied as it is, ``start`` where trainings begin
    with it. ``judged``: from which output on, and before which, the curve is drawn of; all by default.
    ``held``: for how much of the time the rate is held before it falls. ``motion_loss`` takes what a network
    that finds motion finds at each level, and the truth. ``colour``: of what goes in and comes out; with
    sRGB, of both kinds of values. ``extra``: layers behind the plate. ``scaling``: the range of all inputs,
    where that is not ``RANGE``. ``sources``: what else it learned from, for its card; ``lit``: the parts of
    the HDR maps too. ``trained_as``: the recipe whose training it comes of, where that is another. ``shot``:
    makes the pairs of a shot, and one to judge by, for a start that learns to learn from such; a step takes
    one. ``rate`` is how far it goes towards what the shot has taught it."""

    name: str
    title: str
    purpose: str
    kinds: tuple[Kind, ...]
    architecture: Architecture | MotionArchitecture
    make: Make
    loss: str | Term = "l1"
    side: int = 128
    crops: int = 4
    rate: float = 0.004
    held: float = 0.5
    output_channels: tuple[str, ...] = ("R", "G", "B")
    judged: tuple[int, int | None] = (0, None)
    motion_loss: Callable[[list[Tensor], Tensor], Tensor] | None = None
    colour: ColourEncoding = SRGB
    extra: tuple[ExtraInput, ...] = ()
    scaling: Scaling | None = None
    renders: Load | None = None
    sources: tuple[Source, ...] = ()
    lit: tuple[Part, ...] = ()
    trained_as: str = ""
    shot: MakeShot | None = None
