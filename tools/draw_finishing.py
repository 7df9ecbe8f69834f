"""Draw docs/pictures/finishing.jpg: a matte made of numbers, and what each last touch does to it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from tiles import tile

from understudy.finishing import finish_matte
from understudy.settings import FinishingSettings

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "finishing.jpg"
SIZE, ZOOM = 110, 2
CLEAN = {"clip_black": 0.04, "despeckle": 60}
STEPS: dict[str, dict[str, float]] = {
    "as it came": {},
    "clip-black, despeckle": CLEAN,
    "grow 2.5": {**CLEAN, "grow": 2.5},
    "grow -1.5": {**CLEAN, "grow": -1.5},
    "soften 2": {**CLEAN, "soften": 2},
    "edge 3": {**CLEAN, "edge": 3},
}


def matte() -> np.ndarray:
    """A head with hair, specks beside it and holes in it."""
    noise = np.random.default_rng(4)
    large = np.zeros((SIZE * 4, SIZE * 4), np.uint8)
    cv2.circle(large, (230, 280), 110, 255, -1)
    for angle in np.linspace(3.3, 6.1, 26):
        start = 230 + 100 * np.cos(angle), 280 + 100 * np.sin(angle)
        length, bend = 40 + 60 * noise.random(), angle + 0.5 * noise.standard_normal()
        end = start[0] + length * np.cos(bend), start[1] + length * np.sin(bend)
        cv2.line(large, tuple(map(int, start)), tuple(map(int, end)), 190, 4)
    for colour, low, high in ((200, 10, 90), (40, 200, 260)):
        for x, y in noise.integers(low, high, (9, 2)):
            cv2.circle(large, (int(x), int(y)), int(noise.integers(4, 11)), colour, -1)
    small = cv2.resize(large, (SIZE, SIZE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return np.clip(small + 0.03 * noise.random((SIZE, SIZE), np.float32), 0, 1)


def enlarged(plane: np.ndarray) -> np.ndarray:
    return cv2.resize(plane, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_NEAREST)


def main() -> None:
    made = matte()
    tiles = [
        tile(name, enlarged(finish_matte(made, FinishingSettings(**asked)))) for name, asked in STEPS.items()
    ]
    rows = [np.hstack(tiles[:3]), np.hstack(tiles[3:])]
    cv2.imwrite(str(PICTURE), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == "__main__":
    main()
