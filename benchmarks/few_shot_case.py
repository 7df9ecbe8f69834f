"""A case: a folder with a shot, its ground truth, and what is known about it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from understudy.colour import SRGB, from_scene_linear
from understudy.errors import SettingError, UnderstudyError
from understudy.frames import Frame, Shot, open_shot, open_sink
from understudy.measure import fit_colour, iou, mean_absolute_error, nearest_number, psnr

PAINTED = 5
"""How many frames are learned from when case.json does not say."""

BARS = {"image": "global_colour_fit_psnr_db", "matte": "nearest_train_mask_iou"}
"""The baseline that has to be beaten, by kind of case."""


@dataclass(frozen=True, eq=False)
class Case:
    """One shot to be learned. ``kind`` is image or matte; ``baselines`` are scores on the test frames."""

    name: str
    folder: Path
    kind: str
    plate: Shot
    truth: Shot
    train_frames: tuple[int, ...]
    test_frames: tuple[int, ...]
    baselines: dict[str, float]

    @property
    def frames(self) -> tuple[int, ...]:
        """Every frame that both sides have."""
        return tuple(sorted(set(self.plate.numbers) & set(self.truth.numbers)))

    @property
    def bar(self) -> float:
        """What has to be beaten: dB for an image, IoU for a matte."""
        return self.baselines[BARS[self.kind]]

    def truth_pixels(self, number: int) -> np.ndarray:
        return display(self.truth.read(number), self.kind)

    def plate_pixels(self, number: int) -> np.ndarray:
        return display(self.plate.read(number), "image")

    def painted(self, folder: Path) -> str:
        """The training frames' truth alone, copied into ``folder``: nothing else can be learned from."""
        first = self.truth.read(self.train_frames[0])
        if self.truth.is_movie:
            spec = str(folder / "painted.####.png")
        else:
            spec = str(folder / f"painted.####{self.truth.extension}")
        with open_sink(spec, like=self.truth, numbers=self.train_frames) as sink:
            for number in self.train_frames:
                frame = first if number == self.train_frames[0] else self.truth.read(number)
                _copy(self.truth, number, frame, sink)
        return spec


def _copy(shot: Shot, number: int, frame: Frame, sink: Any) -> None:
    """The file itself where there is one, so that nothing is lost; a frame of a movie is written anew."""
    if shot.is_movie:
        sink.write(number, frame)
        return
    target = sink.path(number)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(shot.path(number).read_bytes())


def find_cases(folder: Path, only: Sequence[str] = ()) -> list[Path]:
    """The folders of the cases in ``folder``, by name; ``folder`` itself when it is one."""
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [each for each in (folder, *inside) if (each / "input").is_dir() and _truth_folder(each).is_dir()]
    missing = sorted(set(only) - {each.name for each in found})
    if missing or not found:
        raise SettingError(
            "There is no such case." if missing else "There are no cases here.",
            expected=", ".join(each.name for each in found) or "folders with input/ and groundtruth/ in them",
            found=", ".join(missing) or "none",
            where=str(folder),
        )
    return [each for each in found if not only or each.name in only]


def read_case(folder: Path) -> Case:
    """Open a case; what case.json does not say is chosen or measured here."""
    known = _read_json(folder / "case.json")
    plate, truth = open_sides(folder)
    both = sorted(set(plate.numbers) & set(truth.numbers))
    train = tuple(known.get("train_frames") or spread(both, PAINTED))
    lost = [number for number in train if number not in both]
    if lost or len(both) <= len(train):
        raise SettingError(
            "The case does not have the frames to learn from and to judge by.",
            expected="training frames with plate and truth, and others",
            found=f"{len(both)} frames on both sides; missing: {lost or 'none'}",
            where=str(folder),
        )
    named = known.get("test_frames") or [number for number in both if number not in train]
    test = tuple(number for number in named if number in both)
    kind = known.get("kind") or ("matte" if len(truth.read(train[0]).part.channels) == 1 else "image")
    case = Case(folder.name, folder, kind, plate, truth, train, test, dict(known.get("baselines") or {}))
    case.baselines.update({k: v for k, v in measured_baselines(case).items() if k not in case.baselines})
    return case


def open_sides(folder: Path) -> tuple[Shot, Shot]:
    """The plate and the ground truth of a case."""
    return open_shot(str(folder / "input")), open_shot(str(_truth_folder(folder)))


def display(frame: Frame, kind: str) -> np.ndarray:
    """float32 (height, width, channels) as a screen shows it: a matte has one channel, an image three.

    Float files count as scene-linear and get the sRGB curve, except mattes.
    """
    if kind == "matte":
        return frame.planes([_matte_channel(frame)])
    pixels = frame.planes(_colour_channels(frame))
    return pixels if frame.is_integer else from_scene_linear(pixels, SRGB)


def score(case: Case, number: int, result: np.ndarray) -> dict[str, float]:
    """The scores of one frame, by name, and under "main" the one that decides."""
    truth = case.truth_pixels(number)
    if case.kind == "matte":
        overlap = iou(result, truth)
        return {"main": overlap, "iou": overlap, "mae": mean_absolute_error(result, truth)}
    decibel = psnr(result, truth)
    return {"main": decibel, "psnr_db": decibel}


def measured_baselines(case: Case) -> dict[str, float]:
    """What can be had without learning, unless case.json has it."""
    if BARS[case.kind] in case.baselines:
        return {}
    if case.kind == "matte":
        nearest = {n: case.truth_pixels(nearest_number(n, case.train_frames)) for n in case.test_frames}
        return {BARS["matte"]: _mean(score(case, n, nearest[n])["main"] for n in case.test_frames)}
    if case.plate_pixels(case.train_frames[0]).shape != case.truth_pixels(case.train_frames[0]).shape:
        return {BARS["image"]: math.nan}
    fit = fit_colour((case.plate_pixels(n), case.truth_pixels(n)) for n in case.train_frames)
    plates = {n: case.plate_pixels(n) for n in case.test_frames}
    return {
        BARS["image"]: _mean(score(case, n, fit(plates[n]))["main"] for n in case.test_frames),
        "identity_psnr_db": _mean(score(case, n, plates[n])["main"] for n in case.test_frames),
    }


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))


def _matte_channel(frame: Frame) -> str:
    return "A" if "A" in frame.channels else frame.channels[0]


def _colour_channels(frame: Frame) -> list[str]:
    if all(name in frame.channels for name in "RGB"):
        return list("RGB")
    return [frame.channels[0]] * 3 if len(frame.channels) < 3 else list(frame.channels[:3])


def _truth_folder(folder: Path) -> Path:
    for name in ("groundtruth", "ground_truth", "truth"):
        if (folder / name).is_dir():
            return folder / name
    return folder / "groundtruth"


def spread(numbers: Sequence[int], count: int) -> tuple[int, ...]:
    """``count`` of the numbers, evenly from the first to the last."""
    places = np.linspace(0, len(numbers) - 1, min(count, len(numbers)))
    return tuple(sorted({numbers[round(float(place))] for place in places}))


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UnderstudyError("case.json cannot be read.", found=str(error), where=str(path)) from error
    return found if isinstance(found, dict) else {}
