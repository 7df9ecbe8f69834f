"""Rendered people and things as memory full of cut-outs, at several sizes, and the places that they are put
into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from understudy.errors import UnderstudyError
from zoo.people.photographs import LEAST, LEAST_CUT, Photograph, cut_out, load_photographs
from zoo.people.render import read_lights
from zoo.pictures import LIGHT, Part, Pictures, load_pictures
from zoo.renders.environments import environments_of

HELD_EVERY = 12
"""One in so many is kept for validation."""
PEOPLED = (
    "brighton-dji-0030.jpg",
    "budgie-extreme-desert-hike.jpg",
    "budgie-spiral-firework.jpg",
    "elementary-rob-bye.jpg",
    "xubuntu-kinkaku-ji-by-elizabeth-k-joseph.jpg",
)
"""Photographs with somebody in them: no background for a matte of all people."""
LEVELS, SMALLEST = 4, 24
PANORAMA = 1024
REAL = 0.6
"""How many people are photographed, where photographs are at hand."""
CALMED, CALM = 2, (7, 28.0, 2.5)
"""How often, and by which bilateral filter, the noise of few samples is taken off: people are not to be known
by it."""


@dataclass(frozen=True)
class Cutout:
    """One person or thing: uint8 (H, W, 4), sRGB and straight alpha, at its full size and at halves of it,
    down to some 24 pixels. ``cut``: whether the picture ends before it does, at the left, above, at the right
    and below."""

    levels: tuple[np.ndarray, ...]
    cut: tuple[bool, bool, bool, bool]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, at full size."""
        return self.levels[0].shape[0], self.levels[0].shape[1]

    def light(self, height: float) -> tuple[np.ndarray, float]:
        """Premultiplied linear light and alpha, float32 (H, W, 4), of the smallest level that is at least so
        many pixels high, and how much smaller than full size it is."""
        fitting = [index for index, each in enumerate(self.levels) if each.shape[0] >= height]
        level = self.levels[fitting[-1] if fitting else 0]
        alpha = level[..., 3:].astype(np.float32) / 255
        scale = level.shape[0] / self.size[0]
        return np.concatenate([LIGHT[level[..., :3]] * alpha, alpha], 2), scale


@dataclass(frozen=True)
class Scenery:
    """What scenes are made of: ``people``, ``pictures`` without people, ``panoramas``, environment maps of
    linear light, ``things`` that stand out as people do and are none, and ``photographs`` of people, and of
    places without, with mattes."""

    people: tuple[Cutout, ...]
    pictures: Pictures
    panoramas: tuple[np.ndarray, ...]
    things: tuple[Cutout, ...] = ()
    photographs: tuple[Photograph, ...] = ()
    photographed: tuple[Cutout, ...] = ()
    """People cut out of them."""

    def somebody(self, random: np.random.Generator) -> Cutout:
        """A person, rendered or photographed."""
        real = bool(self.photographed) and random.random() < REAL
        cutouts = self.photographed if real else self.people
        return cutouts[int(random.integers(len(cutouts)))]


def load_scenery(data: Path, folder: Path, part: Part) -> Scenery:
    """Of a part. UnderstudyError where there are no rendered people or things."""
    people = _cutouts(folder, part, "person", "people", "zoo.people.render")
    things = _cutouts(folder, part, "thing", "things", "zoo.people.render_things")
    pictures = load_pictures(data, part)
    empty = {n: p for n, p in zip(pictures.names, pictures.pixels, strict=True) if n not in PEOPLED}
    photographs = load_photographs(folder, part)
    empty |= {str(i): each.pixels for i, each in enumerate(photographs) if each.share == 0}
    found = (cutout_of(cut_out(each)) for each in photographs if each.share > LEAST_CUT)
    return Scenery(
        people,
        Pictures(tuple(empty), tuple(empty.values())),
        tuple(read_lights(environments_of(data, part), PANORAMA, 12.0)),
        things,
        tuple(each for each in photographs if each.share > LEAST or each.share == 0),
        tuple(each for each in found if each is not None),
    )


def _cutouts(folder: Path, part: Part, name: str, words: str, maker: str) -> tuple[Cutout, ...]:
    """The pictures of a name of one part; UnderstudyError where there are none."""
    held = part == "validation"
    files = [f for n, f in enumerate(sorted(folder.glob(f"{name}*.png"))) if (n % HELD_EVERY == 0) == held]
    found = tuple(each for each in map(read_cutout, files) if each is not None)
    if not found:
        raise UnderstudyError(
            f"There are no rendered {words} to learn from.",
            expected=f"pictures {name}00000.png, {name}00001.png and so on",
            where=str(folder),
            remedy=f"Make them with python -m {maker}, and name their folder with --renders.",
        )
    return found


def read_cutout(file: Path) -> Cutout | None:
    """One file; None where next to nothing is in it."""
    found = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if found is None or found.ndim != 3 or found.shape[2] != 4:
        raise UnderstudyError(
            "This is no rendered person or thing.", expected="RGBA, 8 bits", where=str(file)
        )
    pixels = cv2.cvtColor(found, cv2.COLOR_BGRA2RGBA)
    for _ in range(CALMED):
        pixels[..., :3] = cv2.bilateralFilter(np.ascontiguousarray(pixels[..., :3]), *CALM)
    return cutout_of(pixels)


def cutout_of(pixels: np.ndarray) -> Cutout | None:
    """Of uint8 (H, W, 4) with straight alpha; without what is empty about it."""
    covered = pixels[..., 3] > 24
    if covered.mean() < 0.005:
        return None
    rows, columns = (np.flatnonzero(covered.any(axis)) for axis in (1, 0))
    height, width = covered.shape
    ends = columns[0], rows[0], width - 1 - columns[-1], height - 1 - rows[-1]
    cut = ends[0] == 0, ends[1] == 0, ends[2] == 0, ends[3] == 0
    inside = np.ascontiguousarray(pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    levels = [inside]
    while len(levels) < LEVELS and min(levels[-1].shape[:2]) >= 2 * SMALLEST:
        levels.append(_halved(levels[-1]))
    return Cutout(tuple(levels), tuple(bool(each) for each in cut))  # type: ignore[arg-type]


def _halved(pixels: np.ndarray) -> np.ndarray:
    """Half as large, where nothing is covered the colour counts for nothing."""
    size = pixels.shape[1] // 2, pixels.shape[0] // 2
    alpha = pixels[..., 3:].astype(np.float32)
    over = cv2.resize(pixels[..., :3] * alpha, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)[..., None]
    return np.rint(np.dstack([over / np.maximum(small, 1), small])).astype(np.uint8)
