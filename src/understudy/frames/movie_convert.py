"""Pixels of one format -> another, by the colour tags; fields apart from each other where chroma is halved in
height."""

from __future__ import annotations

from fractions import Fraction
from types import ModuleType
from typing import Any

from understudy.frames.av_library import interpolation

_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
_ANY_TIME = Fraction(1, 1000)


def convert(
    av: ModuleType, frame: Any, pixel_format: str, *, matrix: int, ranges: tuple[bool, bool], fields: bool
) -> Any:
    """A PyAV frame in another pixel format. ``matrix`` is that of H.273, 0 for none; ``ranges``: whether the
    frame is, and will be, of full range; ``fields``: rows are of two moments in turn. Raises as PyAV does."""
    if fields and matrix in _MATRICES and "420" in frame.format.name + pixel_format:
        return _convert_fields(av, frame, pixel_format, _MATRICES[matrix], ranges)
    reformatter = av.video.reformatter
    before, after = (reformatter.ColorRange.JPEG if full else reformatter.ColorRange.MPEG for full in ranges)
    return reformatter.VideoReformatter().reformat(
        frame,
        format=pixel_format,
        src_colorspace=matrix or None,
        dst_colorspace=matrix or None,
        src_color_range=before,
        dst_color_range=after,
        interpolation=interpolation(av),
        threads=1,
    )


def mark_fields(av: ModuleType, frame: Any, top_first: bool) -> Any:
    """The frame, called interlaced, which PyAV has no other way for."""
    return _through(av, frame, ("setfield", "tff" if top_first else "bff"))


def _convert_fields(
    av: ModuleType, frame: Any, pixel_format: str, matrix: str, ranges: tuple[bool, bool]
) -> Any:
    """Chroma that is halved in height belongs to the rows of one field: mixed with the other's, it would
    smear wherever something moves."""
    before, after = ("full" if full else "limited" for full in ranges)
    scale = (
        f"interl=1:in_color_matrix={matrix}:out_color_matrix={matrix}:in_range={before}:out_range={after}"
        ":flags=bicubic+accurate_rnd+full_chroma_int"
    )
    return _through(av, frame, ("scale", scale), ("format", f"pix_fmts={pixel_format}"))


def _through(av: ModuleType, frame: Any, *filters: tuple[str, str]) -> Any:
    """The frame after FFmpeg's filters, with the time stamp that it had."""
    graph = av.filter.Graph()
    last = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=_ANY_TIME
    )
    for name, arguments in filters:
        added = graph.add(name, arguments)
        last.link_to(added)
        last = added
    last.link_to(graph.add("buffersink"))
    graph.configure()
    time, base = frame.pts, frame.time_base
    frame.pts, frame.time_base = 0, _ANY_TIME
    graph.push(frame)
    if base is not None:
        frame.pts, frame.time_base = time, base
    return graph.pull()
