"""Contact sheets, previews, frames and differences for the page, from a run's files and from footage."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from understudy.colour import ColourEncoding
from understudy.errors import UnderstudyError
from understudy.frames import Shot, read_image_file
from understudy.models.opening import describe
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
from understudy.monitor.paths.allowed import AllowedFolders
from understudy.monitor.paths.run_files import NotFound, is_plain_file
from understudy.runs import RunFolder
from understudy.settings import load_settings_file

SheetPart = Literal["sheet", "input", "ground_truth", "output", "difference"]
PreviewPart = Literal["output", "plate", "difference"]
StagePart = Literal["strip", "picture", "result", "mask"]
Side = Literal["colour_in", "colour_out"]
COLUMNS = {"input": 0, "ground_truth": 1, "output": 2}
STAGE_COLUMNS = {"picture": 0, "result": 1, "mask": 2}
GAP = 4  # pixels between the crops of a contact sheet


class LazyPng:
    """A PNG that is made only when it is needed. ``tag`` is its ETag: it changes with the content."""

    def __init__(self, tag: str, render: Callable[[], bytes]) -> None:
        self.tag = tag
        self.render = render


class Gallery:
    """Reads and renders pictures, with a cache of decoded ones. Thread-safe."""

    def __init__(self, allowed: AllowedFolders) -> None:
        self._allowed = allowed
        self._cache = PictureCache()
        self._movies: OrderedDict[tuple[str, int, int], Shot] = OrderedDict()
        self._lock = threading.Lock()

    def contact_sheet(self, run: RunFolder, step: int, part: SheetPart, view: ViewerSettings) -> LazyPng:
        """The contact sheet of ``step``: whole, one column, or output minus ground truth."""
        path = next((path for at, path in run.contact_sheets() if at == step), None)
        if path is None:
            raise NotFound(f"There is no contact sheet of step {step}.", where=str(run.path))
        return self._sheet(path, part, view)

    def _sheet(self, path: Path, part: SheetPart, view: ViewerSettings) -> LazyPng:
        def render() -> bytes:
            sheet = self._file(path, None)
            if part == "difference":
                return difference_png(_column(sheet, 2), _column(sheet, 1), view)
            return png_of(sheet if part == "sheet" else _column(sheet, COLUMNS[part]), view)

        return LazyPng(tag(stamp(path), part, view), render)

    def preview(
        self, run: RunFolder, step: int, number: int, part: PreviewPart, view: ViewerSettings
    ) -> LazyPng:
        """The preview of frame ``number`` at ``step``, the plate it was made from, or their difference."""
        paths = [path for at, frame, path in run.previews() if (at, frame) == (step, number)]
        if not paths:
            raise NotFound(f"There is no preview of frame {number} at step {step}.", where=str(run.path))
        path = sorted(paths, key=lambda p: p.suffix != ".exr")[0]  # float values rather than 8 bits

        def render() -> bytes:
            if part == "plate":
                return png_of(self._plate_of(run, number), view)
            output = self._file(path, None if path.suffix == ".png" else encoding_of(run))
            if part == "output":
                return png_of(output, view)
            return difference_png(output, self._plate_of(run, number), view)

        return LazyPng(tag(stamp(path), part, view), render)

    def validation_sheet(self, run: RunFolder, step: int, part: SheetPart, view: ViewerSettings) -> LazyPng:
        """The sheet of validation pictures of ``step``, as ``contact_sheet``."""
        path = next((path for at, path in run.validation_sheets() if at == step), None)
        if path is None:
            raise NotFound(f"There is no validation sheet of step {step}.", where=str(run.path))
        return self._sheet(path, part, view)

    def stage_sheet(self, run: RunFolder, step: int, view: ViewerSettings) -> LazyPng:
        """All stages of all pictures up to ``step``."""
        path = next((path for at, path in run.stage_sheets() if at == step), None)
        if path is None:
            raise NotFound(f"There is no sheet of stages of step {step}.", where=str(run.path))
        return LazyPng(tag(stamp(path), view), lambda: png_of(self._file(path, None), view))

    def stage(
        self, run: RunFolder, step: int, picture: int, part: StagePart, view: ViewerSettings
    ) -> LazyPng:
        """A picture, counted from 1, at the stage of ``step``: as it is, its result (a matte's on black), and
        the matte, or what is changed; or all three."""
        found = {(at, number): path for at, number, path in run.stage_strips()}
        path = found.get((step, picture))
        if path is None:
            raise NotFound(f"There is no picture {picture} of step {step}.", where=str(run.path))

        def render() -> bytes:
            strip = self._file(path, None)
            return png_of(strip if part == "strip" else _column(strip, STAGE_COLUMNS[part]), view)

        return LazyPng(tag(stamp(path), part, view), render)

    def footage(self, spec: str, number: int | None, view: ViewerSettings) -> LazyPng:
        """One frame of a shot in the allowed folders; ``number`` None: its first."""
        shot = self._shot(spec)
        at = shot.numbers[0] if number is None or (shot.is_still and len(shot.numbers) == 1) else number
        return LazyPng(tag(stamp(shot.path(at)), at, view), lambda: png_of(self._frame(shot, at), view))

    def difference(self, one: tuple[str, int], other: tuple[str, int], view: ViewerSettings) -> LazyPng:
        """The absolute difference of a frame of one shot and a frame of another."""
        shots = [self._shot(one[0]), self._shot(other[0])]
        numbers = [
            shot.numbers[0] if shot.is_still else at
            for shot, at in zip(shots, (one[1], other[1]), strict=True)
        ]
        stamps = [stamp(shot.path(at)) for shot, at in zip(shots, numbers, strict=True)]

        def render() -> bytes:
            first, second = (self._frame(shot, at) for shot, at in zip(shots, numbers, strict=True))
            return difference_png(first, second, view)

        return LazyPng(tag(stamps, numbers, view), render)

    def _file(self, path: Path, encoding: ColourEncoding | None) -> Picture:
        return self._cache.get(
            (stamp(path), encoding), lambda: picture_of(read_image_file(path, number=1), encoding)
        )

    def _frame(self, shot: Shot, number: int) -> Picture:
        return self._cache.get((stamp(shot.path(number)), number), lambda: picture_of(shot.read(number)))

    def _shot(self, spec: str) -> Shot:
        shot = self._allowed.shot(spec)
        if not shot.is_movie:
            return shot
        key = stamp(shot.path(shot.numbers[0]))
        with self._lock:
            known = self._movies.setdefault(key, shot)
            self._movies.move_to_end(key)
            while len(self._movies) > 4:
                self._movies.popitem(last=False)[1].close()
        return known

    def _plate_of(self, run: RunFolder, number: int) -> Picture:
        spec = _preview_spec(run)
        shot = self._shot(spec)
        at = shot.numbers[0] if shot.is_still else number
        picture = self._frame(shot, at)
        return Picture(picture.pixels, encoding_of(run, "colour_in") or picture.encoding)


def _column(sheet: Picture, index: int) -> Picture:
    """One of the three columns of a contact sheet, with the gaps on both its sides."""
    width = (sheet.pixels.shape[1] - GAP) // 3
    if width < 1:
        raise NotFound("This contact sheet is too small to have columns.")
    return Picture(sheet.pixels[:, index * width : (index + 1) * width + GAP], sheet.encoding)


def _preview_spec(run: RunFolder) -> str:
    values = load_settings_file(run.settings_path) if is_plain_file(run.settings_path) else {}
    spec = values.get("preview") or values.get("input")
    if isinstance(spec, list | tuple):
        spec = spec[0] if spec else None
    if not isinstance(spec, str) or not spec:
        raise NotFound("The run does not say which plate its preview was made from.", where=str(run.path))
    return spec


def encoding_of(run: RunFolder, side: Side = "colour_out") -> ColourEncoding | None:
    """The colour encoding of what the run's network reads or writes; None without a checkpoint."""
    try:
        return getattr(describe(run.best_or_newest()), side)
    except (UnderstudyError, OSError):
        return None
