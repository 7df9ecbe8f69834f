"""What else there is, for measuring beside it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

HAS_BM3D = importlib.util.find_spec("bm3d") is not None
NO_BM3D = "BM3D is not installed (pip install bm3d scipy; free for non-commercial use): left out"

HAS_OIDN = importlib.util.find_spec("pyoidn") is not None
NO_OIDN = "Open Image Denoise is not installed (pip install pyoidn): left out"


def open_image_denoise(
    light: np.ndarray, albedo: np.ndarray | None = None, normal: np.ndarray | None = None
) -> np.ndarray:
    """Scene-linear (H, W, 3) through Open Image Denoise at its best quality, with or without the layers."""
    from pyoidn import denoise

    layers = {} if albedo is None or normal is None else {"albedo": albedo, "normal": normal}
    return np.asarray(denoise(np.maximum(light, 0), hdr=True, **layers), np.float32)


HAS_SELFIE = importlib.util.find_spec("ai_edge_litert") is not None
NO_SELFIE = "selfie segmentation was not given, or ai-edge-litert is not installed: left out"
SELFIE_SIDE = 256


def bm3d(noisy: np.ndarray, sigma: float) -> np.ndarray:
    """Noisy (H, W, 3) 0..1 through BM3D, told the true ``sigma`` of the noise."""
    from bm3d import bm3d_rgb

    return np.asarray(bm3d_rgb(noisy.astype(np.float64), sigma), np.float32)


def bicubic(values: np.ndarray, factor: int, sharpness: float = -0.5) -> np.ndarray:
    """(H, W, 3) so many times as large, pixel middles kept where they are. ``sharpness``: Keys' a, -0.5 as in
    MATLAB, Pillow and Nuke, -0.75 as in OpenCV and torch."""
    if sharpness == -0.75:
        size = values.shape[1] * factor, values.shape[0] * factor
        return cv2.resize(values, size, interpolation=cv2.INTER_CUBIC)
    tall = _stretched(values, factor, sharpness)
    return np.ascontiguousarray(_stretched(tall.transpose(1, 0, 2), factor, sharpness).transpose(1, 0, 2))


def _stretched(values: np.ndarray, factor: int, sharpness: float) -> np.ndarray:
    padded = np.pad(values, ((2, 2), (0, 0), (0, 0)), mode="edge")
    result = np.empty((len(values) * factor, *values.shape[1:]), np.float32)
    for phase in range(factor):
        place = (phase + 0.5) / factor - 0.5
        first = int(np.floor(place))
        weights = [_keys(tap - (place - first), sharpness) for tap in range(-1, 3)]
        parts = (padded[first + 1 + tap : first + 1 + tap + len(values)] for tap in range(4))
        result[phase::factor] = sum(weight * part for weight, part in zip(weights, parts, strict=True))
    return result


def _keys(x: float, a: float) -> float:
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


@dataclass(frozen=True)
class ColourDifference:
    """A colour difference keyer: how much more a pixel has of the screen's colour than of the others, as a
    share of what the screen has. ``larger``: how much the larger one of the others counts in what is compared
    with. Between ``black`` and ``white`` of that share the alpha falls from 1 to 0."""

    larger: float
    black: float
    white: float

    def alpha(self, light: np.ndarray, screen: np.ndarray, key: int) -> np.ndarray:
        """(H, W) of light (H, W, 3) before a screen of an even colour (3,)."""
        share = self._more(light, key) / max(float(self._more(screen[None, None], key)[0, 0]), 1e-4)
        return 1 - np.clip((share - self.black) / (self.white - self.black), 0, 1)

    def _more(self, light: np.ndarray, key: int) -> np.ndarray:
        others = np.delete(light, key, axis=2)
        compared = self.larger * others.max(2) + (1 - self.larger) * others.min(2)
        return np.asarray(light[..., key] - compared)


SETTINGS = tuple(
    ColourDifference(larger, black, white)
    for larger in (0.5, 0.75, 1.0)
    for black in (0.0, 0.05, 0.1, 0.2, 0.35)
    for white in (0.55, 0.7, 0.8, 0.9, 1.0)
)


def best_key(light: np.ndarray, screen: np.ndarray, key: int, truth: np.ndarray) -> np.ndarray:
    """The alpha of the setting that comes nearest to the truth, which an artist would have to find."""
    keys = (setting.alpha(light, screen, key) for setting in SETTINGS)
    return min(keys, key=lambda alpha: float(np.abs(alpha - truth).mean()))


def despilled(
    light: np.ndarray, alpha: np.ndarray, screen: np.ndarray, key: int, larger: float
) -> np.ndarray:
    """The straight foreground: the screen taken out, and what is left of its colour held at a mix of the
    others."""
    straight = (light - (1 - alpha[..., None]) * screen) / np.maximum(alpha, 0.05)[..., None]
    others = np.delete(straight, key, axis=2)
    held = np.maximum(straight, 0)
    held[..., key] = np.minimum(held[..., key], larger * others.max(2) + (1 - larger) * others.mean(2))
    return np.maximum(held, 0)


def dense_inverse_search(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where each pixel of ``first`` is in ``second``, both (H, W, 3) 0..1, float32 (H, W, 2): OpenCV's DIS,
    at its medium setting."""
    greys = [
        cv2.cvtColor(np.rint(np.clip(each, 0, 1) * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
        for each in (first, second)
    ]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(search.calc(*greys, None))  # type: ignore[call-overload]


@lru_cache(maxsize=1)
def selfie_segmentation(file: Path) -> Callable[[np.ndarray], np.ndarray] | None:
    """MediaPipe's selfie segmentation (npm @mediapipe/selfie_segmentation, selfie_segmentation.tflite), which
    makes of sRGB (H, W, 3) 0..1 a matte of people (H, W, 1); None where nothing can run it."""
    if not HAS_SELFIE:
        return None
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(file), num_threads=1)
    interpreter.allocate_tensors()
    given, made = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def apply(values: np.ndarray) -> np.ndarray:
        small = cv2.resize(values, (SELFIE_SIDE, SELFIE_SIDE), interpolation=cv2.INTER_LINEAR)
        interpreter.set_tensor(given, np.asarray(small[None], np.float32))
        interpreter.invoke()
        matte = interpreter.get_tensor(made)[0, ..., 0]
        return cv2.resize(matte, values.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]

    return apply
