"""Draw docs/pictures/stabilise.jpg: one row of a shot through its frames, as it boils and as it stands still;
all from numbers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from tiles import tile

from understudy.colour import PLAIN
from understudy.inference.steady import Seen, Steady
from understudy.temporal import Look

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "stabilise.jpg"
HEIGHT, WIDTH, FRAMES, ROW, TALL = 160, 300, 28, 80, 5
GROUND_SPEED, THING_SPEED, RADIUS = 2.0, -5.0, 34


def texture(seed: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random((HEIGHT, width)).astype(np.float32)
    plane = sum(cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (1.5, 5, 12))
    return np.asarray((plane - plane.min()) / np.ptp(plane), np.float32)


WIDE, SKIN = texture(1, WIDTH + 80), texture(2, 2 * WIDTH)


def frame(number: int) -> np.ndarray:
    """(height, width, 3): the ground goes to the left, and something passes before it to the right."""
    down, right = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    ground = cv2.remap(WIDE, right + np.float32(GROUND_SPEED * number), down, cv2.INTER_CUBIC)
    x = WIDTH * 0.2 - THING_SPEED * number * 1.2
    thing = cv2.remap(SKIN, right - np.float32(x - WIDTH), down, cv2.INTER_CUBIC)
    inside = np.clip(RADIUS - np.hypot(right - x, down - ROW) + 0.5, 0, 1).astype(np.float32)
    grey = (0.1 + 0.5 * ground) * (1 - inside) + (0.45 + 0.5 * thing) * inside
    return np.repeat(grey[..., None], 3, 2).astype(np.float32)


def boiling(number: int) -> np.ndarray:
    noise = np.random.default_rng(50 + number).normal(0, 0.09, (HEIGHT, WIDTH, 1)).astype(np.float32)
    return np.repeat(cv2.GaussianBlur(noise, (0, 0), 0.9)[..., None], 3, 2)


def through_time(frames: list[np.ndarray]) -> np.ndarray:
    """One row of all frames, the first one on top."""
    return np.repeat(np.stack([each[ROW, :, 0] for each in frames]), TALL, 0)


def main() -> None:
    truths = [frame(number) for number in range(FRAMES)]
    plates = [truth + 2.5 * boiling(number) for number, truth in enumerate(truths)]
    results = [truth + boiling(1000 + number) for number, truth in enumerate(truths)]
    seen = [
        Seen(result, Look(result, cv2.GaussianBlur(plate[..., 0], (0, 0), 1), result[..., 0], plate))
        for plate, result in zip(plates, results, strict=True)
    ]
    steady = Steady(seen.__getitem__, frozenset(range(FRAMES)), PLAIN)
    still = [steady.steadied(number) for number in range(FRAMES)]
    off = [np.abs(np.stack(each) - np.stack(truths)).mean() * 255 for each in (results, still)]
    print(f"off by {off[0]:.1f} code values before, {off[1]:.1f} after")
    rows = [
        [
            tile("a frame, and below one row of all", results[12][..., 0]),
            tile("stabilised", still[12][..., 0]),
        ],
        [tile("it boils", through_time(results)), tile("it stands still", through_time(still))],
    ]
    cv2.imwrite(str(PICTURE), np.vstack([np.hstack(row) for row in rows]), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
