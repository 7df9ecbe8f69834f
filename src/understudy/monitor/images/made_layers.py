"""Results that are no plain colours, for a screen: what was keyed over black, and motion as colours."""

from __future__ import annotations

import numpy as np

from understudy.frames import Frame, read_provenance

FOREGROUND = ("foreground.R", "foreground.G", "foreground.B")
ALPHAS = ("alpha", "A")
MOTION = (("forward.u", "forward.v"), ("backward.u", "backward.v"))
FASTEST = 99.0  # percentile of the lengths of all vectors that has the full colour
STILL = 1.0  # vectors that are all shorter, in pixels, are shown as faint as they are


def over_black(pixels: np.ndarray, channels: tuple[str, ...]) -> np.ndarray:
    """A straight foreground and its alpha, (height, width, 4), as far as that shows it; all else as it is."""
    if channels not in [(*FOREGROUND, name) for name in ALPHAS]:
        return pixels
    return np.asarray(pixels[..., :3] * np.clip(pixels[..., 3:], 0.0, 1.0), np.float32)


def keyed_pixels(frame: Frame) -> np.ndarray | None:
    """float32 (height, width, 3): the foreground that apply has written beside a plate's own colours, over
    black; None of any other frame."""
    alpha = next((name for name in ALPHAS if name in frame.channels), None)
    if alpha is None or not {*FOREGROUND} <= {*frame.channels} or "model" not in read_provenance(frame.path):
        return None
    names = (*FOREGROUND, alpha)
    return over_black(frame.planes(names), names)


def motion_pixels(frame: Frame) -> np.ndarray | None:
    """float32 (height, width, 3), display values: motion vectors as colours, the hue their direction, the
    deeper the longer, white where nothing moves; None of a frame that holds anything else."""
    if not {*frame.channels} <= {name for pair in MOTION for name in pair}:
        return None
    pairs = [frame.planes(pair) for pair in MOTION if {*pair} <= {*frame.channels}]
    moving = next((pair for pair in pairs if pair.any()), pairs[0] if pairs else None)
    return None if moving is None else _as_colours(np.nan_to_num(moving))


def _as_colours(vectors: np.ndarray) -> np.ndarray:
    length = np.hypot(vectors[..., 0], vectors[..., 1])
    depth = np.clip(length / max(float(np.percentile(length, FASTEST)), STILL), 0.0, 1.0)
    turn = np.arctan2(vectors[..., 1], vectors[..., 0]) / (2 * np.pi)
    hues = np.stack([np.abs(((turn + shift) % 1.0) * 6.0 - 3.0) - 1.0 for shift in (0.0, 2 / 3, 1 / 3)], 2)
    return np.asarray(1.0 - depth[..., None] * (1.0 - np.clip(hues, 0.0, 1.0)), np.float32)
