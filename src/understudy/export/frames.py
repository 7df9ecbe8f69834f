"""The frames that an export is tried on: real ones where they are at hand, in every awkward size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from understudy.colour import ColourEncoding, decode, encode
from understudy.errors import UnderstudyError
from understudy.frames import open_shot, resolve_channels, seen_planes
from understudy.frames.nonfinite import fill_nonfinite
from understudy.inference.inputs import input_encodings
from understudy.models.description import ModelDescription

UHD = (2160, 4096)
MOST_PLATE = (1080, 1920)
ODD = (243, 331)
LINES = 241


@dataclass(frozen=True)
class Trial:
    """One frame to try: its name for the record, and float32 (H, W, C) in file values.

    ``stretched``: for a host that works in scene-linear, its values shall reach above 1 and below 0 there.
    """

    name: str
    pixels: np.ndarray
    stretched: bool = False


@dataclass(frozen=True)
class Plate:
    """A picture in file values with all channels that the network takes, and where it came from."""

    pixels: np.ndarray
    source: str


def plate_for(description: ModelDescription, model: Path, spec: str | None) -> Plate:
    """A frame of ``spec``, else of the plate that the run beside the model learned from, else a made one.

    What ``spec`` names and cannot be read raises as it does for apply; the run's own plate is only tried.
    """
    if spec is not None:
        return Plate(_read(description, spec), Path(spec).name)
    own = _own_plate(model)
    if own is not None:
        try:
            return Plate(_read(description, own), Path(own).name)
        except UnderstudyError:
            pass
    return Plate(_made(description), "a made picture, as no frame of the shot was at hand")


def _own_plate(model: Path) -> str | None:
    from understudy.settings import TrainSettings, load_settings_file

    file = model.parent / "settings.toml"
    if not file.is_file():
        return None
    try:
        inputs = load_settings_file(file, TrainSettings).get("input")
    except UnderstudyError:
        return None
    first = inputs[0] if isinstance(inputs, list | tuple) and inputs else inputs
    return str(first) if first else None


def _read(description: ModelDescription, spec: str) -> np.ndarray:
    """The middle frame of a shot, at most 1080p of it, with made values for extra inputs."""
    with open_shot(spec, as_held=not description.premultiplied) as shot:
        frame = shot.read(shot.numbers[len(shot.numbers) // 2])
        pixels = seen_planes(frame, resolve_channels(frame, ",".join(description.input_channels)))
    pixels = fill_nonfinite(pixels)[0][: MOST_PLATE[0], : MOST_PLATE[1]]
    made = _made(description, pixels.shape[:2])[..., pixels.shape[2] :]
    return np.ascontiguousarray(np.concatenate([pixels, made], axis=2))


def _made(description: ModelDescription, size: tuple[int, int] = (540, 960)) -> np.ndarray:
    """Waves, edges and grain about 0..1 in network values, as file values."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    grain = np.random.default_rng(0).normal(0, 0.03, (*size, 1)).astype(np.float32)
    wave = 0.45 + 0.25 * np.sin(x / 23) + 0.25 * np.cos(y / 17)
    edge = ((x // 40 + y // 40) % 2) * 0.2
    count = sum(number for number, _ in input_encodings(description))
    planes = [np.roll(wave, 7 * c, axis=1) * (1 - 0.1 * c / count) + edge for c in range(count)]
    return _through(np.stack(planes, axis=-1) + grain, description, decode)


def _through(pixels: np.ndarray, description: ModelDescription, function: Any) -> np.ndarray:
    """Each group of channels through ``encode`` or ``decode`` of its own encoding."""
    groups: list[tuple[int, ColourEncoding]] = input_encodings(description)
    cuts = np.cumsum([count for count, _ in groups])[:-1]
    parts = np.split(pixels.astype(np.float32), cuts, axis=2)
    return np.concatenate([function(part, group[1]) for part, group in zip(parts, groups, strict=True)], 2)


def trials(description: ModelDescription, plate: Plate, full: bool, linear: bool = False) -> Iterator[Trial]:
    """The frames, small ones first; ``full`` adds the plate as it is, and 4K. ``linear``: see Trial."""
    pixels = plate.pixels
    odd = fitted(pixels, *ODD)
    yield Trial("odd size", odd)
    wide = odd if linear else _through(_through(odd, description, encode) * 2.5 - 0.6, description, decode)
    yield Trial("above 1 and below 0", wide, stretched=linear)
    yield Trial("one pixel wide", odd[:LINES, 7:8])
    yield Trial("one pixel high", odd[5:6, :LINES])
    yield Trial("one pixel", odd[9:10, 9:10])
    if full:
        yield Trial("the plate", pixels)
        yield Trial("4K", fitted(pixels, *UHD))


def fitted(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture of another size: cut, or continued as in a mirror."""
    rows, columns = (
        _mirrored(have, want) for have, want in zip(pixels.shape[:2], (height, width), strict=True)
    )
    return np.ascontiguousarray(pixels[rows][:, columns])


def _mirrored(have: int, want: int) -> np.ndarray:
    places = np.arange(want) % (2 * have)
    return np.where(places < have, places, 2 * have - 1 - places)
