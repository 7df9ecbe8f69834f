"""One frame of the plate -> the finished frame: what the network makes of it, laid over the plate.

``gathering`` says what the network is given, ``making`` what it makes of that.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from understudy.dataset.as_painted import AsPainted
from understudy.errors import SettingError
from understudy.finishing import Motion
from understudy.frames import Frame, Neighbours, Window, seen_planes, unseen_planes
from understudy.inference.blend import blend
from understudy.inference.confidence import CHANNEL
from understudy.inference.finish import Finisher, multiplied_by_last
from understudy.inference.gathering import Gathered, Gatherer, Read, input_channels
from understudy.inference.inputs import expected_channels
from understudy.inference.layers import ExtraInputs, Mask
from understudy.inference.making import Made, Maker
from understudy.inference.model import LoadedModel
from understudy.inference.motion import PlateMotion
from understudy.inference.painted import Painted, luma_of, over
from understudy.inference.region import bounding_box, slices
from understudy.inference.steady import Seen, Steady, seen_with
from understudy.settings import ApplySettings, parse_region

NONE = Painted()


@dataclass(frozen=True)
class _By:
    """What results are made by: as ``Composer.compose`` takes them."""

    model: LoadedModel
    painted: Painted = NONE
    read: Read | None = None
    steady: Steady | None = None


@dataclass(frozen=True)
class Composer:
    """How the frames of one job are put together. ``mix``: how much of the result shows. ``region``: of the
    display window, counted from its first pixel; None for all there is. ``finisher``: what is done to results
    before they are laid over the plate. ``confident``: a further channel says how sure the network is of
    them."""

    maker: Maker
    mix: float = 1.0
    region: Window | None = None
    finisher: Finisher = field(default_factory=Finisher)
    confident: bool = False

    @property
    def gatherer(self) -> Gatherer:
        return self.maker.gatherer

    @property
    def header(self) -> Any:
        return self.gatherer.header

    @property
    def bytes_per_pixel(self) -> float:
        """About what a frame takes from reading to writing, beside its file and the activations: plate and
        result in file and network values, of the extra inputs the latter alone."""
        larger = len(self.header.output_channels) * self.header.scale**2
        whole = len(self.header.input_channels) + larger
        beside = expected_channels(self.header) - len(self.header.input_channels)
        once = 8.0 * whole + 4.0 * beside
        return (2 * once if self.confident else once) + self.finisher.bytes_per_pixel

    def check(self, frame: Frame) -> Gathered:
        """Raises what ``gather`` does, what it raises as the extra inputs are read, and SettingError when the
        frame has no pixel in the region."""
        given = self.gatherer.gather(frame)
        if self.region_of(given.window, given.display).is_empty:
            raise _outside(self.region, given)
        for _ in given.beside:
            pass
        return given

    def outline(self, frame: Frame) -> Frame:
        """A frame with the channels and the header of the finished one, to ask an output about."""
        finished = self.gatherer.finished(frame)
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
        given = self.gatherer.gather(frame)
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
        return self.gatherer.told(given.frame, finished)

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
        names = input_channels(given.frame, self.header, self.gatherer.channels)
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
        given = self.gatherer.unmasked(read(number))
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
        made = self.maker.make_surely(given, by.model, shown) if self.confident else None
        result = made.values if made else self.maker.make(given, by.model, shown)
        sure = made.confidence if made else None
        if truth is not None:
            result[place] = over(truth, result[place])
            if sure is not None:  # what was painted is right
                right = truth.weight.min(2, keepdims=True)
                sure[place] = blend(sure[place], np.ones_like(sure[place]), right)
        elif by.read is not None and by.painted.about(number):
            luma = luma_of(self.header, given.pixels[place])
            other = self.maker.make_other(by.model, by.read)
            result[place] = by.painted.blended(number, result[place], luma, other)
        return Made(result, sure)

    def _with_grain(self, given: Gathered, result: np.ndarray) -> np.ndarray:
        if self.header.kind == "matte":
            return result
        return self.finisher.image(given.frame, given.under, result, given.window)

    def _as_stored(self, given: Gathered, result: np.ndarray) -> np.ndarray:
        """A result as the plate's file holds colours; in a layer, which has no alpha of the plate's,
        premultiplied; of what is keyed, colours and alpha as one RGBA holds them."""
        if self.gatherer.rgba:
            return multiplied_by_last(result) if self.gatherer.rgba == "premultiplied" else result
        if self.header.kind == "matte" or self.gatherer.layer is not None:
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
        if there and not ((self.gatherer.premultiplies or self.gatherer.rgba) and not own[-1]):
            planes = seen_planes if self.gatherer.layer is not None else Frame.planes
            under[..., there] = planes(given.frame, [own[index] for index in there], given.window)
        return under


def _is_all(truth: AsPainted, given: Gathered) -> bool:
    """Whether what was painted counts in all of a frame."""
    return truth.is_whole and truth.values.shape[:2] == given.pixels.shape[:2]


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
    ``rgba``: as of ``Gatherer``."""
    plate, output, finishing = settings.plate, settings.output, settings.finishing
    motion = plate_motion(header, settings, about) if about else None
    region = Window(*parse_region(output.region)) if output.region else None
    gatherer = Gatherer(
        header, plate.input_channels, extra, mask, output.output_layer, rgba, finishing.premultiply
    )
    maker = Maker(gatherer, settings.tiles)
    return Composer(maker, output.mix, region, Finisher(finishing, motion=motion), output.confidence)


def plate_motion(header: Any, settings: ApplySettings, about: Neighbours) -> PlateMotion | None:
    """How the plate moves, for the motion blur that is asked for; None without."""
    wanted, channels = settings.finishing.motion_blur, settings.plate.input_channels
    if wanted == "none":
        return None
    return PlateMotion(header, about, lambda frame: input_channels(frame, header, channels), wanted)
