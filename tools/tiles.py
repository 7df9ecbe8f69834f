"""Parts of the pictures of the documentation: a plane with its name over it."""

from __future__ import annotations

import cv2
import numpy as np


def tile(name: str, plane: np.ndarray) -> np.ndarray:
    """``plane`` (height, width), 0 to 1, in 8 bits, framed, with ``name`` above it."""
    shown = (np.clip(plane, 0, 1) * 255).astype(np.uint8)
    framed = cv2.copyMakeBorder(shown, 26, 4, 4, 4, cv2.BORDER_CONSTANT, value=40)
    return cv2.putText(framed, name, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 230, 1, cv2.LINE_AA)
