"""How a movie is written, and what it cannot keep of the one it was made of, said before its first frame."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from understudy.frames.movie_codecs import bits_of, chroma_of, codec_like
from understudy.frames.movie_info import MovieInfo
from understudy.frames.movie_plan import KEEPS_TURN, MoviePlan
from understudy.frames.movie_times import Timing

_TIMECODE = "TimeCodeHandler"


def notes_on(
    plan: MoviePlan, plate: MovieInfo | None, asked: tuple[int, Fraction], times: Timing, extension: str
) -> Iterator[str]:
    """Sentences on how a movie is written, and on what it cannot keep of frames of so many bits and so many a
    second, as is ``asked``."""
    bits, rate = asked
    yield plan.words
    if plan.rate != rate:
        yield f"A .{extension} movie cannot hold {rate} frames a second: it is written at {plan.rate}."
    if bits_of(plan.pixel_format) < bits:
        yield f"{plan.codec.name} holds {bits_of(plan.pixel_format)} bits of the plate's {bits}."
    if plate is None:
        return
    yield from _notes_on_codec(plan, plate, extension)
    yield from _notes_on_time(plate, times, extension)
    if not plate.orientation.is_upright and extension not in KEEPS_TURN:
        yield f"A .{extension} movie does not hold how the picture is turned: it is written upright."
    if plate.is_interlaced and plan.fields <= 1:
        yield f"{plan.codec.name} is written progressive: that the plate is interlaced is lost."
    if plate.hdr.moving:
        yield f"The plate's {plate.hdr.moving} metadata are left out."
    others = [f"{kind} ({codec})" for kind, codec in plate.tracks if kind != "audio" and codec != _TIMECODE]
    if others:
        yield f"Left out, as not of picture or sound: {', '.join(others)}."


def _notes_on_codec(plan: MoviePlan, plate: MovieInfo, extension: str) -> Iterator[str]:
    like = codec_like(plate)
    if like is None or like.name != plan.codec.name:
        why = "is not written here" if like is None else f"does not go into .{extension}"
        yield f"The plate's {plate.codec} {why}: {plan.codec.name} takes its place."
    before, after = chroma_of(plate.pixel_format), chroma_of(plan.pixel_format)
    if before > after:  # 4:2:0 < 4:2:2 < 4:4:4 < RGB
        yield f"The plate's colour is {before}, the movie's {after}."
    if plate.tags.full_range and not plate.is_rgb and not plan.tags.full_range:
        yield f"The plate is of full range, which {plan.codec.name} cannot say: converted, values stay."


def _notes_on_time(plate: MovieInfo, times: Timing, extension: str) -> Iterator[str]:
    has_sound = any(kind == "audio" for kind, _ in plate.tracks)
    if has_sound and not times.keeps_sound:
        yield "The sound is left out: the frames do not keep the plate's time."
    if times.variable and not times.stamps:
        yield f"A .{extension} movie has one frame rate: the plate's times are lost, and its length."
