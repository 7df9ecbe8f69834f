"""Renders on disk: one file for each scene, half floats, and a scene's crops as a network takes them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from understudy.errors import UnderstudyError
from zoo.pictures import Part

MOST = 60_000.0
"""What half floats hold, and a little less."""
HOLDS = 4.0
"""A render counts in a mean for no more than so many times the median of all of them there: a path in a
million that finds a lamp by chance would stay a bright dot."""


@dataclass(frozen=True)
class Rendered:
    """One scene, several times: ``renders`` float16 (K, H, W, 9), light, albedo and normal, of ``counts``
    (K,) samples for each pixel, of which no two have one in common."""

    renders: np.ndarray
    counts: np.ndarray

    @cached_property
    def others(self) -> tuple[np.ndarray, ...]:
        """For each of the renders the light of all others together, float16 (H, W, 3)."""
        light = self.renders[..., :3].astype(np.float32)
        most = HOLDS * np.median(light, 0) + 0.05 * float(np.median(light))
        held = np.minimum(light, most) * self.counts[:, None, None, None]
        total, count = held.sum(0), self.counts.sum()
        pairs = zip(held, self.counts, strict=True)
        return tuple(as_half((total - own) / (count - samples)) for own, samples in pairs)


def save(file: Path, rendered: Rendered) -> None:
    """Write one, whole or not at all."""
    beside = file.with_suffix(".part")
    with beside.open("wb") as stream:
        np.savez(stream, renders=rendered.renders, counts=rendered.counts)
    beside.replace(file)


def as_half(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -MOST, MOST).astype(np.float16)


def files_of(folder: Path, part: Part) -> list[Path]:
    """The files of a part, in order. UnderstudyError where there are none."""
    found = sorted(folder.glob(f"{part}_*.npz"))
    if not found:
        raise UnderstudyError(
            "There are no renders here.",
            expected=f"files {part}_*.npz",
            where=str(folder),
            remedy="Make them: python -m zoo.render_scenes --data ../shared/photographs --renders "
            f"{folder} --part {part} (pip install mitsuba).",
        )
    return found


def load(folder: Path, part: Part) -> tuple[Rendered, ...]:
    """All of a part, in memory. UnderstudyError where one is damaged."""
    return tuple(_read(file) for file in files_of(folder, part))


def _read(file: Path) -> Rendered:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
            return Rendered(found["renders"], found["counts"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UnderstudyError(
            "A render cannot be read.", where=str(file), remedy="Delete it and render again."
        ) from error
