"""The set: a wall, a table, a few things on it, and sun through a window with a tree before it.

World: metres, x to the right, y up from the table top, z from the wall towards the camera. Points and
directions are float32 arrays (3, samples), colours too; light is scene-linear.
"""

from __future__ import annotations

import numpy as np
from props import furnish
from textures import MARKER_COLOUR, leaves, table, wall
from things import Hits, Thing
from vectors import column, dot, floats, mix, smoothstep, unit

SUN = floats([5.2, 4.0, 2.55])
SKY = floats([0.20, 0.245, 0.31])
ROOM = floats([0.105, 0.095, 0.085])
BOUNCE = floats([0.16, 0.105, 0.06])
FAR = np.float32(1e6)


class Set:
    """The whole set at one moment. ``moment`` runs from 0 (first frame) to 1 (last)."""

    def __init__(self) -> None:
        self.wall, self.markers = wall()
        self.table = table()
        self.leaves = leaves()
        self.things = furnish()
        self.moment = 0.0

    def at(self, moment: float) -> Set:
        """Move the sun and the leaves."""
        self.moment = moment
        swing = -0.84 + 0.13 * moment
        self.sun = unit(column([swing, 0.62 - 0.05 * moment, 0.74]))
        self.cloud = np.float32(1 - 0.22 * np.sin(np.pi * moment) ** 2)
        return self

    # -- light ---------------------------------------------------------------------------------------------

    def light(self, points: np.ndarray, normals: np.ndarray, skip: Thing | None = None) -> np.ndarray:
        """What falls on ``points``, before the colour of the surface."""
        facing = np.maximum(dot(normals, self.sun), 0.0)
        direct = facing * self.through_window(points) * self.shadows(points, skip)
        hidden = np.zeros(points.shape[1], np.float32)
        for thing in self.things:
            if thing is not skip:
                hidden += thing.closeness(points, normals)
        open_sky = np.exp(-1.5 * hidden) * self._corner(points, normals)
        from_left = np.maximum(0.44 - 0.56 * normals[0] + 0.22 * normals[2], 0.02)
        from_below = np.maximum(0.5 - 0.5 * normals[1], 0.0) * np.exp(-2.2 * np.maximum(points[1], 0))
        soft = SKY[:, None] * from_left + ROOM[:, None] + BOUNCE[:, None] * from_below
        return SUN[:, None] * (direct * self.cloud) + soft * open_sky

    def _corner(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Less sky near the corner of wall and table."""
        to_wall = np.maximum(points[2], 0) + 0.012
        to_table = np.maximum(points[1], 0) + 0.012
        by_wall = 0.5 + 0.5 * to_wall / np.sqrt(to_wall**2 + 0.09)
        by_table = 0.5 + 0.5 * to_table / np.sqrt(to_table**2 + 0.05)
        return mix(by_table, by_wall, np.abs(normals[1]))

    def shadows(self, points: np.ndarray, skip: Thing | None) -> np.ndarray:
        out = np.ones(points.shape[1], np.float32)
        for thing in self.things:
            if thing is not skip:
                out = np.minimum(out, thing.shade_from(points, self.sun, 0.035))
        return out

    def through_window(self, points: np.ndarray) -> np.ndarray:
        """The sun through panes and leaves, as it falls on ``points``: 0 to 1."""
        t = (np.float32(-2.0) - points[0]) / self.sun[0]
        y, z = points[1] + t * self.sun[1], points[2] + t * self.sun[2]
        panes = np.ones(points.shape[1], np.float32)
        for value, low, high, bars in ((y, 1.18, 2.60, (1.92,)), (z, 1.02, 2.66, (1.56, 2.12))):
            panes = panes * smoothstep(low - 0.025, low + 0.025, value)
            panes = panes * (1 - smoothstep(high - 0.025, high + 0.025, value))
            for bar in bars:
                panes = panes * smoothstep(0.0, 0.055, np.abs(value - bar) - np.float32(0.012))
        sway = 0.05 * np.sin(7.0 * self.moment) + 0.025 * np.sin(17.0 * self.moment)
        crown = self.leaves.sample(np.mod(z * 0.55 + sway, 1.0), np.mod(y * 0.55 + 0.3 * sway, 1.0))[0]
        return panes * (0.12 + 0.88 * crown)

    def surroundings(self, ways: np.ndarray) -> np.ndarray:
        """What a glossy surface mirrors: the window at the left, a dim room, the table below."""
        window = (
            smoothstep(0.62, 0.72, -ways[0])
            * smoothstep(0.05, 0.12, ways[1])
            * smoothstep(-0.1, 0.1, ways[2])
        )
        bar = smoothstep(0.01, 0.035, np.abs(ways[2] - 0.35)) * (1 - smoothstep(0.62, 0.7, ways[1]))
        dim = mix(BOUNCE[:, None] * 1.2, ROOM[:, None] * 1.6, smoothstep(-0.15, 0.15, ways[1]))
        return dim + column([2.6, 3.0, 3.5]) * (window * bar)

    # -- surfaces ------------------------------------------------------------------------------------------

    def see_wall(self, eye: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The wall with its markers, and without."""
        points = eye + rays * (-eye[2] / rays[2])
        found = self.wall.sample(points[0], points[1])
        normals = unit(np.stack([-found[3], -found[4], np.ones_like(found[3])]))
        light = self.light(points, normals)
        bare = found[:3]
        tape = self.markers.sample(points[0], points[1])[0]
        # Tape is flat and even; it keeps a little of the light and dark of the wall under it.
        marked = mix(bare, MARKER_COLOUR[:, None] * (0.75 + bare[1:2]), tape)
        return marked * light, bare * light

    def see_front(self, eye: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Table and things: colour, coverage (0 or 1), and distance; colour is 0 where there is only wall."""
        colour = np.zeros_like(rays)
        distance = np.full(rays.shape[1], FAR)
        self._see_table(eye, rays, colour, distance)
        for thing in self.things:
            hits = thing.hits(eye, rays)
            if hits is not None:
                self._see_thing(eye, rays, thing, hits, colour, distance)
        return colour, (distance < FAR).astype(np.float32), distance

    def _see_table(self, eye: np.ndarray, rays: np.ndarray, colour: np.ndarray, distance: np.ndarray) -> None:
        with np.errstate(divide="ignore"):
            t = np.where(rays[1] < -1e-4, -eye[1] / np.minimum(rays[1], -1e-4), FAR).astype(np.float32)
        at = np.flatnonzero((t < FAR) & (eye[2] + rays[2] * t > 0.012))
        if not at.size:
            return
        points = eye + rays[:, at] * t[at]
        found = self.table.sample(points[0], points[2])
        normals = unit(np.stack([-found[3], np.ones_like(found[3]), -found[4]]))
        light = self.light(points, normals)
        sheen = self._sheen(rays[:, at], normals, 0.06, 0.32) * self._corner(points, normals)
        mirrored = (
            self._sun_spot(rays[:, at], normals, 40.0)
            * self.through_window(points)
            * self.shadows(points, None)
        )
        colour[:, at] = found[:3] * light + sheen * 0.5 + SUN[:, None] * (0.10 * self.cloud * mirrored)
        distance[at] = t[at]

    def _see_thing(
        self,
        eye: np.ndarray,
        rays: np.ndarray,
        thing: Thing,
        hits: Hits,
        colour: np.ndarray,
        distance: np.ndarray,
    ) -> None:
        nearer = hits.distance < distance[hits.at]
        at, t, normals = hits.at[nearer], hits.distance[nearer], hits.normal[:, nearer]
        if not at.size:
            return
        ray = rays[:, at]
        points = eye + ray * t + normals * np.float32(0.002)
        light = self.light(points, normals, thing)
        power = 2 / max(hits.roughness**2, 1e-3)
        spot = self._sun_spot(ray, normals, power) * self.through_window(points) * self.shadows(points, thing)
        gleam = SUN[:, None] * (spot * self.cloud * hits.gloss * power * 0.12)
        colour[:, at] = (
            hits.colour[:, nearer] * light + self._sheen(ray, normals, hits.gloss, hits.roughness) + gleam
        )
        distance[at] = t

    def _sheen(self, rays: np.ndarray, normals: np.ndarray, gloss: float, roughness: float) -> np.ndarray:
        cosine = np.clip(-dot(rays, normals), 0, 1)
        fresnel = gloss + (1 - gloss) * (1 - cosine) ** 5 * (1 - roughness) ** 3
        ways = rays + 2 * cosine * normals
        return self.surroundings(ways) * (fresnel * (1 - roughness))

    def _sun_spot(self, rays: np.ndarray, normals: np.ndarray, power: float) -> np.ndarray:
        half = unit(self.sun - rays)
        return np.maximum(dot(half, normals), 0.0) ** np.float32(power) * (dot(normals, self.sun) > 0)
