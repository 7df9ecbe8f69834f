"""The plausible readings of a network of others, tried on a picture: a sheet, and which is likely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import torch

from understudy.errors import ModelFileError, WriteError
from understudy.export.importing import has_own_range, settings_file
from understudy.export.recognising import recognised
from understudy.export.recurrent import with_state
from understudy.export.trial import Trial, options_for
from understudy.frames import read_image_file, resolve_like
from understudy.models.imported import open_file
from understudy.models.sidecar import Sidecar, read_sidecar, sidecar_text

LONGEST = 512
"""Pixels along a picture's longer side, to which it is made smaller."""
CELL, TEXT, GAP = 256, 20, 4
VALUES: tuple[dict[str, object], ...] = (
    {},
    {"range": 255.0},
    {"range": [-1.0, 1.0]},
    {"mean": "imagenet"},
)
ALIKE = 0.01


@dataclass(frozen=True)
class Reading:
    """``toml``: its lines. ``score``: how well what it makes looks, the higher the better; ``why``: in words.
    ``picture``: 8 bits (H, W, 3), None where it did not run. ``logits``: it is a matte of values that lie
    mostly outside of 0 to 1, below 0 too."""

    toml: str
    score: float
    why: str
    picture: np.ndarray | None
    logits: bool = False


@dataclass(frozen=True)
class Readings:
    """All that were tried, in order; ``likely``: the place of the best, ``alike``: those that cannot be told
    from it. ``sheet``: the file that shows them."""

    all: tuple[Reading, ...]
    likely: int
    alike: tuple[int, ...]
    sheet: Path


def try_readings(file: Path, picture: Path, sheet: Path, settings: Path | None = None) -> Readings:
    """Try a network on a picture, read as RGB and BGR, in the common ranges, where the TOML does not say
    them; where all of that gives logits, as their sigmoid. Writes the sheet. ModelFileError when none of them
    runs, FrameError, ChannelError, SettingError, WriteError."""
    side, _ = recognised(file, read_sidecar(settings_file(file, settings)), values=False)
    side, _ = with_state(file, side)
    plate = _plate(picture)
    readings = tuple(_tried(file, each, plate) for each in _candidates(side))
    open_answer = not side.model_fields_set & {"activation", "normalise", "output_range"}
    if open_answer and all(each.logits for each in readings if each.picture is not None):
        readings = tuple(_tried(file, each, plate) for each in _candidates(side, {"activation": "sigmoid"}))
    ran = [index for index, each in enumerate(readings) if each.picture is not None]
    if not ran:
        raise ModelFileError(
            "The network does not run on this picture, however it is read.",
            expected="a network that takes one picture of three channels",
            found=readings[0].why,
            where=str(file),
            remedy="Say what it takes in a TOML, and give it with --settings.",
        )
    likely = max(ran, key=lambda index: readings[index].score)
    best = readings[likely].score
    alike = tuple(index for index in ran if index != likely and best - readings[index].score < ALIKE)
    _write(sheet, _sheet(readings, likely))
    return Readings(readings, likely, alike, sheet)


