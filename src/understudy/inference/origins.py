"""What the frames of a job are made from, by content: so that a frame that is there already is known to be
the one that would be made now, whatever its plate, its mask and its extra inputs are called.

Each frame carries, for each source, the hash of its content and a stamp of its file. While the stamp is the
same, nothing has to be read to know that the content is.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from understudy.errors import UnderstudyError
from understudy.frames import Frame, Neighbours, Shot
from understudy.inference.chain_plan import Chain

NOTHING = "-"
SUFFIX = "_content"
STATE = "state" + SUFFIX
CONTENT, STAMP = "content", "stamp"
WORDS = {
    "plate": "the plate",
    "beside": "the frames before and after",
    "mask": "the mask",
    "extra": "the extra inputs",
    "state": "the frames before it, whose state goes into it",
}


@dataclass(frozen=True)
class Origins:
    """The plate of a job, and what else goes into each of its frames: the frames at ``offsets`` from it, of
    ``about``, the ``mask``, and the ``extra`` inputs, of the frames at ``extra_offsets`` from it. ``state``:
    which frames go into each by the network's state."""

    plate: Shot
    about: Neighbours | None = None
    offsets: Sequence[int] = ()
    mask: Shot | None = None
    extra: Sequence[Shot] = ()
    extra_offsets: Sequence[int] = (0,)
    state: Chain | None = None
    _known: dict[tuple[int, int], str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _chains: dict[tuple[str, int, int], str] = field(default_factory=dict)

    def of_files(self, number: int) -> dict[str, str]:
        """What tells the files that a frame is made from. To be asked before they are read: what is replaced
        in between is then made again."""
        return {
            name + SUFFIX: ",".join(self._told(shot, each) for shot, each in parts)
            for name, parts in self._sources(number)
            if not parts[0][0].is_movie
        } | ({} if self._has_movies else self._of_state(number))

    def of_movies(self, number: int, frame: Frame) -> dict[str, str]:
        """What tells the movie frames that a frame is made from, ``frame`` of the plate among them. To be
        asked afterwards: they are known by their pixels, which have been read by then."""
        return {
            name + SUFFIX: ",".join(self._told(shot, each, frame) for shot, each in parts)
            for name, parts in self._sources(number)
            if parts[0][0].is_movie
        } | (self._of_state(number) if self._has_movies else {})

    def changed(self, number: int, found: Mapping[str, str]) -> tuple[str, ...]:
        """Which sources of a frame, in words, are not those that one that is there was made from, as far as
        ``found`` tells, what that one carries."""
        sources = dict(self._sources(number))
        changed = [name for name, parts in sources.items() if not self._are_same(name, parts, found)]
        if self.state is not None and not self._has_same_state(number, found, self.state):
            changed.append("state")
        return tuple(WORDS[name] for name in changed)

    def newest(self, number: int) -> float:
        """When the newest file was changed that a frame is made from, in seconds since 1970."""
        parts = [part for _, parts in self._sources(number) for part in parts]
        return max((shot.changed_at(each) for shot, each in parts), default=0.0)

    def _sources(self, number: int) -> Iterator[tuple[str, list[tuple[Shot, int]]]]:
        """Each source, and the frames of it that go into a frame."""
        yield "plate", [(self.plate, number)]
        if self.about is not None and self.offsets:
            yield "beside", [(self.about.shot, number + offset) for offset in self.offsets]
        if self.mask is not None:
            yield "mask", [(self.mask, _of(self.mask, number))]
        if self.extra:
            yield (
                "extra",
                [(shot, _of(shot, number + offset)) for shot in self.extra for offset in self.extra_offsets],
            )

    @property
    def _has_movies(self) -> bool:
        return any(shot.is_movie for shot in (self.plate, *self.extra))

    def _of_state(self, number: int) -> dict[str, str]:
        """What tells the frames that a frame's state comes from: the first of them, content and stamp of
        all."""
        if self.state is None:
            return {}
        begin = self.state.begin(number)
        told = str(begin), self._chain(begin, number, CONTENT), self._chain(begin, number, STAMP)
        return {STATE: ":".join(told)}

    def _has_same_state(self, number: int, found: Mapping[str, str], state: Chain) -> bool:
        """Whether a frame that is there was made from the same frames before it, and from no fewer of them
        than it would be now."""
        recorded, _, others = found.get(STATE, "").partition(":")
        begin = int(recorded) if recorded.lstrip("-").isdecimal() else None
        if begin is None or begin > state.begin(number) or not state.reaches(begin, number):
            return False
        content, _, stamp = others.partition(":")
        same = stamp == self._chain(begin, number, STAMP) != ""
        return same or content == self._chain(begin, number, CONTENT)

    def _chain(self, begin: int, number: int, of: str) -> str:
        """A hash of all that goes into the frames from one to before another, of their contents or stamps;
        empty where a stamp is missing."""
        assert self.state is not None
        numbers = self.state.from_begin(begin, number)
        place = len(numbers) - 1
        while place and (of, begin, numbers[place]) not in self._chains:
            place -= 1
        told = self._chains.get((of, begin, numbers[place]), NOTHING)
        for last, each in zip(numbers[place:], numbers[place + 1 :], strict=False):
            told = self._chains[of, begin, each] = self._linked(told, last, of)
        return told

    def _linked(self, before: str, number: int, of: str) -> str:
        """The chain up to a frame, and that frame."""
        tell = self._content if of == CONTENT else (lambda shot, each: shot.stamp(each))
        texts = [before]
        for name, parts in self._sources(number):
            there = [(self._whole(shot), each) for shot, each in parts if name != "mask"]
            texts += [tell(shot, each) if shot.has(each) else NOTHING for shot, each in there]
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16] if all(texts) else ""

    def _whole(self, shot: Shot) -> Shot:
        """The plate with the frames that are not asked for, which are gone through as well."""
        return self.about.shot if self.about is not None and shot is self.plate else shot

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
