"""Plate and result of a report, frame by frame as a screen shows them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from understudy.colour import to_display
from understudy.colour.overlay import lay_over
from understudy.errors import FrameError, PairingError, SizeError
from understudy.frames import (
    Frame,
    Shot,
    format_numbers,
    open_shot,
    read_provenance,
    resolve_channels,
    resolve_like,
)
from understudy.inference.targets import channels_of_layer
from understudy.models.channels import makes_mattes
from understudy.models.description import ModelDescription
from understudy.settings import PlateSettings


@dataclass(frozen=True)
class Looked:
    """One frame: display values (H, W, 3) of the plate, and (H, W, channels) of the result, of several mattes
    over the plate; ``mattes``: these themselves, of which a screen shows no more than three at a time."""

    number: int
    plate: np.ndarray
    result: np.ndarray
    mattes: np.ndarray | None = None

    @property
    def made(self) -> np.ndarray:
        """What the network made, to be measured."""
        return self.result if self.mattes is None else self.mattes[..., :3]


@dataclass
class Subject:
    """What is reported on. ``numbers``: the frames of both shots. ``notes``: what could not be read."""

    model: ModelDescription
    plate: Shot
    result: Shot
    numbers: tuple[int, ...]
    notes: list[str] = field(default_factory=list)

    def read(self, number: int) -> Looked:
        """Raises FrameError, ChannelError, and SizeError where the two are not of one size."""
        plate, result = self.plate.read(number), self.result.read(number)
        if plate.display_window != result.display_window:
            raise _other_size(plate, result)
        taken = resolve_like(plate, self.model.input_channels) or resolve_channels(plate)
        shown = plate.planes(taken)
        made, plate_shown = result.planes(self._made(result)), to_display(shown, self.model.colour_in)
        if makes_mattes(self.model):  # each in its colour: a screen has three
            return Looked(number, plate_shown, lay_over(plate_shown, made), made)
        return Looked(number, plate_shown, to_display(made, self.model.colour_out))

    def frames(self) -> Iterator[Looked]:
        """All that can be read, in order; of the others a note is made."""
        for number in self.numbers:
            try:
                yield self.read(number)
            except (FrameError, SizeError) as error:
                self.notes.append(f"Frame {number} is left out: {error.message} {error.found}".strip())

    def _made(self, frame: Frame) -> tuple[str, ...]:
        """The channels of a result that the network made; the alpha, or the only one, of a matte; the layers
        of several."""
        if self.model.kind != "matte":
            return resolve_like(frame, self.model.output_channels)
        if makes_mattes(self.model):
            return self._layers(frame)
        names = [name for name in (*self.model.output_channels, "A") if name in frame.channels]
        return (names[0] if names else frame.channels[0],)

    def _layers(self, frame: Frame) -> tuple[str, ...]:
        """The layers of several mattes, by the layer that they were put into where that was another one."""
        given = read_provenance(frame.path).get("output_layer")
        own = channels_of_layer(self.model, given) if given else tuple(self.model.output_channels)
        return resolve_channels(frame, ",".join(own))


def open_subject(model: ModelDescription, given: PlateSettings, result: str, stack: ExitStack) -> Subject:
    """Open both, and look at the first frame of each: what is wrong with it is wrong with all.

    Raises SequenceError, FrameError, ChannelError, SizeError, and PairingError where they share no frame.
    """
    plate = stack.enter_context(open_shot(given.plate, frames=given.frames, part=given.part))
    made = stack.enter_context(open_shot(result))
    alone = plate.is_still and made.is_still
    numbers = plate.numbers if alone else tuple(n for n in plate.numbers if made.has(n))
    if not numbers:
        raise PairingError(
            "The result has none of the plate's frames.",
            expected=f"some of {format_numbers(plate.numbers)}",
            found=format_numbers(made.numbers),
            where=result,
            remedy="Give the frames that apply made of this plate, or leave the result out.",
        )
    subject = Subject(model, plate, made, numbers)
    subject.read(numbers[0])
    return subject


def _other_size(plate: Frame, result: Frame) -> SizeError:
    one, other = plate.display_window, result.display_window
    return SizeError(
        "Plate and result are not of one size.",
        expected=f"{one.width} x {one.height}",
        found=f"{other.width} x {other.height}",
        where=str(result.path),
        remedy="Give the frames that were made of this plate.",
    )
