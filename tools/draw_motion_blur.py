"""Draw docs/pictures/motion_blur.jpg: a ball that flies, and its matte without and with motion blur; all from
numbers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from tiles import tile

from understudy.finishing import Motion, motion_blurred
from understudy.temporal import edge_widths, fitted_shutter, flow_between

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "motion_blur.jpg"
HEIGHT, WIDTH, RADIUS, STEPS = 200, 330, 55, 31
VELOCITY, SHUTTER = (34.0, 12.0), 0.5


def pattern(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random((3 * HEIGHT, 3 * WIDTH)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 9)
    return np.where(noise > noise.mean(), 0.85, 0.55).astype(np.float32)


GROUND, SKIN = 0.5 * pattern(1)[:HEIGHT, :WIDTH], pattern(2)


def ball(number: float) -> tuple[np.ndarray, np.ndarray]:
    """Its matte and the plate at one moment; frame 0 has it in the middle."""
    down, right = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    x, y = WIDTH / 2 + VELOCITY[0] * number, HEIGHT / 2 + VELOCITY[1] * number
    matte = np.clip(RADIUS - np.hypot(right - x, down - y) + 0.5, 0, 1).astype(np.float32)
    skin = cv2.remap(SKIN, right - np.float32(x - WIDTH), down - np.float32(y - HEIGHT), cv2.INTER_LINEAR)
    return matte, GROUND * (1 - matte) + skin * matte


def frame(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Matte and plate as the shutter lets them through."""
    moments = [ball(number + SHUTTER * ((step + 0.5) / STEPS - 0.5)) for step in range(STEPS)]
    matte, plate = (np.mean(each, axis=0, dtype=np.float32) for each in zip(*moments, strict=True))
    return matte, cv2.GaussianBlur(plate, (0, 0), 0.7)


def main() -> None:
    before, (truth, plate), after = frame(-1)[1], frame(0), frame(1)[1]
    on, back = flow_between(plate, after), flow_between(plate, before)
    both = on.sure & back.sure
    vectors = np.where(both[..., None], (on.vectors - back.vectors) / 2, 0).astype(np.float32)
    shutter = fitted_shutter([edge_widths(plate, vectors, both)])
    sharp = ball(0)[0]
    made = motion_blurred(sharp, Motion(vectors, both, SHUTTER))
    print(f"shutter {SHUTTER}, measured {shutter:.2f}; error {np.abs(sharp - truth).sum():.0f} pixels "
          f"before, {np.abs(made - truth).sum():.0f} after")  # fmt: skip
    off = tile("how far off it was, x 2", 2 * np.abs(sharp - truth))
    rows = [
        [tile("plate, shutter 0.5", plate), tile("a sharp matte", sharp)],
        [tile("with motion blur", made), tile("the matte of the plate", truth)],
        [off, tile("and is, x 2", 2 * np.abs(made - truth))],
    ]
    cv2.imwrite(str(PICTURE), np.vstack([np.hstack(row) for row in rows]), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
