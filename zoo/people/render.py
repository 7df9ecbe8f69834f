"""Render people, each by itself, with the share of every pixel that it covers.

    git clone https://github.com/makehumancommunity/makehuman
    git clone https://github.com/makehumancommunity/makehuman-assets     (with git lfs, for the textures)
    pip install mitsuba
    python -m zoo.people.render --makehuman makehuman --assets makehuman-assets \\
        --data ../shared/photographs --output ../people --count 600

All that is taken from both are assets, CC0 1.0 (LICENSE.ASSETS.md, LICENSE.txt); none of MakeHuman's program
is used. Each picture is a function of the seed and its number: sRGB with straight alpha, 8 bits. Beside them
lies SOURCES.json. Light comes from the environment maps of ``--data``, and cloth may have the colours of
its photographs for training. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from understudy.colour.scene_linear import linear_to_srgb
from understudy.network.card import Source
from zoo.people.body import draw_person, shaped
from zoo.people.poses import draw_pose
from zoo.people.skeleton import follow, read_skeleton
from zoo.people.view import View, draw_view
from zoo.people.wardrobe import Assets, Piece, Wearer, dressed
from zoo.pictures import Part, Pictures, load_pictures
from zoo.renders.environments import environments_of

SIDE, SAMPLES, BOUNCES = 384, 7, 3
SUN = 0.35
PARTS: tuple[Part, ...] = ("training", "validation")
"""Of the environment maps: people in any light are judged by other pictures."""
PATTERN_SIZE = 3.0
"""Decimetres of a body that a pattern's picture is wide."""
ASSETS = tuple(
    Source(
        title=title,
        author="MakeHuman Community: Data Collection AB, Joel Palmius, Jonas Hauquier",
        licence="CC0 1.0",
        address=f"github.com/makehumancommunity/{repository}",
    )
    for title, repository in (
        ("MakeHuman: base mesh, targets, rig and eyes", "makehuman"),
        ("MakeHuman: clothes, hair, brows, lashes, eyes and poses", "makehuman-assets"),
    )
)
"""What is rendered."""


@dataclass(frozen=True)
class Studio:
    """What all pictures are made with; ``lights``: environment maps, (H, W, 3) linear light."""

    assets: Assets
    pictures: Pictures
    lights: list[np.ndarray]

    def take(self, random: np.random.Generator) -> np.ndarray:
        """One picture (H, W, 4) uint8."""
        person = draw_person(random)
        body = shaped(random, self.assets.data, person)
        skeleton = read_skeleton(self.assets.data, len(body.points))
        wearer = Wearer(random, self.assets, self.pictures, skeleton, person, body)
        pieces = dressed(wearer)
        pose = draw_pose(random, self.assets.more / "poses", skeleton, body.points)
        turns = skeleton.turns(body.points, pose)
        posed = [follow(piece.mesh.points, piece.weights, turns) for piece in pieces]
        used = [points[np.unique(p.mesh.faces)] for p, points in zip(pieces, posed, strict=True)]
        bone = skeleton.bones.index("head")
        head = turns[bone, :, :3] @ skeleton.starts(body.points)[bone] + turns[bone, :, 3]
        view = draw_view(random, np.concatenate(used), head)
        return render(random, pieces, posed, view, self.lights[int(random.integers(len(self.lights)))])


def render(
    random: np.random.Generator, pieces: list[Piece], posed: list[np.ndarray], view: View, light: np.ndarray
) -> np.ndarray:
    """sRGB and straight alpha, (SIDE, SIDE, 4) uint8."""
    import mitsuba as mi

    scene: dict[str, Any] = {
        "type": "scene",
        "integrator": {"type": "path", "max_depth": BOUNCES, "hide_emitters": True},
        "camera": _camera(mi, view, int(random.integers(1 << 30))),
        **_lights(mi, random, light),
    }
    for number, (piece, points) in enumerate(zip(pieces, posed, strict=True)):
        scene[f"piece{number}"] = _shape(mi, f"piece{number}", piece, points)
    found = np.array(mi.render(mi.load_dict(scene)), np.float32)
    alpha = np.clip(found[..., 3:], 0, 1)
    straight = found[..., :3] / np.maximum(alpha, 1e-3)
    return _developed(random, np.nan_to_num(straight), alpha)


