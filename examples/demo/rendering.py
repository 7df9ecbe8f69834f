"""The shot, rendered by several processes, as EXR files."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from folders import Folders
from scene import Set
from shot import NUMBERS, PAINTED, render

_stage: Set | None = None


def make_shot(folders: Folders, width: int) -> Iterator[int]:
    """Write the plate, the five painted frames, and for measuring what all frames should become.

    Yields each frame number when its files are written.
    """
    workers = min(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 8
    )
    # Fresh processes, the same on every system: none inherits a lock that a thread of this one holds.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=fresh, initializer=_build_set) as pool:
        jobs = [pool.submit(_make_frame, folders, number, width) for number in NUMBERS]
        for job in jobs:
            yield job.result()


def _build_set() -> None:
    global _stage
    _stage = Set()


def _make_frame(folders: Folders, number: int, width: int) -> int:
    assert _stage is not None
    plate, painting = render(_stage, number, width)
    write_exr(folders.frame("plate", number), plate, number)
    write_exr(folders.frame("truth", number), painting, number)
    if number in PAINTED:
        write_exr(folders.frame("painted", number), painting, number)
    return number


def write_exr(path: Path, pixels: np.ndarray, number: int) -> None:
    """Half float, scene-linear, with a time code as a camera writes it."""
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, "half")
    spec.attribute("compression", "zip")
    spec.attribute("framesPerSecond", "rational", (24, 1))
    spec.attribute("smpte:TimeCode", "timecode", _timecode(number))
    output = oiio.ImageOutput.create(str(path))
    if output is None:
        raise OSError(f"{path} could not be written: {oiio.geterror()}")
    written = output.open(str(path), spec) and output.write_image(np.ascontiguousarray(pixels))
    if not (output.close() and written):
        raise OSError(f"{path} could not be written: {output.geterror()}")


def _timecode(number: int) -> tuple[int, int]:
    """Ten o'clock and ``number`` frames at 24 per second, each digit in four bits as in the standard."""
    fields = number % 24, number // 24 % 60, number // 1440 % 60, 10
    packed = 0
    for place, value in enumerate(fields):
        packed |= (value // 10 << 4 | value % 10) << (8 * place)
    return packed, 0
