"""Scenes from code: things on a ground under the sky, in a studio, or in a room lit through a window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mitsuba as mi
import numpy as np

from zoo.pictures import Part, Pictures
from zoo.renders import shapes
from zoo.renders.materials import draw_material, draw_matt

SIMPLE = ("sphere", "cube", "cylinder", "rectangle")
PLACE = mi.ScalarTransform4f
ROOM = 3.0
"""How far from the middle the walls of a room are."""
RAISED = np.array([0.0, 0.0, 0.3])


@dataclass(frozen=True)
class Maker:
    """Makes scenes of one ``part`` with its photographs, HDR maps and kinds of geometry."""

    part: Part
    pictures: Pictures
    environments: list[Path]

    def scene(self, random: np.random.Generator, side: int) -> Any:
        """A scene that mitsuba has loaded, with a camera of ``side`` pixels a side."""
        build = BUILDS[int(random.integers(len(BUILDS)))]
        parts = {"type": "scene"} | build(self, random)
        parts["camera"] = _camera(random, side, inside=build is _room)
        return mi.load_dict(parts)

    def things(self, random: np.random.Generator, spread: float) -> dict[str, Any]:
        """Things about the middle, standing on or above the ground."""
        return {
            f"thing_{number}": self._thing(random, number, spread)
            for number in range(int(random.integers(4, 12)))
        }

    def _thing(self, random: np.random.Generator, number: int, spread: float) -> Any:
        size = float(np.exp(random.uniform(np.log(0.12), np.log(0.55))))
        simple = self.part == "training" and random.random() < 0.5
        stretch = [size if simple else float(size * each) for each in np.exp(random.normal(0, 0.2, 3))]
        x, y = random.uniform(-spread, spread, 2)
        lift = size * random.uniform(0.6, 1.2) if random.random() < 0.8 else random.uniform(0.5, 1.5)
        turn = PLACE().rotate(random.standard_normal(3).tolist(), random.uniform(0, 360))
        place = PLACE().translate([float(x), float(y), float(lift)]) @ turn @ PLACE().scale(stretch)
        material = draw_material(random, self.pictures)
        if simple:
            return {"type": str(random.choice(SIMPLE)), "to_world": place, "material": material}
        kinds = shapes.VALIDATION if self.part == "validation" else shapes.TRAINING
        made = kinds[int(random.integers(len(kinds)))](random)
        return mesh(f"mesh_{number}", made, place, material)

    def sky(self, random: np.random.Generator, strength: tuple[float, float]) -> dict[str, Any]:
        """Light from all around."""
        chosen = self.environments[int(random.integers(len(self.environments)))]
        upright = PLACE().rotate([0, 0, 1], random.uniform(0, 360)) @ PLACE().rotate([1, 0, 0], 90)
        scale = float(np.exp(random.uniform(*np.log(strength))))
        return {"sky": {"type": "envmap", "filename": str(chosen), "scale": scale, "to_world": upright}}

    def ground(self, random: np.random.Generator) -> Any:
        """A plane, or hills, twelve across."""
        material = draw_matt(random, self.pictures)
        if self.part == "training" and random.random() < 0.3:
            place = PLACE().translate([0, 0, -0.3]) @ PLACE().scale([6.0, 6.0, 3.0])
            return mesh("ground", shapes.hills(random), place, material)
        return {"type": "rectangle", "to_world": PLACE().scale([6.0, 6.0, 1.0]), "material": material}


def mesh(name: str, surface: shapes.Surface, place: Any, material: dict[str, Any]) -> Any:
    """A mesh where ``place`` puts it."""
    properties = mi.Properties()
    properties["material"] = mi.load_dict(material)
    properties["face_normals"] = not surface.smooth
    made = mi.Mesh(
        name,
        len(surface.corners),
        len(surface.triangles),
        props=properties,
        has_vertex_normals=surface.smooth,
        has_vertex_texcoords=True,
    )
    matrix = np.asarray(place.matrix, np.float64)
    corners = np.asarray(surface.corners, np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    parameters = mi.traverse(made)
    parameters["vertex_positions"] = corners.astype(np.float32).ravel()
    parameters["faces"] = surface.triangles.astype(np.uint32).ravel()
    parameters["vertex_texcoords"] = np.ascontiguousarray(surface.places, np.float32).ravel()
    parameters.update()
    if surface.smooth:
        made.recompute_vertex_normals()
    return made


def _outside(maker: Maker, random: np.random.Generator) -> dict[str, Any]:
    parts = {"ground": maker.ground(random)} | maker.things(random, random.uniform(0.8, 2.2))
    return parts | maker.sky(random, (0.3, 1.5))


def _studio(maker: Maker, random: np.random.Generator) -> dict[str, Any]:
    """Lamps above and beside, before a backdrop, and little light from elsewhere."""
    parts = {"ground": maker.ground(random)} | maker.things(random, random.uniform(0.8, 1.8))
    for number in range(int(random.integers(1, 4))):
        parts[f"lamp_{number}"] = _lamp(random, random.uniform(2.5, 5), random.uniform(2, 5))
    return parts | (maker.sky(random, (0.02, 0.2)) if random.random() < 0.7 else {})


def _lamp(random: np.random.Generator, distance: float, height: float) -> dict[str, Any]:
    angle = random.uniform(0, 2 * np.pi)
    at = [float(distance * np.cos(angle)), float(distance * np.sin(angle)), float(height)]
    size = float(np.exp(random.uniform(np.log(0.1), np.log(1.2))))
    warm = np.exp(random.normal(0, 0.25, 3)) * random.uniform(3, 12) / size**2
    return {
        "type": "rectangle",
        "to_world": PLACE().look_at(at, random.uniform(-0.5, 0.5, 3).tolist(), [0.0, 0.0, 1.0])
        @ PLACE().scale([size, size, 1.0]),
        "emitter": {"type": "area", "radiance": {"type": "rgb", "value": warm.tolist()}},
    }


def _room(maker: Maker, random: np.random.Generator) -> dict[str, Any]:
    """Four walls, floor and ceiling; light comes through a window, at times from a lamp too."""
    parts = maker.things(random, 1.6)
    floor, wall = (draw_matt(random, maker.pictures) for _ in range(2))
    height = random.uniform(1.2, 1.7)
    middle = PLACE().translate([0.0, 0.0, height])
    parts["floor"] = _panel(PLACE().scale([ROOM, ROOM, 1.0]), floor)
    parts["ceiling"] = _panel(
        PLACE().translate([0.0, 0.0, 2 * height]) @ PLACE().scale([ROOM, ROOM, 1.0]), wall
    )
    for number in range(3):
        turn = PLACE().rotate([0, 0, 1], 90 * (number + 1))
        parts[f"wall_{number}"] = _panel(
            middle @ turn @ _upright() @ PLACE().scale([ROOM, height, 1.0]), wall
        )
    parts |= _wall_with_window(random, middle, height, wall)
    if random.random() < 0.4:
        lamp = _lamp(random, random.uniform(0, 1.5), height * 1.9)
        parts["lamp"] = lamp
    return parts | maker.sky(random, (2.0, 8.0))


def _upright() -> Any:
    return PLACE().translate([0.0, ROOM, 0.0]) @ PLACE().rotate([1, 0, 0], 90)


def _panel(place: Any, material: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rectangle", "to_world": place, "material": material}


def _wall_with_window(
    random: np.random.Generator, middle: Any, height: float, material: dict[str, Any]
) -> dict[str, Any]:
    """Four panels about the opening."""
    left, right = sorted(random.uniform(-2.4, 2.4, 2))
    right = max(right, left + 0.9)
    low, high = random.uniform(-0.7, -0.1) * height, random.uniform(0.4, 0.9) * height
    boxes = [
        (-ROOM, left, -height, height),
        (right, ROOM, -height, height),
        (left, right, -height, low),
        (left, right, high, height),
    ]
    parts = {}
    for number, (x0, x1, y0, y1) in enumerate(boxes):
        inner = PLACE().translate([float(x0 + x1) / 2, float(y0 + y1) / 2, 0.0]) @ PLACE().scale(
            [float(x1 - x0) / 2, float(y1 - y0) / 2, 1.0]
        )
        parts[f"window_{number}"] = _panel(middle @ _upright() @ inner, material)
    return parts


def _camera(random: np.random.Generator, side: int, inside: bool) -> dict[str, Any]:
    distance = random.uniform(2.0, 2.8) if inside else random.uniform(3, 7)
    angle, rise = random.uniform(0, 2 * np.pi), random.uniform(0.03, 0.35 if inside else 0.9)
    at = distance * np.array([np.cos(angle) * np.cos(rise), np.sin(angle) * np.cos(rise), np.sin(rise)])
    target = np.append(random.uniform(-0.5, 0.5, 2), random.uniform(0.2, 0.9))
    camera = {
        "type": "perspective",
        "fov": random.uniform(45, 75) if inside else random.uniform(22, 50),
        "to_world": PLACE().look_at((at + RAISED).tolist(), target.tolist(), [0.0, 0.0, 1.0]),
        "film": {
            "type": "hdrfilm",
            "width": side,
            "height": side,
            "rfilter": {"type": "box"},
            "component_format": "float32",
        },
        "sampler": {"type": "independent"},
    }
    if random.random() < 0.35:
        aperture = float(np.exp(random.uniform(np.log(0.01), np.log(0.12))))
        focus = distance * random.uniform(0.7, 1.2)
        camera |= {"type": "thinlens", "aperture_radius": aperture, "focus_distance": float(focus)}
    return camera


BUILDS: tuple[Callable[[Maker, np.random.Generator], dict[str, Any]], ...] = (_outside, _studio, _room)
