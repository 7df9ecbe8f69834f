"""How a frame is laid out in the file to be written: as its plate was, or converted to another format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import OpenImageIO as oiio

from understudy.errors import ChannelError
from understudy.frames.alpha import STRAIGHT, across
from understudy.frames.formats import ImageFormat, check_compression, check_depth
from understudy.frames.frame import Frame, Part, header_of, is_colour, kind_of_new, set_kinds, stored_bits
from understudy.frames.header_colour import PNG_SRGB, header_colour
from understudy.frames.keeping import cannot_say, cannot_store, exact_compression, loses
from understudy.frames.orientation import ATTRIBUTE, turn_windows, turned, turns_of
from understudy.frames.provenance import PREFIX
from understudy.frames.values import DTYPES, from_float32, to_float32
from understudy.frames.window import Window

_KIND_OF_DEPTH = {
    "8": "uint8",
    "10": "uint16",
    "12": "uint16",
    "16": "uint16",
    "half": "half",
    "float": "float",
}
_RGB = (("r", "red"), ("g", "green"), ("b", "blue"))
_NOT_WRITTEN = (
    PNG_SRGB,
    *("oiio:subimages", "openexr:chunkCount"),
    *("oiio:miplevels", "openexr:levelmode", "openexr:roundingmode"),
)
_FORMAT_WORDS = ("oiio:", "openexr:", "tiff:", "png:", "jpeg:", "dpx:", "hdr:", "targa:", "cineon:")
_FORMAT_NAMES = ("compression", "planarconfig", "name", "worldtocamera", "worldtoscreen")


@dataclass(frozen=True)
class PartPlan:
    """One part as it will be written: the header, each channel's stored type, and the planes."""

    spec: oiio.ImageSpec
    kinds: tuple[str, ...]
    planes: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class WritePlan:
    parts: tuple[PartPlan, ...]
    notes: tuple[str, ...]


def plan_write(
    frame: Frame,
    target: ImageFormat,
    depth: str | None = None,
    compression: str | None = None,
    attributes: Mapping[str, str] | None = None,
) -> WritePlan:
    """The layout of ``frame`` in a file of the format ``target``, with what had to be changed as ``notes``.

    ``depth`` (``8``, ``10``, ``12``, ``16``, ``half``, ``float``) and ``compression`` override the plate's;
    ``attributes`` are added to the first part's header.
    """
    check_depth(target, depth)
    check_compression(target, compression)
    alike = _is_alike(frame, target)
    parts, notes = (list(frame.parts), []) if alike else _converted(frame, target, depth)
    plans = [_planned(part, target, depth, compression, alike) for part in parts]
    _agree_on_tiles([plan.spec for plan in plans], notes)
    for plan in plans:
        notes += [note for note in _keep_values(plan, target) if note not in notes]
    if alike and target.name == "openexr":
        notes += _unnamed(parts)
    for name, value in (attributes or {}).items():
        plans[0].spec.attribute(name, value)
    return WritePlan(tuple(plans), tuple(notes))


def channels_written(frame: Frame, target: ImageFormat) -> tuple[str, ...]:
    """The channels of ``frame`` that a file of the format ``target`` holds. ChannelError when it can hold
    none of them."""
    return frame.channels if _is_alike(frame, target) else tuple(_channels_for(frame, target))


def _is_alike(frame: Frame, target: ImageFormat) -> bool:
    """Whether the frame can be laid out as its plate was. Channels that were added have no place there where
    a format tells channels by their number."""
    return frame.file_format == target.name and (target.has_names or not frame.added)


def assemble(plan: PartPlan) -> np.ndarray:
    """One contiguous array (height, width, channels) in the stored type, or in float32 for mixed types."""
    mixed = len(set(plan.kinds)) > 1
    dtype = DTYPES["float" if mixed else plan.kinds[0]]
    pixels = np.empty((plan.spec.height, plan.spec.width, len(plan.planes)), dtype=dtype)
    bits = stored_bits(plan.spec)
    for index, (plane, kind) in enumerate(zip(plan.planes, plan.kinds, strict=True)):
        pixels[..., index] = as_kind(plane, kind, bits)
    return pixels


def as_kind(plane: np.ndarray, kind: str, bits: int = 0) -> np.ndarray:
    """A plane in the stored type ``kind``; untouched when it is in that type already."""
    if plane.dtype == DTYPES[kind]:
        return plane
    return from_float32(to_float32(plane), kind, bits)


