"""A shot: some frames of one scene, before which a camera moves, turns and zooms a little.

What is done to a frame is done by its look alone, as a grade is; or it is done to a place of the scene, as
paint on a face is, and moves with that. Values are display-referred, float32 (H, W, C), 0..1.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from understudy.colour.scene_linear import linear_to_srgb
from zoo.degrade.covers import field
from zoo.pictures import Pictures
from zoo.recipe import Crop, MakeShot

PAIRS = (3, 5)
"""How many pairs a shot has, beside one more frame that it is judged by."""
WIDER = 1.5
"""How many times as wide as a frame the scene is."""
SHRINK = (1.0, 5.0)

Look = Callable[[np.random.Generator, np.ndarray], Crop]
"""What goes in and what is to come out, of a frame of a scene."""
DrawLook = Callable[[np.random.Generator], Look]
Paint = Callable[[np.random.Generator, np.ndarray], Crop]
"""What goes in and what is to come out, of a scene."""
Shot = list[Crop]


def draw_scene(random: np.random.Generator, pictures: Pictures, side: int) -> np.ndarray:
    """Values of a part of a photograph, for frames of so many pixels a side, now and then in other light."""
    light = pictures.crop(random, round(side * WIDER), SHRINK)
    if random.random() < 0.5:
        light = light * np.float32(2.0 ** random.uniform(-1.5, 0.7))
    return np.asarray(np.clip(linear_to_srgb(light), 0, 1), np.float32)


def draw_path(random: np.random.Generator, side: int) -> list[np.ndarray]:
    """For each frame, where its pixels lie in the scene, affine (2, 3). The frame to judge by, the last, lies
    anywhere in time."""
    count = int(random.integers(PAIRS[0], PAIRS[1] + 1)) + 1
    room, middle = side * (WIDER - 1) / 2, (side - 1) / 2
    shift = random.uniform(-0.8, 0.8, 2) * room
    turn, zoom = random.normal(0, 0.08), random.normal(0, 0.12)
    return [
        _placed(
            turn * time, np.exp(zoom * time), middle, middle + room + shift * time + random.normal(0, 1, 2)
        )
        for time in random.permutation(np.linspace(-1, 1, count))
    ]


def _placed(turn: float, zoom: float, middle: float, there: np.ndarray) -> np.ndarray:
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * zoom
    return np.column_stack([matrix, there - matrix @ [middle, middle]])


def seen(planes: np.ndarray, place: np.ndarray, side: int) -> np.ndarray:
    """A frame (side, side, C) of a scene."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    frame = cv2.warpAffine(planes, place, (side, side), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(frame.reshape(side, side, -1), np.float32)


def bent(planes: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """Planes whose pixels lie somewhere else by ``bend`` (H, W, 2)."""
    rows, columns = np.mgrid[: planes.shape[0], : planes.shape[1]].astype(np.float32)
    return cv2.remap(
        planes,
        columns + bend[..., 0],
        rows + bend[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )


def draw_bend(random: np.random.Generator, side: int) -> np.ndarray:
    """How far a soft body bends, pixels (side, side, 2)."""
    reach = np.float32(random.uniform(0, 0.04) * side)
    return np.dstack([field(random, side, 2), field(random, side, 2)]) * reach


def by_look(draw: DrawLook) -> MakeShot:
    """Shots of which each frame is treated by itself."""

    def make(random: np.random.Generator, pictures: Pictures, side: int) -> Shot:
        scene, look = draw_scene(random, pictures, side), draw(random)
        return [look(random, seen(scene, place, side)) for place in draw_path(random, side)]

    return make


def by_place(paint: Paint) -> MakeShot:
    """Shots of which the scene is treated."""

    def make(random: np.random.Generator, pictures: Pictures, side: int) -> Shot:
        before, after = paint(random, draw_scene(random, pictures, side))
        path = draw_path(random, side)
        return [Crop(seen(before, place, side), seen(after, place, side)) for place in path]

    return make


def luma(values: np.ndarray) -> np.ndarray:
    """(H, W, 1)"""
    return values @ np.array([[0.2126], [0.7152], [0.0722]], np.float32)


def softly(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below, 1 above, smooth between."""
    share = np.clip((values - low) / max(high - low, 1e-6), 0, 1)
    return share * share * (3 - 2 * share)
