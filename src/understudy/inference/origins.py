"""What the frames of a job are made from, by content: so that a frame that is there already is known to be
the one that would be made now, whatever its plate, its mask and its extra inputs are called.

Each frame carries, for each source, the hash of its content and a stamp of its file. While the stamp is the
same, nothing has to be read to know that the content is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from understudy.errors import UnderstudyError
from understudy.frames import Frame, Neighbours, Shot

NOTHING = "-"
SUFFIX = "_content"
WORDS = {
    "plate": "the plate",
    "beside": "the frames before and after",
    "mask": "the mask",
    "extra": "the extra inputs",
}


@dataclass(frozen=True)
class Origins:
    """The plate of a job, and what else goes into each of its frames: the frames at ``offsets`` from it, of
    ``about``, the ``mask``, and the ``extra`` inputs, of the frames at ``extra_offsets`` from it."""

    plate: Shot
    about: Neighbours | None = None
    offsets: Sequence[int] = ()
    mask: Shot | None = None
    extra: Sequence[Shot] = ()
    extra_offsets: Sequence[int] = (0,)
    _known: dict[tuple[int, int], str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of_files(self, number: int) -> dict[str, str]:
        """What tells the files that a frame is made from. To be asked before they are read: what is replaced
        in between is then made again."""
        return {
            name + SUFFIX: ",".join(self._told(shot, each) for shot, each in parts)
            for name, parts in self._sources(number)
            if not parts[0][0].is_movie
        }

    def of_movies(self, number: int, frame: Frame) -> dict[str, str]:
        """What tells the movie frames that a frame is made from, ``frame`` of the plate among them. To be
        asked afterwards: they are known by their pixels, which have been read by then."""
        return {
            name + SUFFIX: ",".join(self._told(shot, each, frame) for shot, each in parts)
            for name, parts in self._sources(number)
            if parts[0][0].is_movie
        }

    def changed(self, number: int, found: Mapping[str, str]) -> tuple[str, ...]:
        """Which sources of a frame, in words, are not those that one that is there was made from, as far as
        ``found`` tells, what that one carries."""
        sources = dict(self._sources(number))
        changed = [name for name, parts in sources.items() if not self._are_same(name, parts, found)]
        return tuple(WORDS[name] for name in changed)

    def newest(self, number: int) -> float:
        """When the newest file was changed that a frame is made from, in seconds since 1970."""
        parts = [part for _, parts in self._sources(number) for part in parts]
        return max((shot.changed_at(each) for shot, each in parts), default=0.0)

    def _sources(self, number: int) -> Iterator[tuple[str, list[tuple[Shot, int]]]]:
        """Each source, and the frames of it that go into a frame."""
        yield "plate", [(self.plate, number)]
        if self.about is not None:
            yield "beside", [(self.about.shot, number + offset) for offset in self.offsets]
        if self.mask is not None:
            yield "mask", [(self.mask, _of(self.mask, number))]
        if self.extra:
            yield (
                "extra",
                [(shot, _of(shot, number + offset)) for shot in self.extra for offset in self.extra_offsets],
            )

    def _told(self, shot: Shot, number: int, frame: Frame | None = None) -> str:
        """Content and stamp of a frame of a source."""
        if not shot.has(number):
            return NOTHING
        return f"{self._content(shot, number, frame)}:{shot.stamp(number)}"

    def _content(self, shot: Shot, number: int, frame: Frame | None = None) -> str:
        """Its hash, worked out once."""
        key = id(shot), number
        with self._lock:
            if key in self._known:
                return self._known[key]
        content = self._hash(shot, number, frame)
        with self._lock:
            return self._known.setdefault(key, content)

    def _hash(self, shot: Shot, number: int, frame: Frame | None) -> str:
        try:
            if not shot.is_movie:
                return shot.content(number)
            if frame is not None and shot is self.plate and number == frame.number:
                return frame.content
            held = self.about if self.about is not None and shot is self.about.shot else shot
            return held.read(number).content
        except UnderstudyError:
            return NOTHING

    def _are_same(self, name: str, parts: Sequence[tuple[Shot, int]], found: Mapping[str, str]) -> bool:
        recorded = found.get(name + SUFFIX, "").split(",")
        return len(recorded) == len(parts) and all(
            self._is_same(shot, number, each) for (shot, number), each in zip(parts, recorded, strict=True)
        )

    def _is_same(self, shot: Shot, number: int, recorded: str) -> bool:
        if not shot.has(number) or recorded == NOTHING:
            return not shot.has(number) and recorded == NOTHING
        content, _, stamp = recorded.partition(":")
        return stamp == shot.stamp(number) != "" or content == self._content(shot, number) != NOTHING


def knows_origins(found: Mapping[str, str]) -> bool:
    """Whether a frame carries what it was made from; those of older versions do not."""
    return "plate" + SUFFIX in found


def in_words(made_again: Mapping[tuple[str, ...], Sequence[int]]) -> str:
    """``2 as the plate changed, 1 as the mask changed``; empty where nothing was made again."""
    return ", ".join(f"{len(numbers)} as {' and '.join(why)} changed" for why, numbers in made_again.items())


def _of(shot: Shot, number: int) -> int:
    """Which frame of a shot goes with a plate's: the only one, or the one of that number."""
    return shot.numbers[0] if len(shot.numbers) == 1 else number