def _planned(
    part: Part, target: ImageFormat, depth: str | None, compression: str | None, alike: bool
) -> PartPlan:
    kinds = tuple(
        _kind(name, kind, target, depth) for name, kind in zip(part.channels, part.kinds, strict=True)
    )
    spec = oiio.ImageSpec(part.spec)
    set_kinds(spec, kinds)
    made = [name for name, _, _ in header_of(spec) if name.startswith(PREFIX)]  # how the plate was made
    for name in (*_NOT_WRITTEN, *made):
        spec.erase_attribute(name)
    _keep_header(spec)
    if depth is not None and target.name != "openexr":
        spec.attribute("oiio:BitsPerSample", int(depth) if depth.isdigit() else 32)
    _set_compression(spec, target, compression)
    planes = tuple(part.pixels[name] for name in part.channels)
    if alike:
        planes = _laid_as_stored(spec, planes, target)
    if not (alike and stored_bits(spec) == stored_bits(part.spec)):
        planes = tuple(_fit_for(plane, stored_bits(spec)) for plane in planes)
    return PartPlan(spec, kinds, planes)


def _keep_header(spec: oiio.ImageSpec) -> None:
    """What the library adds or leaves out by itself: an environment map stays one, of one level, and a plate
    without a capture date gets none."""
    if "Environment" in spec.get_string_attribute("textureformat"):
        spec.attribute("openexr:levelmode", 0)
    else:
        spec.erase_attribute("textureformat")
    if spec.getattribute("DateTime") is None:
        spec.attribute("DateTime", "")


def _keep_values(plan: PartPlan, target: ImageFormat) -> list[str]:
    """Have the file keep what the planes hold, as far as it can, and sentences on what it cannot."""
    asked = plan.spec.get_string_attribute("compression")
    exact = exact_compression(asked, plan.kinds, plan.planes) if target.name == "openexr" else asked
    if exact != asked:
        plan.spec.attribute("compression", exact)
        return [f"frames with NaN or Inf are compressed with {exact}, as {asked} cannot hold these values"]
    return [*loses(target.name, asked, plan.kinds), *cannot_store(target.name, plan.kinds, plan.planes)]


def _unnamed(parts: list[Part]) -> list[str]:
    if len(parts) < 2 or all(part.name for part in parts):
        return []
    names = ", ".join(f"subimage{index:02d}" for index, part in enumerate(parts) if not part.name)
    return [f"parts without a name are called {names}, as an EXR of several parts has to name them"]


def _laid_as_stored(
    spec: oiio.ImageSpec, planes: tuple[np.ndarray, ...], target: ImageFormat
) -> tuple[np.ndarray, ...]:
    """Planes of a picture that was turned upright, as they lie in the plate's file."""
    back = turns_of(spec, target.name)[::-1]
    turn_windows(spec, back)
    return tuple(turned(planes, back))


def _fit_for(plane: np.ndarray, bits: int) -> np.ndarray:
    """The plane as float32, to be rounded, where a file of this depth would cut its lower bits off."""
    cut_off = plane.dtype.kind == "u" and 0 < bits < plane.dtype.itemsize * 8
    return to_float32(plane) if cut_off else plane


def _set_compression(spec: oiio.ImageSpec, target: ImageFormat, compression: str | None) -> None:
    if compression is not None:
        spec.attribute("compression", compression)
        return
    level = spec.getattribute("openexr:dwaCompressionLevel")
    if target.name == "jpeg":
        spec.attribute("compression", "jpeg:97")
        spec.attribute("jpeg:subsampling", "4:4:4")
    elif level is not None and spec.get_string_attribute("compression") in ("dwaa", "dwab"):
        spec.attribute("compression", f"{spec.get_string_attribute('compression')}:{level:g}")


def _kind(name: str, kind: str, target: ImageFormat, depth: str | None) -> str:
    """The type to store a channel in. An EXR's depth is asked for its colours: Z and ids keep theirs."""
    colour = target.name != "openexr" or is_colour(name)
    if depth is not None and colour:
        return _KIND_OF_DEPTH[depth]
    if kind in target.kinds:
        return kind
    return "float" if "float" in target.kinds else target.kinds[-1]


def _agree_on_tiles(specs: list[oiio.ImageSpec], notes: list[str]) -> None:
    """The library cannot write tiled and scanline parts into one file (it fails or crashes)."""
    if len({spec.tile_width > 0 for spec in specs}) < 2:
        return
    for spec in specs:
        spec.tile_width = spec.tile_height = spec.tile_depth = 0
    notes.append("tiled parts are written as scanlines, since other parts of the file are")


def _converted(frame: Frame, target: ImageFormat, depth: str | None) -> tuple[list[Part], list[str]]:
    """The selected part laid out for another format: its display window, and the channels that it can
    hold."""
    names = _channels_for(frame, target)
    kind = _KIND_OF_DEPTH[depth] if depth else _natural_kind(frame, target)
    notes = _notes(frame, target, names, kind)
    window = frame.data_window if target.has_windows else frame.display_window
    pixels, said = across(frame, names, _cropped(frame.part, names, window), target.name)
    notes += said
    spec = _new_spec(frame, target, names, kind, window)
    if target.has_names:
        set_kinds(spec, [kind_of_new(name, (kind,)) if name in frame.added else kind for name in names])
    part = Part("", tuple(spec.channelnames), dict(zip(spec.channelnames, pixels, strict=True)), spec)
    return [part], notes


