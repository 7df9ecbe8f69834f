"""The last touch in exports: baked in where it is one pixel's own affair, or as Nuke's own nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

from understudy.errors import SettingError
from understudy.export.nk import END_GROUP, Node, Raw, Value
from understudy.finishing import finish_matte
from understudy.inference.finish import check_kind, not_default
from understudy.inference.like import how_made
from understudy.models.description import ModelDescription
from understudy.settings import FinishingSettings

BAKED = ("clip_black", "clip_white", "gamma", "invert")
"""What changes each pixel by itself; the result is apply's."""

IN_NUKE = (*BAKED, "grow", "soften", "premultiply")
NEAR = ("grow", "soften")
"""What Nuke's own nodes do in a way of their own."""

SLACK = 5e-5
"""Half of what a file may differ from apply."""

BLUR_SIZE = 2.3548
"""Nuke's Blur is told the width at half of the height; a standard deviation is so many times smaller."""


def touch_like(
    like: str | None, host: str, model: ModelDescription
) -> tuple[FinishingSettings, tuple[str, ...]]:
    """The last touch of another result, for an export to ``host``, and sentences on it. SettingError where
    the result does not say how it was made, or the host cannot have it."""
    if like is None:
        return FinishingSettings(), ()
    values, _ = how_made(like)
    asked = FinishingSettings(
        **{name: value for name, value in values.items() if name in FinishingSettings.model_fields}
    )
    check_kind(asked, model.kind, len(model.output_channels))
    said = not_default(asked)
    if said and host == "nuke" and len(model.output_channels) > 1:
        raise _several(model, like)
    lacks = [name for name in said if name not in (IN_NUKE if host == "nuke" else BAKED)]
    if lacks:
        raise _lacking(lacks, host, like)
    words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in said.items()) or "none"
    notes = [f"Last touch as of {like}: {words}. Its mix, mask and region are not taken over."]
    if near := [name for name in said if host == "nuke" and name in NEAR]:
        notes.append(f"Nuke's own nodes do {' and '.join(near)}: near to what apply does, not the same.")
    return asked, tuple(notes)


def _several(model: ModelDescription, like: str) -> SettingError:
    return SettingError(
        "The nodes of a last touch in Nuke work on one matte.",
        expected="a network that makes one matte",
        found=f"one that makes {len(model.output_channels)}",
        where=f"--like {like}",
        remedy="Leave --like out, and give each matte's channel nodes of its own.",
    )


def _lacking(names: list[str], host: str, like: str) -> SettingError:
    words = ", ".join(name.replace("_", " ") for name in names)
    can = ", ".join(name.replace("_", " ") for name in (IN_NUKE if host == "nuke" else BAKED))
    return SettingError(
        f"An export to {host} cannot have this last touch: {words}.",
        expected=f"of a last touch no more than {can}",
        found=words,
        where=f"--like {like}",
        remedy="Use understudy serve or apply, which have all of it, or do it in the host.",
    )


class BakedTouch(nn.Module):
    """What is ``asked`` of each pixel of a matte, as ``finish_matte`` does it. (1, 1, H, W) -> the same."""

    def __init__(self, asked: FinishingSettings) -> None:
        super().__init__()
        self.black, self.range = float(asked.clip_black), float(asked.clip_white - asked.clip_black)
        self.clips = asked.clip_black > 0 or asked.clip_white < 1
        self.power = 1.0 / float(asked.gamma)
        self.inverts = bool(asked.invert)

    def forward(self, matte: Tensor) -> Tensor:
        if self.clips:
            matte = ((matte - self.black) / self.range).clamp(0.0, 1.0)
        if self.power != 1.0:
            matte = matte.clamp(min=0.0) ** self.power
        if self.inverts:
            matte = 1.0 - matte
        return matte


def baked(asked: FinishingSettings, host: str) -> BakedTouch | None:
    """What goes into the file itself; None where nothing does. In Nuke nodes do it, with knobs."""
    return BakedTouch(asked) if host != "nuke" and not_default(asked) else None


def nearest_touched(found: np.ndarray, made: np.ndarray, asked: FinishingSettings) -> np.ndarray:
    """``made``, a matte (height, width, 1), with what is ``asked``. Near black a gamma makes much of little:
    of what the touch makes of values within ``SLACK`` of ``made`` it is the one that is nearest to ``found``.
    """
    if not not_default(asked):
        return made
    sides = [
        np.stack([finish_matte(plane, asked) for plane in np.moveaxis(made + shift, -1, 0)], axis=-1)
        for shift in (np.float32(-SLACK), np.float32(SLACK))
    ]
    return np.clip(found, np.minimum(*sides), np.maximum(*sides))


# -- nodes of Nuke -----------------------------------------------------------------------------------------

_NUMBER, _YES = "7 {name} l {label} R {low} {high}", "6 {name} l {label} +STARTLINE"
_KNOBS = (
    ("clip_black", "Clip Black", _NUMBER, 0, 1),
    ("clip_white", "Clip White", _NUMBER, 0, 1),
    ("grow", "Grow / Shrink", _NUMBER, -20, 20),
    ("soften", "Soften", _NUMBER, 0, 20),
    ("gamma", "Gamma", _NUMBER, 0.2, 4),
    ("invert", "Invert", _YES, 0, 1),
    ("premultiply", "Premultiply", _YES, 0, 1),
)


def touch_nodes(name: str, asked: FinishingSettings, at: tuple[tuple[str, str], ...]) -> tuple[Node, ...]:
    """A Group with a knob for each touch and Nuke's own nodes in it, in apply's order, on the alpha. A node
    whose knob does nothing is disabled."""
    knobs: list[tuple[str, Value]] = [("name", name), ("addUserKnob", Raw('20 touch l "Last Touch"'))]
    for knob, label, form, low, high in _KNOBS:
        text = form.format(name=knob, label=f'"{label}"', low=low, high=high)
        knobs.append(("addUserKnob", Raw(text)))
    knobs += [(knob, _knob_text(getattr(asked, knob))) for knob, *_ in _KNOBS]
    return (Node("Group", (*knobs, *at)), *_INSIDE, Node(END_GROUP, ()))


def _knob_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def _linked(kind: str, name: str, off: str, **knobs: str) -> Node:
    """A node on the alpha whose knobs are expressions of the group's, and which is off where one says so."""
    values = [(knob, Raw(f"{{{text}}}")) for knob, text in knobs.items()]
    return Node(kind, (("channels", "alpha"), *values, ("name", name), ("disable", Raw(f"{{{off}}}"))))


_INSIDE = (
    Node("Input", (("inputs", "0"), ("name", "Input1"))),
    _linked(
        "Grade",
        "Clip",
        "parent.clip_black==0&&parent.clip_white==1",
        blackpoint="parent.clip_black",
        whitepoint="parent.clip_white",
        black_clamp="1",
        white_clamp="1",
    ),
    _linked("FilterErode", "Grow", "parent.grow==0", size="-parent.grow"),
    _linked("Blur", "Soften", "parent.soften==0", size=f"parent.soften*{BLUR_SIZE}"),
    _linked("Grade", "Brighten", "parent.gamma==1", gamma="parent.gamma", black_clamp="1"),
    _linked("Invert", "Invert", "!parent.invert"),
    Node("Premult", (("name", "Premultiply"), ("disable", Raw("{!parent.premultiply}")))),
    Node("Output", (("name", "Output1"),)),
)
