"""The two kinds of things on the table: turned ones and books. They are met by rays, and cast shadows.

Points and directions are float32 arrays (3, samples), colours too. World: metres, x to the right, y up from
the table top, z from the wall towards the camera.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from vectors import column, dot, floats, smoothstep, unit


@dataclass(frozen=True, eq=False)
class Hits:
    """What rays met: distances, unit normals, surface colours, and how glossy it is."""

    at: np.ndarray
    distance: np.ndarray
    normal: np.ndarray
    colour: np.ndarray
    gloss: float
    roughness: float


@dataclass(eq=False)
class Turned:
    """A thing made on a lathe: around an upright axis at (x, z), its radius a function of the height.

    ``profile``: (height, radius) pairs from bottom to top, in metres. ``paint`` gives the colour from the
    height (0 to 1) and the angle; ``inside`` is the colour seen through the opening at the top.
    """

    x: float
    z: float
    profile: list[tuple[float, float]]
    paint: Callable[[np.ndarray, np.ndarray], np.ndarray]
    gloss: float = 0.04
    roughness: float = 0.3
    base: float = 0.0
    inside: tuple[float, float, float] | None = None
    steps: int = 512
    _radii: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        heights, radii = floats(self.profile).T
        self.height = float(heights[-1])
        y = np.linspace(0, self.height, self.steps)
        made = np.interp(y, heights, radii)
        kernel = np.hanning(23)
        padded = np.pad(made, 11, mode="edge")
        self._radii = np.convolve(padded, kernel / kernel.sum(), "valid").astype(np.float32)
        self._leans = np.gradient(self._radii, self.height / (self.steps - 1)).astype(np.float32)
        self.radius = float(self._radii.max())

    def radius_at(self, y: np.ndarray) -> np.ndarray:
        """The radius at the heights ``y``; below 0 above and under the thing."""
        within = (y >= self.base) & (y <= self.base + self.height)
        return np.where(within, self._radius_inside(y), np.float32(-0.02))

    def _radius_inside(self, y: np.ndarray) -> np.ndarray:
        return self._radii[self._index(y)]

    def _index(self, y: np.ndarray) -> np.ndarray:
        index = (y - np.float32(self.base)) * np.float32((self.steps - 1) / self.height)
        return np.clip(index, 0, self.steps - 1).astype(np.int32)

    def hits(self, eye: np.ndarray, rays: np.ndarray) -> Hits | None:
        ox, oz = eye[0] - self.x, eye[2] - self.z
        a = rays[0] ** 2 + rays[2] ** 2
        b = ox * rays[0] + oz * rays[2]
        c = ox**2 + oz**2 - self.radius**2
        inside = b * b - a * c
        near = (-b - np.sqrt(np.maximum(inside, 0))) / a
        middle = eye[1] + rays[1] * (-b / a)
        margin = self.radius * 0.9
        may = (inside > 0) & (middle > self.base - margin) & (middle < self.base + self.height + margin)
        at = np.flatnonzero(may)
        return self._march(eye, rays[:, at], at, near[at], -2 * b[at] / a[at] - near[at]) if at.size else None

    def _march(
        self, eye: np.ndarray, rays: np.ndarray, at: np.ndarray, t: np.ndarray, last: np.ndarray
    ) -> Hits | None:
        for _ in range(26):
            x, y, z = eye[0] - self.x + rays[0] * t, eye[1] + rays[1] * t, eye[2] - self.z + rays[2] * t
            over = y - np.float32(self.base + self.height)
            gap = np.maximum(np.sqrt(x * x + z * z) - self._radius_inside(y), over)
            t = t + gap * np.float32(0.72)
        found = (np.abs(gap) < 0.0025) & (t < last + 0.01)
        if not found.any():
            return None
        x, y, z, t, over = x[found], y[found], z[found], t[found], over[found]
        radius = np.sqrt(x * x + z * z) + 1e-6
        normal = unit(np.stack([x / radius, -self._leans[self._index(y)], z / radius]))
        colour = self.paint(np.clip((y - self.base) / self.height, 0, 1), np.arctan2(x, z))
        top = over > -0.0035
        normal = np.where(top, column([0, 1, 0]), normal).astype(np.float32)
        if self.inside is not None:
            colour = np.where(top & (radius < 0.86 * self._radii[-1]), column(self.inside), colour)
        return Hits(at[found], t, normal, colour.astype(np.float32), self.gloss, self.roughness)

    def shade_from(self, points: np.ndarray, light: np.ndarray, softness: float) -> np.ndarray:
        """How much of a far light, in direction ``light``, gets past this thing to ``points``: 0 to 1."""
        flat = light[0] ** 2 + light[2] ** 2
        dx, dz = self.x - points[0], self.z - points[2]
        t = (dx * light[0] + dz * light[2]) / flat
        aside = np.abs(dx * light[2] - dz * light[0]) / np.sqrt(flat)
        y = points[1] + t * light[1]
        # The grazing height differs between the front and the back of the thing: take the widest of three.
        reach = np.float32(0.6 * self.radius * light[1] / np.sqrt(flat))
        radius = np.maximum(
            np.maximum(self.radius_at(y), self.radius_at(y - reach)), self.radius_at(y + reach)
        )
        width = np.float32(0.004) + softness * np.maximum(t, 0)
        return np.where(t > 0.002, smoothstep(-1, 1, (aside - radius) / width), np.float32(1))

    def closeness(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """How much of the sky this thing hides from ``points``: 0 to 1."""
        hidden = np.zeros(points.shape[1], np.float32)
        for part in (0.25, 0.7):
            radius = float(self._radii[int(part * (self.steps - 1))])
            centre = column([self.x, self.base + part * self.height, self.z])
            way = centre - points
            square = dot(way, way)
            facing = np.maximum(dot(way, normals) / np.sqrt(square), 0.0)
            hidden = hidden + 0.55 * facing * np.minimum(radius * radius * 2.2 / square, 1.0)
        aside = np.hypot(points[0] - self.x, points[2] - self.z) - self._radii[0]
        resting = np.exp(-np.maximum(aside, 0) / 0.018) * np.exp(-np.abs(points[1] - self.base) / 0.01)
        return hidden + 1.1 * resting * np.maximum(normals[1], 0)


@dataclass(eq=False)
class Book:
    """A box lying on the table, turned by ``angle``: cloth on top and at the back, pages elsewhere."""

    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    angle: float
    cloth: tuple[float, float, float]
    gloss: float = 0.03
    roughness: float = 0.45

    def _turn(self, vectors: np.ndarray, back: bool = False) -> np.ndarray:
        c, s = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle) * (-1 if back else 1))
        return np.stack(
            [c * vectors[0] - s * vectors[2], vectors[1] + 0 * c, s * vectors[0] + c * vectors[2]]
        )

    def _slabs(self, start: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        half = column(self.half)
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = 1 / np.where(np.abs(rays) < 1e-7, np.float32(1e-7), rays)
        low, high = (-half - start) * inverse, (half - start) * inverse
        enter, leave = np.minimum(low, high), np.maximum(low, high)
        return enter.max(0), leave.min(0), enter.argmax(0)

    def hits(self, eye: np.ndarray, rays: np.ndarray) -> Hits | None:
        start, turned = self._turn(eye - column(self.centre)), self._turn(rays)
        enter, leave, axis = self._slabs(start, turned)
        at = np.flatnonzero((enter < leave) & (enter > 0))
        if not at.size:
            return None
        t, axis, ray = enter[at], axis[at], turned[:, at]
        place = start + ray * t
        normal = np.zeros((3, at.size), np.float32)
        normal[axis, np.arange(at.size)] = -np.sign(ray[axis, np.arange(at.size)])
        return Hits(
            at, t, self._turn(normal, back=True), self._paint(place, axis), self.gloss, self.roughness
        )

    def _paint(self, place: np.ndarray, axis: np.ndarray) -> np.ndarray:
        half = self.half
        pages = np.sin(place[1] * 2600) * 0.10 + np.sin(place[1] * 911 + place[0] * 9) * 0.08
        paper = column([0.58, 0.49, 0.34]) * (1 + pages)
        weave = 1 + 0.07 * np.sin(place[0] * 1900) * np.sin(place[2] * 1900)
        cloth = column(self.cloth) * weave
        rim = (np.abs(place[1]) > half[1] - 0.0035) | (place[0] < -half[0] + 0.004)
        line = np.abs(np.abs(place[0] + half[0] * 0.7) - 0.006) < 0.0018
        gold = (axis == 1) & line
        out = np.where((axis == 1) | rim, cloth, paper)
        return np.where(gold, column([0.45, 0.30, 0.10]), out).astype(np.float32)

    def shade_from(self, points: np.ndarray, light: np.ndarray, softness: float) -> np.ndarray:
        out = np.ones(points.shape[1], np.float32)
        way = column(self.centre) - points
        t = dot(way, light)
        size = float(np.linalg.norm(self.half))
        near = np.flatnonzero((t > -size) & (dot(way, way) - t * t < (1.4 * size) ** 2))
        if near.size:
            out[near] = self._lit(self._turn(points[:, near] - column(self.centre)), light, softness)
        return out

    def _lit(self, start: np.ndarray, light: np.ndarray, softness: float) -> np.ndarray:
        """The share of eight directions within the sun's disc that pass the box."""
        chance = np.random.default_rng(50)
        passed = np.zeros(start.shape[1], np.float32)
        for step in range(8):
            angle, away = step * 2.399963, np.sqrt((step + 0.5) / 8) * softness
            wobble = floats([np.cos(angle), np.sin(angle), chance.uniform(-1, 1)]) * np.float32(away)
            enter, leave, _ = self._slabs(start, self._turn(column(unit(light[:, 0] + wobble))))
            passed += ~((enter < leave) & (leave > 0.002))
        return passed / np.float32(8)

    def closeness(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        way = column(self.centre) - points
        square = dot(way, way) + 1e-4
        facing = np.maximum(dot(way, normals) / np.sqrt(square), 0.0)
        return 0.5 * facing * np.minimum(0.012 / square, 1.0)


Thing = Turned | Book
