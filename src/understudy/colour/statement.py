"""Which space a file's header means."""

from __future__ import annotations

from functools import lru_cache

import OpenImageIO as oiio

from understudy.colour.configs import BUILT_IN, own_config
from understudy.colour.icc import space_of_icc
from understudy.colour.named_space import NamedSpace, find_space, interop_name
from understudy.errors import ColourError
from understudy.frames.header_colour import UNSPECIFIED, HeaderColour

LINEAR_SPACES = (
    *("lin_rec709_scene", "lin_ap1_scene", "lin_ap0_scene", "lin_p3d65_scene", "lin_rec2020_scene"),
    "lin_adobergb_scene",
)
CLOSE = 0.002  # headers round their chromaticities
PLAIN_NAMES = {
    "srgb_rec709_scene": "srgb",
    "srgb_rec709_display": "srgb",
    "lin_rec709_scene": "linear",
    "data": "raw",
}
# Video by other numbers: one curve has four codes, and two sets of primaries are the same to the eye.
_SAME_TRANSFER = {6: 1, 14: 1, 15: 1}
_SAME_PRIMARIES = {2: 1, 5: 1, 6: 1}
_OLDER_NAMES = {"g24_rec709_scene": "Gamma 2.4 Encoded Rec.709"}
_NOT_IN_LIBRARY = {(9, 1): "Rec.1886 Rec.2020 - Display"}

Space = str | NamedSpace
"""``srgb``, ``linear`` or ``raw``, or a named space."""


def space_meant(header: HeaderColour) -> Space | None:
    """The space; None where no known one is what the header says."""
    if header.chromaticities:
        return _by_chromaticities(header.chromaticities)
    name = header.space or (space_of_icc(header.icc) if header.icc else _by_codes(header))
    return plain_or_named(name) if name else None


def plain_or_named(name: str) -> Space | None:
    """A space by its name, alias or role: as ``srgb``, ``linear`` or ``raw`` where it is one of these. None
    where there is none of this name."""
    if name in PLAIN_NAMES:
        return PLAIN_NAMES[name]
    own_config()  # what cannot be read is an error of its own
    try:
        found = find_space(_OLDER_NAMES.get(name, name))
    except ColourError:
        return None
    return PLAIN_NAMES.get(interop_name(found), found)


def _by_codes(header: HeaderColour) -> str:
    if header.transfer == UNSPECIFIED:
        return ""
    transfer = _SAME_TRANSFER.get(header.transfer, header.transfer)
    primaries = _SAME_PRIMARIES.get(header.primaries, header.primaries)
    name = str(_library().get_color_interop_id([primaries, transfer, 0, 1]))
    return name or _NOT_IN_LIBRARY.get((primaries, transfer), "")


def _by_chromaticities(values: tuple[float, ...]) -> Space:
    """Linear values, as all that have chromaticities in an EXR; of unknown primaries where no space has
    them."""
    for name in LINEAR_SPACES:
        known = _library().get_chromaticities(name)
        if known and max(abs(a - b) for a, b in zip(values, known, strict=True)) < CLOSE:
            return plain_or_named(name) or "linear"
    return "linear"


@lru_cache(maxsize=1)
def _library() -> oiio.ColorConfig:
    """The built-in config that knows most spaces."""
    return oiio.ColorConfig(BUILT_IN[1])
