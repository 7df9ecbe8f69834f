"""What a brush works on: a frame of the plate beside its result, in file values. No torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from understudy.artist.strokes.raster import Canvas
from understudy.colour import ColourEncoding, to_scene_linear
from understudy.colour.scene_linear import linear_to_srgb
from understudy.errors import SettingError
from understudy.frames import Frame, resolve_channels, seen_planes
from understudy.frames.matte_names import matte_labels

DISPLAY = ("srgb", "raw")  # spaces whose values a screen shows as they are


@dataclass(frozen=True)
class FrameResult:
    """What a network makes of one frame.

    ``pixels``: float32 (height, width, channels) in file values over the plate's display window, not rounded
    to what a file of the plate's kind would hold. ``channels``: what the network calls them; ``targets``:
    what they are called in the plate. ``kind``: image or matte.
    """

    number: int
    pixels: np.ndarray
    channels: tuple[str, ...]
    targets: tuple[str, ...]
    kind: str
    colour_in: ColourEncoding
    colour_out: ColourEncoding

    def canvas(self, plate: Frame, result_of: Callable[[int], np.ndarray]) -> Canvas:
        """The frame to paint on: result and plate in the values that corrections are kept in, which is those
        of the plate's file, premultiplied. ``result_of`` gives them of other frames: ``kept_values``."""
        return Canvas(
            self.number,
            self.kept_values(plate),
            self.under(plate) if self.kind == "matte" else self._seen(plate.with_room(self.targets)),
            cache(partial(displayed, plate, self.colour_in)),
            self.kind,
            self.colour_out,
            result_of,
        )

    @property
    def mattes(self) -> tuple[str, ...]:
        """The names of several mattes; none of anything else."""
        return matte_labels(self.channels) if self.kind == "matte" and len(self.channels) > 1 else ()

    def one(self, matte: str) -> FrameResult:
        """The result with the matte of this name alone. SettingError where there is none such; of one matte,
        and of an image, itself where no name is given."""
        if not matte and not self.mattes:
            return self
        if matte not in self.mattes:
            raise SettingError(
                "It is not said which of the mattes is meant."
                if not matte
                else f"The run makes no matte {matte!r}.",
                expected=f"one of {', '.join(self.mattes)}" if self.mattes else "no name of a matte",
                found=matte,
                where=f"frame {self.number}",
            )
        at = self.mattes.index(matte)
        pixels = self.pixels[..., at : at + 1]
        return replace(
            self, pixels=pixels, channels=self.channels[at : at + 1], targets=self.targets[at : at + 1]
        )

    def kept_values(self, plate: Frame) -> np.ndarray:
        """``pixels`` premultiplied, where the plate's file holds straight colours; a matte as it is."""
        if self.kind == "matte":
            return self.pixels
        return self._seen(plate.with_room(self.targets).with_planes(self.targets, self.pixels))

    def _seen(self, frame: Frame) -> np.ndarray:
        return seen_planes(frame, self.targets)

    def under(self, plate: Frame) -> np.ndarray:
        """float32 (height, width, channels): the plate's own values in the channels of the result, bit for
        bit; 0 in a channel that it has not."""
        return plate.with_room(self.targets).planes(self.targets)


def displayed(plate: Frame, colour: ColourEncoding) -> np.ndarray:
    """float32 (height, width, 3): a frame's colours for a screen."""
    names = resolve_channels(plate)[:3]
    pixels = seen_planes(plate, names)
    if pixels.shape[2] < 3:
        pixels = np.repeat(pixels[..., :1], 3, axis=2)
    if colour.space in DISPLAY:
        return pixels
    return linear_to_srgb(to_scene_linear(np.nan_to_num(pixels), colour))
