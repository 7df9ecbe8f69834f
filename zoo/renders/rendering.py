"""A scene -> its light with few samples and with many, and what lies beneath: albedo and normals.

The values of a pixel are the mean over its samples, of albedo and normals too, so that they are noisy where
the lens is out of focus and along edges, as a renderer's own are. Albedo is what a matt surface, or the matt
part of plastic, throws back; of metal and glass renderers say 1, nothing, or something between, so each scene
has some such value; of the sky it is 0. Normals are those of the world.
"""

from __future__ import annotations

from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np

CHANNELS = ("albedo.R", "albedo.G", "albedo.B", "N.X", "N.Y", "N.Z")
AT_A_TIME = 32
"""Samples of one pass, for which there is memory."""


class LightAndLayers(mi.SamplingIntegrator):
    """A path tracer that gives the layers too. ``mirror``: the albedo of what has no matt part."""

    def __init__(self, properties: Any) -> None:
        super().__init__(properties)
        self.mirror = float(properties.get("mirror", 1.0))
        self.path = mi.load_dict({"type": "path", "max_depth": 6, "rr_depth": 3})

    def sample(self, scene: Any, sampler: Any, ray: Any, medium: Any = None, active: Any = True) -> Any:
        found = scene.ray_intersect(ray, active)
        hit = found.is_valid() & active
        material = found.bsdf(ray)
        matt = mi.has_flag(material.flags(), mi.BSDFFlags.DiffuseReflection)
        albedo = dr.select(
            matt, material.eval_diffuse_reflectance(found, hit & matt), mi.Color3f(self.mirror)
        )
        albedo = dr.select(hit, dr.clip(albedo, 0, 1), 0)
        normal = dr.select(hit, found.sh_frame.n, 0)
        light, valid, _ = self.path.sample(scene, sampler, ray, medium, active)
        return light, valid, [albedo.x, albedo.y, albedo.z, normal.x, normal.y, normal.z]

    def aov_names(self) -> list[str]:
        return list(CHANNELS)


mi.register_integrator("light_and_layers", LightAndLayers)


def draw_integrator(random: np.random.Generator) -> Any:
    mirror = (1.0, 0.0, random.uniform(0.3, 1.0))[int(random.integers(3))]
    return mi.load_dict({"type": "light_and_layers", "mirror": float(mirror)})


def render(scene: Any, integrator: Any, samples: int, seed: int) -> np.ndarray:
    """float32 (H, W, 9): light, albedo, normal."""
    each = min(samples, AT_A_TIME)
    passes = (
        np.array(mi.render(scene, integrator=integrator, spp=each, seed=seed * 100 + number), np.float32)
        for number in range(samples // each)
    )
    return np.asarray(np.mean([np.nan_to_num(made, nan=0, posinf=0, neginf=0) for made in passes], 0))
