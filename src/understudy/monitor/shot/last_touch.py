"""The last touch on a result that is not written yet: of any network over any plate, for a screen."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from understudy.artist.strokes.scene import FrameResult, displayed
from understudy.colour import PLAIN, ColourEncoding, to_scene_linear
from understudy.colour.overlay import lay_over
from understudy.errors import RequestError, SettingError
from understudy.finishing import Motion, matte_steps
from understudy.frames import Frame, Shot, parse_frame_range, seen_planes
from understudy.frames.once import Once
from understudy.models.description import ModelDescription
from understudy.models.finding import resolve_model, with_layers
from understudy.models.opening import describe_effect
from understudy.models.prompts import Prompts, read_prompts
from understudy.monitor.images.rendering import Picture, PictureCache, ViewerSettings, picture_of, png_of, tag
from understudy.monitor.paths.allowed import AllowedFolders
from understudy.monitor.shot.pictures import FramePicture, picture_of_result
from understudy.monitor.shot.results import Results, Wanted
from understudy.monitor.shot.run_shot import Checkpoint, checkpoint_at
from understudy.settings import FinishingSettings

if TYPE_CHECKING:
    from understudy.inference.motion import PlateMotion

TouchView = Literal["plate", "result", "overlay", "black", "checker", "white"]
MEMORY = 200_000_000  # bytes of mattes on their way kept
PLATES, FRESH = 4, 2.0
TILE = 16  # pixels of a field of the checkerboard
LIGHT, DARK = 0.4, 0.1  # of its fields, in scene-linear values
LINEAR = ColourEncoding(space="linear")


@dataclass(frozen=True)
class TouchSource:
    """What is looked at: ``model`` and ``plate``, ``points`` and ``box``, as they are given to apply."""

    model: str
    plate: str
    part: str | None = None
    extra: tuple[str, ...] = ()
    channels: str | None = None
    points: str = ""
    box: str = ""

    @property
    def told(self) -> Prompts:
        """What the network is told. SettingError where that cannot be read."""
        try:
            return read_prompts(self.points, self.box)
        except RequestError as error:
            raise SettingError(error.message, where="--points, --box") from error


@dataclass(frozen=True)
class TouchShot:
    """What there is to look at: ``kind`` is matte or image, ``version`` changes with the network's file;
    ``size``: (width, height) of the frames, where the network has to be told what is meant in them; ``keys``:
    it makes straight colours with their alpha."""

    kind: str
    numbers: tuple[int, ...]
    version: int
    size: tuple[int, int] | None = None
    keys: bool = False


class LastTouch:
    """Pictures of results with a last touch on them; the results, and what was done to them so far, are kept,
    so that a slider costs its own step and those after it. Thread-safe."""

    def __init__(self, allowed: AllowedFolders, results: Results) -> None:
        self._allowed, self._results = allowed, results
        self._plates: OrderedDict[Any, tuple[float, Shot]] = OrderedDict()
        self._stages: OrderedDict[Any, np.ndarray] = OrderedDict()
        self._plate_motions: Once[PlateMotion] = Once(PLATES)
        self._motions: Once[Motion | None] = Once(PLATES)
        self._models: Once[ModelDescription] = Once(PLATES)
        self._pictures = PictureCache()
        self._lock = threading.Lock()

    def look(self, source: TouchSource, frames: str | None = None) -> TouchShot:
        """The frames to choose from. Raises what opening the network and the plate raise: ModelFileError,
        SequenceError, PathNotAllowed."""
        checkpoint = self._checkpoint(source)
        plate = self._plate(source)
        asked = set(parse_frame_range(frames)) if frames else None
        numbers = tuple(number for number in plate.numbers if asked is None or number in asked)
        model, size = self._described(checkpoint, plate), None
        if model.prompts and numbers:
            shape = self._shown_plate(plate, numbers[0], model).pixels.shape
            size = shape[1], shape[0]
        return TouchShot(model.kind, numbers, checkpoint.stamp[1], size, model.keys and model.kind == "image")

    def prepare(
        self,
        source: TouchSource,
        number: int,
        asked: FinishingSettings,
        how: TouchView,
        view: ViewerSettings,
    ) -> FramePicture:
        """The picture of a frame. As ``look``, and SettingError where what is asked for is nothing for what
        the network makes."""
        from understudy.inference.enlarging import check_enlarged
        from understudy.inference.finish import check_kind

        checkpoint, plate = self._checkpoint(source), self._plate(source)
        plate.check(number)
        model = self._described(checkpoint, plate)
        check_kind(
            asked.model_copy(update={"premultiply": False}) if model.keys else asked,
            model.kind,
            len(model.output_channels),
        )
        check_enlarged(model, asked)
        told = source.told
        wanted = Wanted(checkpoint, plate, source.extra, source.channels, told)
        name = tag(wanted.checkpoint.stamp, plate.stamp(number), source, number, asked, how, view)
        if how == "plate" or (how == "overlay" and model.prompts and not told):
            return FramePicture(name, None, lambda _: png_of(self._shown_plate(plate, number, model), view))
        moves = self._motion(wanted, model, asked)
        key = checkpoint.stamp, plate.stamp(number), told
        render = partial(self._render, plate, asked, how, view, key, moves)
        return FramePicture(name, lambda: self._request(wanted, number), render)

    def _request(self, wanted: Wanted, number: int) -> Future[FrameResult]:
        return self._results.request_of(wanted, number)

    def _render(
        self,
        plate: Shot,
        asked: FinishingSettings,
        how: TouchView,
        view: ViewerSettings,
        key: Any,
        moves: PlateMotion | None,
        found: FrameResult | None,
    ) -> bytes:
        assert found is not None
        if found.kind != "matte":
            made = self._kept((*key, found.number, asked.grain), lambda: _with_grain(found, plate, asked))
            return png_of(picture_of_result(replace(found, pixels=made)), view)
        motion = self._moved(key, plate, found.number, moves) if moves else None
        mattes = [
            self._finished((*key, found.number, index), found.pixels[..., index], asked, motion)
            for index in range(found.pixels.shape[2])
        ]
        if how == "result":
            return png_of(Picture(_as_colours(mattes), PLAIN), view)
        if how == "overlay":
            shown = displayed(plate.read(found.number), found.colour_in)
            return png_of(Picture(lay_over(shown, np.stack(mattes, axis=2)), PLAIN), view)
        colours = self._linear_plate(plate, found.number, found.colour_in)
        return png_of(Picture(_over(colours, np.max(mattes, axis=0)[..., None], how), LINEAR), view)

    def _finished(
        self, key: Any, matte: np.ndarray, asked: FinishingSettings, motion: Motion | None = None
    ) -> np.ndarray:
        """As ``finish_matte``, with what is known of its steps."""
        matte = np.ascontiguousarray(matte)
        for name, step in matte_steps(asked, motion):
            key = (*key, name)
            matte = self._kept(key, partial(step, matte))
        return matte

    def _kept(self, key: Any, make: Callable[[], np.ndarray]) -> np.ndarray:
        with self._lock:
            if key in self._stages:
                self._stages.move_to_end(key)
                return self._stages[key]
        made = make()
        with self._lock:
            self._stages[key] = made
            held = sum(each.nbytes for each in self._stages.values())
            while held > MEMORY and len(self._stages) > 1:
                held -= self._stages.popitem(last=False)[1].nbytes
        return made

    def _motion(
        self, wanted: Wanted, model: ModelDescription, asked: FinishingSettings
    ) -> PlateMotion | None:
        """How the plate moves, where a motion blur is asked for; what was measured in it is kept."""
        if asked.motion_blur == "none" or model.kind != "matte":
            return None
        from understudy.frames import Neighbours
        from understudy.inference.gathering import input_channels
        from understudy.inference.motion import PlateMotion

        plate = wanted.plate
        key = plate.spec, plate.part_name, plate.numbers, wanted.channels, asked.motion_blur, model.colour_in
        names = partial(_names, input_channels, model, wanted.channels)
        return self._plate_motions.get(
            key, lambda: PlateMotion(model, Neighbours(plate, kept=4), names, asked.motion_blur)
        )

    def _moved(self, key: Any, plate: Shot, number: int, moves: PlateMotion) -> Motion | None:
        """The motion in a frame, of which the last few are kept."""

        def find() -> Motion | None:
            frame = plate.read(number)
            names, window = moves.channels(frame), frame.display_window
            return moves.of(frame, names, seen_planes(frame, names, window), window)

        return self._motions.get((*key, number, moves.wanted), find)

    def _shown_plate(self, plate: Shot, number: int, model: ModelDescription) -> Picture:
        key = (plate.stamp(number), number, plate.part_name)
        return self._pictures.get(key, lambda: picture_of(plate.read(number), model.colour_in))

    def _linear_plate(self, plate: Shot, number: int, encoding: ColourEncoding) -> np.ndarray:
        def read() -> Picture:
            pixels = picture_of(plate.read(number), encoding).pixels
            return Picture(to_scene_linear(np.nan_to_num(pixels), encoding), LINEAR)

        return self._pictures.get((plate.stamp(number), number, plate.part_name, "linear"), read).pixels

    def _described(self, checkpoint: Checkpoint, plate: Shot) -> ModelDescription:
        """The network's description, for the plate's values."""
        from understudy.inference.adapting import adapted

        key = checkpoint.stamp, plate.spec, plate.part_name, plate.numbers
        return self._models.get(key, lambda: adapted(describe_effect(checkpoint.path), plate))

    def _checkpoint(self, source: TouchSource) -> Checkpoint:
        model = self._allowed.model(source.model)
        return checkpoint_at(resolve_model(with_layers(model)[0] if source.extra else model))

    def _plate(self, source: TouchSource) -> Shot:
        key = source.plate, source.part
        with self._lock:
            opened, known = self._plates.get(key, (0.0, None))
        if known is not None and (known.is_movie or time.monotonic() - opened < FRESH):
            return known
        found = self._allowed.shot(source.plate, None, source.part)
        with self._lock:
            self._plates[key] = time.monotonic(), found
            while len(self._plates) > PLATES:
                self._plates.popitem(last=False)
        return found


def _names(find: Callable[..., Any], model: ModelDescription, channels: str | None, frame: Frame) -> Any:
    return find(frame, model, channels)


def _with_grain(found: FrameResult, plate: Shot, asked: FinishingSettings) -> np.ndarray:
    from understudy.inference.finish import Finisher

    frame: Frame = plate.read(found.number)
    return Finisher(asked).image(frame, found.targets, found.pixels, frame.display_window)


def _as_colours(mattes: list[np.ndarray]) -> np.ndarray:
    """A matte as grey; of several the first three as red, green and blue."""
    if len(mattes) == 1:
        return np.repeat(mattes[0][..., None], 3, axis=2)
    none = [np.zeros_like(mattes[0])] * 3
    return np.stack([*mattes, *none][:3], axis=2)


def _over(colours: np.ndarray, matte: np.ndarray, how: TouchView) -> np.ndarray:
    """Scene-linear colours (height, width, 3) as far as the matte shows them, over a ground."""
    ground = _checker(matte.shape) if how == "checker" else np.float32(how == "white")
    return np.asarray(ground + (colours - ground) * matte, np.float32)


def _checker(shape: tuple[int, ...]) -> np.ndarray:
    rows, columns = (np.arange(length) // TILE % 2 for length in shape[:2])
    light = (rows[:, None] ^ columns).astype(bool)[..., None]
    return np.where(light, np.float32(LIGHT), np.float32(DARK))
