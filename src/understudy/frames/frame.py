"""One image in memory: every part and channel as the file stores it, and what is needed to write it alike."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from understudy.errors import ChannelError
from understudy.frames.nonfinite import keep_plate
from understudy.frames.values import DTYPES, interleaved, to_float32
from understudy.frames.window import Window

COLOURS = ("r", "g", "b", "a", "y", "red", "green", "blue", "alpha")


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a file (files of other formats than EXR have one): its planes, by channel name.

    ``pixels`` holds one array (height, width) per channel over the data window, in the type that the file
    stores; a channel that was replaced is float32 until it is written. ``spec`` is for the writer only.
    """

    name: str
    channels: tuple[str, ...]
    pixels: Mapping[str, np.ndarray]
    spec: oiio.ImageSpec

    @cached_property
    def data_window(self) -> Window:
        return Window(self.spec.x, self.spec.y, self.spec.width, self.spec.height)

    @cached_property
    def display_window(self) -> Window:
        return Window(self.spec.full_x, self.spec.full_y, self.spec.full_width, self.spec.full_height)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The stored type of each channel: ``half``, ``float``, ``uint``, ``uint8`` or ``uint16``."""
        return channel_kinds(self.spec)

    def with_channels(self, names: Sequence[str]) -> Part:
        """The same with further channels, 0 everywhere. A colour is stored as the colours that are there; of
        anything else, such as depth, nothing is rounded away where the file holds floats."""
        size = (self.spec.height, self.spec.width)
        planes = {name: np.zeros(size, np.float32) for name in names}
        kinds = tuple(kind_of_new(name, self.kinds) for name in names)
        spec = spec_with(self.spec, (*self.channels, *names), (*self.kinds, *kinds))
        return Part(self.name, (*self.channels, *names), {**self.pixels, **planes}, spec)


@dataclass(frozen=True, eq=False)
class Frame:
    """One image. Immutable: ``with_planes`` makes a new one that shares the untouched channels.

    ``number`` is the frame number in its shot, ``file_format`` OpenImageIO's name of the format it came from
    (``movie`` for a movie frame), ``selected`` the index of the part that ``--part`` chose, ``added`` the
    channels that no file had, ``keyed``: its alpha is a matte, which its colours are not multiplied by,
    ``as_held``: a network sees its colours as the file holds them, as networks before version 0.2.0 did.
    """

    parts: tuple[Part, ...]
    path: Path
    number: int = 1
    file_format: str = "openexr"
    selected: int = 0
    added: tuple[str, ...] = ()
    keyed: bool = False
    as_held: bool = False

    @property
    def part(self) -> Part:
        """The selected part."""
        return self.parts[self.selected]

    @property
    def display_window(self) -> Window:
        return self.part.display_window

    @property
    def data_window(self) -> Window:
        return self.part.data_window

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """Every channel's full name: the selected part's first, then the others', as ``part:channel`` when
        the bare name stands in more than one part."""
        return tuple(self._places)

    @property
    def nbytes(self) -> int:
        """Bytes of all planes, as the file stores them."""
        return sum(plane.nbytes for part in self.parts for plane in part.pixels.values())

    @cached_property
    def content(self) -> str:
        """A hash of all planes, as the file stores them."""
        digest = hashlib.sha256()
        for part in self.parts:
            for plane in part.pixels.values():
                digest.update(np.ascontiguousarray(plane).data)
        return digest.hexdigest()[:32]

    @property
    def is_integer(self) -> bool:
        """True when the selected part stores integers, which are display-referred unless told otherwise."""
        return all(kind.startswith("uint") for kind in self.part.kinds)

    @property
    def bits(self) -> int:
        """Bits of each value of the selected part's first channel in the file: 8, 10, 12, 16 or 32."""
        return stored_bits(self.part.spec) or DTYPES[self.part.kinds[0]].itemsize * 8

    @property
    def frame_rate(self) -> Fraction | None:
        """Frames per second that the file names, if any."""
        return frame_rate_of(self.part.spec)

    @property
    def metadata(self) -> dict[str, object]:
        """The selected part's attributes by name, for showing; writing keeps them by itself."""
        return {name: value for name, _, value in header_of(self.part.spec)}

    def planes(self, names: Sequence[str], window: Window | None = None) -> np.ndarray:
        """float32 (height, width, len(names)) of the named channels over ``window``, the display window by
        default.

        Values are file values: floats as they are, integers scaled to 0..1. Outside the data window
        they are 0. NaN and Inf are as in the file. Raises ChannelError for a name that is not there.
        """
        window = window or self.display_window
        places = [self.locate(name) for name in names]
        covered = all(part.data_window == window for part, _ in places)
        together = interleaved([part.pixels[channel] for part, channel in places]) if covered else None
        if together is not None:
            values = to_float32(together)
            return values.copy() if values is together else values
        make = np.empty if covered else np.zeros
        out = make((window.height, window.width, len(places)), dtype=np.float32)
        for index, (part, channel) in enumerate(places):
            common = window.intersect(part.data_window)
            stored = part.pixels[channel][part.data_window.slices_of(common)]
            out[(*window.slices_of(common), index)] = to_float32(stored)
        return out

    def stored(self, name: str) -> np.ndarray:
        """The plane (height, width) of one channel over its part's data window, as the file stores it."""
        part, channel = self.locate(name)
        return part.pixels[channel]

    def with_planes(self, names: Sequence[str], values: np.ndarray, window: Window | None = None) -> Frame:
        """A new Frame whose channels ``names`` have ``values`` where ``window`` and the data window meet.

        ``values`` is float32 (window.height, window.width, len(names)) in file values; ``window`` is the
        display window by default. Where a value is not finite, or the plate's own pixel is NaN or Inf, the
        plate's value stays. Every other channel, and every other pixel, stays bit for bit. ``values`` is
        not copied: do not change it afterwards.
        """
        window = window or self.display_window
        check_shape(values, window, len(names))
        parts = list(self.parts)
        for index, name in enumerate(names):
            part, channel = self.locate(name)
            at = self.parts.index(part)
            plane = _replaced(part, channel, values[..., index], window)
            parts[at] = replace(parts[at], pixels={**parts[at].pixels, channel: plane})
        return replace(self, parts=tuple(parts))

    def with_room(self, names: Sequence[str]) -> Frame:
        """The same frame, where it has all channels ``names``; else with those that it lacks in the selected
        part, 0 everywhere, for ``with_planes`` to fill."""
        new = tuple(name for name in names if name not in self.channels)
        if not new:
            return self
        parts = list(self.parts)
        parts[self.selected] = self.part.with_channels(new)
        return replace(self, parts=tuple(parts), added=(*self.added, *new))

    def as_matte(self, values: np.ndarray, window: Window | None = None, channel: str = "A") -> Frame:
        """A frame with the one channel ``channel``, and the plate's windows, depth and metadata.

        ``values`` is float32 (window.height, window.width, 1) or (window.height, window.width); values that
        are not finite become 0, and so does what lies in the data window outside ``window``.
        """
        window = window or self.display_window
        matte = values[..., None] if values.ndim == 2 else values
        check_shape(matte, window, 1)
        plane = np.zeros((self.data_window.height, self.data_window.width), dtype=np.float32)
        common = window.intersect(self.data_window)
        found = matte[(*window.slices_of(common), 0)]
        plane[self.data_window.slices_of(common)] = np.where(np.isfinite(found), found, np.float32(0))
        spec = single_channel_spec(self.part.spec, channel, self.part.kinds[0])
        part = Part(self.part.name, (channel,), {channel: plane}, spec)
        return replace(self, parts=(part,), selected=0)

    def as_data(self, names: Sequence[str], values: np.ndarray) -> Frame:
        """A frame of the channels ``names`` alone, which are no colours and lose nothing: float32, with the
        plate's windows and metadata. ``values`` is float32 (height, width, len(names)) over the data
        window."""
        check_shape(values, self.data_window, len(names))
        spec = spec_with(self.part.spec, names, ("float",) * len(names))
        spec.alpha_channel = spec.z_channel = -1
        spec.attribute("compression", "zip")
        planes = {name: np.ascontiguousarray(values[..., place]) for place, name in enumerate(names)}
        part = Part(self.part.name, tuple(names), planes, spec)
        return replace(self, parts=(part,), selected=0, added=tuple(names))

    @cached_property
    def _places(self) -> dict[str, tuple[Part, str]]:
        """Full name -> part and the channel's name in it, in the order of ``channels``."""
        count: dict[str, int] = {}
        for part in self.parts:
            for channel in part.channels:
                count[channel] = count.get(channel, 0) + 1
        places = {channel: (self.part, channel) for channel in self.part.channels}
        for index, part in enumerate(self.parts):
            for channel in part.channels if index != self.selected else ():
                full = channel if count[channel] == 1 else f"{part_label(part, index)}:{channel}"
                places.setdefault(full, (part, channel))
        return places

    def locate(self, name: str) -> tuple[Part, str]:
        """The part that holds a channel, and the channel's name in that part. Raises ChannelError."""
        if name in self._places:
            return self._places[name]
        label, _, channel = name.rpartition(":")
        for index, part in enumerate(self.parts):
            if label and label == part_label(part, index) and channel in part.pixels:
                return part, channel
        raise ChannelError(
            "The file has no such channel.",
            expected=name,
            found=", ".join(self.channels),
            where=str(self.path),
            remedy="name a channel that the file has",
        )


