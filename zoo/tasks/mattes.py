"""Mattes of what can be told: a hue, a brightness, a texture, a thing of the scene, a figure before it."""

from __future__ import annotations

import cv2
import numpy as np

from zoo.degrade.covers import body, draw_cover, strands, union
from zoo.pictures import Pictures
from zoo.recipe import Crop
from zoo.tasks.grades import apart, draw_curves
from zoo.tasks.shots import Look, Shot, bent, draw_bend, draw_path, draw_scene, luma, seen, softly

LEAST, MOST = 0.04, 0.85
"""What a matte covers of a scene, at least and at most."""
COARSE = 24
PARTS = 5
TRIES = 8


def range_of_hue_or_light(random: np.random.Generator, scene: np.ndarray) -> Crop:
    """What has the hue, or is as bright, as some place of the scene."""
    smooth = cv2.GaussianBlur(scene, (0, 0), random.uniform(0.6, 3))
    row, column = random.integers(0, len(scene), 2)
    if random.random() < 0.5:
        grey = luma(smooth)
        width = random.uniform(0.05, 0.25)
        matte = softly(-np.abs(grey - grey[row, column]), -width, -width / 2)
    else:
        hue, saturation, _ = cv2.split(cv2.cvtColor(smooth, cv2.COLOR_RGB2HSV))
        width = random.uniform(12, 45)
        near = softly(-apart(hue, float(hue[row, column])), -width, -width / 2)
        matte = (near * softly(saturation, 0.05, 0.15))[..., None]
    return Crop(scene, np.asarray(matte, np.float32))


def thing(random: np.random.Generator, scene: np.ndarray) -> Crop:
    """A part of the scene that hangs together by colour and place, as things do."""
    place = random.uniform(0.3, 1.2)
    small = cv2.resize(scene, (COARSE, COARSE), interpolation=cv2.INTER_AREA)
    middles = _middles(random, _known(small, place).reshape(-1, 5))
    far = _far(_known(cv2.GaussianBlur(scene, (0, 0), 1.0), place), middles)
    one = int(random.integers(PARTS))
    nearest = np.asarray(far[..., one] < np.delete(far, one, 2).min(2), np.float32)
    matte = cv2.GaussianBlur(nearest, (0, 0), random.uniform(0.5, 1.2))
    return Crop(scene, softly(matte, 0.2, 0.8)[..., None])


def _known(values: np.ndarray, place: float) -> np.ndarray:
    """The colour of each pixel (side, side, 5), and where it is, which counts by ``place``."""
    lab = cv2.cvtColor(values, cv2.COLOR_RGB2LAB) / 100
    where = np.indices(values.shape[:2]).transpose(1, 2, 0) / len(values) * place
    return np.dstack([lab, where]).astype(np.float32)


def _middles(random: np.random.Generator, known: np.ndarray) -> np.ndarray:
    """Of (pixels, 5), the middles of some parts (k-means)."""
    middles = known[random.choice(len(known), PARTS, replace=False)]
    for _ in range(4):
        nearest = _far(known, middles).argmin(1)
        parts = [known[nearest == part] for part in range(PARTS)]
        middles = np.array([p.mean(0) if len(p) else m for p, m in zip(parts, middles, strict=True)])
    return middles


def _far(known: np.ndarray, middles: np.ndarray) -> np.ndarray:
    """How far (..., 5) is from each middle, squared (..., PARTS)."""
    return ((known[..., None, :] - middles) ** 2).sum(-1)


def place(random: np.random.Generator, scene: np.ndarray) -> Crop:
    """A blob of the scene that nothing but what it shows tells of."""
    return Crop(scene, body(random, len(scene))[..., None])


def edges_of_detail(random: np.random.Generator) -> Look:
    """What is in focus, or has texture."""
    sigma, low = random.uniform(1.5, 4), float(np.exp(random.uniform(np.log(0.004), np.log(0.04))))

    def look(_: np.random.Generator, values: np.ndarray) -> Crop:
        grey = luma(values)[..., 0]
        energy = cv2.GaussianBlur(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.5)), (0, 0), sigma)
        return Crop(values, softly(energy, low, low * 1.6)[..., None])

    return look


def textures(random: np.random.Generator, pictures: Pictures, side: int) -> Shot:
    """One photograph in the shape of a blob on another: which of both is it?"""
    front, behind = (draw_scene(random, pictures, side) for _ in range(2))
    cover = body(random, len(front))[..., None]
    planes = np.dstack([front * cover + behind * (1 - cover), cover])
    return [_split(seen(planes, each, side)) for each in draw_path(random, side)]


def figure(random: np.random.Generator, pictures: Pictures, side: int) -> Shot:
    """Something that moves and bends before a scene that moves otherwise; now and then like it in colour."""
    behind, front = (draw_scene(random, pictures, side) for _ in range(2))
    if random.random() < 0.3:
        front = np.clip(draw_curves(random)(behind[::-1, ::-1]), 0, 1).astype(np.float32)
    cover = _figure(random, len(front))[..., None]
    bend, planes = draw_bend(random, len(front)), np.dstack([front, cover])
    path = draw_path(random, side)
    grounds = [path[index % len(path)] for index in random.permutation(len(path))]
    frames = []
    for number, (own, ground) in enumerate(zip(path, grounds, strict=True)):
        moved = seen(bent(planes, bend * np.float32(np.cos(2.4 * number))), own, side)
        alpha = moved[..., 3:]
        frames.append(Crop(moved[..., :3] * alpha + seen(behind, ground, side) * (1 - alpha), alpha))
    return frames


def _figure(random: np.random.Generator, side: int) -> np.ndarray:
    """A body of any size, often with hair, leaves or the like; never nothing, nor all."""
    for _ in range(TRIES):
        cover = union(body(random, side), strands(random, side)) if random.random() < 0.5 else None
        cover = draw_cover(random, side) if cover is None else cover
        if LEAST < cover.mean() < MOST:
            return cover
    return body(random, side)


def _split(planes: np.ndarray) -> Crop:
    return Crop(np.ascontiguousarray(planes[..., :3]), np.ascontiguousarray(planes[..., 3:]))
