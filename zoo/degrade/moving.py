"""Photographs as layers that move, turn, zoom, tilt and bend, with the true motion of every pixel.

The first frame is the scene half a frame's time before its middle, the second half a frame's time after it,
so that both are resampled alike. The motion is that of the topmost layer that covers half of a pixel or
more, also where the second frame covers it, or has it no longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Protocol

import cv2
import numpy as np

from zoo.degrade.covers import body, field, leaves, strands
from zoo.pictures import Pictures

FIRST, SECOND = -0.5, 0.5
MARGIN = 32
"""Pixels of a layer beyond the frame on each side; further out it is mirrored."""
COVERED = 0.5
SHUTTER_TIMES = 5
INVERSIONS = 8
EDGE_STEP = 1.0
"""Pixels by which the motion of two neighbours differs at an edge of motion."""
EDGE_REACH = 5


@dataclass(frozen=True, eq=False)
class Motion:
    """What a layer does in one frame's time, all about its ``middle``, in pixels of the frame: shifts by
    ``shift``, turns by ``turn`` radians, grows by exp(``zoom``), tilts away by ``tilt``, and bends by
    ``bend``, pixels (H, W, 2) of the layer."""

    middle: np.ndarray
    shift: np.ndarray
    turn: float = 0.0
    zoom: float = 0.0
    tilt: tuple[float, float] = (0.0, 0.0)
    bend: np.ndarray | None = None

    def matrix(self, time: float) -> np.ndarray:
        """Where the layer's pixels are in the frame at a time, as a homography (3, 3)."""
        cosine, sine = np.cos(self.turn * time), np.sin(self.turn * time)
        grown = np.exp(self.zoom * time)
        turned = np.array([[grown * cosine, -grown * sine, 0], [grown * sine, grown * cosine, 0], [0, 0, 1]])
        tilted = np.array([[1, 0, 0], [0, 1, 0], [self.tilt[0] * time, self.tilt[1] * time, 1]])
        there = _shift(self.middle + self.shift * time)
        return np.asarray(there @ turned @ tilted @ _shift(-self.middle - MARGIN))


class Moves(Protocol):
    """Where a layer's pixels are in the frame at a time, as a homography (3, 3), after it was bent by
    ``bend``."""

    @property
    def bend(self) -> np.ndarray | None: ...

    def matrix(self, time: float) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Layer:
    """``light`` (H, W, 3), and how much of each of its pixels it covers; all where ``cover`` is None."""

    light: np.ndarray
    motion: Moves
    cover: np.ndarray | None = None

    def places(self, time: float, side: int) -> np.ndarray:
        """Where each pixel of a frame lies in the layer, float32 (side, side, 2)."""
        places = _moved(np.linalg.inv(self.motion.matrix(time)), _grid(side))
        return places if self.motion.bend is None else places + self._bend(places) * np.float32(time - FIRST)

    def _bend(self, places: np.ndarray) -> np.ndarray:
        return _read(self.motion.bend, places, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)

    def seen(self, time: float, side: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Its light and cover in a frame."""
        places = self.places(time, side)
        light = np.maximum(_read(self.light, places, cv2.INTER_CUBIC, cv2.BORDER_REFLECT_101), 0)
        return light, None if self.cover is None else _covered(self.cover, places)

    def truth(self, side: int) -> np.ndarray:
        """Where each pixel of the first frame, if it is of this layer, goes, float32 (side, side, 2)."""
        start = self.places(FIRST, side)
        there = start
        if self.motion.bend is not None:
            for _ in range(INVERSIONS):
                there = start - self._bend(there)
        return _moved(self.motion.matrix(SECOND), there) - _grid(side)


def frame(layers: list[Layer], time: float, side: int, shutter: float = 0.0) -> np.ndarray:
    """Light (side, side, 3) of layers, the furthest first, about a time, with the shutter open for so much
    of a frame's time."""
    times = time + shutter * np.linspace(-0.5, 0.5, SHUTTER_TIMES) if shutter else [time]
    return np.asarray(np.mean([_composed(layers, float(each), side) for each in times], 0), np.float32)


def _composed(layers: list[Layer], time: float, side: int) -> np.ndarray:
    light, _ = layers[0].seen(time, side)
    for layer in layers[1:]:
        over, cover = layer.seen(time, side)
        if cover is not None:
            light += (over - light) * cover[..., None]
    return light


def true_motion(layers: list[Layer], side: int) -> np.ndarray:
    """Float32 (side, side, 2): where each pixel of the first frame goes, x to the right and y down."""
    motion = layers[0].truth(side)
    for layer in layers[1:]:
        if layer.cover is not None:
            mine = _covered(layer.cover, layer.places(FIRST, side)) >= COVERED
            motion[mine] = layer.truth(side)[mine]
    return motion


def near_edges(motion: np.ndarray, reach: int = EDGE_REACH) -> np.ndarray:
    """Bool (H, W): within so many pixels of where the motion changes from one pixel to the next."""
    edge = np.zeros(motion.shape[:2], np.uint8)
    down = np.abs(np.diff(motion, axis=0)).max(2) > EDGE_STEP
    across = np.abs(np.diff(motion, axis=1)).max(2) > EDGE_STEP
    for part in (edge[:-1], edge[1:]):
        part |= down
    for part in (edge[:, :-1], edge[:, 1:]):
        part |= across
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(edge, disc) > 0)


