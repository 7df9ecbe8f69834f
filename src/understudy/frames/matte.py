"""Mattes and masks as they come: which of a file's channels is meant, and which of its values is white.

White is 1. But label images are 0 and 1 of 255, programs write 8 bits into 16, floats hold 0 to 255, and a
black and white picture has an alpha that is 1 everywhere. Each is told from all frames together, or from
many of them: the last grey edge of a matte on one frame is no white.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from understudy.frames.frame import Frame
from understudy.frames.matte_names import is_alpha
from understudy.frames.which import listed, say_parts

CODES = {1: (8, 10, 12, 16), 255: (16,), 1023: (16,), 4095: (16,)}
WHITES = {
    **{code / (2**bits - 1): f"{code} in {bits} bits" for code, depths in CODES.items() for bits in depths},
    **{float(2**bits - 1): f"{2**bits - 1}" for bits in (8, 10, 12, 16)},
}
NEAR = 0.002  # half floats are within half a thousandth of what was meant
LOW = 0.1
HIGH = 1.05  # filters overshoot
MOST = 50
_COLOURS = ("r", "g", "b", "red", "green", "blue")


@dataclass(frozen=True)
class Look:
    """How the frames of a mask are taken. ``from_colours``: the first colour and not the alpha; ``white``:
    the file value that stands for 1; ``largest``: the largest of those that were looked at; ``notes``:
    sentences on all this."""

    from_colours: bool = False
    white: float = 1.0
    largest: float = 1.0
    notes: tuple[str, ...] = ()
    name: str = ""

    def channel(self, frame: Frame) -> str:
        """Which channel of a frame is the mask."""
        if self.name in frame.part.channels:
            return self.name
        alpha, colour = _candidates(frame)
        return colour if colour and (self.from_colours or not alpha) else alpha or frame.part.channels[0]

    def values(self, planes: np.ndarray) -> np.ndarray:
        """File values of any shape as those of a mask, float32 from 0 to 1; NaN is 0."""
        white = np.float32(1.0 / self.white)
        return np.clip(np.nan_to_num(planes * white, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)


WHITE = Look()
"""A mask of which nothing else is known: its alpha, or its first channel, white at 1."""


def look_at(frames: Iterable[Frame], what: str) -> Look:
    """How a mask is to be taken by these of its frames, of which no more are asked for than it needs to tell.
    ``what`` it is called in sentences."""
    seen = _Seen()
    for frame in frames:
        seen.add(frame)
        if seen.tells:
            break
    return seen.look(what)


def white_of(largest: float) -> float:
    """Which value is white where ``largest`` is the largest of all frames: 1, unless it is one that other
    programs are known to write."""
    near = [white for white in WHITES if abs(largest - white) <= NEAR * white]
    if near:
        return near[0]
    between = [white for white in (255 / 65535, 255.0, 65535.0) if 0.5 * white < largest < white]
    return between[0] if between else 1.0


def white_note(largest: float, what: str) -> tuple[str, ...]:
    """A sentence on a white that is not 1, or on values that are far from what white is."""
    white = white_of(largest)
    if white != 1.0:
        return (f"The {what}'s white is {WHITES[white]}: scaled to 1.",)
    if 0.0 < largest < LOW:
        return (f"The {what} is dark everywhere: its largest value is {largest:.3g}, taken as it is.",)
    if largest > HIGH:
        return (f"The {what}'s largest value is {largest:.4g}: what is above 1 is taken as 1.",)
    return ()


def scaled(planes: np.ndarray, white: np.ndarray) -> np.ndarray:
    """Mattes' values, float32 from 0 to 1, of file values of which ``white`` (mattes,) is white; NaN
    stays."""
    return np.asarray(np.clip(planes / white, 0.0, 1.0), np.float32)


def largest_of(planes: np.ndarray) -> float:
    """The largest finite value, 0 where there is none."""
    finite = planes[np.isfinite(planes)]
    return float(finite.max()) if finite.size else 0.0


def spread(numbers: Sequence[int], most: int = MOST) -> list[int]:
    """At most so many of ``numbers``, evenly spread."""
    places = np.linspace(0, len(numbers) - 1, min(most, len(numbers))).round().astype(int)
    return [numbers[place] for place in dict.fromkeys(places.tolist())]


@dataclass
class _Range:
    """The smallest and the largest value that were seen of a channel."""

    name: str = ""
    low: float = np.inf
    high: float = -np.inf

    def add(self, frame: Frame, name: str) -> None:
        planes = np.nan_to_num(frame.planes((name,)), nan=0.0)
        self.name = name
        self.low, self.high = min(self.low, float(planes.min())), max(self.high, float(planes.max()))

    @property
    def is_flat(self) -> bool:
        return self.low >= self.high

    @property
    def is_white(self) -> bool:
        """Whether it is seen what white is."""
        return LOW <= self.high <= HIGH


@dataclass
class _Seen:
    """What was seen of the alpha and of the first colour of a mask's frames."""

    alpha: _Range = field(default_factory=_Range)
    colour: _Range = field(default_factory=_Range)
    first: Frame | None = None
    unlike: tuple[str, ...] = ()

    def add(self, frame: Frame) -> None:
        self.first = self.first or frame
        alpha, colour = _candidates(frame)
        if alpha:
            self.alpha.add(frame, alpha)
        if colour and (not alpha or self.alpha.is_flat):
            self.colour.add(frame, colour)
            self.unlike = self.unlike or _unlike_colours(frame)

    @property
    def tells(self) -> bool:
        if self.alpha.name:
            return self.alpha.is_white and not self.alpha.is_flat
        return self.colour.is_white

    def look(self, what: str) -> Look:
        alpha, colour = self.alpha, self.colour
        same = (alpha.low, alpha.high) == (colour.low, colour.high)
        from_colours = bool(alpha.name and colour.name) and alpha.is_flat and not same
        taken = colour if from_colours or not alpha.name else alpha
        said = (f"The {what}'s alpha is {alpha.high:g} everywhere: its {colour.name} is taken instead.",)
        largest = max(taken.high, 0.0) if taken.name else 1.0
        white = white_of(largest)
        notes = (
            *(say_parts(self.first, f"The {what}", _OWN_FILES) if self.first else ()),
            *(said if from_colours else ()),
            *self._say_which(what, from_colours or not alpha.name),
            *white_note(largest, what),
        )
        return Look(from_colours, white, largest, notes, self._name(from_colours))

    def _name(self, from_colours: bool) -> str:
        """What the first frame calls the channel that is taken."""
        if self.first is None:
            return ""
        alpha, colour = _candidates(self.first)
        return colour if from_colours else alpha or colour

    def _say_which(self, what: str, is_colour: bool) -> tuple[str, ...]:
        """Where a mask has several alphas, or a matte in each of its colours."""
        alphas = _alphas(self.first) if self.first else []
        if is_colour and self.unlike:
            names, taken = listed(list(self.unlike)), self.colour.name
            return (f"The {what}'s {names} differ: its {taken} is taken ({_OWN_FILES}).",)
        if not is_colour and len(alphas) > 1:
            rest = listed(alphas[1:])
            return (f"Of the {what} {alphas[0]} is taken; there is also {rest} ({_OWN_FILES}).",)
        return ()


