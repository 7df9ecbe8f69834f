"""One pass over plate and result: what changes along the motion, the movie, and the pictures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from understudy.artist.report import pictures
from understudy.artist.report.events import FrameMeasured
from understudy.artist.report.movie import NAME, BeforeAfter
from understudy.artist.report.subject import Looked, Subject
from understudy.measure import Steadiness, mean_along_motion, steadiness

THUMBS = 12
STRIP = "strip.jpg"


@dataclass
class Seen:
    """What the pass found. ``changes``: by frame what ``steadiness`` tells; ``cuts``: the frames that begin
    another shot."""

    changes: dict[int, Mapping[str, float]] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    steady: Mapping[str, float] = field(default_factory=dict)
    strip: str = ""
    movie: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def cuts(self) -> tuple[int, ...]:
        """The frames that begin another shot: they follow on a frame, and have no change along motion."""
        pairs = itertools.pairwise(self.numbers)
        return tuple(b for a, b in pairs if b == a + 1 and b not in self.changes)


def look(subject: Subject, folder: Path, report: Callable[[object], None], stop: object = None) -> Seen:
    """Go over all frames once; the strip and the movie are put into ``folder``. KeyboardInterrupt once
    ``stop`` is true."""
    seen = Seen()
    movie = BeforeAfter(folder / NAME, subject.plate.frame_rate)
    thumbs: list[np.ndarray] = []
    wanted = _spread(subject.numbers)

    def walk() -> Iterator[Looked]:
        for done, looked in enumerate(subject.frames(), 1):
            if stop:
                raise KeyboardInterrupt
            seen.numbers.append(looked.number)
            movie.add(looked.number, looked.plate, looked.result)
            if looked.number in wanted:
                thumbs.append(pictures.thumb(looked.result))
            report(FrameMeasured(looked.number, done, len(subject.numbers)))
            yield looked

    steps = [_kept(seen, step) for step in _steps(walk())]
    seen.steady = mean_along_motion(steps)
    seen.movie = movie.close()
    seen.notes += [movie.note] if movie.note else []
    if thumbs:
        pictures.write_jpeg(folder / STRIP, pictures.in_a_row(thumbs), 4000)
        seen.strip = STRIP
    return seen


def _steps(frames: Iterator[Looked]) -> Iterator[Steadiness]:
    """The motion is that of the plate: of these frames no truth is known."""
    numbers, guides, results, plates = itertools.tee(frames, 4)
    shots = {"result": (each.made for each in results), "plate": (each.plate for each in plates)}
    return steadiness((each.plate for each in guides), shots, (each.number for each in numbers))


def _kept(seen: Seen, step: Steadiness) -> Steadiness:
    seen.changes[step.number] = {
        name: value for name, value in step.along_motion.items() if not math.isnan(value)
    }
    return step


def _spread(numbers: tuple[int, ...]) -> set[int]:
    places = np.linspace(0, len(numbers) - 1, min(THUMBS, len(numbers)))
    return {numbers[round(float(place))] for place in places}