def part_label(part: Part, index: int) -> str:
    """The part's name, or its number from 1 where it has none."""
    return part.name or str(index + 1)


def channel_kinds(spec: oiio.ImageSpec) -> tuple[str, ...]:
    """The stored type of each channel of a spec."""
    formats = spec.channelformats
    kinds = tuple(str(each) for each in formats) if len(formats) == spec.nchannels else ()
    return kinds or (str(spec.format),) * spec.nchannels


def stored_bits(spec: oiio.ImageSpec) -> int:
    """The bit depth that an integer file declares apart from its type (10 in a DPX), or 0."""
    bits = spec.getattribute("oiio:BitsPerSample")
    return bits if isinstance(bits, int) and 0 < bits <= 32 else 0


def header_of(spec: oiio.ImageSpec) -> Iterator[tuple[str, oiio.TypeDesc, object]]:
    """Name, type and value of every attribute; one that is not text, in a damaged header, is passed over."""
    for index in range(len(spec.extra_attribs)):
        with suppress(UnicodeDecodeError):
            each = spec.extra_attribs[index]
            yield each.name, each.type, each.value


def frame_rate_of(spec: oiio.ImageSpec) -> Fraction | None:
    """Frames per second from the attributes that programs write them to, or None."""
    for name in ("FramesPerSecond", "framesPerSecond", "dpx:FrameRate", "dpx:TemporalFrameRate"):
        value = spec.getattribute(name)
        if isinstance(value, tuple) and len(value) == 2 and value[0] > 0 and value[1] > 0:
            return Fraction(int(value[0]), int(value[1]))
        if isinstance(value, (int, float)) and 0 < value < 1000:
            return Fraction(value).limit_denominator(1001)
    return None


