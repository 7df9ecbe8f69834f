"""The surfaces of the set: an old painted wall with tracking markers on it, and a wooden table.

All of it is filtered noise, the same every time. Textures are float32 arrays (height, width, channels); the
first row is the bottom, so that row and column grow with the world's y (or z) and x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from vectors import floats, mix, smoothstep

WALL_LEFT, WALL_BOTTOM, WALL_WIDTH, WALL_HEIGHT = -1.8, -0.1, 3.6, 1.5
TABLE_LEFT, TABLE_WIDTH, TABLE_DEPTH = -1.8, 3.6, 1.6
MARKER_COLOUR = floats([0.86, 0.17, 0.025])


@dataclass(frozen=True, eq=False)
class Surface:
    """A texture laid over a rectangle of the world. Its channels: red, green, blue, and two slopes."""

    pixels: np.ndarray
    left: float
    bottom: float
    width: float
    height: float

    def sample(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Values (channels, samples) at the world positions ``u`` (x) and ``v`` (y or z), between texels."""
        rows, columns, channels = self.pixels.shape
        x = np.clip((u - self.left) * (columns / self.width), 0, columns - 1.001).astype(np.float32)
        y = np.clip((v - self.bottom) * (rows / self.height), 0, rows - 1.001).astype(np.float32)
        column, row = x.astype(np.int32), y.astype(np.int32)
        fx, fy = (x - column)[:, None], (y - row)[:, None]
        flat, at = self.pixels.reshape(-1, channels), row * columns + column
        low = flat[at] * (1 - fx) + flat[at + 1] * fx
        high = flat[at + columns] * (1 - fx) + flat[at + columns + 1] * fx
        return np.ascontiguousarray((low * (1 - fy) + high * fy).T)


def noise(
    seed: int, rows: int, columns: int, slope: float, stretch: tuple[float, float] = (1, 1)
) -> np.ndarray:
    """Tileable noise (rows, columns), mean 0 and deviation 1, with a spectrum falling as 1/f**slope.

    ``stretch`` (down, across) above 1 draws it out in that direction.
    """
    white = np.fft.rfft2(np.random.default_rng(seed).standard_normal((rows, columns)))
    down = np.fft.fftfreq(rows)[:, None] * rows * stretch[0]
    across = np.fft.rfftfreq(columns)[None, :] * columns * stretch[1]
    frequency = np.hypot(down, across)
    frequency[0, 0] = np.inf
    made = np.fft.irfft2(white / frequency**slope, (rows, columns))
    return (made / made.std()).astype(np.float32)


def wall() -> tuple[Surface, Surface]:
    """The painted wall, and where the markers are on it (one channel, 0 to 1)."""
    rows, columns = 800, 1920
    mottle, stain = noise(1, rows, columns, 1.5), noise(2, rows, columns, 2.2)
    stipple, streaks = noise(3, rows, columns, 0.6), noise(4, rows, columns, 1.6, (0.12, 1))
    height = 0.5 * noise(5, rows, columns, 1.3) + 0.12 * stipple
    v = np.linspace(WALL_BOTTOM, WALL_BOTTOM + WALL_HEIGHT, rows, dtype=np.float32)[:, None]
    upper, lower = floats([0.205, 0.245, 0.225]), floats([0.060, 0.098, 0.105])
    edge = smoothstep(-0.004, 0.004, v - 0.235 + 0.0016 * mottle)
    paint = mix(lower, upper, edge[..., None])
    paint = paint * np.exp(0.10 * mottle + 0.13 * stain + 0.05 * stipple + 0.06 * streaks)[..., None]
    chips = smoothstep(2.0, 2.12, 0.8 * noise(6, rows, columns, 1.7) + 0.75 * noise(7, rows, columns, 1.1))
    plaster = floats([0.40, 0.36, 0.30]) * np.exp(0.12 * mottle)[..., None]
    paint = mix(paint, plaster, chips[..., None])
    crack = np.abs(noise(8, rows, columns, 1.75)) + 0.02 * stipple
    cracks = (1 - smoothstep(0.0, 0.022, crack)) * smoothstep(0.4, 1.2, noise(9, rows, columns, 2.0))
    paint = paint * (1 - 0.65 * cracks)[..., None]
    # Dirt gathers above the table, and where a picture hung the paint has kept its colour.
    paint = paint * (1 - 0.30 * np.exp(-np.maximum(v, 0) / 0.05))[..., None]
    slopes = _slopes(height - 1.2 * chips - 1.5 * cracks, 0.16)
    pixels = np.concatenate([np.clip(paint, 0.01, 0.9), slopes], -1).astype(np.float32)
    place = (WALL_LEFT, WALL_BOTTOM, WALL_WIDTH, WALL_HEIGHT)
    return Surface(pixels, *place), Surface(_markers(rows, columns), *place)


