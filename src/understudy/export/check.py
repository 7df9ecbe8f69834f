"""An exported file held against ``understudy apply``: the same frames through both, and the difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from understudy.colour import from_scene_linear, to_scene_linear
from understudy.errors import ExportError
from understudy.export.frames import Trial
from understudy.export.linear import light_channels
from understudy.inference.inputs import expected_channels
from understudy.inference.memory import bytes_per_pixel
from understudy.inference.model import LoadedModel
from understudy.models.description import ModelDescription

TOLERANCE = {"float32": 1e-4, "float16": 1e-2}
MEMORY_SHARE = 0.6
HALF_MOST = 65504.0
LARGE = 4_000_000
STRETCH, BELOW = np.float32(8.0), np.float32(0.1)


class Runtime(Protocol):
    """An exported file, run as a host runs it."""

    name: str
    device: str
    precision: str
    tag: str

    def __call__(self, pixels: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Compared:
    """One frame through one runtime. ``difference``: the largest, over all pixels, of |a - b| / max(1, |b|):
    absolute up to 1, relative above, where a float cannot hold more digits either."""

    frame: str
    width: int
    height: int
    precision: str
    device: str
    difference: float

    @property
    def tolerance(self) -> float:
        return TOLERANCE[self.precision[:7]]

    @property
    def passed(self) -> bool:
        return self.difference <= self.tolerance  # False for NaN too

    def as_values(self) -> dict[str, Any]:
        return {**asdict(self), "tolerance": self.tolerance, "passed": self.passed}


def compare(
    model: LoadedModel,
    runtimes: list[Runtime],
    linear: bool,
    frames: Iterator[Trial],
    skip: Callable[[str], None],
    touched: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda found, made: made,
) -> Iterator[Compared]:
    """Every frame through every runtime. ``linear``: the file takes scene-linear. ``skip`` is told of frames
    that this machine's memory does not hold. ``touched``: what of (found, made) is wanted."""
    for trial in frames:
        if not _fits(model, trial):
            skip(f"{trial.name}: not enough memory here")
            continue
        given = to_linear(trial.pixels, model.description) if linear else trial.pixels
        given = given * STRETCH - BELOW if trial.stretched else given
        cache: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for runtime in _worth_it(runtimes, trial):
            if runtime.precision not in cache:
                cache[runtime.precision] = _expected(model, given, linear, runtime.precision)
            host, wanted = cache[runtime.precision]
            height, width = host.shape[:2]
            found = runtime(host)
            yield Compared(
                trial.name,
                width,
                height,
                runtime.tag,
                runtime.device,
                difference(*_within(runtime.precision, found, touched(found, wanted))),
            )


def _worth_it(runtimes: list[Runtime], trial: Trial) -> list[Runtime]:
    """All of them; for a very large frame not half precision on a CPU, which computes in float32 anyway."""
    if trial.pixels.shape[0] * trial.pixels.shape[1] <= LARGE:
        return runtimes
    return [each for each in runtimes if each.tag == "float32" or each.device != "cpu"]


def _expected(
    model: LoadedModel, given: np.ndarray, linear: bool, precision: str
) -> tuple[np.ndarray, np.ndarray]:
    """What the host hands over in its precision, and what apply makes of exactly that."""
    host = given.astype(np.float16).astype(np.float32) if precision == "float16" else given
    pixels = from_linear(host, model.description) if linear else host
    made = model.infer(pixels, tile_size="none")
    return host, result_to_linear(made, model.description) if linear else made


def _within(precision: str, *pictures: np.ndarray) -> tuple[np.ndarray, ...]:
    """Pictures held to what the host's precision can say: in half, 70000 is infinite and no fault."""
    if precision != "float16":
        return pictures
    return tuple(np.clip(picture, -HALF_MOST, HALF_MOST) for picture in pictures)


def difference(found: np.ndarray, wanted: np.ndarray) -> float:
    """The largest |a - b| / max(1, |b|). ExportError when the shapes differ."""
    if found.shape != wanted.shape:
        raise ExportError(
            "The exported file gives a picture of another size.",
            expected=f"shape {wanted.shape}",
            found=f"shape {found.shape}",
        )
    apart = np.abs(found.astype(np.float64) - wanted) / np.maximum(1.0, np.abs(wanted))
    return float(apart.max())


def _fits(model: LoadedModel, trial: Trial) -> bool:
    from understudy.device import free_memory

    pixels = trial.pixels.shape[0] * trial.pixels.shape[1]
    if pixels < 1 << 20:
        return True
    need = 2.0 * pixels * bytes_per_pixel(model.engine, expected_channels(model.description))
    return need < MEMORY_SHARE * free_memory(model.engine.device)


def to_linear(pixels: np.ndarray, description: ModelDescription) -> np.ndarray:
    """File values of all input channels -> what a scene-linear host hands over."""
    return _sides(pixels, description, to_scene_linear)


def from_linear(pixels: np.ndarray, description: ModelDescription) -> np.ndarray:
    """Scene-linear -> file values of all input channels."""
    return _sides(pixels, description, from_scene_linear)


def result_to_linear(pixels: np.ndarray, description: ModelDescription) -> np.ndarray:
    """File values of the output -> what a scene-linear host gets back; a matte is no light."""
    if description.kind == "matte":
        return pixels
    return _light(pixels, list(description.output_channels), description.colour_out, to_scene_linear)


def _sides(pixels: np.ndarray, description: ModelDescription, convert: Any) -> np.ndarray:
    sides = [(list(description.input_channels), description.colour_in)]
    sides += [(list(extra.channels), extra.colour or description.colour_in) for extra in description.extra]
    parts = np.split(pixels, np.cumsum([len(names) for names, _ in sides])[:-1], axis=2)
    made = [_light(part, names, colour, convert) for part, (names, colour) in zip(parts, sides, strict=True)]
    return np.concatenate(made, axis=2)


def _light(pixels: np.ndarray, names: list[str], colour: Any, convert: Any) -> np.ndarray:
    light = light_channels(names, colour)
    if not light:
        return pixels
    made = np.array(pixels, dtype=np.float32)
    made[..., light] = convert(np.ascontiguousarray(pixels[..., light]), colour)
    return made
