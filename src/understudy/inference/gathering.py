"""One frame of the plate -> what the network is given of it, and which channels its result fills."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from understudy.errors import ChannelError
from understudy.frames import (
    Frame,
    Window,
    enlarged_frame,
    enlarged_mask,
    has_alpha,
    resolve_channels,
    resolve_like,
    seen_planes,
)
from understudy.frames.alpha import as_premultiplied
from understudy.frames.matte_names import short_of
from understudy.inference.finish import premultiplied_channels, rgba_targets
from understudy.inference.layers import ExtraInputs, Mask
from understudy.inference.region import within
from understudy.inference.targets import channels_of_layer, check_layer, target_channels
from understudy.models.channels import has_parts, makes_mattes

Read = Callable[[int], Frame]


@dataclass(frozen=True)
class Gathered:
    """What one frame gives to the network.

    ``frame``: the plate's, with room for the channels that the result adds. ``window``: display and data
    window together, which ``pixels`` (H, W, the plate's channels), those of each extra input, ``beside``, and
    ``mask`` ((H, W, 1) or None) cover; ``display``: where in it the display window lies. ``targets``: the
    channels of ``frame`` that the result fills; none for a matte that becomes a file of one channel;
    ``under``: the plate's channel that lies under each, empty where it has none. The extra inputs are read as
    they are asked for, once. ``scale``: how many times larger the result is.
    """

    frame: Frame
    window: Window
    display: Window
    pixels: np.ndarray
    beside: Iterator[np.ndarray]
    mask: np.ndarray | None
    targets: tuple[str, ...]
    under: tuple[str, ...] = ()
    scale: int = 1

    @cached_property
    def enlarged(self) -> Gathered:
        """What the result is laid over: the frame, its windows and the mask, as much larger as that is."""
        if self.scale == 1:
            return self
        return replace(
            self,
            frame=enlarged_frame(self.frame, self.scale),
            window=self.window.scaled(self.scale),
            display=self.display.scaled(self.scale),
            mask=None if self.mask is None else enlarged_mask(self.mask, self.scale),
            scale=1,
        )


@dataclass(frozen=True)
class Gatherer:
    """What is taken of the frames of one job. ``channels``: those of the plate that go in, where others than
    the network's own are asked for. ``layer``: the results fill a layer of this name, beside the plate's own
    channels, which stay as they are. ``rgba``: what is keyed becomes colours and alpha of the plate's own,
    ``straight`` or ``premultiplied``; empty where it becomes layers beside them, and of all that is not
    keyed. ``premultiplies``: a matte multiplies the plate's colours."""

    header: Any
    channels: str | None
    extra: ExtraInputs
    mask: Mask | None = None
    layer: str | None = None
    rgba: str = ""
    premultiplies: bool = False

    @property
    def stands_beside(self) -> bool:
        """Whether results stand beside the plate's own colours and alpha, and replace neither."""
        apart = not self.rgba and has_parts(self.header)
        return self.layer is not None or makes_mattes(self.header) or apart

    @property
    def own_channels(self) -> tuple[str, ...]:
        """What the channels of a result are called that stands beside the plate's own."""
        outputs = tuple(self.header.output_channels)
        return outputs if self.layer is None else channels_of_layer(self.header, self.layer)

    def gather(self, frame: Frame) -> Gathered:
        """Everything from the plate, the extra inputs and the mask. ChannelError, SizeError, PairingError."""
        window = frame.display_window.union(frame.data_window)
        names = input_channels(frame, self.header, self.channels)
        targets = self._targets(frame, names)
        pixels, beside = seen_planes(frame, names, window), self.extra.read(frame, names, window)
        mask = self.mask.read(frame, frame.number, window) if self.mask else None
        display = within(window, frame.display_window)
        under = self._channels_under(frame, names, targets)
        room, scale = frame.with_room(targets), self.header.scale
        return Gathered(room, window, display, pixels, beside, mask, targets, under, scale)

    def unmasked(self, frame: Frame) -> Gathered:
        """The same without the mask: what the network sees."""
        return replace(self, mask=None).gather(frame)

    def finished(self, frame: Frame) -> Frame:
        """A frame with the channels, size and header of a finished one, and nothing in those that are
        made."""
        targets = self._targets(frame, input_channels(frame, self.header, self.channels))
        window = frame.display_window
        none = np.zeros((window.height, window.width, 1), np.float32)
        finished = self.told(frame, frame.with_room(targets)) if targets else frame.as_matte(none)
        return enlarged_frame(finished, self.header.scale)

    def told(self, frame: Frame, finished: Frame) -> Frame:
        """The ``finished`` frame of a plate's ``frame``, which says how its colours go by its alpha."""
        if self.stands_beside:  # of files of straight colours, those of the plate go by its own alpha
            return replace(finished, keyed=finished.keyed or not has_alpha(frame))
        if self.premultiplies or self.rgba == "premultiplied":
            return as_premultiplied(finished)
        return replace(finished, keyed=True) if self.header.kind == "matte" or self.rgba else finished

    def added(self, frame: Frame) -> tuple[str, ...]:
        """The channels that the result has and the plate has not."""
        names = input_channels(frame, self.header, self.channels)
        return tuple(name for name in self._targets(frame, names) if name not in frame.channels)

    def renamed(self, frame: Frame) -> tuple[str, ...]:
        """A sentence where other names than the network's were taken, and nobody asked for them."""
        names = input_channels(frame, self.header, self.channels)
        if self.channels is not None or names == tuple(self.header.input_channels):
            return ()
        return (
            f"The network learned from {', '.join(self.header.input_channels)}: of this plate "
            f"{', '.join(names)} are taken (--input-channels names others).",
        )

    def _targets(self, frame: Frame, names: tuple[str, ...]) -> tuple[str, ...]:
        if self.rgba:
            return rgba_targets(frame, names, self.layer)
        if self.layer is None:
            targets = target_channels(frame, self.header, names)
            return premultiplied_channels(frame, names, targets) if self.premultiplies else targets
        check_layer(frame, self.layer)
        targets = channels_of_layer(self.header, self.layer)
        if not self.premultiplies:
            return targets
        colours = premultiplied_channels(frame, names, targets)[:-1]
        return (*(f"{self.layer}.{short_of(name)}" for name in colours), *targets)

    def _channels_under(
        self, frame: Frame, names: tuple[str, ...], targets: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Of each target, the channel that lies under it: of a layer of an image that which it is made of."""
        own = targets
        if self.rgba:
            own = rgba_targets(frame, names, None)
        elif self.layer is not None and self.premultiplies:
            own = premultiplied_channels(frame, names, targets[-1:])
        elif self.layer is not None and self.header.kind == "image":
            own = target_channels(frame, self.header, names)
        return tuple(name if name in frame.channels else "" for name in own)


def input_channels(frame: Frame, header: Any, requested: str | None) -> tuple[str, ...]:
    """The plate's channels that go into the network: its own, or the ``requested``, as many in its order.
    ChannelError when there are none such."""
    own = list(header.input_channels)
    if requested is None:
        return resolve_like(frame, own)
    names = resolve_channels(frame, requested)
    if len(names) != len(own):
        raise ChannelError(
            "The network takes another number of channels.",
            expected=f"{len(own)}, in the place of {', '.join(own)}",
            found=f"{len(names)}: {', '.join(names)}",
            where=f"--input-channels {requested}",
            remedy="Name one for each, in the order of the network's.",
        )
    return names