def _channels_for(frame: Frame, target: ImageFormat) -> list[str]:
    channels = list(frame.part.channels)
    counts = target.channel_counts or (() if target.has_names or not frame.added else (1, 3, 4))
    if not counts:
        return channels
    short = {name.rpartition(".")[2].lower(): name for name in reversed(channels)}
    colours = [short.get(letter, "") or short.get(word, "") for letter, word in _RGB]
    alpha = short.get("a", "") or short.get("alpha", "")
    if all(colours):
        return [*colours, alpha] if alpha and 4 in counts else colours
    if len(channels) == 1 or "y" in short:
        single = short.get("y", channels[0])
        return [single] if 1 in counts else [single] * 3
    raise ChannelError(
        f"A {target.extensions[0].upper()} file cannot hold these channels.",
        expected="RGB, RGBA or one channel",
        found=", ".join(channels),
        where=str(frame.path),
        remedy="write an EXR, which holds any channels",
    )


def _natural_kind(frame: Frame, target: ImageFormat) -> str:
    """The type that keeps what the plate has, as far as the format can."""
    kind = frame.part.kinds[0]
    if target.name == "openexr":
        return "half" if kind == "half" or (frame.is_integer and frame.bits <= 11) else "float"
    if kind in target.kinds:
        return kind
    floats = kind in ("half", "float") and "float" in target.kinds
    return "float" if floats else _KIND_OF_DEPTH[target.default_depth]


def _notes(frame: Frame, target: ImageFormat, names: list[str], kind: str) -> list[str]:
    notes = []
    kinds = set(frame.part.kinds)
    if kind.startswith("uint") and kinds & {"half", "float"}:
        bits = target.default_depth if kind == "uint16" else "8"
        notes.append(f"float values are clamped to 0..1 and rounded to {bits} bits for {target.name}")
    dropped = [name for name in frame.channels if name not in names]
    if dropped:
        notes.append(f"{target.name} output leaves out the channels {', '.join(dropped)}")
    if not target.has_windows and frame.data_window != frame.display_window:
        notes.append(f"{target.name} output holds the display window only")
    kept = _integer_bits(target, kind)
    if kind.startswith("uint") and frame.is_integer and frame.bits > kept:
        notes.append(f"values of {frame.bits} bits are rounded to {kept} for {target.name}")
    return notes + cannot_say(header_colour(frame), target.name)


def _integer_bits(target: ImageFormat, kind: str) -> int:
    """The bits of each integer value in a file that is not laid out as the plate's."""
    shallow = kind == "uint8" or not target.default_depth.isdigit()
    return DTYPES[kind].itemsize * 8 if shallow else int(target.default_depth)


def _cropped(part: Part, names: list[str], window: Window) -> list[np.ndarray]:
    if window == part.data_window:
        return [part.pixels[name] for name in names]
    common = window.intersect(part.data_window)
    planes = []
    for name in names:
        plane = np.zeros((window.height, window.width), dtype=part.pixels[name].dtype)
        plane[window.slices_of(common)] = part.pixels[name][part.data_window.slices_of(common)]
        planes.append(plane)
    return planes


def _new_spec(
    frame: Frame, target: ImageFormat, names: list[str], kind: str, window: Window
) -> oiio.ImageSpec:
    """A header for another format, with the plate's metadata apart from what only its own format
    understands."""
    spec = oiio.ImageSpec(window.width, window.height, len(names), oiio.TypeDesc(kind))
    spec.channelnames = _names_for(names, target)
    if target.has_windows:
        display = frame.display_window
        spec.x, spec.y = window.x, window.y
        spec.full_x, spec.full_y = display.x, display.y
        spec.full_width, spec.full_height = display.width, display.height
    for name, kind_of_value, value in header_of(frame.part.spec):
        if not name.startswith(_FORMAT_WORDS) and name not in _FORMAT_NAMES:
            spec.attribute(name, kind_of_value, value)
    if kind.startswith("uint") and target.default_depth.isdigit():
        spec.attribute("oiio:BitsPerSample", _integer_bits(target, kind))
    said = header_colour(frame)
    if said.space and not cannot_say(said, target.name):
        spec.attribute("oiio:ColorSpace", said.space)
    spec.attribute("oiio:UnassociatedAlpha", int(target.name in STRAIGHT))
    if turns_of(frame.part.spec, frame.file_format):
        spec.attribute(ATTRIBUTE, 1)  # the picture was turned upright
    return spec


def _names_for(names: list[str], target: ImageFormat) -> tuple[str, ...]:
    if not target.channel_counts:
        return tuple(names)
    return {1: ("Y",), 3: ("R", "G", "B"), 4: ("R", "G", "B", "A")}[len(names)]
