"""A network of others as the TOML says it is to be read: sizes, layout, order of colours, values, answers.

What it takes and gives is then what every ``ImageFunction`` does: RGB pictures (N, C, H, W) of any size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from understudy.errors import ModelFileError
from understudy.models.answers import activated, as_planes, joined, spread
from understudy.models.call import NetworkCall
from understudy.models.description import ANY, ImageSpec
from understudy.models.fitting import FITS, Filter, along_edges, resample
from understudy.models.sidecar import Sidecar
from understudy.models.stacking import Picture, check_frames, pictures_of, stacked, unstacked
from understudy.models.state import STATE, State

if TYPE_CHECKING:
    from torch import Tensor

    from understudy.models.imported import ImageFunction, StatefulFunction

LUMA = (0.299, 0.587, 0.114)
"""Red, green and blue in what makers of networks call grey."""
IMAGENET = {"mean": (0.485, 0.456, 0.406), "deviation": (0.229, 0.224, 0.225)}
FIXED_BYTES = 64.0


class AdaptedFile:
    """The function in a file behind the TOML beside it. ``size``: (height, width) that it works at, where
    that is but one; its pictures may then be of any size. ``sees_whole``: whether it has to be handed whole
    frames. ``channels_last``: whether the file's pictures are (N, H, W, C). ``pictures``: what goes in, the
    plate first; of these several may lie in one input of the file."""

    fixed_size: tuple[int, int] | None = None

    def __init__(self, file: ImageFunction, side: Sidecar) -> None:
        self.file, self.side = file, side
        self.format, self.runtime, self.path = file.format, file.runtime, file.path
        self.knows_channels, self.takes_batches = file.knows_channels, file.takes_batches
        self.options = file.options
        self.size = _size(file, side)
        self.sees_whole = self.size is not None or side.has_state
        self._filter = Filter(side.filter, side.span, side.output_span)
        check_frames(file.inputs, side, file.path)
        self.pictures = pictures_of(file.inputs, side)
        self._several = _several(file.inputs, self.pictures)
        self.inputs = tuple(self._taken(each.spec) for each in self.pictures)
        given = tuple(self._given(each, index) for index, each in enumerate(file.outputs))
        self.outputs = (_joined_spec(given, side),) if side.joins else given
        self.channels_last = (side.layout or file.inputs[0].layout) == "NHWC"

    @property
    def bytes_per_pixel(self) -> float:
        return FIXED_BYTES if self.sees_whole else self.file.bytes_per_pixel

    def __call__(self, images: Sequence[Tensor], options: Mapping[str, Any]) -> list[Tensor]:
        """All results for images (N, C, H, W), at their size or whole times as large; what is no picture as
        it is."""
        return self.ask(images, options, NetworkCall())

    def ask(self, images: Sequence[Tensor], options: Mapping[str, Any], call: NetworkCall) -> list[Tensor]:
        """The same for one frame, with what goes in beside its picture; what comes out beside the result is
        left in ``call``."""
        frame = images[0].shape[-2], images[0].shape[-1]
        guide = self._guide(images[0]) if self.side.edges else None

        def run(given: Sequence[Tensor]) -> list[Tensor]:
            return self._run(given, options, call, frame)

        if self.size is None:
            made = [self._enlarged(each, frame, guide) for each in run(images)]
        elif guide is not None:
            small = run([resample(each, self.size, self._filter) for each in images])
            made = [along_edges(each, guide) for each in small[:1]]
        else:
            made = FITS[self.side.fit or "resize"](run, images, self.size, self._filter)
        if self.side.normalise and self.side.fit == "tile":
            made[0] = spread(made[0])
        return made

    def _run(
        self, images: Sequence[Tensor], options: Mapping[str, Any], call: NetworkCall, frame: tuple[int, int]
    ) -> list[Tensor]:
        """The file itself on pictures of its own size, of a frame of (height, width); every answer as planes
        of RGB."""
        sent = images[0].shape[-2], images[0].shape[-1]
        count = images[0].shape[0]
        taken = self._stacked(images)
        made = (
            self._carried(taken, options, call, frame) if self.side.has_state else self.file(taken, options)
        )
        if self._several:
            made = [unstacked(each, *self._several) for each in made]
        made = [as_planes(each, count, sent, self.channels_last, self.size is None) for each in made]
        planes = [self._answer(each, index) for index, each in enumerate(made)]
        return [joined(planes, self.side, self.path)] if self.side.joins else planes

    def _stacked(self, images: Sequence[Tensor]) -> list[Tensor]:
        """The pictures as the inputs of the file take them."""
        taken: list[list[Tensor]] = [[] for _ in self.file.inputs]
        for image, picture in sorted(zip(images, self.pictures, strict=True), key=lambda pair: pair[1].place):
            if picture.input is not None:
                taken[picture.input].append(self._entered(image, self.file.inputs[picture.input]))
        return [
            stacked(planes, spec.stack, spec.layout == "NHWC")
            for planes, spec in zip(taken, self.file.inputs, strict=True)
        ]

    def _carried(
        self, images: list[Tensor], options: Mapping[str, Any], call: NetworkCall, frame: tuple[int, int]
    ) -> list[Tensor]:
        """What the file makes of pictures with the state that the call carries, or the first one, where that
        is of a frame of another size; what is to be carried on is left in the call."""
        file = cast("StatefulFunction", self.file)
        before = call.carried.get(STATE)
        if not isinstance(before, State) or before.size != frame:
            last = self.file.inputs[0].layout == "NHWC"
            height, width = images[0].shape[-3:-1] if last else images[0].shape[-2:]
            before = State(frame, file.first_state((height, width)))
        made, beside = file.with_feeds(images, options, before.values)
        call.found[STATE] = State(frame, {name: beside[output] for name, output in file.state.items()})
        return made

    def _entered(self, planes: Tensor, spec: ImageSpec) -> Tensor:
        """A picture as the file takes it."""
        side = self.side
        if side.order == "grey" and planes.shape[1] == 3:
            planes = (planes * planes.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
        elif side.order == "BGR" and planes.shape[1] >= 3:
            planes = planes[:, [2, 1, 0, *range(3, planes.shape[1])]]
        values = planes + side.black if side.black else planes
        for name, first in (("mean", True), ("deviation", False)):
            numbers = _numbers(side, name, values.shape[1])
            if numbers is not None:
                by = values.new_tensor(numbers)[:, None, None]
                values = values - by if first else values / by
        return values.permute(0, 2, 3, 1).contiguous() if spec.layout == "NHWC" else values

    def _answer(self, planes: Tensor, index: int) -> Tensor:
        if planes.ndim != 4:
            return planes
        side = self.side
        if index == 0:
            planes = activated(planes, side, self.path)
            if side.normalise and side.fit != "tile":
                planes = spread(planes)
        if side.order == "BGR" and planes.shape[1] in (3, 4) and not side.classes:
            planes = planes[:, [2, 1, 0, *range(3, planes.shape[1])]]
        return planes - side.output_black if side.output_black else planes

    def _enlarged(self, planes: Tensor, frame: tuple[int, int], guide: Tensor | None) -> Tensor:
        """A picture that is smaller than the frame, a whole number of times, at the frame's size."""
        if planes.ndim != 4 or planes.shape[-1] == 0:
            return planes
        times = frame[1] // planes.shape[-1]
        if times < 2 or (planes.shape[-2] * times, planes.shape[-1] * times) != frame:
            return planes
        return (
            resample(planes, frame, self._filter.of_answer) if guide is None else along_edges(planes, guide)
        )

    def _guide(self, plate: Tensor) -> Tensor:
        return plate[:, :3].mean(1, keepdim=True) / self.side.span

    def _taken(self, spec: ImageSpec) -> ImageSpec:
        grey = self.side.order == "grey" and spec.count in (1, ANY)
        return replace(spec, layout="NCHW", count=3 if grey else spec.count)

    def _given(self, spec: ImageSpec, index: int) -> ImageSpec:
        count = spec.count
        if index == 0 and self.side.classes:
            count = len(self.side.classes)
        elif index == 0 and self.side.activation == "ids":
            count = 1
        return replace(spec, layout="NCHW", count=count)


