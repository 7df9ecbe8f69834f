"""Renders on disk: one file for each scene, half floats, and a scene's crops as a network takes them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from understudy.errors import UnderstudyError
from zoo.pictures import Part

MOST = 60_000.0
"""What half floats hold, and a little less."""
HOLDS = 16.0
"""Light counts for no more than so many times what lies about it, or what a second render has there: a path
in a million that finds a lamp by chance would stay a bright dot."""
NEAR = 5


class Truth(NamedTuple):
    """The light of some renders together, float16 (H, W, 3), and of two ``parts`` of them, which have
    ``shares`` of their samples."""

    whole: np.ndarray
    parts: tuple[np.ndarray, np.ndarray]
    shares: tuple[float, float]

    def curved(self, curve: Callable[[np.ndarray], np.ndarray], *place: slice) -> np.ndarray:
        """float32 (H, W, 3) of a place through a curve that bends down, as if there had been no noise before
        it: the mean of noisy values lies below that of the light itself, by twice as much in half of the
        samples, so that what a half lies below the whole is what that lies too low."""
        whole, first, second = (
            np.asarray(curve(light[place].astype(np.float32))) for light in (self.whole, *self.parts)
        )
        return np.asarray(2 * whole - self.shares[0] * first - self.shares[1] * second, np.float32)

    def noise(self, curve: Callable[[np.ndarray], np.ndarray], *place: slice) -> np.ndarray:
        """float32 (H, W, 1): about how far a pixel of a place, through a curve, is off, by how far the two
        parts are apart about it."""
        first, second = (np.asarray(curve(light[place].astype(np.float32))) for light in self.parts)
        apart = np.abs(first - second).max(2) / 2
        return np.asarray(cv2.blur(apart, (NEAR, NEAR)), np.float32)[..., None]


@dataclass(frozen=True)
class Rendered:
    """One scene, several times: ``renders`` float16 (K, H, W, 9), light, albedo and normal, of ``counts``
    (K,) samples for each pixel, of which no two have one in common."""

    renders: np.ndarray
    counts: np.ndarray

    @cached_property
    def others(self) -> tuple[Truth, ...]:
        """For each of the renders the light of all others."""
        every = range(len(self.counts))
        return tuple(self.together([each for each in every if each != own]) for own in every)

    def together(self, chosen: Sequence[int]) -> Truth:
        """The light of some of them, of which the one with the most samples is one part."""
        light, counts = self.renders[chosen, ..., :3].astype(np.float32), self.counts[chosen]
        order = np.argsort(counts, kind="stable")
        light, counts = light[order], counts[order]
        rest = np.average(light[:-1], 0, counts[:-1]).astype(np.float32)
        share = float(counts[-1]) / float(counts.sum())
        whole = np.float32(share) * light[-1] + np.float32(1 - share) * rest
        most = HOLDS * np.maximum(cv2.medianBlur(whole, NEAR), np.minimum(light[-1], rest))
        most += 0.02 * float(np.median(whole))
        held = (as_half(np.minimum(each, most)) for each in (whole, light[-1], rest))
        return Truth(next(held), (next(held), next(held)), (share, 1 - share))


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
