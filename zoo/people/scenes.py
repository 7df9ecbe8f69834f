"""Scenes: people of any size and number before photographs and places, in their light, among other things,
as animals, vehicles and furniture, which no matte of people has.

All is put together in linear light, as the frame that a network sees whole: of any aspect ratio, as a square.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from zoo.degrade.blur import blurred, defocus_kernel, path_kernel, shake_path
from zoo.people.cast import Place, draw_cast
from zoo.people.cutouts import Cutout, Scenery
from zoo.people.photographs import taken
from zoo.people.things import draw_thing
from zoo.people.vary import bent, dyed
from zoo.pictures import LIGHT, Pictures, turned

ASPECTS = (16 / 9, 16 / 9, 16 / 9, 16 / 9, 1.85, 4 / 3, 3 / 2, 1.0, 2.39, 9 / 16)
INDOORS, REPAINTED = 0.4, 0.5
PHOTOGRAPHED, REDYED, JOINED = 0.6, 0.2, 0.35
"""How many frames are photographs, where such are at hand; of these, how many have other colours, and how
many have more in them."""
SHADED, OCCLUDED, CLUTTERED = 0.45, 0.25, 0.5


class Scene(NamedTuple):
    """Linear light (S, S, 3), and how much of each pixel people cover (S, S), float32."""

    light: np.ndarray
    people: np.ndarray


def draw_scene(random: np.random.Generator, scenery: Scenery, side: int) -> Scene:
    """One frame, as a square of ``side`` pixels."""
    aspect = float(random.choice(ASPECTS))
    if scenery.photographs and random.random() < PHOTOGRAPHED:
        return _photographed(random, scenery, side, aspect)
    light = draw_background(random, scenery, side, aspect)
    if random.random() < REPAINTED:
        light = _repainted(random, light, scenery.pictures)
    if random.random() < CLUTTERED:
        light = over(draw_thing(random, scenery.pictures, side), light)
    if random.random() < 0.35:
        light = blurred(light, defocus_kernel(float(np.exp(random.uniform(np.log(0.6), np.log(5))))))
    covered = np.zeros((side, side), np.float32)
    for cutout, place, person in draw_cast(random, scenery, side, aspect):
        layer = draw_layer(random, cutout, place, side, light, scenery.pictures)
        if random.random() < SHADED:
            light = light * (1 - _shadow(random, layer[..., 3], place))[..., None]
        light = over(layer, light)
        covered = layer[..., 3] * person + covered * (1 - layer[..., 3])
    for _ in range(int(random.random() < OCCLUDED) * int(random.integers(1, 3))):
        thing = draw_thing(random, scenery.pictures, side)
        light, covered = over(thing, light), covered * (1 - thing[..., 3])
    return Scene(light, covered)


def _repainted(random: np.random.Generator, light: np.ndarray, pictures: Pictures) -> np.ndarray:
    """A whole frame in other colours."""
    return dyed(random, np.dstack([light, np.ones_like(light[..., 0])]), pictures)[..., :3]


def _photographed(random: np.random.Generator, scenery: Scenery, side: int, aspect: float) -> Scene:
    """As somebody took it; now and then in other colours, or with others and other things in it."""
    picked = scenery.photographs[int(random.integers(len(scenery.photographs)))]
    light, covered = taken(random, picked, side, aspect)
    if random.random() < REDYED:
        light = _repainted(random, light, scenery.pictures)
    cast = draw_cast(random, scenery, side, aspect) if random.random() < JOINED else []
    for cutout, place, person in cast:
        layer = draw_layer(random, cutout, place, side, light, scenery.pictures)
        light, covered = over(layer, light), layer[..., 3] * person + covered * (1 - layer[..., 3])
    return Scene(np.asarray(light, np.float32), np.asarray(covered, np.float32))


def over(layer: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """A premultiplied layer (S, S, 4) over light."""
    return np.asarray(layer[..., :3] + behind * (1 - layer[..., 3:]))


def draw_background(random: np.random.Generator, scenery: Scenery, side: int, aspect: float) -> np.ndarray:
    """A part of a photograph, or a view of a place."""
    if scenery.panoramas and random.random() < INDOORS:
        panorama = scenery.panoramas[int(random.integers(len(scenery.panoramas)))]
        view = view_of(random, panorama, side, aspect)
        view = view * np.float32(random.uniform(0.2, 0.6) / max(float(np.median(view)), 1e-3))
        return np.minimum(view, 1.5)
    return photograph(random, scenery, side, aspect)


def photograph(random: np.random.Generator, scenery: Scenery, side: int, aspect: float) -> np.ndarray:
    """A part of an aspect ratio, upright, mirrored or not."""
    pixels = scenery.pictures.pixels[int(random.integers(len(scenery.pictures.pixels)))]
    height, width = pixels.shape[:2]
    most = min(height, width / aspect)
    high = most * random.uniform(0.3, 1)
    wide = high * aspect
    top, left = random.uniform(0, height - high), random.uniform(0, width - wide)
    part = pixels[int(top) : int(top + high), int(left) : int(left + wide)]
    small = cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA)
    return turned(LIGHT[small], 0 if random.random() < 0.5 else 6)


def view_of(random: np.random.Generator, panorama: np.ndarray, side: int, aspect: float) -> np.ndarray:
    """What a camera sees in an environment map (H, W, 3)."""
    tall = np.tan(np.radians(random.uniform(25, 75)) / 2)
    across, down = np.meshgrid(
        np.linspace(-1, 1, side, dtype=np.float32) * tall * aspect,
        np.linspace(1, -1, side, dtype=np.float32) * tall,
    )
    pitch, turn = np.radians(random.normal(-8, 10)), random.uniform(0, 2 * np.pi)
    up, ahead = down * np.cos(pitch) + np.sin(pitch), np.cos(pitch) - down * np.sin(pitch)
    longitude = np.arctan2(across, ahead) + turn
    latitude = np.arctan2(up, np.hypot(across, ahead))
    height, width = panorama.shape[:2]
    x = ((longitude / (2 * np.pi)) % 1 * width).astype(np.float32)
    y = ((0.5 - latitude / np.pi) * height).astype(np.float32)
    return cv2.remap(panorama, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def draw_layer(
    random: np.random.Generator,
    cutout: Cutout,
    place: Place,
    side: int,
    behind: np.ndarray,
    pictures: Pictures,
) -> np.ndarray:
    """A person or thing as a premultiplied layer (S, S, 4), dyed, bent, lit about as what is ``behind``,
    sharp or not."""
    light, level = cutout.light(place.height)
    layer = _laid(random, dyed(random, light, pictures), cutout, place, level, side)
    colours, alpha = layer[..., :3], np.clip(layer[..., 3:], 0, 1)
    gain = np.exp(random.normal(0, 0.4)) * np.exp(random.normal(0, 0.12, 3))
    if random.random() < 0.6:
        seen = float(colours.sum() / max(3 * float(alpha.sum()), 1e-3))
        gain = gain * (float(behind.mean()) / max(seen, 1e-3)) ** random.uniform(0.3, 1)
    layer = np.concatenate([np.minimum(colours * gain.astype(np.float32), 1.5 * alpha), alpha], 2)
    kind = random.random()
    if kind < 0.14:
        length = float(np.exp(random.uniform(np.log(2), np.log(max(3, 0.15 * min(place.height, side))))))
        return blurred(layer, path_kernel(shake_path(random, length)))
    if kind < 0.3:
        return blurred(layer, defocus_kernel(float(np.exp(random.uniform(np.log(0.6), np.log(3))))))
    return np.asarray(layer, np.float32)


def _laid(
    random: np.random.Generator, light: np.ndarray, cutout: Cutout, place: Place, level: float, side: int
) -> np.ndarray:
    """In its place in a frame."""
    affine = place.affine.copy()
    affine[:, :2] /= level
    back = cv2.invertAffineTransform(affine).astype(np.float32)
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    across = np.dstack([back[0, 0] * columns + back[0, 1] * rows, back[1, 0] * columns + back[1, 1] * rows])
    across = across + back[:, 2]
    if not any(cutout.cut):
        across = bent(random, across, float(light.shape[0]))
    x, y = (np.ascontiguousarray(across[..., each], np.float32) for each in (0, 1))
    return cv2.remap(light, x, y, cv2.INTER_LINEAR)


def _shadow(random: np.random.Generator, alpha: np.ndarray, place: Place) -> np.ndarray:
    """What somebody keeps of the light, on the ground behind or before it."""
    flat, lean = random.uniform(-0.6, 0.6), random.normal(0, 0.8)
    feet = place.feet
    affine = np.array([[1, lean * flat, -lean * flat * feet], [0, flat, feet * (1 - flat)]], np.float32)
    cast = cv2.warpAffine(alpha, affine, alpha.shape[::-1])
    soft = cv2.GaussianBlur(cast, (0, 0), max(0.5, random.uniform(0.005, 0.08) * place.height))
    return soft * np.float32(random.uniform(0.2, 0.8))