def single_channel_spec(spec: oiio.ImageSpec, channel: str, kind: str) -> oiio.ImageSpec:
    """A copy of ``spec`` with one channel."""
    single = spec_with(spec, (channel,), (kind,))
    single.alpha_channel = -1
    single.z_channel = -1
    return single


def spec_with(spec: oiio.ImageSpec, names: Sequence[str], kinds: Sequence[str]) -> oiio.ImageSpec:
    """A copy of ``spec`` with these channels, stored in these types."""
    changed = oiio.ImageSpec(spec)
    changed.nchannels = len(names)
    changed.channelnames = tuple(names)
    set_kinds(changed, kinds)
    return changed


def set_kinds(spec: oiio.ImageSpec, kinds: Sequence[str]) -> None:
    """Have the channels of ``spec`` stored in these types."""
    mixed = len(set(kinds)) > 1
    spec.set_format(oiio.TypeDesc("float" if mixed else kinds[0]))
    spec.channelformats = tuple(oiio.TypeDesc(kind) for kind in kinds) if mixed else ()


def kind_of_new(name: str, kinds: Sequence[str]) -> str:
    """The type to store a new channel in, beside others of these ``kinds``."""
    if kinds[0] in ("uint8", "uint16"):
        return kinds[0]
    if not is_colour(name):
        return "float"
    return next((kind for kind in kinds if kind in ("half", "float")), "float")


def is_colour(name: str) -> bool:
    """Whether a channel's name is that of a colour, a luminance or an alpha, in whatever layer."""
    return name.rpartition(".")[2].lower() in COLOURS


def check_shape(values: np.ndarray, window: Window, count: int) -> None:
    """ValueError unless ``values`` covers ``window`` with ``count`` channels: a mistake of the caller's."""
    if values.shape != (window.height, window.width, count):
        raise ValueError(f"values of shape {values.shape} do not cover {window} with {count} channels")


def _replaced(part: Part, channel: str, values: np.ndarray, window: Window) -> np.ndarray:
    stored = part.pixels[channel]
    common = window.intersect(part.data_window)
    inside = part.data_window.slices_of(common)
    fresh = values[window.slices_of(common)]
    merged = keep_plate(fresh, stored[inside])
    if common == part.data_window:
        return merged
    plane = to_float32(stored).copy()
    plane[inside] = merged
    return plane