def draw_scene(random: np.random.Generator, pictures: Pictures, side: int) -> list[Layer]:
    """A photograph behind, and up to four things before it, each with a motion of its own."""
    camera = draw_motion(random, side, _length(random, 24))
    layers = [Layer(draw_light(random, pictures, side), camera)]
    for _ in range(int(random.choice([0, 1, 1, 2, 2, 3, 4]))):
        own = draw_motion(random, side, _length(random, 32))
        shift = own.shift + (camera.shift if random.random() < 0.6 else 0)
        motion = Motion(own.middle, shift, own.turn, own.zoom, own.tilt, own.bend)
        layers.append(
            Layer(draw_light(random, pictures, side), motion, draw_cover(random, side + 2 * MARGIN))
        )
    return layers


def draw_light(random: np.random.Generator, pictures: Pictures, side: int) -> np.ndarray:
    """A photograph's light, brighter or darker, now and then nearly without detail."""
    light = pictures.crop(random, side + 2 * MARGIN, (1.0, 2.0))
    if random.random() < 0.12:
        light = cv2.GaussianBlur(light, (0, 0), random.uniform(2, 12))
    return np.asarray(light * np.float32(2 ** random.normal(0, 0.6)), np.float32)


def draw_cover(random: np.random.Generator, side: int) -> np.ndarray:
    """Bodies, discs and bars for the most part; now and then hair, or leaves."""
    kind = random.random()
    if kind < 0.4:
        return _somewhere(random, body(random, side))
    if kind < 0.8:
        return _ellipse(random, side)
    return leaves(random, side) if kind < 0.92 else strands(random, side)


def _somewhere(random: np.random.Generator, cover: np.ndarray) -> np.ndarray:
    """What of a cover lies within a large disc."""
    return np.minimum(cover, _ellipse(random, len(cover), 0.3))


def _ellipse(random: np.random.Generator, side: int, least: float = 0.04) -> np.ndarray:
    middle, turn = random.uniform(0.1, 0.9, 2) * side, random.uniform(0, np.pi)
    axes = np.exp(random.uniform(np.log(least), np.log(0.5), 2)) * side
    about = _grid(side) - middle.astype(np.float32)
    along = about @ np.asarray([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], np.float32)
    power = float(random.choice([2.0, 2.0, 4.0, 8.0]))
    inside = 1 - (np.abs(along / axes.astype(np.float32)) ** power).sum(2) ** (1 / power)
    return np.clip(inside * axes.min() / random.uniform(0.7, 3) + 0.5, 0, 1).astype(np.float32)


def draw_motion(random: np.random.Generator, side: int, length: float) -> Motion:
    """A motion whose shift is of a length; most turn and zoom, some tilt and bend."""
    angle = random.uniform(0, 2 * np.pi)
    shift = length * np.array([np.cos(angle), np.sin(angle)])
    lively = random.random() < 0.7
    turn, zoom = random.normal(0, 0.06, 2) * random.random() if lively else (0.0, 0.0)
    tilt = tuple(random.normal(0, 0.05, 2) / side) if random.random() < 0.3 else (0.0, 0.0)
    bend = _draw_bend(random, side + 2 * MARGIN) if random.random() < 0.5 else None
    return Motion(random.uniform(0.2, 0.8, 2) * side, shift, turn, zoom, tilt, bend)


def _draw_bend(random: np.random.Generator, side: int) -> np.ndarray:
    """Smooth, and nowhere so steep that it folds over."""
    cells = int(np.exp(random.uniform(np.log(2), np.log(20))))
    bend = np.dstack([field(random, side, cells), field(random, side, cells)])
    steepest = max(float(np.abs(np.diff(bend, axis=axis)).max()) for axis in (0, 1))
    return np.asarray(bend * np.float32(random.uniform(0.02, 0.2) / max(steepest, 1e-6)), np.float32)


def _length(random: np.random.Generator, most: float) -> float:
    """Pixels; one in eight does not move."""
    return 0.0 if random.random() < 0.125 else float(np.exp(random.uniform(np.log(0.3), np.log(most))))


@cache
def _grid(side: int) -> np.ndarray:
    return np.dstack(np.meshgrid(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32)))


def _shift(by: np.ndarray) -> np.ndarray:
    return np.array([[1, 0, by[0]], [0, 1, by[1]], [0, 0, 1.0]])


def _moved(matrix: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Places (H, W, 2) through a homography."""
    return np.asarray(cv2.perspectiveTransform(places, matrix))


def _read(plane: np.ndarray | None, places: np.ndarray, how: int, border: int) -> np.ndarray:
    assert plane is not None
    return np.asarray(cv2.remap(plane, places, None, how, borderMode=border))  # type: ignore[call-overload]


def _covered(cover: np.ndarray, places: np.ndarray) -> np.ndarray:
    return _read(cover, places, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