_OWN_FILES = "another one has to be a file of its own"


def _unlike_colours(frame: Frame) -> tuple[str, ...]:
    """The colours of a mask's first layer where they are not alike: each may be a matte of its own."""
    red = _candidates(frame)[1]
    layer = red.rpartition(".")[0]
    names = tuple(
        name
        for name in frame.part.channels
        if name.rpartition(".")[0] == layer and name.rpartition(".")[2].lower() in _COLOURS
    )
    if len(names) < 2:
        return ()
    planes = np.nan_to_num(frame.planes(names), nan=0.0, posinf=0.0, neginf=0.0)
    apart = float(np.abs(planes - planes[..., :1]).max(initial=0.0))
    return names if apart > LOW * max(float(np.abs(planes).max(initial=0.0)), 1e-30) else ()


def _alphas(frame: Frame) -> list[str]:
    return [name for name in frame.part.channels if is_alpha(name)]


def _candidates(frame: Frame) -> tuple[str, str]:
    """The alpha and the first colour, or other channel, of a frame; empty where there is none such."""
    alphas = _alphas(frame)
    others = [name for name in frame.part.channels if name not in alphas]
    red = [name for name in others if name.rpartition(".")[2].lower() in ("r", "red", "y")]
    return (alphas or [""])[0], (red or others or [""])[0]
