"""What people wear, and hair: meshes that .mhclo files fit to a body, and cloth cut from the base mesh's own
tights and skirt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from zoo.people.mesh import Mesh, read_mesh

AXES = {"x_scale": 0, "y_scale": 1, "z_scale": 2}


@dataclass(frozen=True)
class Fit:
    """How the points of a mesh lie on a body: each at ``shares`` (N, 3) of three ``points`` (N, 3) of the
    base mesh, and ``away`` (N, 3) from there. ``scales``: for each axis, two points of the base mesh, and how
    far apart they were when it was made. ``hidden``: points of the base mesh that are beneath it."""

    mesh: Mesh
    points: np.ndarray
    shares: np.ndarray
    away: np.ndarray
    scales: dict[int, tuple[int, int, float]]
    hidden: np.ndarray
    texture: Path | None

    def on(self, body: np.ndarray) -> Mesh:
        """On the points of a body at rest."""
        scale = np.ones(3)
        for axis, (one, other, made) in self.scales.items():
            scale[axis] = abs(body[one, axis] - body[other, axis]) / made
        middle = np.einsum("nk,nki->ni", self.shares, body[self.points])
        return self.mesh.moved(middle + self.away * scale)

    def weights(self, body: np.ndarray) -> np.ndarray:
        """How much its points follow each bone, from the weights of the body's."""
        found = np.einsum("nk,nkb->nb", self.shares, body[self.points])
        return np.asarray(found / np.maximum(found.sum(1, keepdims=True), 1e-9))


@lru_cache(maxsize=128)
def read_fit(file: Path) -> Fit:
    """A .mhclo, the mesh that it names, and the texture of the material that it names."""
    section, words = "", {}
    rows: list[list[str]] = []
    hidden: list[list[str]] = []
    scales: dict[int, tuple[int, int, float]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        found = line.split()
        if not found or found[0].startswith("#"):
            continue
        if found[0] in ("verts", "delete_verts"):
            section = found[0]
        elif found[0] in AXES:
            scales[AXES[found[0]]] = int(found[1]), int(found[2]), float(found[3])
        elif found[0][0].isdigit() and section:
            (rows if section == "verts" else hidden).append(found)
        else:
            words[found[0]] = found[-1]
    table = np.array([row if len(row) == 9 else [row[0]] * 3 + ["1"] + ["0"] * 5 for row in rows], np.float64)
    return Fit(
        read_mesh(file.parent / words["obj_file"]),
        table[:, :3].astype(np.int64),
        table[:, 3:6],
        table[:, 6:],
        scales,
        _ranges(" ".join(" ".join(row) for row in hidden)),
        _texture(file.parent / words["material"]) if "material" in words else None,
    )


def _ranges(text: str) -> np.ndarray:
    """Numbers and ranges, as 3 7 - 9."""
    found: list[int] = []
    for part in text.replace(" - ", "-").split():
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return np.array(found, np.int64)


def _texture(material: Path) -> Path | None:
    """The picture of the colours that a .mhmat names, if that is one."""
    for line in material.read_text(encoding="utf-8").splitlines() if material.is_file() else []:
        if line.startswith("diffuseTexture "):
            file = material.parent / line.split()[-1]
            return file if file.is_file() and file.read_bytes()[:4] == b"\x89PNG" else None
    return None


SLEEVES = ("clavicle", "shoulder01", "upperarm01", "upperarm02", "lowerarm01", "lowerarm02")
LEGS = ("pelvis", "upperleg01", "upperleg02", "lowerleg01", "lowerleg02")
TRUNK = ("spine", "breast")


def cut(body: Mesh, inside: np.ndarray, ease: float, creases: np.ndarray) -> Mesh:
    """The tights of a body where ``inside`` (points,) is above a half, ``ease`` off the skin (in decimetres)
    and with ``creases`` (points,), in the same."""
    chosen = (body.groups == "helper-tights") & (inside[body.faces].mean(1) > 0.5)
    part = body.part(chosen)
    return part.moved(body.points + part.normals() * (ease + creases)[:, None])


def skirt(body: Mesh, creases: np.ndarray, down_to: float) -> Mesh:
    """The skirt of a body, down to a share of its length."""
    chosen = body.groups == "helper-skirt"
    heights = body.points[body.faces[chosen]][..., 1]
    low, high = heights.min(), heights.max()
    kept = chosen.copy()
    kept[chosen] = (heights >= high - (high - low) * down_to - 1e-6).all(1)
    part = body.part(kept)
    return part.moved(body.points + part.normals() * creases[:, None])
