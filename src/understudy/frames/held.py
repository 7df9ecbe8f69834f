"""Which channels a file of the plate's own kind has room for."""

from __future__ import annotations

from collections.abc import Sequence

from understudy.errors import ChannelError
from understudy.frames.formats import format_named
from understudy.frames.frame import Frame
from understudy.frames.image_plan import channels_written
from understudy.frames.movie_sink import LAYOUT


def lost_in_own_format(frame: Frame, names: Sequence[str]) -> tuple[str, ...]:
    """Those of ``names`` that a file like the frame's own could not hold, if they were added to it."""
    layout = format_named(frame.file_format) or LAYOUT
    try:
        kept = channels_written(frame.with_room(names), layout)
    except ChannelError:
        kept = ()
    return tuple(name for name in names if name not in kept)
