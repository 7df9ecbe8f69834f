"""What was gathered of a frame -> what the network makes of it, told what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from understudy.frames import Frame, Window, enlarged_planes
from understudy.inference.confidence import ABOUT, MOVED, confidence_of, moved, moved_back
from understudy.inference.doubtful import Doubts
from understudy.inference.gathering import Gathered, Gatherer, Read
from understudy.inference.model import LoadedModel
from understudy.inference.painted import luma_of
from understudy.inference.prompter import Looked, Prompter, placed
from understudy.inference.recurrence import Recurrence, Step, plate_luma
from understudy.inference.region import grown, slices
from understudy.inference.tracking import Found, Tracker, arranged
from understudy.models.call import NetworkCall
from understudy.models.instances import INSTANCES
from understudy.settings import TileSettings


@dataclass(frozen=True)
class Made:
    """What is there of a result: float32 ``values`` (H, W, C), and, where it is asked for, their
    ``confidence`` (H, W, 1), 0 to 1."""

    values: np.ndarray
    confidence: np.ndarray | None = None


@dataclass(frozen=True)
class Maker:
    """Results of one job. ``prompter``: what the network is told of each frame; ``tracker``: which instance
    is in which matte; ``recurrence``: gives the results of a network with state. ``doubts``: what was seen
    of results that cannot be right."""

    gatherer: Gatherer
    tiles: TileSettings
    prompter: Prompter | None = None
    tracker: Tracker | None = None
    recurrence: Recurrence | None = None
    doubts: Doubts = field(default_factory=Doubts)

    @property
    def header(self) -> Any:
        return self.gatherer.header

    def make_surely(self, given: Gathered, model: LoadedModel, shown: Window) -> Made:
        """What ``make`` gives, and how sure it is, by a second look at the moved frame."""
        beside, whole = tuple(given.beside), Window(0, 0, given.window.width, given.window.height)
        seen = grown(shown, ABOUT[self.header.kind] // 2, whole)
        result = self.make(replace(given, beside=iter(beside)), model, seen)
        again = replace(
            given,
            pixels=moved(given.pixels),
            beside=map(moved, beside),
            display=_further(given.display),
        )
        other = moved_back(self.make(again, model, _further(seen)))
        sure = np.ones((*result.shape[:2], 1), np.float32)
        place = slices(seen)
        sure[place] = confidence_of(self.header, result[place], other[place], given.frame.is_integer)
        return Made(result, sure)

    def make_other(self, model: LoadedModel, read: Read) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
        """What gives the network's result for another frame, and its luma, over the display window."""

        def infer(number: int) -> tuple[np.ndarray, np.ndarray]:
            given = self.gatherer.unmasked(read(number))
            place = slices(given.display)
            result = self.make(given, model, Window(0, 0, given.window.width, given.window.height))
            return result[place], luma_of(self.header, given.pixels[place])

        return infer

    def make(self, given: Gathered, model: LoadedModel, shown: Window) -> np.ndarray:
        """What the network makes of all pixels, where ``shown``, as it sees colours."""
        if self.recurrence is not None:
            result = self.recurrence.result(given.frame.number, self._step_of(given, model))
        else:
            result = self._called(given, model, shown)
        made = result[slices(shown.scaled(self.header.scale))]
        self.doubts.look(self.header, given.frame.number, given.pixels[slices(shown)], made)
        if made.shape[:2] == result.shape[:2]:
            self.doubts.look_for_screen(self.header, given.frame.number, made)
        return result

    def _called(self, given: Gathered, model: LoadedModel, shown: Window) -> np.ndarray:
        """What the network makes of one frame by itself: told what is meant, instances in their mattes."""
        call = self._call(given)
        result = model.with_call(call).infer(
            given.pixels,
            tile_size=self.tiles.tile_size,
            tile_overlap=self.tiles.tile_overlap,
            display=given.display,
            beside=given.beside,
            region=shown,
        )
        if self.tracker is not None:
            result = arranged(result, self.tracker.slots(given.frame.number, self._found(call, given)))
        return result

    def _call(self, given: Gathered) -> NetworkCall:
        """What goes into the network beside this frame."""
        if self.prompter is None:
            return NetworkCall()
        call = self.prompter.call(given.frame.number, lambda: luma_of(self.header, _displayed(given)))
        return placed(call, given.display)

    def look(self, number: int, model: LoadedModel, read: Read) -> Looked:
        """A frame of the plate, as a mask goes on from it to the next."""
        given = self.gatherer.unmasked(read(number))

        def run(call: NetworkCall) -> None:
            told = model.with_call(placed(call, given.display))
            told.infer(given.pixels, display=given.display, beside=given.beside)

        return Looked(luma_of(self.header, _displayed(given)), run)

    def find(self, number: int, model: LoadedModel, read: Read) -> Found:
        """What the network finds in a frame of the plate."""
        given, call = self.gatherer.unmasked(read(number)), NetworkCall()
        model.with_call(call).infer(given.pixels, display=given.display, beside=given.beside)
        return self._found(call, given)

    def _found(self, call: NetworkCall, given: Gathered) -> Found:
        """What a call found, counted from the display window's first pixel."""
        instances = [each.moved(-given.display.x, -given.display.y) for each in call.found.get(INSTANCES, ())]
        return Found(instances, luma_of(self.header, _displayed(given)))

    def luma(self, frame: Frame) -> np.ndarray:
        """A frame's luma over its display window, by which cuts are found."""
        return luma_of(self.header, _displayed(self.gatherer.unmasked(frame)))

    def step(self, number: int, model: LoadedModel, read: Read) -> Step:
        """A frame of the plate, as a network with state goes through it."""
        return self._step_of(self.gatherer.unmasked(read(number)), model)

    def _step_of(self, given: Gathered, model: LoadedModel) -> Step:
        """One step of the network: over the display window, whose size stays the same from frame to frame;
        around that the plate stays."""
        place = slices(given.display)
        pixels = np.ascontiguousarray(given.pixels[place])

        def run(call: NetworkCall) -> np.ndarray:
            beside = (np.ascontiguousarray(each[place]) for each in given.beside)
            made = model.with_call(call).infer(pixels, beside=beside)
            if pixels.shape == given.pixels.shape:
                return made
            under = np.array(enlarged_planes(model.plate_of(given.pixels), given.scale))
            under[slices(given.display.scaled(given.scale))] = made
            return under

        return Step(plate_luma(self.header.colour_in.space, pixels), run)


def _displayed(given: Gathered) -> np.ndarray:
    """The plate's pixels in the display window."""
    return np.asarray(given.pixels[slices(given.display)])


def _further(window: Window) -> Window:
    """Where a window lies in what the second look sees."""
    down, right = MOVED
    return Window(window.x + right, window.y + down, window.width, window.height)
