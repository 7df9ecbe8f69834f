"""Where the camera stands that takes a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.people.poses import UP
from zoo.people.skeleton import rotation

CLOSE = 0.35
"""How many pictures do not show all of a person."""


@dataclass(frozen=True)
class View:
    """A camera: where it stands, what it looks at, which way is up, and its angle of view in degrees."""

    eye: np.ndarray
    target: np.ndarray
    up: np.ndarray
    angle: float


def draw_view(
    random: np.random.Generator, points: np.ndarray, head: np.ndarray, close: float = CLOSE
) -> View:
    """All of a person whose ``points`` are seen, or as far as the knees, or the head and shoulders.
    ``close``: how many pictures do not show all."""
    angle = float(np.exp(random.uniform(np.log(14), np.log(60))))
    round_, above = random.uniform(-np.pi, np.pi), np.radians(np.clip(random.normal(5, 16), -35, 70))
    if random.random() < 0.5:
        round_ = random.normal(0, 0.7)
    way = np.array([np.sin(round_) * np.cos(above), np.sin(above), np.cos(round_) * np.cos(above)])
    up = rotation(way, random.normal(0, 0.12)) @ UP
    across = np.cross(up, way)
    across /= np.linalg.norm(across)
    axes = np.stack([across, np.cross(way, across), way])
    seen = points @ axes.T
    low, high = seen.min(0), seen.max(0)
    reach, middle = float((high - low)[:2].max()) / 2, axes.T @ ((low + high) / 2)
    front = (high - low)[2] / 2
    kind = random.random()
    if kind < close:
        reach *= random.uniform(0.35, 0.7) if kind < close * 0.6 else random.uniform(0.2, 0.35)
        middle = head + random.normal(0, 0.2, 3) * reach - np.array([0, random.uniform(0.2, 0.8) * reach, 0])
        front = 0.0
    return View(middle + way * (1.04 * reach / np.tan(np.radians(angle) / 2) + front), middle, up, angle)
