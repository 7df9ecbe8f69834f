"""Several mattes over a plate, each in a colour of its own, for a screen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PALETTE = (
    (235, 70, 55),
    (70, 140, 255),
    (80, 200, 90),
    (250, 200, 50),
    (190, 95, 240),
    (60, 205, 205),
    (250, 140, 40),
    (235, 110, 170),
)
"""sRGB of 8 bits; from the ninth matte on they come again."""
WORDS = ("red", "blue", "green", "yellow", "violet", "cyan", "orange", "pink")
SHARE = 0.6
DIMMED = 0.7


def colour_of(index: int) -> tuple[int, int, int]:
    """The colour of the matte of this index, sRGB of 8 bits."""
    return PALETTE[index % len(PALETTE)]


def hex_of(index: int) -> str:
    """The same as a web page writes it, such as #eb4637."""
    return "#{:02x}{:02x}{:02x}".format(*colour_of(index))


def lay_over(plate: np.ndarray, mattes: np.ndarray) -> np.ndarray:
    """float32 (height, width, 3) in display values: ``plate`` (height, width, 1 or more), in grey and darker,
    and over it each of ``mattes`` (height, width, mattes), 0 to 1, in its colour; where several lie over each
    other, in the mean of theirs. What is no number counts as 0."""
    grey = np.nan_to_num(plate[..., :3]).mean(axis=2, keepdims=True) * np.float32(DIMMED)
    known = np.clip(np.nan_to_num(mattes), 0, 1)
    colours = np.array([colour_of(index) for index in range(known.shape[2])], np.float32) / 255
    total = known.sum(axis=2, keepdims=True)
    mixed = known @ colours / np.maximum(total, 1e-6)
    strength = SHARE * np.minimum(total, 1)
    return np.asarray(grey * (1 - strength) + mixed * strength, np.float32)


def in_words(labels: Sequence[str]) -> str:
    """Which matte has which colour: hero in red, car in blue."""
    return ", ".join(f"{label} in {WORDS[index % len(WORDS)]}" for index, label in enumerate(labels))


def legend(labels: Sequence[str]) -> list[dict[str, str]]:
    """The name and the colour of each of several mattes, as a page shows them."""
    return [{"name": label, "colour": hex_of(index)} for index, label in enumerate(labels)]
