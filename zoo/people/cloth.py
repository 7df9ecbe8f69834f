"""Colours and patterns of cloth and hair: pictures (H, W, 3 or 4), sRGB, the fourth channel coverage."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from zoo.pictures import Pictures

HAIRS = np.array(
    [[28, 24, 22], [40, 32, 27], [62, 44, 33], [98, 70, 50], [165, 132, 90], [150, 148, 145], [118, 62, 38]]
)
"""sRGB, 0..255."""
TEXTURE_SIDE, PATTERN = 512, 192


def cloth(random: np.random.Generator, pictures: Pictures, texture: Path | None) -> np.ndarray:
    """A cloth's own colours, tinted, or a plain colour, stripes, checks, or a piece of a photograph."""
    if texture is not None and random.random() < 0.75:
        picture = read_picture(texture)
        return dyed(random, picture) if random.random() < 0.6 else picture
    return plain(random) if random.random() < 0.45 else pattern(random, pictures)


def dyed(random: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """In another colour, as dark and bright as it was, or darker or brighter."""
    grey = picture[..., :3].mean(2, keepdims=True)
    mixed = grey + random.uniform(0, 1) * (picture[..., :3] - grey)
    tint = np.exp(random.normal(0, 0.3, 3)) * np.exp(random.normal(0, 0.35))
    return np.dstack([np.clip(mixed * tint, 0, 255).astype(np.uint8), picture[..., 3:]])


def of_hair(random: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """In a colour that hair has, or, now and then, in any."""
    shown = picture[..., :3][picture[..., 3] > 128] if picture.shape[2] > 3 else picture.reshape(-1, 3)
    wanted = HAIRS[int(random.integers(len(HAIRS)))] * np.exp(random.normal(0, 0.15, 3))
    if random.random() < 0.08:
        wanted = _colour(random)
    grey = picture[..., :3].mean(2, keepdims=True) * (wanted / max(float(shown.mean()), 8.0))
    return np.dstack([np.clip(grey, 0, 255).astype(np.uint8), picture[..., 3:]])


def plain(random: np.random.Generator) -> np.ndarray:
    """One colour."""
    return np.full((4, 4, 3), _colour(random), np.uint8)


def pattern(random: np.random.Generator, pictures: Pictures) -> np.ndarray:
    """Stripes, checks, or what a piece of a photograph looks like."""
    kind = random.random()
    if kind < 0.45:
        light = pictures.crop(random, PATTERN, (1, 5))
        return np.asarray(np.clip(light, 0, 1) ** (1 / 2.2) * 255, np.uint8)
    rows, columns = np.mgrid[:PATTERN, :PATTERN]
    period, width = random.integers(4, PATTERN // 2), random.uniform(0.2, 0.8)
    bands = [(line % period) < width * period for line in (rows, columns)]
    chosen = bands[int(random.integers(2))] if kind < 0.75 else bands[0] ^ bands[1]
    return np.where(chosen[..., None], _colour(random), _colour(random)).astype(np.uint8)


def _colour(random: np.random.Generator) -> np.ndarray:
    """sRGB 0..255; greys and dark ones are as frequent as they are in wardrobes."""
    value = 255 * random.beta(0.9, 1.1)
    if random.random() < 0.4:
        return np.clip(value + random.normal(0, 6, 3), 4, 250)
    return np.clip(value * random.uniform(0.15, 1.2, 3), 4, 250)


@lru_cache(maxsize=96)
def read_picture(file: Path) -> np.ndarray:
    """RGB or RGBA uint8, at most TEXTURE_SIDE wide."""
    read = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if read is None:
        raise OSError(f"{file} cannot be read as a picture")
    found: np.ndarray = cv2.cvtColor(read, cv2.COLOR_GRAY2BGR) if read.ndim == 2 else read
    if found.shape[1] > TEXTURE_SIDE:
        size = TEXTURE_SIDE, round(found.shape[0] * TEXTURE_SIDE / found.shape[1])
        found = cv2.resize(found, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(found[..., [2, 1, 0, 3][: found.shape[2]]])
