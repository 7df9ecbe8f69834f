"""How much two movies differ, frame by frame, in code values of their depth."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from understudy.errors import UnderstudyError
from understudy.frames.av_library import load_av
from understudy.frames.difference import difference_of_planes
from understudy.frames.movie_open import open_movie
from understudy.frames.movie_shot import MovieShot


def movie_differences(one: Path, other: Path) -> list[float] | None:
    """The largest difference of any value of each frame, in code values of the movies' depth. None where they
    cannot be held against each other: another number of frames, size, depth, codec, time, timecode or sound,
    or one cannot be read."""
    try:
        a, b = MovieShot(str(one), one, None), MovieShot(str(other), other, None)
        with closing(a), closing(b):
            if _layout(a) != _layout(b) or _sound(one) != _sound(other):
                return None
            return [_between(a, b, number) for number in a.numbers]
    except (UnderstudyError, load_av(str(one)).error.FFmpegError, OSError, ValueError):
        return None


def _between(a: MovieShot, b: MovieShot, number: int) -> float:
    one, two = a.read(number).part, b.read(number).part
    return max(difference_of_planes(one.pixels[name], two.pixels[name], a.info.bits) for name in one.channels)


def _layout(shot: MovieShot) -> tuple[object, ...]:
    """All that a frame's pixels do not tell. What the program that wrote it adds, such as the hour, is none
    of it."""
    times = [(shot.time_of(number), shot.duration_of(number)) for number in shot.numbers[1:]]
    return replace(shot.info, metadata={}), shot.total, times


def _sound(path: Path) -> str:
    """What tells the bytes of all tracks beside the picture."""
    digest = hashlib.sha256()
    with open_movie(path) as container:
        streams = [stream for stream in container.streams if stream.type == "audio"]
        for packet in container.demux(streams) if streams else ():
            digest.update(bytes(packet))
    return digest.hexdigest()
