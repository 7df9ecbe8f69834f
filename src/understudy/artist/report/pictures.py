"""Pictures for a report, as JPEG files, of display frames (H, W, 3), 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from understudy.errors import WriteError
from understudy.runs.files import write_atomically
from understudy.temporal import reduced

QUALITY = 90
LONGEST = 960
THUMB_HEIGHT, GAP = 72, 2
GAIN = 4.0
MATTE = np.array([1.0, 0.15, 0.1], np.float32)


def write_jpeg(path: Path, pixels: np.ndarray, longest: int = LONGEST) -> None:
    """Write a display frame, its longer side ``longest`` pixels at most. WriteError."""
    made, data = cv2.imencode(
        ".jpg", eight_bit(reduced(pixels, longest)), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    if not made:
        raise WriteError("A picture could not be made.", where=str(path))
    write_atomically(path, data.tobytes())


def eight_bit(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) in the order B, G, R, as OpenCV has it."""
    return np.ascontiguousarray((np.clip(pixels[..., ::-1], 0, 1) * 255 + 0.5).astype(np.uint8))


def three(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) of one, two or three channels."""
    if pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    missing = max(0, 3 - pixels.shape[2])
    return np.pad(pixels, ((0, 0), (0, 0), (0, missing))) if missing else pixels


def changed(plate: np.ndarray, result: np.ndarray) -> np.ndarray:
    """What the network changed, four times as strong."""
    return np.abs(three(result) - three(plate)) * np.float32(GAIN)


def matte_over(plate: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """The plate, darker, with the matte (H, W, 1) in red."""
    grey = three(plate).mean(axis=2, keepdims=True) * np.float32(0.7)
    return grey * (1 - 0.6 * matte) + MATTE * (0.6 * matte)


def thumb(pixels: np.ndarray) -> np.ndarray:
    """Small, of one height."""
    width = max(1, round(pixels.shape[1] * THUMB_HEIGHT / pixels.shape[0]))
    small = reduced(three(pixels), 4 * max(width, THUMB_HEIGHT))
    return np.asarray(cv2.resize(small, (width, THUMB_HEIGHT), interpolation=cv2.INTER_AREA))


def in_a_row(thumbs: Sequence[np.ndarray]) -> np.ndarray:
    """Thumbs beside each other."""
    gap = np.ones((THUMB_HEIGHT, GAP, 3), np.float32)
    return np.concatenate([part for each in thumbs for part in (each, gap)][:-1], axis=1)


def side_by_side(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Two frames of one size, three channels each, beside each other."""
    return np.concatenate([three(left), three(right)], axis=1)
