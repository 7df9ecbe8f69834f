"""Styles: what makes a drawing, a print or a painting of a frame."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from zoo.recipe import Crop
from zoo.tasks.grades import draw_curves
from zoo.tasks.shots import Look, luma, softly

Style = Callable[[np.ndarray], np.ndarray]


def draw_poster(random: np.random.Generator) -> Style:
    """A few steps of each channel, after smoothing."""
    steps, sigma = int(random.integers(2, 6)), random.uniform(0.3, 2)

    def style(values: np.ndarray) -> np.ndarray:
        return np.rint(cv2.GaussianBlur(values, (0, 0), sigma) * steps) / np.float32(steps)

    return style


def draw_palette(random: np.random.Generator) -> Style:
    """Flat areas in a few colours, each by how bright it was."""
    colours = random.random((int(random.integers(3, 7)), 3)).astype(np.float32)
    colours = colours[np.argsort(luma(colours[None])[0, :, 0])] if random.random() < 0.7 else colours
    reach, soft = random.uniform(3, 6), random.uniform(0.05, 0.3)
    knots = np.linspace(0, 1, len(colours))

    def style(values: np.ndarray) -> np.ndarray:
        flat = luma(cv2.bilateralFilter(values, 0, soft, reach))[..., 0]
        return np.dstack([np.interp(flat, knots, colours[:, each]) for each in range(3)])

    return style


def draw_painting(random: np.random.Generator) -> Style:
    """Detail that has run together, in stronger colours."""
    size, more = int(random.choice([3, 5, 7])), np.float32(random.uniform(0.8, 1.8))

    def style(values: np.ndarray) -> np.ndarray:
        codes = np.rint(values * 255).astype(np.uint8)
        flat = cv2.medianBlur(cv2.medianBlur(codes, size), size).astype(np.float32) / 255
        grey = luma(flat)
        return grey + (flat - grey) * more

    return style


def draw_ink(random: np.random.Generator) -> Style:
    """Lines along edges, over what there was or over paper."""
    sigma, slope, paper = random.uniform(0.5, 2), random.uniform(3, 12), bool(random.random() < 0.4)
    ink, sheet = random.uniform(0, 0.3, 3).astype(np.float32), random.uniform(0.8, 1, 3).astype(np.float32)

    def style(values: np.ndarray) -> np.ndarray:
        grey = cv2.GaussianBlur(luma(values)[..., 0], (0, 0), sigma)
        steep = np.hypot(cv2.Sobel(grey, -1, 1, 0, scale=0.25), cv2.Sobel(grey, -1, 0, 1, scale=0.25))
        share = softly(steep * np.float32(slope), 0.1, 0.6)[..., None]
        return (sheet if paper else values) * (1 - share) + ink * share

    return style


def draw_pencil(random: np.random.Generator) -> Style:
    """Grey by how much darker each pixel is than what lies about it."""
    sigma, strength = random.uniform(1.5, 6), random.uniform(1, 3)

    def style(values: np.ndarray) -> np.ndarray:
        grey = luma(values)
        about = cv2.GaussianBlur(grey[..., 0], (0, 0), sigma)[..., None]
        return np.repeat(np.clip((grey + 0.05) / (about + 0.05), 0, 1) ** np.float32(strength), 3, 2)

    return style


def draw_relief(random: np.random.Generator) -> Style:
    """Lit from one side."""
    way, amount = random.uniform(0, 2 * np.pi), random.uniform(1, 3)
    kept = np.float32(random.uniform(0, 0.8))

    def style(values: np.ndarray) -> np.ndarray:
        grey = luma(values)[..., 0]
        across, down = (cv2.Sobel(grey, -1, *step, scale=0.25) for step in ((1, 0), (0, 1)))
        lit = (0.5 + amount * (np.cos(way) * across + np.sin(way) * down))[..., None]
        return values * kept + lit.astype(np.float32) * (1 - kept)

    return style


STYLES = (draw_poster, draw_palette, draw_painting, draw_ink, draw_pencil, draw_relief)


def style(random: np.random.Generator) -> Look:
    """One of them, in some colours."""
    styled = STYLES[int(random.integers(len(STYLES)))](random)
    graded = draw_curves(random) if random.random() < 0.5 else np.asarray
    return lambda _, values: Crop(values, np.clip(graded(np.asarray(styled(values), np.float32)), 0, 1))