def _several(inputs: Sequence[ImageSpec], pictures: Sequence[Picture]) -> tuple[str, list[int]] | None:
    """How frames lie in the first input that takes several, or has a dimension for them, and which they
    are; None where there is no such input."""
    for index, spec in enumerate(inputs):
        own = sorted((each.place, each.spec.offset) for each in pictures if each.input == index)
        if spec.stack or len(own) > 1:
            return spec.stack, [offset for _, offset in own]
    return None


def _joined_spec(given: Sequence[ImageSpec], side: Sidecar) -> ImageSpec:
    """Several outputs as one."""
    told = side.outputs[0] if side.outputs else None
    count = sum(each.count for each in given) if all(each.count > 0 for each in given) else ANY
    name = told.name if told else "result"
    return replace(given[0], name=name, count=told.channels if told else count)


def _size(file: ImageFunction, side: Sidecar) -> tuple[int, int] | None:
    """(height, width) that the network works at. ModelFileError where file and TOML say two, or ``fit`` has
    none."""
    told = (side.size[1], side.size[0]) if side.size else None
    fixed = file.fixed_size
    if told and fixed and told != fixed:
        raise ModelFileError(
            "The TOML says another size than the network takes.",
            expected=f"size = [{fixed[1]}, {fixed[0]}], or none",
            found=f"size = [{told[1]}, {told[0]}]",
            where=str(file.path.with_suffix(".toml")),
        )
    if side.fit and not (told or fixed):
        raise ModelFileError(
            "Nothing says the size that frames are to be fitted into: the network takes any.",
            expected="size = [WIDTH, HEIGHT] beside fit",
            found=f'fit = "{side.fit}"',
            where=str(file.path.with_suffix(".toml")),
        )
    return told or fixed


def _numbers(side: Sidecar, name: str, channels: int) -> list[float] | None:
    """One number for each channel, in the order in which the network takes them; None for a picture that has
    another number of channels than were given."""
    told = side.mean if name == "mean" else side.deviation
    if told is None:
        return None
    if isinstance(told, str):
        found = [each * side.span for each in IMAGENET[name]]
        found = found[::-1] if side.order == "BGR" else found
    else:
        found = [told] * channels if isinstance(told, int | float) else list(told)
    return [float(each) for each in found] if len(found) == channels else None
