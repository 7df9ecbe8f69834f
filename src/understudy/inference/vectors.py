"""A network that finds motion, ready for pixels: two frames in file values in, vectors out."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from understudy.colour import encode
from understudy.device import autocast
from understudy.errors import SizeError
from understudy.frames import fill_nonfinite
from understudy.inference.adapting import on_scene_linear
from understudy.inference.tiles import pad_to_stride
from understudy.models.description import ModelDescription
from understudy.models.opening import open_motion
from understudy.temporal import LUMA, flows_between, reduced

LONGEST = 2048
"""Pixels of the longer side at which motion is looked for: more takes memory, and tells little more."""

BRIGHT = 99.9
"""Percent of a frame's pixels that are no brighter than what counts as its brightest."""


class VectorFinder:
    """Finds motion with a trained network. May be called from several threads, which take turns."""

    def __init__(
        self, description: ModelDescription, network: Any, device: torch.device, precision: str = "float32"
    ) -> None:
        self.description, self.device, self.precision = description, device, precision
        self._network = network
        self._turn = threading.Lock()

    def __call__(self, first: np.ndarray, second: np.ndarray, longest: int | None = None) -> np.ndarray:
        """Where each pixel of ``first`` is in ``second``: float32 (height, width, 2), in pixels, x to the
        right and y down: what is at (x, y) of the first is at (x, y) + vectors[y, x] of the second.

        Both are float (height, width, 3) in file values, R, G, B. What is no number counts as its neighbours.
        ``longest``: frames whose longer side is above so many pixels are searched at that size; LONGEST by
        default. SizeError when they are not of one size.
        """
        if first.shape != second.shape or first.ndim != 3 or not first.size:
            raise SizeError(
                "Motion is looked for between two frames of one size.",
                expected=f"{first.shape}",
                found=f"{second.shape}",
            )
        small = [self._seen(each, longest or LONGEST) for each in (first, second)]
        vectors = self._find([*small, search(*small)])
        return _enlarged(vectors, first.shape[:2])

    def _seen(self, pixels: np.ndarray, longest: int) -> np.ndarray:
        """A frame as the network sees it, (height, width, 3)."""
        values = encode(fill_nonfinite(pixels)[0], self.description.colour_in)
        return reduced(np.asarray(values, np.float32), longest)

    def _find(self, given: list[np.ndarray]) -> np.ndarray:
        height, width = given[0].shape[:2]
        planes = [torch.from_numpy(each.transpose(2, 0, 1).copy())[None].to(self.device) for each in given]
        padded = [pad_to_stride(each, self.description.stride) for each in planes]
        with self._turn, torch.inference_mode(), autocast(self.device, self.precision):
            found = self._network(*padded)[0, :, :height, :width]
            return np.asarray(found.float().permute(1, 2, 0).cpu().numpy())


def search(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """What a classical search finds between two frames (height, width, 3) as a network sees them: float32
    (height, width, 3), vectors and where the ways there and back meet (1, else 0). Where a frame is
    brighter than 1, all of both is made darker, so that highlights stay apart."""
    lumas = [np.maximum(frame @ LUMA, 0) for frame in (first, second)]
    top = max(1.0, *(float(np.percentile(luma, BRIGHT)) for luma in lumas))
    flow, _ = flows_between(*(np.minimum(luma / np.float32(top), 1) for luma in lumas))
    return np.dstack([flow.vectors, flow.sure.astype(np.float32)])


def _enlarged(vectors: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Vectors in the pixels of a frame of another size."""
    own = vectors.shape[:2]
    if own == size:
        return vectors
    large = np.asarray(cv2.resize(vectors, (size[1], size[0]), interpolation=cv2.INTER_LINEAR))
    return large * np.array([size[1] / own[1], size[0] / own[0]], np.float32)


def load_vectors(
    path: Path, device: torch.device, precision: str = "auto", scene_linear: bool = False
) -> VectorFinder:
    """A network that finds motion, from its file. ``precision``: bfloat16 only where it is asked for, as
    vectors show every difference. ``scene_linear``: what frames will hold. ModelFileError."""
    description, network = open_motion(path, device)
    description = on_scene_linear(description) if scene_linear else description
    return VectorFinder(description, network, device, "float32" if precision == "auto" else precision)
