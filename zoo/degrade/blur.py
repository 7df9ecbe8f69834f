"""Blur, in linear light: the shake of a camera, layers that move by themselves, and defocus.

Kernels are float32 squares of odd side that sum to 1, with their centre of mass in the middle, so that a
picture stays where it is.
"""

from __future__ import annotations

import cv2
import numpy as np

LONGEST = 30.0
"""Pixels that a path is long at most, at a frame height of 1080."""
REACH = 24
"""Pixels of a picture around a crop that its blur may look at."""
POINTS = 96
SHARP_RADIUS = 0.6


def shake_path(random: np.random.Generator, length: float) -> np.ndarray:
    """Where a point of the picture goes while the shutter is open, (POINTS, 2) in pixels about its middle: a
    hand that is pushed now and then and pulled back, over ``length`` pixels in all."""
    straight = random.random() < 0.4
    jitter, pull = (0.02, 0.0) if straight else (random.uniform(0.05, 0.5), random.uniform(0, 0.01))
    speed, place, places = random.standard_normal(2), np.zeros(2), []
    speed /= np.linalg.norm(speed) + 1e-9
    for _ in range(POINTS):
        push = jitter * random.standard_normal(2)
        if not straight and random.random() < 0.02:
            push -= 2 * speed * random.random()
        speed = speed + push - pull * place
        speed /= np.linalg.norm(speed) + 1e-9
        place = place + speed
        places.append(place)
    path = np.asarray(places)
    return (path - path.mean(0)) * (length / POINTS)


def path_kernel(path: np.ndarray) -> np.ndarray:
    """The kernel of a path: each point leaves its light on the four pixels around it."""
    reach = int(np.ceil(np.abs(path).max())) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    whole = np.floor(path).astype(int)
    part = path - whole
    for down in (0, 1):
        for across in (0, 1):
            light = np.abs(1 - down - part[:, 0]) * np.abs(1 - across - part[:, 1])
            np.add.at(kernel, (whole[:, 0] + reach + down, whole[:, 1] + reach + across), light)
    return kernel / kernel.sum()


def defocus_kernel(radius: float, blades: int = 0, turn: float = 0.0) -> np.ndarray:
    """A lens out of focus: an even disc of a radius in pixels, or what ``blades`` make of it, turned by so
    many radians."""
    reach, fine = int(np.ceil(radius)) + 1, 4
    side = (2 * reach + 1) * fine
    rows, columns = np.mgrid[:side, :side].astype(np.float32) / fine - reach - 0.5 + 0.5 / fine
    distance = np.hypot(rows, columns)
    if blades:
        corner = np.pi / blades
        angle = (np.arctan2(rows, columns) + turn) % (2 * corner) - corner
        distance = distance * np.cos(angle) / np.cos(corner)
    inside = np.clip((radius - distance) * fine + 0.5, 0, 1)
    kernel = inside.reshape(2 * reach + 1, fine, 2 * reach + 1, fine).mean((1, 3))
    return np.asarray(kernel / kernel.sum(), np.float32)


def blurred(light: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Light (H, W) or (H, W, C) through a kernel; beyond the border it is mirrored."""
    flipped = np.ascontiguousarray(kernel[::-1, ::-1])
    return cv2.filter2D(light, -1, flipped, borderType=cv2.BORDER_REFLECT_101)


def draw_length(random: np.random.Generator) -> float:
    """Pixels of a path; short ones are as frequent as they are in footage."""
    return float(np.exp(random.uniform(np.log(3.0), np.log(LONGEST))))


def draw_motion(random: np.random.Generator) -> np.ndarray:
    return path_kernel(shake_path(random, draw_length(random)))


def draw_defocus(random: np.random.Generator) -> np.ndarray:
    blades = int(random.choice([0, 0, 5, 6, 7, 8]))
    radius = float(np.exp(random.uniform(np.log(SHARP_RADIUS), np.log(6.0))))
    return defocus_kernel(radius, blades, random.uniform(0, np.pi))


def draw_shape(random: np.random.Generator, side: int) -> np.ndarray:
    """Coverage (side, side) of some object in front: a soft-edged blob that fills about half of a crop."""
    coarse = random.standard_normal((random.integers(3, 7), random.integers(3, 7))).astype(np.float32)
    smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    steep = np.float32(side / random.uniform(6, 24))
    return np.clip((smooth - np.median(smooth)) * steep + 0.5, 0, 1)


def layered(
    front: np.ndarray, coverage: np.ndarray, behind: np.ndarray, kernels: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Two layers that move apart while the shutter is open: blurred, and as they stand in its middle. Where
    the front has been for a part of the time, what lies behind shows for the rest of it."""
    alpha = coverage[..., None]
    shown = blurred(coverage, kernels[0])[..., None]
    moved = blurred(front * alpha, kernels[0]) + (1 - shown) * blurred(behind, kernels[1])
    return moved, front * alpha + behind * (1 - alpha)
