"""What stands on the table: outlines for the lathe, and their paint."""

from __future__ import annotations

import numpy as np
from things import Book, Thing, Turned
from vectors import column, mix, smoothstep


def furnish() -> list[Thing]:
    """What stands on the table."""
    return [
        Book((-0.40, 0.024, 0.33), (0.150, 0.024, 0.105), 0.30, (0.23, 0.035, 0.030)),
        Book((-0.39, 0.066, 0.325), (0.128, 0.018, 0.090), 0.62, (0.035, 0.075, 0.13)),
        Turned(-0.385, 0.325, PEAR, paint_pear, gloss=0.035, roughness=0.42, base=0.084),
        Turned(0.02, 0.30, VASE, paint_vase, gloss=0.05, roughness=0.16, inside=(0.03, 0.027, 0.022)),
        Turned(0.335, 0.22, BOTTLE, paint_bottle, gloss=0.06, roughness=0.08),
        Turned(0.25, 0.47, LEMON, paint_lemon, gloss=0.04, roughness=0.36),
        Turned(0.52, 0.36, CUP, paint_cup, gloss=0.05, roughness=0.22, inside=(0.022, 0.010, 0.005)),
    ]


VASE = [
    (0.0, 0.052), (0.012, 0.056), (0.06, 0.082), (0.12, 0.104), (0.17, 0.100), (0.22, 0.074),
    (0.26, 0.046), (0.30, 0.034), (0.325, 0.036), (0.342, 0.046), (0.348, 0.045),
]  # fmt: skip
BOTTLE = [
    (0.0, 0.046), (0.008, 0.050), (0.20, 0.050), (0.235, 0.046), (0.27, 0.024), (0.30, 0.0165),
    (0.375, 0.0155), (0.378, 0.020), (0.395, 0.020), (0.398, 0.012),
]  # fmt: skip
PEAR = [
    (0.0, 0.014), (0.008, 0.030), (0.03, 0.046), (0.05, 0.046), (0.075, 0.033), (0.095, 0.023),
    (0.110, 0.018), (0.118, 0.010), (0.121, 0.004), (0.140, 0.003),
]  # fmt: skip
LEMON = [
    (0.0, 0.010), (0.004, 0.020), (0.016, 0.033), (0.034, 0.039), (0.052, 0.033), (0.066, 0.019),
    (0.072, 0.010), (0.078, 0.007),
]  # fmt: skip
CUP = [
    (0.0, 0.030), (0.006, 0.034), (0.010, 0.040), (0.05, 0.050), (0.088, 0.053), (0.092, 0.052),
]  # fmt: skip


def paint_vase(height: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Off-white glaze, with a blue band and leaves on it."""
    glaze = column([0.62, 0.60, 0.545]) * (1 + 0.03 * np.sin(angle * 7 + height * 23))
    bands = smoothstep(0.012, 0.006, np.abs(height - 0.52)) + smoothstep(0.008, 0.004, np.abs(height - 0.16))
    turn = np.mod(angle * (8 / (2 * np.pi)), 1.0) - 0.5
    leaf = 1 - smoothstep(-0.15, 0.15, np.hypot(turn / 0.30, (height - 0.34) / 0.105) - 1)
    vein = smoothstep(0.0, 0.06, np.abs(turn)) * 0.7 + 0.3
    blue = np.clip(bands + 0.85 * leaf * vein, 0, 1)
    return mix(glaze, column([0.045, 0.085, 0.26]), blue).astype(np.float32)


def paint_bottle(height: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Dark green glass with a paper label."""
    glass = column([0.012, 0.040, 0.016]) * (1 + 1.2 * smoothstep(0.5, 0.75, height))
    label = smoothstep(0.11, 0.115, height) * smoothstep(0.42, 0.415, height) * (np.abs(angle + 0.2) < 1.25)
    lines = (np.sin(height * 160) > 0.55) & (np.abs(height - 0.22) < 0.055) & (np.abs(angle + 0.2) < 0.8)
    crest = np.hypot(height * 3.2 - 1.09, angle + 0.2) < 0.16
    paper = np.where(lines | crest, column([0.10, 0.075, 0.06]), column([0.55, 0.50, 0.40]))
    cork = np.where(height > 0.945, column([0.30, 0.19, 0.10]), glass)
    return mix(cork, paper, label).astype(np.float32)


def paint_pear(height: np.ndarray, angle: np.ndarray) -> np.ndarray:
    freckles = np.sin(angle * 31 + np.sin(height * 71) * 4) * np.sin(height * 63 + np.sin(angle * 17) * 3)
    green = column([0.30, 0.33, 0.065]) * (1 - 0.25 * smoothstep(0.5, 0.9, freckles))
    blush = smoothstep(0.3, 1.0, np.cos(angle - 0.9)) * smoothstep(0.75, 0.35, height)
    skin = mix(green, column([0.33, 0.13, 0.045]), 0.55 * blush)
    return np.where(height > 0.845, column([0.06, 0.035, 0.02]), skin).astype(np.float32)


def paint_lemon(height: np.ndarray, angle: np.ndarray) -> np.ndarray:
    pores = np.sin(angle * 47 + height * 19) * np.sin(height * 89 + angle * 5)
    return (column([0.66, 0.47, 0.045]) * (1 - 0.09 * pores)).astype(np.float32)


def paint_cup(height: np.ndarray, angle: np.ndarray) -> np.ndarray:
    speckle = smoothstep(0.8, 0.95, np.sin(angle * 41 + height * 57) * np.sin(height * 73 - angle * 29))
    clay = column([0.20, 0.27, 0.28]) * (1 - 0.4 * speckle)
    raw = smoothstep(0.30, 0.26, height + 0.02 * np.sin(angle * 5))
    return mix(clay, column([0.32, 0.20, 0.125]), raw).astype(np.float32)
