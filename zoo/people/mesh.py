"""Triangle meshes, and the files that MakeHuman keeps them in: Wavefront's .obj, and .target, which moves
some of the points of one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Mesh:
    """``points`` (N, 3) float64; ``faces`` (F, 3) of three points each, and ``corners`` (F, 3) of three
    ``uvs`` (M, 2) each; ``groups``: of each face, what it is a part of."""

    points: np.ndarray
    faces: np.ndarray
    uvs: np.ndarray
    corners: np.ndarray
    groups: np.ndarray

    def part(self, chosen: np.ndarray) -> Mesh:
        """The chosen faces alone, of the same points."""
        return replace(
            self, faces=self.faces[chosen], corners=self.corners[chosen], groups=self.groups[chosen]
        )

    def moved(self, points: np.ndarray) -> Mesh:
        return replace(self, points=points)

    def normals(self) -> np.ndarray:
        """(N, 3) of its points, smooth, of length one."""
        a, b, c = (self.points[self.faces[:, corner]] for corner in range(3))
        across = np.cross(b - a, c - a)
        total = np.zeros_like(self.points)
        for corner in range(3):
            np.add.at(total, self.faces[:, corner], across)
        return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12))


@lru_cache(maxsize=64)
def read_mesh(file: Path) -> Mesh:
    """The faces of an .obj, those with more corners cut into triangles."""
    points: list[list[str]] = []
    uvs: list[list[str]] = []
    faces: list[list[int]] = []
    corners: list[list[int]] = []
    groups: list[str] = []
    group = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        word, _, rest = line.partition(" ")
        if word == "v":
            points.append(rest.split()[:3])
        elif word == "vt":
            uvs.append(rest.split()[:2])
        elif word == "g":
            group = rest.strip()
        elif word == "f":
            told = [corner.split("/") for corner in rest.split()]
            for second in range(1, len(told) - 1):
                three = told[0], told[second], told[second + 1]
                faces.append([int(each[0]) - 1 for each in three])
                corners.append([int(each[1] or 1) - 1 if len(each) > 1 else 0 for each in three])
                groups.append(group)
    return Mesh(
        np.array(points, np.float64),
        np.array(faces, np.int64),
        np.array(uvs or [["0", "0"]], np.float64),
        np.array(corners, np.int64),
        np.array(groups),
    )


@cache
def read_target(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Which points a .target moves (n,), and how far (n, 3)."""
    lines = (line for line in file.read_text(encoding="utf-8").splitlines() if line and line[0] != "#")
    table = np.fromstring(" ".join(lines), sep=" ").reshape(-1, 4)
    return table[:, 0].astype(np.int64), table[:, 1:].astype(np.float32)


def sphere(rings: int) -> Mesh:
    """One of radius 1 about 0, of so many rings from pole to pole."""
    around = 2 * rings
    down, along = np.mgrid[: rings + 1, :around]
    polar, turn = down.ravel() * np.pi / rings, along.ravel() * 2 * np.pi / around
    points = np.stack([np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)], 1)
    here = (down[:-1] * around + along[:-1]).ravel()
    beside = (down[:-1] * around + (along[:-1] + 1) % around).ravel()
    faces = np.concatenate(
        [np.stack([here, here + around, beside], 1), np.stack([beside, here + around, beside + around], 1)]
    )
    uvs = np.stack([turn / (2 * np.pi), polar / np.pi], 1)
    return Mesh(points, faces, uvs, faces, np.full(len(faces), ""))
