"""What surfaces are made of: cloth and stone in photographs' colours, plastic, metal and glass."""

from __future__ import annotations

from typing import Any

import mitsuba as mi
import numpy as np

from zoo.pictures import Pictures

METALS = ("Au", "Cu", "Al", "Ag", "Cr", "W")
TEXTURE_SIDE = 256
SHINY, METAL, GLASS = 0.45, 0.75, 0.88
"""From which share of a random number on a thing is of plastic, of metal, of glass."""


def draw_colour(random: np.random.Generator, pictures: Pictures) -> dict[str, Any]:
    """A photograph on the surface, or one colour."""
    if random.random() < 0.65:
        light = pictures.crop(random, TEXTURE_SIDE, (1, 4)).clip(0.005, 0.95)
        scale = float(np.exp(random.uniform(np.log(0.7), np.log(5))))
        return {
            "type": "bitmap",
            "data": mi.TensorXf(np.ascontiguousarray(light)),
            "raw": True,
            "to_uv": mi.ScalarTransform4f().scale([scale, scale, 1]),
        }
    return {"type": "rgb", "value": [float(each) for each in random.uniform(0.02, 0.9, 3) ** 1.5]}


def draw_matt(random: np.random.Generator, pictures: Pictures) -> dict[str, Any]:
    """Of ground and walls: matt, at times a little shiny."""
    colour = draw_colour(random, pictures)
    if random.random() < 0.75:
        return _both_sides({"type": "diffuse", "reflectance": colour})
    return _both_sides(_plastic(random, colour))


def draw_material(random: np.random.Generator, pictures: Pictures) -> dict[str, Any]:
    """Of a thing."""
    kind = random.random()
    if kind >= GLASS:
        return _glass(random)
    if kind >= METAL:
        return _both_sides(_metal(random))
    colour = draw_colour(random, pictures)
    return _both_sides(
        _plastic(random, colour) if kind >= SHINY else {"type": "diffuse", "reflectance": colour}
    )


def _both_sides(material: dict[str, Any]) -> dict[str, Any]:
    return {"type": "twosided", "bsdf": material}


def _plastic(random: np.random.Generator, colour: dict[str, Any]) -> dict[str, Any]:
    if random.random() < 0.3:
        return {"type": "plastic", "diffuse_reflectance": colour, "nonlinear": True}
    return {"type": "roughplastic", "diffuse_reflectance": colour, "alpha": random.uniform(0.03, 0.4)}


def _metal(random: np.random.Generator) -> dict[str, Any]:
    name = str(random.choice(METALS))
    if random.random() < 0.3:
        return {"type": "conductor", "material": name}
    return {"type": "roughconductor", "material": name, "alpha": random.uniform(0.05, 0.5)}


def _glass(random: np.random.Generator) -> dict[str, Any]:
    if random.random() < 0.75:
        return {"type": "dielectric", "int_ior": random.uniform(1.3, 1.7)}
    return {"type": "roughdielectric", "int_ior": 1.5, "alpha": random.uniform(0.03, 0.2)}
