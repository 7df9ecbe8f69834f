"""The frames of a run's shot as pictures: plate, result, what was painted, and how far they differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from understudy.artist.strokes.scene import FrameResult, displayed
from understudy.colour import PLAIN, ColourEncoding
from understudy.colour.overlay import lay_over
from understudy.errors import ChannelError, UnderstudyError
from understudy.frames import Frame, read_image_file, resolve_channels
from understudy.frames.matte_names import matte_labels
from understudy.models.channels import makes_mattes
from understudy.models.description import ModelDescription
from understudy.models.opening import describe
from understudy.monitor.images.made_layers import over_black
from understudy.monitor.images.rendering import (
    Picture,
    PictureCache,
    ViewerSettings,
    difference_png,
    picture_of,
    png_of,
    stamp,
    tag,
)
from understudy.monitor.paths.run_files import NotFound
from understudy.monitor.shot.results import Results
from understudy.monitor.shot.run_shot import RunShot, newest_checkpoint
from understudy.monitor.shot.small import SMALL, SmallPictures, read_small

FramePart = Literal["plate", "result", "difference", "truth"]
ALPHAS = ("A", "alpha")


@dataclass(frozen=True)
class FramePicture:
    """A picture that is to be made. ``tag`` is its ETag; ``result`` requests what the network makes of the
    frame, where the picture needs it, and ``render`` makes PNG of it, or of None."""

    tag: str
    result: Callable[[], Future[FrameResult]] | None
    render: Callable[[FrameResult | None], bytes]


@dataclass(frozen=True)
class _Truth:
    """What was painted on a frame: a file of ours, or a frame of the run's ground truth."""

    stamp: object
    read: Callable[[], Frame]


