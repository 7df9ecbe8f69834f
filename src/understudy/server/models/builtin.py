"""The built-in effects: useful from the first minute, with nothing trained."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from understudy.errors import RequestError
from understudy.models.description import ANY, ImageSpec, ModelDescription
from understudy.models.options import Option
from understudy.server.models.devices import cores, pool_for
from understudy.server.models.served import Answer, Call

if TYPE_CHECKING:
    from understudy.inference.vectors import VectorFinder

MAX_KERNEL = 255
SMALLEST_FOR_FLOW = 16
CURVE = 16.0
SIZES = (640, 1280, 2048)
"""Pixels of the longer side at which the network works, by quality."""
LEARNED, CLASSICAL = "learned", "classical"
QUALITY = Option("quality", "int", 1, 0, 2, description="0 is fastest, 2 is finest.")
METHOD = Option(
    "method",
    "string",
    CLASSICAL,
    choices=(CLASSICAL, LEARNED),
    description="classical: a search that takes little time; learned: a trained network, sharper at edges.",
)


class BuiltIn:
    """What the built-in effects share: they run on the CPU, as many at a time as there are cores."""

    executor = "built-in"
    max_batch = 1
    state = "ready"
    trouble = ""
    description: ModelDescription

    def __init__(self) -> None:
        self.workers = cores()
        cv2.setNumThreads(max(1, cores() // 2))  # the other half receives, sends and serves others

    def run(self, calls: list[Call]) -> list[Answer]:
        return [Answer([self.picture(call)]) for call in calls]

    def picture(self, call: Call) -> np.ndarray:
        raise NotImplementedError

    def refresh(self) -> None: ...

    def close(self) -> None: ...


class GaussianBlur(BuiltIn):
    """A blur in floating point: what is above 1 or below 0 stays so."""

    description = ModelDescription(
        name="blur",
        label="Gaussian Blur",
        inputs=(ImageSpec("input", ANY),),
        outputs=(ImageSpec("output", ANY),),
        options=(
            Option("kernel_size", "int", 5, 1, MAX_KERNEL, description="Width of the kernel in pixels; odd."),
            Option(
                "sigma", "float", 0.0, 0.0, 100.0, description="Spread in pixels; 0 follows from the kernel."
            ),
        ),
        text="Blurs with a Gaussian kernel, in floating point.",
    )

    def picture(self, call: Call) -> np.ndarray:
        planes = call.pictures[0]
        size = call.options["kernel_size"] | 1
        upside_down = planes.strides[1] < 0  # blurred as it lies in memory: a blur does not mind
        source = planes[:, ::-1] if upside_down else planes
        result = np.empty(source.shape, np.float32)
        for plane, blurred in zip(source, result, strict=True):
            cv2.GaussianBlur(
                plane, (size, size), call.options["sigma"], dst=blurred, borderType=cv2.BORDER_REPLICATE
            )
        return result[:, ::-1] if upside_down else result


class MotionVectors(BuiltIn):
    """Dense optical flow from one frame to the next: u in the first channel, v in the second, in pixels.

    u points to the right and v up, as in Nuke's ``forward`` layer: the pixel at (x, y) of ``current`` is
    found at (x + u, y + v) of ``next``. ``network`` is the file of a trained network that finds it, unless
    a call asks for the classical search; without one there is that search alone.
    """

    description = ModelDescription(
        name="motion_vectors",
        label="Motion Vectors",
        inputs=(ImageSpec("current", ANY), ImageSpec("next", ANY)),
        outputs=(ImageSpec("vectors", 3),),
        options=(QUALITY,),
        text="Dense optical flow between two frames in pixels: u (right) in red, v (up) in green.",
    )

    def __init__(self, network: Path | None = None, devices: str = "auto") -> None:
        super().__init__()
        self._local = threading.local()
        self._network, self._devices = network, devices
        if network is not None:
            self.description = replace(self.description, options=(METHOD, QUALITY))
        self._finders: dict[tuple[str, bool], VectorFinder] = {}
        self._loading = threading.Lock()

    def picture(self, call: Call) -> np.ndarray:
        current, following = call.pictures
        if current.shape != following.shape:
            raise RequestError("Motion Vectors wants two frames of the same size.")
        _, height, width = current.shape
        result = np.zeros((3, height, width), np.float32)
        if min(height, width) < SMALLEST_FOR_FLOW:
            return result
        flow = self._flow(call, current, following)
        result[0] = flow[..., 0]
        result[1] = -flow[..., 1]
        return result

    def _flow(self, call: Call, current: np.ndarray, following: np.ndarray) -> np.ndarray:
        if self._network is None or call.options.get("method", CLASSICAL) != LEARNED:
            search = self._finder(call.options["quality"])
            return np.asarray(search.calc(*_grey(current, following), None))
        first, second, longest = _colours(current), _colours(following), SIZES[call.options["quality"]]
        with pool_for(self._devices).one() as device:
            return self._learned(device, call.linear)(first, second, longest)

    def _learned(self, device: Any, linear: bool) -> VectorFinder:
        """The network on a device, loaded by the first call."""
        from understudy.inference.vectors import load_vectors

        assert self._network is not None
        with self._loading:
            key = str(device), linear
            if key not in self._finders:
                self._finders[key] = load_vectors(self._network, device, scene_linear=linear)
            return self._finders[key]

    def _finder(self, quality: int) -> Any:
        """One flow finder for each worker thread, since it keeps scratch memory."""
        finders = self._local.__dict__.setdefault("finders", {})
        if quality not in finders:
            finders[quality] = cv2.DISOpticalFlow.create(quality)
        return finders[quality]


def _grey(current: np.ndarray, following: np.ndarray) -> list[np.ndarray]:
    """Both frames as 8-bit grey, through one curve that keeps highlights apart and bears any float."""
    greys = [
        np.nan_to_num(_luminance(planes), nan=0.0, posinf=1e4, neginf=0.0) for planes in (current, following)
    ]
    top = max(1.0, *(float(np.percentile(grey[::4, ::4], 99.9)) for grey in greys))
    scale = 255.0 / np.log1p(CURVE * top)
    return [
        np.clip(np.log1p(CURVE * np.clip(grey, 0, None)) * scale, 0, 255).astype(np.uint8) for grey in greys
    ]


def _colours(planes: np.ndarray) -> np.ndarray:
    """Three channels (height, width, 3) of as many planes as come."""
    chosen = planes[:3] if len(planes) >= 3 else np.repeat(planes[:1], 3, axis=0)
    return np.ascontiguousarray(chosen.transpose(1, 2, 0), np.float32)


def _luminance(planes: np.ndarray) -> np.ndarray:
    if len(planes) < 3:
        return np.array(planes[0])
    return planes[0] * np.float32(0.2126) + planes[1] * np.float32(0.7152) + planes[2] * np.float32(0.0722)
