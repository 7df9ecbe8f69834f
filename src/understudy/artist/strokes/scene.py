"""What a brush works on: a frame of the plate beside what the network makes of it, in file values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from understudy.colour import ColourEncoding
from understudy.frames import Frame, Neighbours, Shot
from understudy.inference.compose import Composer, input_channels, target_channels
from understudy.inference.layers import ExtraInputs
from understudy.inference.model import LoadedModel
from understudy.settings import TileSettings

MATTE = "A"


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

    def under(self, plate: Frame) -> np.ndarray:
        """float32 (height, width, channels): the plate's own values in the channels of the result, bit for
        bit; 0 in a channel that it has not."""
        return plate.with_room(self.targets).planes(self.targets)


class ShotModel:
    """A network over a shot: ``result(number)`` is what ``apply`` would write, in float. Not thread-safe.

    ``extra``: the further layers that the network was trained with. SettingError when they are not as many
    as it wants.
    """

    def __init__(self, model: LoadedModel, plate: Shot, extra: Sequence[str] = ()) -> None:
        self.model, self.plate = model, plate
        header = model.description
        plate.as_held = not header.premultiplied
        self._about = Neighbours(plate, kept=2 * len(header.offsets) + 1) if header.offsets else None
        self._extra = ExtraInputs(extra, header, self._about)
        self._composer = Composer(header, None, TileSettings(), 1.0, None, None, self._extra)

    def result(self, number: int) -> FrameResult:
        """The result for one frame. Raises what reading and inference raise: FrameError, SequenceError,
        ChannelError, SizeError, PairingError, DeviceError."""
        header = self.model.description
        plate = self._about.read(number) if self._about else self.plate.read(number)
        names = input_channels(plate, header, None)
        targets = target_channels(plate, header, names) or (MATTE,)
        pixels = self._composer.compose(plate, self.model).planes(targets)
        return FrameResult(
            number,
            pixels,
            tuple(header.output_channels),
            targets,
            header.kind,
            header.colour_in,
            header.colour_out,
        )

    def close(self) -> None:
        """Let go of open files."""
        self._extra.close()
