"""One frame of the plate -> the finished frame: gather what the network wants, infer, lay over the plate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from understudy.dataset.as_painted import AsPainted
from understudy.errors import ChannelError, SettingError
from understudy.finishing import Motion
from understudy.frames import (
    Frame,
    Neighbours,
    Window,
    enlarged_frame,
    enlarged_mask,
    enlarged_planes,
    has_alpha,
    resolve_channels,
    resolve_like,
    seen_planes,
    unseen_planes,
)
from understudy.frames.alpha import as_premultiplied
from understudy.frames.matte_names import short_of
from understudy.inference.blend import blend
from understudy.inference.confidence import ABOUT, CHANNEL, MOVED, confidence_of, moved, moved_back
from understudy.inference.doubtful import Doubts
from understudy.inference.finish import (
    Finisher,
    multiplied_by_last,
    premultiplied_channels,
    rgba_targets,
)
from understudy.inference.inputs import expected_channels
from understudy.inference.layers import ExtraInputs, Mask
from understudy.inference.model import LoadedModel
from understudy.inference.motion import PlateMotion
from understudy.inference.painted import Painted, luma_of, over
from understudy.inference.prompter import Looked, Prompter, placed
from understudy.inference.recurrence import Recurrence, Step, plate_luma
from understudy.inference.region import bounding_box, grown, slices, within
from understudy.inference.steady import Seen, Steady, seen_with
from understudy.inference.targets import channels_of_layer, check_layer, target_channels
from understudy.inference.tracking import Found, Tracker, arranged
from understudy.models.call import NetworkCall
from understudy.models.channels import makes_mattes
from understudy.models.instances import INSTANCES
from understudy.settings import ApplySettings, TileSettings, parse_region

Read = Callable[[int], Frame]
NONE = Painted()


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
class Made:
    """What is there of a result: float32 ``values`` (H, W, C), and, where it is asked for, their
    ``confidence`` (H, W, 1), 0 to 1."""

    values: np.ndarray
    confidence: np.ndarray | None = None


@dataclass(frozen=True)
class _By:
    """What results are made by: as ``Composer.compose`` takes them."""

    model: LoadedModel
    painted: Painted = NONE
    read: Read | None = None
    steady: Steady | None = None


@dataclass(frozen=True)
class Composer:
    """How the frames of one job are put together. ``channels``: those of the plate that go in, where others
    than the network's own are asked for. ``region``: of the display window, counted from its first pixel;
    None for all there is. ``finisher``: what is done to results before they are laid over the plate.
    ``confident``: a further channel says how sure the network is of them. ``layer``: the results fill a layer
    of this name, beside the plate's own channels, which stay as they are. ``prompter``: what the network is
    told of each frame; ``tracker``: which instance is in which matte; ``recurrence``: gives the results of a
    network with state. ``doubts``: what was seen of results that cannot be right. ``rgba``: what is
    keyed becomes colours and alpha of the plate's own, ``straight`` or ``premultiplied``; empty where it
    becomes layers beside them, and of all that is not keyed."""

    header: Any
    channels: str | None
    tiles: TileSettings
    mix: float
    region: Window | None
    mask: Mask | None
    extra: ExtraInputs
    finisher: Finisher = field(default_factory=Finisher)
    confident: bool = False
    layer: str | None = None
    prompter: Prompter | None = None
    tracker: Tracker | None = None
    recurrence: Recurrence | None = None
    doubts: Doubts = field(default_factory=Doubts)
    rgba: str = ""

    @property
    def stands_beside(self) -> bool:
        """Whether results stand beside the plate's own colours and alpha, and replace neither."""
        return self.layer is not None or makes_mattes(self.header)

    @property
    def own_channels(self) -> tuple[str, ...]:
        """What the channels of a result are called that stands beside the plate's own."""
        outputs = tuple(self.header.output_channels)
        return outputs if self.layer is None else channels_of_layer(self.header, self.layer)

    @property
    def bytes_per_pixel(self) -> float:
        """About what a frame takes from reading to writing, beside its file and the activations: plate and
        result in file and network values, of the extra inputs the latter alone."""
        larger = len(self.header.output_channels) * self.header.scale**2
        whole = len(self.header.input_channels) + larger
        beside = expected_channels(self.header) - len(self.header.input_channels)
        once = 8.0 * whole + 4.0 * beside
        return (2 * once if self.confident else once) + self.finisher.bytes_per_pixel

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

    def check(self, frame: Frame) -> Gathered:
        """Raises what ``gather`` does, what it raises as the extra inputs are read, and SettingError when the
        frame has no pixel in the region."""
        given = self.gather(frame)
        if self.region_of(given.window, given.display).is_empty:
            raise _outside(self.region, given)
        for _ in given.beside:
            pass
        return given

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
            return premultiplied_channels(frame, names, targets) if self._premultiplies else targets
        check_layer(frame, self.layer)
        targets = channels_of_layer(self.header, self.layer)
        if not self._premultiplies:
            return targets
        colours = premultiplied_channels(frame, names, targets)[:-1]
        return (*(f"{self.layer}.{short_of(name)}" for name in colours), *targets)

    @property
    def _premultiplies(self) -> bool:
        return self.finisher.asked.premultiply

    def _channels_under(
        self, frame: Frame, names: tuple[str, ...], targets: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Of each target, the channel that lies under it: of a layer of an image that which it is made of."""
        own = targets
        if self.rgba:
            own = rgba_targets(frame, names, None)
        elif self.layer is not None and self._premultiplies:
            own = premultiplied_channels(frame, names, targets[-1:])
        elif self.layer is not None and self.header.kind == "image":
            own = target_channels(frame, self.header, names)
        return tuple(name if name in frame.channels else "" for name in own)

    def outline(self, frame: Frame) -> Frame:
        """A frame with the channels and the header of the finished one, to ask an output about."""
        names = input_channels(frame, self.header, self.channels)
        targets = self._targets(frame, names)
        window = frame.display_window
        none = np.zeros((window.height, window.width, 1), np.float32)
        finished = frame.with_room(targets) if targets else frame.as_matte(none)
        finished = enlarged_frame(finished, self.header.scale)
        return finished.with_room((CHANNEL,)) if self.confident else finished

    def compose(
        self,
        frame: Frame,
        model: LoadedModel,
        painted: Painted = NONE,
        read: Read | None = None,
        steady: Steady | None = None,
    ) -> Frame:
        """The finished frame: the plate with the result where mix and mask let it show, all else
        untouched. What is ``painted`` takes the place of the network's result, and is blended into that of
        the frames about it, which ``read`` reads. ``steady``: averages it with those."""
        given = self.gather(frame)
        shown = self._shown(given)
        made = None if shown.is_empty else self._finished(given, shown, _By(model, painted, read, steady))
        given, shown = given.enlarged, shown.scaled(given.scale)
        finished = self._over_plate(given, self._laid_over(given, made.values if made else None, shown))
        if not self.confident:
            return finished
        sure = self._laid_over_sure(given, made.confidence if made else None, shown)
        return finished.with_room((CHANNEL,)).with_planes((CHANNEL,), sure, given.window)

    def _over_plate(self, given: Gathered, result: np.ndarray) -> Frame:
        """The plate's frame with the ``result`` in its place."""
        if not given.targets:
            return given.frame.as_matte(result, given.window)
        finished = given.frame.with_planes(given.targets, result, given.window)
        if self.stands_beside:  # of files that hold straight colours, those of the plate go by its own alpha
            return replace(finished, keyed=finished.keyed or not has_alpha(given.frame))
        if self._premultiplies or self.rgba == "premultiplied":
            return as_premultiplied(finished)
        return replace(finished, keyed=True) if self.header.kind == "matte" or self.rgba else finished

    def _finished(self, given: Gathered, shown: Window, by: _By) -> Made:
        """The result with its last touch, where ``shown``; around that as much is computed as it asks for."""
        needed = self.finisher.needed(shown, Window(0, 0, given.window.width, given.window.height))
        made = self._with_painted(given, needed, by)
        if self.header.kind != "matte":
            return made
        matte = self.finisher.matte(made.values, needed.scaled(given.scale), self._motion(given))
        large = given.enlarged
        return replace(made, values=self.finisher.colours(large.frame, large.under, matte, large.window))

    def _motion(self, given: Gathered) -> Motion | None:
        moves = self.finisher.motion
        if moves is None:
            return None
        names = input_channels(given.frame, self.header, self.channels)
        return moves.of(given.frame, names, given.pixels, given.window)

    def _with_painted(self, given: Gathered, shown: Window, by: _By) -> Made:
        """The result for all pixels, in the plate's file values, where ``shown``."""
        number, place = given.frame.number, slices(given.display)
        truth = by.painted.read(number)
        if truth is not None and _is_all(truth, given):
            return Made(self._as_stored(given, truth.values))
        values = None if by.steady is None else by.steady.steadied(number)
        if values is not None and not self.confident and values.shape[:2] == given.pixels.shape[:2]:
            made = Made(values)
        else:
            made = self._beside_painted(given, shown, truth, by)
        if values is not None:
            made.values[place] = values if truth is None else over(truth, values)
        stored = self._as_stored(given.enlarged, made.values)
        return Made(self._with_grain(given, stored), made.confidence)

    def see(self, number: int, model: LoadedModel, painted: Painted, read: Read) -> Seen:
        """A frame's result over its whole display window, which is to be steadied with others: what is
        ``painted`` in its place."""
        given = replace(self, mask=None, confident=False).gather(read(number))
        place, whole = slices(given.display), Window(0, 0, given.window.width, given.window.height)
        truth = painted.read(number)
        if truth is not None and truth.is_whole:
            result = truth.values
        else:
            plain = replace(self, confident=False)
            result = plain._beside_painted(given, whole, truth, _By(model, painted, read)).values[place]
        return seen_with(self.header, given.pixels[place], model.plate_of(given.pixels)[place], result)

    def _beside_painted(self, given: Gathered, shown: Window, truth: AsPainted | None, by: _By) -> Made:
        """What the network makes, as it sees colours, with what is painted on this frame and those about
        it."""
        number, place = given.frame.number, slices(given.display)
        made = self._infer_surely(given, by.model, shown) if self.confident else None
        result = made.values if made else self._infer(given, by.model, shown)
        sure = made.confidence if made else None
        if truth is not None:
            result[place] = over(truth, result[place])
            if sure is not None:  # what was painted is right
                right = truth.weight.min(2, keepdims=True)
                sure[place] = blend(sure[place], np.ones_like(sure[place]), right)
        elif by.read is not None and by.painted.about(number):
            luma = luma_of(self.header, given.pixels[place])
            other = self._infer_other(by.model, by.read)
            result[place] = by.painted.blended(number, result[place], luma, other)
        return Made(result, sure)

    def _with_grain(self, given: Gathered, result: np.ndarray) -> np.ndarray:
        if self.header.kind == "matte":
            return result
        return self.finisher.image(given.frame, given.under, result, given.window)

    def _infer_surely(self, given: Gathered, model: LoadedModel, shown: Window) -> Made:
        """What ``_infer`` gives, and how sure it is, by a second look at the moved frame."""
        beside, whole = tuple(given.beside), Window(0, 0, given.window.width, given.window.height)
        seen = grown(shown, ABOUT[self.header.kind] // 2, whole)
        result = self._infer(replace(given, beside=iter(beside)), model, seen)
        again = replace(
            given,
            pixels=moved(given.pixels),
            beside=map(moved, beside),
            display=_further(given.display),
        )
        other = moved_back(self._infer(again, model, _further(seen)))
        sure = np.ones((*result.shape[:2], 1), np.float32)
        place = slices(seen)
        sure[place] = confidence_of(self.header, result[place], other[place], given.frame.is_integer)
        return Made(result, sure)

    def _infer_other(self, model: LoadedModel, read: Read) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
        """What gives the network's result for another frame, and its luma, over the display window."""

        def infer(number: int) -> tuple[np.ndarray, np.ndarray]:
            given = self.gather(read(number))
            place = slices(given.display)
            result = self._infer(given, model, Window(0, 0, given.window.width, given.window.height))
            return result[place], luma_of(self.header, given.pixels[place])

        return infer

    def _infer(self, given: Gathered, model: LoadedModel, shown: Window) -> np.ndarray:
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
        given = replace(self, mask=None).gather(read(number))

        def run(call: NetworkCall) -> None:
            told = model.with_call(placed(call, given.display))
            told.infer(given.pixels, display=given.display, beside=given.beside)

        return Looked(luma_of(self.header, _displayed(given)), run)

    def find(self, number: int, model: LoadedModel, read: Read) -> Found:
        """What the network finds in a frame of the plate."""
        given, call = replace(self, mask=None).gather(read(number)), NetworkCall()
        model.with_call(call).infer(given.pixels, display=given.display, beside=given.beside)
        return self._found(call, given)

    def _found(self, call: NetworkCall, given: Gathered) -> Found:
        """What a call found, counted from the display window's first pixel."""
        instances = [each.moved(-given.display.x, -given.display.y) for each in call.found.get(INSTANCES, ())]
        return Found(instances, luma_of(self.header, _displayed(given)))

    def luma(self, frame: Frame) -> np.ndarray:
        """A frame's luma over its display window, by which cuts are found."""
        return luma_of(self.header, _displayed(replace(self, mask=None).gather(frame)))

    def step(self, number: int, model: LoadedModel, read: Read) -> Step:
        """A frame of the plate, as a network with state goes through it."""
        return self._step_of(replace(self, mask=None).gather(read(number)), model)

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

    def _as_stored(self, given: Gathered, result: np.ndarray) -> np.ndarray:
        """A result as the plate's file holds colours; in a layer, which has no alpha of the plate's,
        premultiplied; of what is keyed, colours and alpha as one RGBA holds them."""
        if self.rgba:
            return multiplied_by_last(result) if self.rgba == "premultiplied" else result
        if self.header.kind == "matte" or self.layer is not None:
            return result
        return unseen_planes(given.frame, given.targets, result, given.window)

    def region_of(self, window: Window, display: Window) -> Window:
        """Where in ``window`` the region lets the effect show, counted like ``display``, from its first
        pixel."""
        whole = Window(0, 0, window.width, window.height)
        if self.region is None:
            return whole
        left, top = display.x + self.region.x, display.y + self.region.y
        return whole.intersect(Window(left, top, self.region.width, self.region.height))

    def _shown(self, given: Gathered) -> Window:
        """Where mix, region and mask let anything of the effect show."""
        if self.mix <= 0:
            return Window(0, 0, 0, 0)
        region = self.region_of(given.window, given.display)
        return region if given.mask is None else region.intersect(bounding_box(given.mask))

    def _laid_over(self, given: Gathered, result: np.ndarray | None, shown: Window) -> np.ndarray:
        """``result``, as far as it is ``shown``, over what was there."""
        whole = (shown.height, shown.width) == (given.window.height, given.window.width)
        if result is not None and whole and given.mask is None and self.mix == 1.0:
            return result
        under = self._under(given)
        if result is not None:
            place = slices(shown)
            strength = self.mix if given.mask is None else given.mask[place] * np.float32(self.mix)
            under[place] = blend(under[place], result[place], strength)
        return under

    def _laid_over_sure(self, given: Gathered, sure: np.ndarray | None, shown: Window) -> np.ndarray:
        """``sure``, as far as its result is ``shown``, over 1: what was there is what it is."""
        under = np.ones((given.window.height, given.window.width, 1), np.float32)
        if sure is not None:
            place = slices(shown)
            strength = self.mix if given.mask is None else given.mask[place] * np.float32(self.mix)
            under[place] = blend(under[place], sure[place], strength)
        return under

    def _under(self, given: Gathered) -> np.ndarray:
        """What is there already under the result; 0 where that is a file of its own, a new channel, or
        premultiplied by an alpha that the plate has not."""
        own = given.under
        shape = (given.window.height, given.window.width, len(own or self.header.output_channels))
        under = np.zeros(shape, np.float32)
        there = [index for index, name in enumerate(own) if name]
        if there and not ((self._premultiplies or self.rgba) and not own[-1]):
            planes = seen_planes if self.layer is not None else Frame.planes
            under[..., there] = planes(given.frame, [own[index] for index in there], given.window)
        return under


def _displayed(given: Gathered) -> np.ndarray:
    """The plate's pixels in the display window."""
    return np.asarray(given.pixels[slices(given.display)])


def _is_all(truth: AsPainted, given: Gathered) -> bool:
    """Whether what was painted counts in all of a frame."""
    return truth.is_whole and truth.values.shape[:2] == given.pixels.shape[:2]


def _further(window: Window) -> Window:
    """Where a window lies in what the second look sees."""
    down, right = MOVED
    return Window(window.x + right, window.y + down, window.width, window.height)


def _outside(region: Window | None, given: Gathered) -> SettingError:
    size = given.display
    return SettingError(
        "The region has no pixel of the plate.",
        expected=f"a box in a frame of {size.width} x {size.height} pixels",
        found=f"{region.x},{region.y},{region.width},{region.height}" if region else "",
        where="--region (Region)",
        remedy="Count from the top left corner: X,Y,WIDTH,HEIGHT.",
    )


def make_composer(
    header: Any,
    settings: ApplySettings,
    mask: Mask | None,
    extra: ExtraInputs,
    about: Neighbours | None = None,
    rgba: str = "",
) -> Composer:
    """The composer of a job. ``about``: the frames before and after, where a motion blur is asked for;
    ``rgba``: as of ``Composer``."""
    plate, output = settings.plate, settings.output
    motion = plate_motion(header, settings, about) if about else None
    region = Window(*parse_region(output.region)) if output.region else None
    return Composer(
        header,
        plate.input_channels,
        settings.tiles,
        output.mix,
        region,
        mask,
        extra,
        Finisher(settings.finishing, motion=motion),
        output.confidence,
        output.output_layer,
        rgba=rgba,
    )


def plate_motion(header: Any, settings: ApplySettings, about: Neighbours) -> PlateMotion | None:
    """How the plate moves, for the motion blur that is asked for; None without."""
    wanted, channels = settings.finishing.motion_blur, settings.plate.input_channels
    if wanted == "none":
        return None
    return PlateMotion(header, about, lambda frame: input_channels(frame, header, channels), wanted)


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
