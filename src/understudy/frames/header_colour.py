"""What a file's header says about the colour of its values, in the header's own words.

Nothing is made of it here: ``colour`` decides what it means. Movies and PNG say it with two numbers of
ITU-T H.273, which a frame's header holds as OpenImageIO's attribute ``CICP``.
"""

from __future__ import annotations

from dataclasses import dataclass

import OpenImageIO as oiio

from understudy.frames.frame import Frame

UNSPECIFIED = 2
CICP = "CICP"
_FOUR = oiio.TypeDesc("int[4]")


@dataclass(frozen=True)
class HeaderColour:
    """``source`` names what says it, for sentences (``the movie's tags``); it is empty when nothing is said.

    primaries, transfer  numbers of ITU-T H.273 (1 BT.709, 8 linear, 13 sRGB, 16 PQ, 18 HLG, ...);
                         2 is unspecified
    space                a name, where the header gives one
    """

    source: str = ""
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    space: str = ""


def header_colour(frame: Frame) -> HeaderColour:
    """What the header of the frame's selected part says."""
    tags = frame.part.spec.getattribute(CICP)
    if not (isinstance(tags, tuple) and len(tags) == 4):
        return HeaderColour()
    source = "the movie's tags" if frame.file_format == "movie" else f"{CICP} in the header"
    return HeaderColour(source, int(tags[0]), int(tags[1]))


def tag_rgb(spec: oiio.ImageSpec, primaries: int, transfer: int) -> None:
    """Say in ``spec`` what R, G and B over their full range mean; nothing where both are unspecified."""
    if (primaries, transfer) != (UNSPECIFIED, UNSPECIFIED):
        spec.attribute(CICP, _FOUR, (primaries, transfer, 0, 1))
