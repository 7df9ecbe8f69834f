"""A network over a shot: what it makes of any frame, in float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from understudy.artist.strokes.scene import FrameResult
from understudy.frames import Neighbours, Shot
from understudy.inference.compose import Composer
from understudy.inference.gathering import Gatherer, input_channels
from understudy.inference.layers import ExtraInputs
from understudy.inference.making import Maker
from understudy.inference.model import LoadedModel
from understudy.inference.prompt_plan import PromptPlan
from understudy.inference.prompter import Prompter
from understudy.inference.targets import target_channels
from understudy.models.prompts import Prompts
from understudy.settings import TileSettings

MATTE = "A"


class ShotModel:
    """A network over a shot: ``result(number)`` is what ``apply`` would write, in float. Not thread-safe.

    ``extra``: the further layers that the network was trained with; ``channels``: those of the plate that go
    in, where others than its own are wanted. SettingError when they are not as many as it wants.
    """

    def __init__(
        self, model: LoadedModel, plate: Shot, extra: Sequence[str] = (), channels: str | None = None
    ) -> None:
        self.model, self.plate, self._channels = model, plate, channels
        header = model.description
        plate.as_held = not header.premultiplied
        self._about = Neighbours(plate, kept=2 * len(header.offsets) + 1) if header.offsets else None
        self._extra = ExtraInputs(extra, header, self._about)
        self._maker = Maker(Gatherer(header, channels, self._extra), TileSettings())

    def result(self, number: int, told: Prompts | None = None) -> FrameResult:
        """The result for one frame; ``told``: what is meant, to a network that has to be told. Raises what
        reading and inference raise: FrameError, SequenceError, ChannelError, SizeError, PairingError,
        DeviceError, RequestError."""
        header = self.model.description
        plate = self._about.read(number) if self._about else self.plate.read(number)
        names = input_channels(plate, header, self._channels)
        targets = target_channels(plate, header, names) or (MATTE,)
        maker = replace(self._maker, prompter=self._prompter(told)) if told else self._maker
        pixels = Composer(maker).compose(plate, self.model).planes(targets)
        return FrameResult(
            number,
            pixels,
            tuple(header.output_channels),
            targets,
            header.kind,
            header.colour_in,
            header.colour_out,
        )

    def _prompter(self, told: Prompts) -> Prompter:
        """The same prompts for every frame."""
        look = partial(self._maker.look, model=self.model, read=self.plate.read)
        return Prompter(PromptPlan(told, {}), self.plate.numbers, look, lambda said: None)

    def close(self) -> None:
        """Let go of open files."""
        self._extra.close()
