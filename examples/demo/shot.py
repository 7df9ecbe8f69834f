"""The demo's shot: a plate with markers, and what an artist makes of it: graded, the markers painted out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from lens import blur, glow, grain, grain_field, vignette
from scene import Set
from vectors import column, floats, unit

FIRST, LAST = 1001, 1044
NUMBERS = tuple(range(FIRST, LAST + 1))
PAINTED = (1001, 1012, 1023, 1033, 1044)
FOCUS = 2.16
SAMPLES = ((0.125, 0.625), (0.375, 0.125), (0.625, 0.875), (0.875, 0.375))
SHAKE = (((9.0, 0.3), (23.0, 1.1), (41.0, 2.0)), ((7.0, 1.7), (19.0, 0.4), (37.0, 3.1)))


@dataclass(frozen=True, eq=False)
class Camera:
    """Where it stands, which way it looks, how wide it sees, and the size of its pictures in pixels.

    ``eye`` is (3, 1); the columns of ``axes`` are right, up and forward.
    """

    eye: np.ndarray
    axes: np.ndarray
    half_width: float
    width: int
    height: int

    def rays(self, rows: slice) -> np.ndarray:
        """Unit directions (3, samples) of some rows of the picture: SAMPLES rays for each pixel, in order."""
        y, x = np.mgrid[rows, 0 : self.width].astype(np.float32)
        dx, dy = floats(SAMPLES).T
        half_height = self.half_width * self.height / self.width
        u = ((x[..., None] + dx) / self.width * 2 - 1).ravel() * np.float32(self.half_width)
        v = (1 - (y[..., None] + dy) / self.height * 2).ravel() * np.float32(half_height)
        return unit(self.axes @ np.stack([u, v, np.ones_like(u)])).astype(np.float32)


def camera_at(moment: float, width: int) -> Camera:
    """A slow dolly to the right, slightly in, by hand. ``moment``: 0 at the first frame, 1 at the last."""
    ease = moment * moment * (3 - 2 * moment)
    across, up = (sum(np.sin(moment * f + p) / f for f, p in waves) for waves in SHAKE)
    eye = floats([-0.32 + 0.56 * ease + 0.05 * across, 0.66 + 0.05 * up, 2.66 - 0.24 * ease])
    aim = floats([-0.03 + 0.12 * ease + 0.06 * up, 0.235 + 0.06 * across, 0.15])
    forward = unit(aim - eye)
    right = unit(np.cross(forward, floats([0.012 * across, 1, 0])))
    axes = np.stack([right, np.cross(right, forward), forward], -1).astype(np.float32)
    return Camera(column(eye), axes, 0.318, width, width * 9 // 16)


def render(stage: Set, number: int, width: int = 480) -> tuple[np.ndarray, np.ndarray]:
    """Frame ``number`` of the plate and of the painting: float32 (height, width, 3), scene-linear.

    The painting is made from the same frame, with the same grain, photographed without the markers.
    """
    moment = (number - FIRST) / (LAST - FIRST)
    camera = camera_at(moment, width)
    marked, bare, front, depth = _trace(stage.at(moment), camera)
    field = grain_field(number, camera.height, camera.width)
    plate = _develop(marked, front, depth, field)
    return plate, graded(_develop(bare, front, depth, field))


def _trace(stage: Set, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The wall with markers and without, the front with its coverage, and its depth, in bands of rows."""
    size = camera.height, camera.width
    marked, bare, front = (np.zeros((*size, channels), np.float32) for channels in (3, 3, 4))
    depth = np.zeros(size, np.float32)
    band = max(1, 28800 // (camera.width * len(SAMPLES)))  # small enough to stay in the processor's cache
    for top in range(0, camera.height, band):
        rows = slice(top, min(top + band, camera.height))
        rays = camera.rays(rows)
        with_tape, without = stage.see_wall(camera.eye, rays)
        colour, covered, distance = stage.see_front(camera.eye, rays)
        marked[rows], bare[rows] = _pixels(with_tape, camera.width), _pixels(without, camera.width)
        both = np.concatenate([np.minimum(colour, 30.0), covered[None]])
        front[rows] = _pixels(both, camera.width)
        depth[rows] = distance.reshape(-1, camera.width, len(SAMPLES)).min(-1)
    return marked, bare, front, depth


def _pixels(samples: np.ndarray, width: int) -> np.ndarray:
    return samples.reshape(len(samples), -1, width, len(SAMPLES)).mean(-1).transpose(1, 2, 0)


def _develop(wall: np.ndarray, front: np.ndarray, depth: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Focus on the things: the wall behind and the table before them are soft. Then lens and film."""
    pixel = wall.shape[1] / 480
    behind = blur(wall, 0.95 * pixel)
    sharp, soft = blur(front, 0.42 * pixel), blur(front, 1.7 * pixel)
    nearness = np.clip((FOCUS - 0.12 - depth) / 0.45, 0, 1)[..., None]
    mixed = sharp + (soft - sharp) * nearness
    image = mixed[..., :3] + behind * (1 - mixed[..., 3:])
    return grain(vignette(glow(image)), field, 0.058)


def graded(image: np.ndarray) -> np.ndarray:
    """The grade: brighter, warmer, more contrast and colour, with blue in the shadows. Scene-linear."""
    gain, gamma = floats([1.46, 1.24, 0.98]), floats([1.16, 1.11, 1.03])
    level = image * gain / np.float32(0.18)
    curved = np.sign(level) * np.abs(level) ** gamma * np.float32(0.18)
    grey = curved @ floats([0.2126, 0.7152, 0.0722])
    richer = grey[..., None] + (curved - grey[..., None]) * np.float32(1.18)
    return richer + floats([0.0010, 0.0028, 0.0062])