def _developed(random: np.random.Generator, light: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Exposed so that most of it lies where pictures have people."""
    seen = light[alpha[..., 0] > 0.5]
    level = float(np.quantile(seen, 0.9)) if len(seen) else 1.0
    exposed = light * (random.uniform(0.25, 0.9) / max(level, 1e-4))
    values = np.dstack([np.clip(linear_to_srgb(exposed), 0, 1), alpha])
    return np.rint(values * 255).astype(np.uint8)


def _camera(mi: Any, view: View, seed: int) -> dict[str, Any]:
    places = (each.tolist() for each in (view.eye, view.target, view.up))
    eye, target, up = places
    return {
        "type": "perspective",
        "fov": view.angle,
        "near_clip": 0.05,
        "to_world": mi.ScalarTransform4f().look_at(eye, target, up),
        "film": {"type": "hdrfilm", "width": SIDE, "height": SIDE, "pixel_format": "rgba"},
        "sampler": {"type": "independent", "sample_count": SAMPLES, "seed": seed},
    }


def _lights(mi: Any, random: np.random.Generator, light: np.ndarray) -> dict[str, Any]:
    """The environment, turned, and sometimes the sun."""
    turn = mi.ScalarTransform4f().rotate([0, 1, 0], random.uniform(0, 360))
    around = {"type": "envmap", "bitmap": mi.Bitmap(light), "to_world": turn}
    if random.random() > SUN:
        return {"around": around}
    way = random.normal(0, 1, 3)
    way[1] = -abs(way[1]) - 0.3
    mean = float(light.mean())
    colour = (mean * random.uniform(1, 8) * np.exp(random.normal(0, 0.15, 3))).tolist()
    sun = {"type": "directional", "direction": way.tolist(), "irradiance": {"type": "rgb", "value": colour}}
    return {"around": around, "sun": sun}


def _shape(mi: Any, name: str, piece: Piece, points: np.ndarray) -> Any:
    """A mesh of which each face has points of its own, as the uvs may differ."""
    mesh = piece.mesh.moved(points)
    faces = mesh.faces.ravel()
    uvs = mesh.uvs[mesh.corners.ravel()] * [1, -1] + [0, 1]  # the first row of a picture is its upper one
    if piece.patterned:
        rest = piece.mesh.points[faces] / PATTERN_SIZE
        uvs = np.stack([rest[:, 0] + 0.6 * rest[:, 2], rest[:, 1]], 1)
    properties = mi.Properties()
    properties["look"] = mi.load_dict(_look(mi, piece))
    shape = mi.Mesh(
        name,
        len(faces),
        len(mesh.faces),
        has_vertex_normals=True,
        has_vertex_texcoords=True,
        props=properties,
    )
    if piece.colours is not None:
        shape.add_attribute("vertex_color", 3, piece.colours[faces].astype(np.float32).ravel())
    told = mi.traverse(shape)
    told["vertex_positions"] = mesh.points[faces].astype(np.float32).ravel()
    told["vertex_normals"] = mesh.normals()[faces].astype(np.float32).ravel()
    told["vertex_texcoords"] = uvs.astype(np.float32).ravel()
    told["faces"] = np.arange(len(faces), dtype=np.uint32)
    told.update()
    return shape


def _look(mi: Any, piece: Piece) -> dict[str, Any]:
    """A glossy coat over the colours, seen from both sides; holes where its picture has some."""
    if piece.colours is not None:
        colour: dict[str, Any] = {"type": "mesh_attribute", "name": "vertex_color"}
    else:
        assert piece.picture is not None
        colours = mi.Bitmap(np.ascontiguousarray(piece.picture[..., :3]))
        colour = {"type": "bitmap", "bitmap": colours, "wrap_mode": "mirror"}
    coat = {"type": "principled", "base_color": colour, "roughness": piece.roughness, "specular": 0.4}
    look = {"type": "twosided", "coat": coat}
    if piece.picture is None or piece.picture.shape[2] < 4:
        return look
    holes = mi.Bitmap(np.ascontiguousarray(piece.picture[..., 3:]).astype(np.float32) / 255)
    return {"type": "mask", "opacity": {"type": "bitmap", "bitmap": holes, "raw": True}, "look": look}


def read_lights(files: Iterable[Path], width: int = 512, most: float = 60.0) -> list[np.ndarray]:
    """Environment maps, made small; what is brighter than ``most`` times their mean is held there."""
    found = []
    for file in files:
        read = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        if read is None:
            raise OSError(f"{file} cannot be read as an HDR map")
        small = cv2.resize(
            read[..., ::-1].astype(np.float32), (width, width // 2), interpolation=cv2.INTER_AREA
        )
        found.append(np.ascontiguousarray(np.minimum(small, most * small.mean())))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m zoo.people.render", description="Render people.")
    parser.add_argument("--makehuman", type=Path, required=True, help="a clone of makehuman")
    parser.add_argument("--assets", type=Path, required=True, help="a clone of makehuman-assets, with LFS")
    parser.add_argument("--data", type=Path, required=True, help="the folder of photographs")
    parser.add_argument("--output", type=Path, required=True, help="where the pictures go")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--first", type=int, default=0, help="the number of the first one")
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    import mitsuba as mi

    mi.set_variant("scalar_rgb")
    assets = Assets(flags.makehuman / "makehuman" / "data", flags.assets / "base")
    lights = read_lights(each for part in PARTS for each in environments_of(flags.data, part))
    studio = Studio(assets, load_pictures(flags.data, "training"), lights)
    flags.output.mkdir(parents=True, exist_ok=True)
    sources = [source.model_dump() for source in ASSETS]
    (flags.output / "SOURCES.json").write_text(json.dumps(sources, indent=1))
    write_missing(flags, "person", studio.take)


def write_missing(
    flags: argparse.Namespace, name: str, take: Callable[[np.random.Generator], np.ndarray]
) -> None:
    """The pictures that are not there yet, each a function of the seed and its number."""
    for number in range(flags.first, flags.first + flags.count):
        file = flags.output / f"{name}{number:05d}.png"
        if not file.exists():
            write(file, take(np.random.default_rng([flags.seed, number])))


def write(file: Path, picture: np.ndarray) -> None:
    """Whole, or not at all."""
    made = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))[1]
    partly = file.with_suffix(".part")
    partly.write_bytes(made.tobytes())
    os.replace(partly, file)


if __name__ == "__main__":
    main()
