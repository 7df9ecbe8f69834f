"""How unsure a network is of a frame: what it makes of it, and of the same frame mirrored and moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from understudy.artist.suggest.blocks import BLOCKS
from understudy.colour import encode
from understudy.frames import Neighbours, Shot
from understudy.inference.gathering import Gatherer
from understudy.inference.layers import ExtraInputs
from understudy.inference.model import LoadedModel
from understudy.settings import PlateSettings

SHIFT = (5, 7)
LEAST = 1e-4
Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Signs:
    """What is seen of a frame, in blocks (rows * columns). ``features`` (blocks, n): logarithms of how much
    the passes differ, of how undecided a matte is or how much an image is changed, and of the detail of plate
    and result. ``area``: the share of the frame that the mattes cover; 1 for an image. ``error`` (blocks,):
    how wrong it is, where the truth is known: the share of wrong pixels of a matte, the mean squared error of
    an image, in the network's values, which are about those of a screen."""

    features: np.ndarray
    area: float
    error: np.ndarray | None = None


class Prober:
    """Asks a network about the frames of a shot. SettingError when it wants other extra inputs."""

    def __init__(self, model: LoadedModel, shot: Shot, plate: PlateSettings) -> None:
        self.model, self.shot = model, shot
        header = model.description
        shot.as_held = not header.premultiplied
        self._about = Neighbours(shot, kept=2 * len(header.offsets) + 1) if header.offsets else None
        self._extra = ExtraInputs(plate.extra, header, self._about)
        channels = plate.input_channels
        self._gatherer = Gatherer(header, channels, self._extra)

    @property
    def is_matte(self) -> bool:
        return self.model.description.kind == "matte"

    def signs(self, number: int, truth: np.ndarray | None = None) -> Signs:
        """Signs of a frame; with ``error`` where its ``truth`` over the display window, in file values, is
        given and of its size. Raises as reading and inference do."""
        frame = self._about.read(number) if self._about else self.shot.read(number)
        given = self._gatherer.gather(frame)
        planes = [given.pixels, *given.beside]
        results = [self._seen(planes, there, back, given.display) for there, back in PASSES]
        shown = given.display
        rows, columns = slice(shown.y, shown.y + shown.height), slice(shown.x, shown.x + shown.width)
        result, *others = [each[rows, columns] for each in results]
        plate = encode(np.nan_to_num(given.pixels[rows, columns]), self.model.description.colour_in)
        features = np.stack(list(self._features(result, others, plate)), axis=1)
        area = float((result > 0.5).any(2).mean()) if self.is_matte else 1.0
        fits = truth is not None and truth.shape == result.shape and bool(np.isfinite(truth).any())
        error = self._error(result, truth) if truth is not None and fits else None
        return Signs(features, area, error)

    def close(self) -> None:
        self._extra.close()

    def _seen(self, planes: Sequence[np.ndarray], there: Change, back: Change, display: object) -> np.ndarray:
        """What the network makes of changed planes, changed back, in its own values."""
        plate, *beside = [np.ascontiguousarray(there(each)) for each in planes]
        result = back(self.model.infer(plate, beside=beside or None, display=display))  # type: ignore[arg-type]
        return self._own(result)

    def _own(self, values: np.ndarray) -> np.ndarray:
        """File values as the network's: 0 to 1 for what a screen shows."""
        if self.is_matte:
            return np.clip(values, 0.0, 1.0)
        return np.clip(encode(values, self.model.description.colour_out), -0.5, 2.0)

    def _features(
        self, result: np.ndarray, others: Sequence[np.ndarray], plate: np.ndarray
    ) -> Iterator[np.ndarray]:
        for other in others:
            yield _blocks(np.abs(result - other).mean(2))
        if self.is_matte:
            yield _blocks((result * (1 - result)).mean(2))
        else:
            yield _blocks(np.abs(result.mean(2) - plate.mean(2)))
        yield _blocks(_detail(result.mean(2)))
        yield _blocks(_detail(plate.mean(2)))

    def _error(self, result: np.ndarray, truth: np.ndarray) -> np.ndarray:
        known = np.isfinite(truth)
        wanted = self._own(np.nan_to_num(truth))
        if self.is_matte:  # of several, those that were painted
            wrong = (((result > 0.5) != (wanted > 0.5)) & known).any(2)
        else:
            wrong = np.square(result - wanted).mean(2) * known.all(2)
        return _means(wrong.astype(np.float32))


def _same(planes: np.ndarray) -> np.ndarray:
    return planes


def _mirrored(planes: np.ndarray) -> np.ndarray:
    return planes[:, ::-1]


def _moved(planes: np.ndarray) -> np.ndarray:
    return np.roll(planes, SHIFT, (0, 1))


def _moved_back(planes: np.ndarray) -> np.ndarray:
    return np.roll(planes, (-SHIFT[0], -SHIFT[1]), (0, 1))


PASSES: tuple[tuple[Change, Change], ...] = ((_same, _same), (_mirrored, _mirrored), (_moved, _moved_back))


def _detail(plane: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(plane - cv2.GaussianBlur(plane, (0, 0), 1.5)))


def _means(plane: np.ndarray) -> np.ndarray:
    """Means over blocks, (rows * columns,)."""
    plane = np.ascontiguousarray(plane, np.float32)
    return np.asarray(cv2.resize(plane, BLOCKS, interpolation=cv2.INTER_AREA)).ravel()


def _blocks(plane: np.ndarray) -> np.ndarray:
    return np.log(_means(plane) + LEAST)
