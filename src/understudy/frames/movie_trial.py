"""Two frames written as planned, in memory, and read back: what the movie will not hold, ahead of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from understudy.frames.av_library import load_av
from understudy.frames.formats import extension_of
from understudy.frames.movie_info import MovieInfo, movie_info, with_first_frame
from understudy.frames.movie_open import DEMUXERS
from understudy.frames.movie_plan import MoviePlan
from understudy.frames.movie_sound import SoundCopy
from understudy.frames.movie_writer import MovieWriter

_FRAMES = 2


def try_plan(target: Path, plan: MoviePlan, sound: SoundCopy | None = None) -> MovieInfo:
    """What a reader learns of a movie that is written like this. Raises WriteError when it cannot be."""
    memory = io.BytesIO()
    writer = MovieWriter(target, plan, sound, file=memory)
    width, height = plan.size[::-1] if plan.orientation.swapped else plan.size
    grey = np.full((height, width, 4 if "a" in plan.pixel_format else 3), 32768, np.uint16)
    tick = max(round(1 / (plan.rate * plan.time_base)), 1)
    try:
        for number in range(_FRAMES):
            writer.write(grey, number * tick, tick)
        writer.close(0)
    except BaseException:
        writer.abandon()
        raise
    return _read(target, memory)


def lost(plan: MoviePlan, found: MovieInfo) -> Iterator[str]:
    """Sentences on what the plan asks for and the movie would not say."""
    where = f"{plan.codec.name} in {found.metadata.get('major_brand', '').strip() or 'this container'}"
    if not plan.orientation.is_upright and found.orientation != plan.orientation:
        yield f"{where} does not hold how the picture is turned for showing."
    if found.pixel_aspect != plan.aspect:
        yield f"{where} does not hold the pixel aspect of {plan.aspect}: it will be shown with square pixels."
    if plan.fields > 1 and not found.is_interlaced:
        yield f"{where} does not hold that the picture is interlaced."
    said, wanted = found.tags, plan.tags
    for name in ("primaries", "transfer"):
        if getattr(said, name) != getattr(wanted, name):
            yield f"{where} does not hold the colour tag {name} {getattr(wanted, name)}."
    if plan.tags.matrix and said.matrix != wanted.matrix:
        yield f"{where} does not hold the colour tag matrix {wanted.matrix}."
    if plan.hdr and found.hdr != replace(plan.hdr, moving=""):
        yield f"{where} does not hold the metadata on the mastering display and the light level."
    if plan.timecode and str(found.timecode or "") != plan.timecode:
        yield f"{where} does not hold the time code."


def _read(target: Path, memory: io.BytesIO) -> MovieInfo:
    memory.seek(0)
    av = load_av(str(target))
    with av.open(memory, format=DEMUXERS[extension_of(target)], metadata_errors="replace") as container:
        stream = container.streams.video[0]
        info = movie_info(stream)
        for frame in container.decode(stream):
            return with_first_frame(info, frame, int(stream.codec_context.field_order))
    return info