class FramePictures:
    """Makes the pictures of frames, with caches. Thread-safe."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._cache = PictureCache()
        self._small = SmallPictures()

    def prepare(
        self, shot: RunShot, number: int, part: FramePart, view: ViewerSettings, matte: str = ""
    ) -> FramePicture:
        """The picture ``part`` of a frame; of several mattes that of ``matte`` alone, or all in their colours
        over the plate. NotFound when the shot has no such frame, when nothing was painted on it, or the run
        has no network yet."""
        shot.check(number)
        if part == "plate":
            return self._plate(shot, number, view)
        if part == "truth":
            return self._painted(shot, number, view, matte)
        key = (*self._results.key(shot, number)[1], matte)

        def request() -> Future[FrameResult]:
            return self._results.request(shot, number)

        if part == "result":
            return FramePicture(
                tag(key, view), request, lambda found: png_of(_shown(shot, _there(found), matte), view)
            )
        truth = _truth_of(shot, number)

        def difference(found: FrameResult | None) -> bytes:
            result = _there(found)
            return difference_png(_shown(shot, result, matte), self._beside(shot, result, truth, matte), view)

        return FramePicture(tag(key, truth.stamp if truth else "", view, "difference"), request, difference)

    def _beside(self, shot: RunShot, result: FrameResult, truth: _Truth | None, matte: str) -> Picture:
        """What a result differs from: what was painted, or else the plate."""
        if truth is not None and result.mattes:
            return _picture_of_mattes(
                shot, result.number, truth.read(), result.channels, matte, result.colour_in
            )
        if truth is not None:
            return self._truth(truth, result.kind, result.colour_out)
        if result.kind == "matte":
            raise NotFound(
                f"Frame {result.number} was not painted: there is no matte to compare with.",
                where=shot.plate.spec,
            )
        return Picture(colours_of(result.under(shot.plate.read(result.number))), result.colour_out)

    def _plate(self, shot: RunShot, number: int, view: ViewerSettings) -> FramePicture:
        at, model = stamp(shot.plate.path(number)), _description(shot)
        encoding = model.colour_in if model else None
        name = tag(at, number, encoding, view)

        def render(_: FrameResult | None) -> bytes:
            if 0 < view.size <= SMALL:
                return self._small.get(
                    name, lambda: png_of(read_small(shot.plate, number, view.size, encoding), view)
                )
            return png_of(
                self._cache.get(
                    (at, number, encoding), lambda: picture_of(shot.plate.read(number), encoding)
                ),
                view,
            )

        return FramePicture(name, None, render)

    def _painted(self, shot: RunShot, number: int, view: ViewerSettings, matte: str) -> FramePicture:
        truth, model = _truth_of(shot, number), _description(shot)
        if truth is None:
            raise NotFound(f"Frame {number} was not painted.", where=shot.plate.spec)
        if model is not None and makes_mattes(model):
            channels, colour_in = tuple(model.output_channels), model.colour_in
            return FramePicture(
                tag(truth.stamp, channels, matte, view),
                None,
                lambda _: png_of(
                    _picture_of_mattes(shot, number, truth.read(), channels, matte, colour_in), view
                ),
            )
        kind, colour = (model.kind, model.colour_out) if model else ("image", None)
        return FramePicture(
            tag(truth.stamp, kind, colour, view),
            None,
            lambda _: png_of(self._truth(truth, kind, colour), view),
        )

    def _truth(self, truth: _Truth, kind: str, encoding: ColourEncoding | None) -> Picture:
        def read() -> Picture:
            frame = truth.read()
            return _picture_of_matte(frame) if kind == "matte" else picture_of(frame, encoding)

        return self._cache.get((truth.stamp, kind, encoding), read)


def _shown(shot: RunShot, result: FrameResult, matte: str) -> Picture:
    """A result for a screen: of several mattes the one that is asked for, or all over the plate."""
    if not result.mattes or matte:
        return picture_of_result(result.one(matte))
    plate = displayed(shot.plate.read(result.number), result.colour_in)
    return Picture(lay_over(plate, result.pixels), PLAIN)


def _picture_of_mattes(
    shot: RunShot, number: int, truth: Frame, channels: Sequence[str], matte: str, colour: ColourEncoding
) -> Picture:
    """What was painted of several mattes: the one that is asked for, black where it was not painted, or all
    over the plate."""
    window = truth.display_window
    planes = np.zeros((window.height, window.width, len(channels)), np.float32)
    for index, name in enumerate(channels):
        with suppress(ChannelError):
            planes[..., index] = truth.planes(resolve_channels(truth, name)[:1])[..., 0]
    labels = matte_labels(channels)
    if matte in labels:
        at = labels.index(matte)
        return Picture(np.repeat(np.nan_to_num(planes[..., at : at + 1]), 3, axis=2), PLAIN)
    return Picture(lay_over(displayed(shot.plate.read(number), colour), planes), PLAIN)


def picture_of_result(result: FrameResult) -> Picture:
    """A result for a screen: a matte as grey, what was keyed over black."""
    return Picture(
        colours_of(over_black(result.pixels, result.channels)),
        PLAIN if result.kind == "matte" else result.colour_out,
    )


def colours_of(pixels: np.ndarray) -> np.ndarray:
    """The first three channels, or the first as grey."""
    return pixels[..., :3] if pixels.shape[2] >= 3 else np.repeat(pixels[..., :1], 3, axis=2)


def _picture_of_matte(frame: Frame) -> Picture:
    """The alpha of a painted matte, or its first channel, as grey."""
    names = frame.part.channels
    name = next((each for each in names if each in ALPHAS), names[0])
    planes = frame.planes((name,))
    if float(planes.min()) == float(planes.max()) and len(names) >= 3:
        planes = frame.planes(names[:1])  # an alpha that is the same everywhere was not painted
    return Picture(np.repeat(planes, 3, axis=2), PLAIN)


def _truth_of(shot: RunShot, number: int) -> _Truth | None:
    corrected = shot.correction_of(number)
    if corrected is not None:
        return _of_file(corrected, number)
    truth, at = shot.truth, shot.truth_of.get(number)
    if truth is None or at is None:
        return None
    return _Truth((stamp(truth.path(at)), at), lambda: truth.read(at))


def _of_file(path: Path, number: int) -> _Truth:
    return _Truth((stamp(path), number), lambda: read_image_file(path, number=number))


def _description(shot: RunShot) -> ModelDescription | None:
    """What the newest network says of itself; None without one."""
    checkpoint = newest_checkpoint(shot.run)
    try:
        return describe(checkpoint.path) if checkpoint else None
    except (UnderstudyError, OSError):
        return None


def _there(found: FrameResult | None) -> FrameResult:
    assert found is not None
    return found
