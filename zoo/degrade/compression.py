"""What the compression of cameras and of footage from the net leaves."""

from __future__ import annotations

import cv2
import numpy as np

SAMPLINGS = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420)


def compressed(values: np.ndarray, quality: int, halved_colour: bool) -> np.ndarray:
    """Display-referred float32 (H, W, 3) as they come back from a JPEG of a quality of 1..100;
    ``halved_colour``: with colour at half the resolution (4:2:0), as H.264 and HEVC keep it."""
    codes = cv2.cvtColor(quantised(values), cv2.COLOR_RGB2BGR)
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLINGS[halved_colour]]
    file = cv2.imencode(".jpg", codes, flags)[1]
    back = cv2.imdecode(file, cv2.IMREAD_COLOR)
    assert back is not None
    return cv2.cvtColor(back, cv2.COLOR_BGR2RGB).astype(np.float32) / 255


def quantised(values: np.ndarray) -> np.ndarray:
    """8-bit codes of 0..1."""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def draw_file(random: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """Display-referred values as a file of 8 bits, lossless or not, holds them."""
    if random.random() < 0.55:
        return quantised(values).astype(np.float32) / 255
    quality = round(100 - float(np.exp(random.uniform(np.log(3), np.log(45)))))
    return compressed(values, quality, bool(random.random() < 0.6))