def _plate(path: Path) -> np.ndarray:
    """The picture's colours, float32 (H, W, 3), no larger than it takes to judge."""
    frame = read_image_file(path)
    pixels = np.nan_to_num(frame.planes(resolve_like(frame, ["R", "G", "B"])))
    shrink = min(1.0, LONGEST / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * shrink)), max(1, round(pixels.shape[0] * shrink)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if shrink < 1 else pixels


def _candidates(side: Sidecar, further: Mapping[str, object] | None = None) -> list[tuple[str, Sidecar]]:
    """The lines of each reading, ``further`` ones among them, and the sidecar with them; what the TOML says
    already is left alone."""
    told = side.model_fields_set
    orders = [{}, {"order": "BGR"}] if "order" not in told else [{}]
    values = VALUES if not told & {"range", "mean", "deviation"} else ({},)
    found = []
    for order in orders:
        for each in values:
            lines = {**order, **each, **(further or {})}
            plain = Sidecar.model_validate(lines)
            text = sidecar_text(plain.model_copy(update={"deviation": None})).strip()
            given = side.model_dump(exclude_unset=True) | lines
            found.append((text or "# as it is: RGB, 0 to 1", Sidecar.model_validate(given)))
    return found


def _tried(file: Path, candidate: tuple[str, Sidecar], plate: np.ndarray) -> Reading:
    text, side = candidate
    try:
        network = open_file(file, side, torch.get_num_threads())
        multiple = side.size_multiple if "size_multiple" in side.model_fields_set else 32
        below, right = (-length % multiple if network.size is None else 0 for length in plate.shape[:2])
        x = np.pad(plate, ((0, below), (0, right), (0, 0)), mode="edge").transpose(2, 0, 1)[None]
        given = torch.from_numpy(np.ascontiguousarray(x)) * side.span
        with torch.inference_mode():
            pictures = [given] * (len(network.inputs) if side.frames else 1)  # a shot that stands still
            made = network(pictures, options_for(network, given))[0]
        planes = _as_large(made[0].numpy().transpose(1, 2, 0), x.shape[2:])
        planes = _plain(planes[: plate.shape[0], : plate.shape[1]], side, plate)
    except Exception as error:  # a network may fail in any way that its maker did not think of
        return Reading(text, -np.inf, str(error).strip().splitlines()[0][:200], None)
    score, why = _judged(planes, plate)
    return Reading(text, score, why, _shown(planes), _is_logits(planes, plate))


def _as_large(made: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """What a network that enlarges has made, at the size of what went in."""
    if made.shape[0] <= size[0]:
        return made
    small = cv2.resize(made, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return small.reshape(*size, made.shape[2])


def _plain(made: np.ndarray, side: Sidecar, plate: np.ndarray) -> np.ndarray:
    """An answer as 0 to 1, with the range that import would find for it."""
    if side.output_range is None and side.activation == "none":
        ends = float(np.abs(made).max()), float(made.min())
        trial = Trial([plate.shape[2]], made.shape[2], 1, 1, *ends)
        if has_own_range(side, trial):
            return made + side.output_black
    return made / side.output_span


def _is_logits(made: np.ndarray, plate: np.ndarray) -> bool:
    if made.shape == plate.shape or not np.isfinite(made).all():
        return False
    return bool(made.min() < -0.05 and ((made < -0.05) | (made > 1.05)).mean() > 0.5)


def _judged(made: np.ndarray, plate: np.ndarray) -> tuple[float, str]:
    """How well a result looks: a matte by how much of it is decided, an image by how near it is to the
    plate."""
    if not np.isfinite(made).all():
        return -10.0, "it holds values that are no numbers"
    if np.ptp(made) < 1e-6:
        return -5.0, "it is the same everywhere"
    outside = float(((made < -0.05) | (made > 1.05)).mean())
    if made.shape == plate.shape:
        away = float(np.abs(made - plate).mean())
        return -away, f"it is {away:.3f} away from the picture in the mean"
    held = np.clip(made, 0, 1)
    decided = float(np.abs(2 * held - 1).mean())
    there = min(1.0, float(held.std()) / 0.1)  # an empty matte is decided too
    words = f"{decided:.0%} decided, spread {held.std():.3f}, {outside:.0%} beyond 0 to 1"
    return decided * there - outside, words


def _shown(made: np.ndarray) -> np.ndarray:
    pixels = np.clip(np.nan_to_num(made[..., :3]), 0, 1)
    pixels = pixels if pixels.shape[2] == 3 else np.repeat(pixels[..., :1], 3, axis=2)
    scale = CELL / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return (cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) * 255 + 0.5).astype(np.uint8)


def _sheet(readings: Sequence[Reading], likely: int) -> np.ndarray:
    """The results beside each other, four in a row, each below its number; the likely one is marked."""
    pictures = [each.picture for each in readings if each.picture is not None]
    height, width = TEXT + max(each.shape[0] for each in pictures), CELL
    columns = min(4, len(readings))
    rows = -(-len(readings) // columns)
    sheet = np.full((GAP + rows * (height + GAP), GAP + columns * (width + GAP), 3), 32, np.uint8)
    for index, each in enumerate(readings):
        top = GAP + index // columns * (height + GAP)
        left = GAP + index % columns * (width + GAP)
        words = f"{index + 1}  {each.toml.replace(chr(10), ', ')}" + ("  LIKELY" if index == likely else "")
        colour = (255, 200, 60) if index == likely else (220, 220, 220)
        cv2.putText(sheet, words, (left, top + 14), cv2.FONT_HERSHEY_SIMPLEX, 0.36, colour, 1, cv2.LINE_AA)
        if each.picture is not None:
            under = top + TEXT
            sheet[under : under + each.picture.shape[0], left : left + each.picture.shape[1]] = each.picture
    return sheet


def _write(path: Path, picture: np.ndarray) -> None:
    output = oiio.ImageOutput.create(str(path)) if path.suffix.lower() == ".png" else None
    spec = oiio.ImageSpec(picture.shape[1], picture.shape[0], 3, "uint8")
    if output is None or not (
        output.open(str(path), spec) and output.write_image(np.ascontiguousarray(picture)) and output.close()
    ):
        raise WriteError("The sheet cannot be written.", expected="a .png file", where=str(path))