def table() -> Surface:
    """Old boards of oak, along x."""
    rows, columns = 512, 1536
    z = np.linspace(0, TABLE_DEPTH, rows, dtype=np.float32)[:, None]
    board = np.floor(z / 0.145).astype(np.int32)
    shift = (board * 379) % columns
    along = (np.arange(columns)[None, :] + shift) % columns
    grain = noise(11, rows, columns, 1.3, (1, 0.04))[np.arange(rows)[:, None], along]
    rings = noise(12, rows, columns, 2.0, (1, 0.08))[np.arange(rows)[:, None], along]
    pores = noise(13, rows, columns, 0.5, (1, 0.03))[np.arange(rows)[:, None], along]
    tone = np.random.default_rng(14).normal(0, 0.16, 32).astype(np.float32)[board]
    lines = np.sin(9 * rings + 2.5 * grain)
    light, dark = floats([0.33, 0.205, 0.112]), floats([0.130, 0.070, 0.034])
    wood = mix(light, dark, smoothstep(-1.2, 1.6, 0.55 * lines + 0.5 * grain)[..., None])
    wood = wood * np.exp(tone + 0.10 * pores + 0.10 * noise(15, rows, columns, 1.9))[..., None]
    gap = np.abs(z / 0.145 - np.round(z / 0.145)) * 0.145
    seam = 1 - smoothstep(0.0006, 0.004, gap)
    wood = wood * (1 - 0.85 * seam[..., None])
    slopes = _slopes(0.25 * grain + 0.3 * pores - 3.0 * seam, 0.05)
    pixels = np.concatenate([np.clip(wood, 0.004, 0.9), slopes], -1).astype(np.float32)
    return Surface(pixels, TABLE_LEFT, 0.0, TABLE_WIDTH, TABLE_DEPTH)


def leaves() -> Surface:
    """How much sun comes through the tree before the window: 0 to 1, over one metre square, tiling."""
    size = 512
    crown = noise(21, size, size, 1.5) + 0.45 * noise(22, size, size, 0.9)
    return Surface(smoothstep(-0.9, 0.9, crown)[..., None], 0, 0, 1, 1)


def _slopes(height: np.ndarray, strength: float) -> np.ndarray:
    """How the surface leans in x and y, from differences of its height."""
    across = np.roll(height, -1, 1) - np.roll(height, 1, 1)
    up = np.roll(height, -1, 0) - np.roll(height, 1, 0)
    return np.stack([across, up], -1) * strength


def _markers(rows: int, columns: int) -> np.ndarray:
    """Crosses of tape, a little crooked, and dots between them."""
    out = np.zeros((rows, columns), np.float32)
    chance = np.random.default_rng(31)
    texel = WALL_WIDTH / columns
    for index, (x, y) in enumerate(marker_places()):
        angle, size = chance.normal(0, 0.10), 0.019 + chance.uniform(-0.001, 0.002)
        half = int(0.03 / texel)
        column, row = int((x - WALL_LEFT) / texel), int((y - WALL_BOTTOM) / texel)
        v, u = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32) * texel
        a, b = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
        shape = _dot(a, b) if index % 5 == 3 else _cross(a, b, size)
        area = out[row - half : row + half + 1, column - half : column + half + 1]
        np.maximum(area, shape, out=area)
    return out[..., None]


def marker_places() -> list[tuple[float, float]]:
    """(x, y) of the markers on the wall, in metres."""
    chance = np.random.default_rng(32)
    rows = (0.15, 0.315, 0.465, 0.615, 0.765, 0.915)
    grid = [(x, y) for y in rows for x in np.arange(-1.26, 1.3, 0.21)]
    return [(x + chance.uniform(-0.02, 0.02), y + chance.uniform(-0.02, 0.02)) for x, y in grid]


def _cross(a: np.ndarray, b: np.ndarray, size: float) -> np.ndarray:
    def arm(along: np.ndarray, across: np.ndarray) -> np.ndarray:
        return np.maximum(np.abs(along) - size, np.abs(across) - 0.0050)

    return 1 - smoothstep(-0.0009, 0.0009, np.minimum(arm(a, b), arm(b, a)))


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return 1 - smoothstep(-0.0009, 0.0009, np.hypot(a, b) - 0.0105)
