"""Photographs as memory full of linear light, from which crops are cut.

Each is decoded once, made smaller where it is larger than some two million pixels, and kept as 8-bit sRGB.
A crop is light: scene-linear, float32, about 0..1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from understudy.colour.scene_linear import srgb_to_linear
from understudy.errors import UnderstudyError

Part = Literal["training", "validation"]
MOST_PIXELS = 2_000_000
SPLIT, PHOTOGRAPHS, KODAK = "split.json", "photographs", "test_kodak"
LIGHT = srgb_to_linear(np.arange(256, dtype=np.float32) / 255)


@dataclass(frozen=True)
class Pictures:
    """8-bit sRGB pictures (H, W, 3) with their names, in one order for ever."""

    names: tuple[str, ...]
    pixels: tuple[np.ndarray, ...]

    @cached_property
    def _shares(self) -> np.ndarray:
        """How far each reaches on the line from 0 to 1, longer the larger it is."""
        sizes = np.cumsum([each.shape[0] * each.shape[1] for each in self.pixels])
        return np.asarray(sizes / sizes[-1])

    def crop(
        self, random: np.random.Generator, side: int, shrink: tuple[float, float] = (1, 2)
    ) -> np.ndarray:
        """Light float32 (side, side, 3) of a random place, mirrored and turned at random. ``shrink``: from
        how many pixels of the photograph one of the crop is made along a side; more than one makes it cleaner
        and sharper than the file, whose compression is not to be learned."""
        picture = self.pixels[int(np.searchsorted(self._shares, random.random()))]
        factor = float(np.exp(random.uniform(*np.log(shrink))))
        wanted = min(round(side * factor), *picture.shape[:2])
        top, left = (int(random.integers(0, length - wanted + 1)) for length in picture.shape[:2])
        light = LIGHT[picture[top : top + wanted, left : left + wanted]]
        if wanted != side:
            light = cv2.resize(light, (side, side), interpolation=cv2.INTER_AREA)
        return turned(light, int(random.integers(8)))


def turned(pixels: np.ndarray, way: int) -> np.ndarray:
    """One of the eight ways in which a square can lie."""
    rotated = np.rot90(pixels, way % 4)
    return np.ascontiguousarray(rotated[:, ::-1] if way >= 4 else rotated)


def names_of(folder: Path, part: Part) -> list[str]:
    """The names that ``split.json`` gives a part. UnderstudyError where there is no such file."""
    try:
        names = json.loads((folder / SPLIT).read_text())[part]
    except (OSError, ValueError, KeyError) as error:
        raise UnderstudyError(
            "These are not the photographs that the recipes learn from.",
            expected=f"a folder with {SPLIT} (names of training and validation) and {PHOTOGRAPHS}/",
            found=str(error),
            where=str(folder),
            remedy="Name the folder with --data.",
        ) from error
    return sorted(str(name) for name in names)


def load_pictures(folder: Path, part: Part, most: int | None = None) -> Pictures:
    """The photographs of one part, the first ``most`` of them. UnderstudyError where one cannot be read."""
    return read_pictures([folder / PHOTOGRAPHS / name for name in names_of(folder, part)[:most]])


def load_kodak(folder: Path) -> Pictures:
    """Kodak's set, for measuring alone. UnderstudyError where it is not there."""
    files = sorted((folder / KODAK).glob("*.png"))
    if not files:
        raise UnderstudyError(
            "Kodak's photographs are not here.",
            expected="PNG files",
            where=str(folder / KODAK),
            remedy="Name the folder of photographs with --data.",
        )
    return read_pictures(files)


def read_pictures(files: Sequence[Path]) -> Pictures:
    """Files as they are, made smaller where they are large."""
    return Pictures(tuple(file.name for file in files), tuple(_read(file) for file in files))


def _read(file: Path) -> np.ndarray:
    found = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if found is None:
        raise UnderstudyError("A photograph cannot be read.", where=str(file), remedy="Fetch it again.")
    pixels = cv2.cvtColor(found, cv2.COLOR_BGR2RGB)
    factor = (MOST_PIXELS / (pixels.shape[0] * pixels.shape[1])) ** 0.5
    if factor >= 1:
        return pixels
    size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
