"""Photographs of people with their mattes: scenes as they are, and people to be cut out of them.

They lie in ``photographs/`` and ``mattes/`` of the folder of renders, NAME.jpg and NAME.png; where a matte is
empty there is nobody, and the photograph is a place to put people into. A matte was drawn by hand, so its
edges are less true than those of what is rendered.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from understudy.errors import UnderstudyError
from zoo.pictures import LIGHT, Part

PHOTOGRAPHS, MATTES = "photographs", "mattes"
HELD_EVERY = 8
"""One in so many, told by its name, is kept for validation."""
LONGEST = 640
LEAST, LEAST_CUT = 0.002, 0.02
"""Of a photograph, what people cover at least for there to be any, and to be cut out of it."""
WHOLE = 0.3
LEANING = 0.3


@dataclass(frozen=True)
class Photograph:
    """uint8 sRGB (H, W, 3), and how much of each pixel people cover, uint8 (H, W)."""

    pixels: np.ndarray
    matte: np.ndarray

    @property
    def share(self) -> float:
        """Of its pixels, those that people cover."""
        return float(self.matte.mean()) / 255


def load_photographs(folder: Path, part: Part) -> tuple[Photograph, ...]:
    """Those of one part; none where there is no such folder. UnderstudyError where a photograph has no
    matte of its size."""
    wanted = part == "validation"
    return tuple(
        read_photograph(file, folder / MATTES / f"{file.stem}.png")
        for file in sorted((folder / PHOTOGRAPHS).glob("*.jpg"))
        if is_held(file) == wanted
    )


def is_held(file: Path) -> bool:
    """Whether a photograph is kept for validation, whatever others there are."""
    return zlib.crc32(file.stem.encode()) % HELD_EVERY == 0


def read_photograph(file: Path, matte: Path) -> Photograph:
    """One of them, made smaller where it is large."""
    pixels, people = cv2.imread(str(file), cv2.IMREAD_COLOR), cv2.imread(str(matte), cv2.IMREAD_GRAYSCALE)
    if pixels is None or people is None or pixels.shape[:2] != people.shape:
        raise UnderstudyError(
            "A photograph has no matte of its people.",
            expected="a grey picture of the same size",
            found="none" if people is None else f"{people.shape[::-1]}",
            where=str(matte),
        )
    scale = LONGEST / max(people.shape)
    if scale < 1:
        size = round(people.shape[1] * scale), round(people.shape[0] * scale)
        pixels, people = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (pixels, people))
    return Photograph(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), people)


def cut_out(photograph: Photograph) -> np.ndarray:
    """Its people as uint8 (H, W, 4) with straight alpha, a little smaller than their matte, which was drawn
    from outside."""
    inside = cv2.erode(photograph.matte, np.ones((3, 3), np.uint8))
    return np.dstack([photograph.pixels, cv2.GaussianBlur(inside, (0, 0), 0.7)])


def taken(
    random: np.random.Generator, photograph: Photograph, side: int, aspect: float
) -> tuple[np.ndarray, np.ndarray]:
    """A part of it as a frame of an aspect ratio, squeezed into a square: linear light (S, S, 3) and how
    much of each pixel people cover (S, S). Now and then all of it, whatever its own ratio."""
    height, width = photograph.matte.shape
    centre, reach = np.array([width, height]) / 2, np.array([width, height], float)
    if random.random() > WHOLE:
        most = min(height, width / aspect)
        reach = most * random.uniform(0.4, 1) * np.array([aspect, 1])
        centre = reach / 2 + random.random(2) * (np.array([width, height]) - reach)
    turn = random.normal(0, 0.12) if random.random() < LEANING else 0.0
    across, down = reach[0] / side, reach[1] / side
    mirror = -1.0 if random.random() < 0.5 else 1.0
    cosine, sine = np.cos(turn), np.sin(turn)
    back = np.array([[cosine * across * mirror, -sine * down], [sine * across * mirror, cosine * down]])
    affine = np.column_stack([back, centre - back @ np.array([side - 1, side - 1]) / 2])
    layers, by = _shrunk(np.dstack([photograph.pixels, photograph.matte]), max(across, down))
    found = cv2.warpAffine(
        layers,
        affine / by,
        (side, side),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return LIGHT[found[..., :3]], found[..., 3].astype(np.float32) / 255


def _shrunk(pixels: np.ndarray, factor: float) -> tuple[np.ndarray, float]:
    """Half as large as often as a frame takes, and by what: what is made smaller must not alias."""
    by = 1.0
    while factor / by >= 2 and min(pixels.shape[:2]) > 64:
        size = pixels.shape[1] // 2, pixels.shape[0] // 2
        pixels, by = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), by * 2
    return pixels, by
