"""How a movie is read, said before work on it begins."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.frames.movie_info import BOTTOM_FIRST, MovieInfo

_MATRICES = {1: "BT.709", 4: "FCC", 5: "BT.601", 6: "BT.601", 7: "SMPTE 240M", 9: "BT.2020"}


def notes_on_reading(info: MovieInfo, varies: str) -> Iterator[str]:
    """Sentences on how a movie is read; ``varies`` are the shortest and longest time of a frame, where they
    differ."""
    if not info.is_rgb:
        span = "full" if info.tags.full_range else "limited"
        matrix = _MATRICES.get(info.tags.matrix, str(info.tags.matrix))
        guessed = " and ".join(info.tags.guessed)
        why = f" (its tags do not say the {guessed})" if guessed else ""
        yield f"The movie is read with the matrix of {matrix} and {span} range{why}."
    turn = info.orientation
    if not turn.is_upright:
        how = f"turned by {turn.degrees} degrees" + (" and mirrored" if turn.mirrored else "")
        yield f"The movie is {how} for showing: its frames are worked on upright."
    if info.is_interlaced:
        first = "bottom" if info.fields in BOTTOM_FIRST else "top"
        yield f"The movie is interlaced, {first} field first: both fields of a frame are worked on together."
    if varies:
        yield f"The movie's frame rate varies: frames are shown for {varies}."
