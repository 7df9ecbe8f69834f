"""How much nearer to a clean render a noisy one comes, beside Open Image Denoise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from understudy.colour.scene_linear import linear_to_srgb
from understudy.errors import UnderstudyError
from zoo import rivals
from zoo.renders.store import Rendered, load
from zoo.row import Row

COUNTS = (1, 4, 16)
"""Samples of the renders that are measured."""
GREY = 0.18
LIGHT, ALBEDO, NORMAL = slice(0, 3), slice(3, 6), slice(6, 9)
Denoise = Callable[[np.ndarray, list[np.ndarray]], np.ndarray]
"""Light, and albedo and normals beside it -> light."""


def toned(light: np.ndarray) -> np.ndarray:
    """Light as it is looked at, 0..1: Reinhard's curve, x / (1 + x), and sRGB."""
    held = np.maximum(light, 0)
    return np.asarray(linear_to_srgb((held / (1 + held)).astype(np.float32)))


def psnr_beside(made: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """dB of what was made, by two clean renders that have no sample in common: the noise of each is none of
    the other's, and counts as no error. All of them toned."""
    return float(-10 * np.log10(max(float(((made - first) * (made - second)).mean()), 1e-7)))


def render_rows(apply: Denoise, folder: Path | None, count: int) -> Iterator[Row]:
    """Mean dB over unseen scenes, by samples; where there are none, what to do."""
    try:
        if folder is None:
            raise UnderstudyError(
                "--renders names no folder.", remedy="Make some: python -m zoo.render_scenes"
            )
        scenes = load(folder, "validation")[:count]
    except UnderstudyError as error:
        yield Row("renders", "not measured", f"{error.message} {error.remedy}")
        return
    for samples in COUNTS:
        found = np.array([_scores(apply, scene, samples) for scene in scenes])
        before, ours, layers, alone = found.mean(0)
        oidn = f"Open Image Denoise: {layers:.2f} dB with albedo and normals, {alone:.2f} dB without"
        yield Row(
            f"{len(scenes)} unseen scenes, {samples} samples, after Reinhard's curve and sRGB",
            f"{ours:.2f} dB",
            f"noisy: {before:.2f} dB; {oidn if rivals.HAS_OIDN else rivals.NO_OIDN}",
        )


def _scores(apply: Denoise, scene: Rendered, samples: int) -> tuple[float, ...]:
    """dB of the noisy render, of ours, and of Open Image Denoise with the layers and without."""
    clean = toned_truths(scene)
    noisy = scene.renders[list(scene.counts).index(samples)].astype(np.float32)
    light = noisy[..., LIGHT] * exposure(scene)
    layers = [np.ascontiguousarray(noisy[..., each]) for each in (ALBEDO, NORMAL)]
    made: list[Any] = [light, apply(light, layers)]
    if rivals.HAS_OIDN:
        made += [rivals.open_image_denoise(light, *layers), rivals.open_image_denoise(light)]
    scores = [psnr_beside(toned(each), *clean) for each in made]
    return (*scores, np.nan, np.nan)[:4]


def exposure(scene: Rendered) -> float:
    """What brings the middle of a scene to a middle grey."""
    return GREY / max(float(np.median(scene.renders[-1][..., LIGHT])), 1e-3)


def toned_truths(scene: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """The clean light of a scene, twice, by two of its renders each."""
    last, gain = len(scene.counts), exposure(scene)
    pairs = ([last - 4, last - 3], [last - 2, last - 1])
    first, second = (scene.together(pair).curved(lambda light: toned(light * gain)) for pair in pairs)
    return first, second
