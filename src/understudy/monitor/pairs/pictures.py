"""Pairs of pictures before a training: by name, of a list or of tar files; counted, looked at, some shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from understudy.dataset.file_check import check_sources
from understudy.dataset.left_out import NAMED
from understudy.dataset.matching import Matched, match_all
from understudy.dataset.sources import Source
from understudy.dataset.survey import survey
from understudy.errors import UnderstudyError
from understudy.frames import Shot
from understudy.frames.matte import spread
from understudy.frames.picture_set import PictureSet
from understudy.monitor.paths.allowed import AllowedFolders
from understudy.monitor.paths.pictures import check_pictures
from understudy.settings import DataSettings, TrainSettings

SECONDS = 2.0
"""How long headers are looked at."""
IN_FULL = 8
SHOWN = 12


class Shown(BaseModel):
    """One of many pairs, to be looked at: what it is called, and where its two pictures are read."""

    name: str
    input: str
    input_number: int
    ground_truth: str
    ground_truth_number: int


@dataclass
class LookedAt:
    """What a look at the pairs has found: the size of the first, and sentences for the artist."""

    width: int = 0
    height: int = 0
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def match_pictures(data: DataSettings, allowed: AllowedFolders) -> Matched:
    """The pairs of all inputs. Raises what matching them raises, and PathNotAllowed where a picture lies
    outside of the folders."""
    check_pictures(allowed, data)
    return match_all(data)


def look_at(sources: Sequence[Source], settings: TrainSettings) -> LookedAt:
    """Look at headers for a moment, and at a few pairs in full."""
    found = LookedAt()
    headers = survey(sources, SECONDS)
    found.notes.append(headers.say(len(sources), SECONDS))
    broken = [
        f"{sources[index].name}: {error.message} {error.found}".strip()
        for index, error in sorted(headers.broken.items())
    ]
    if broken:
        more = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        found.warnings.append(f"Cannot be used: {'; '.join(broken[:NAMED])}{more}")
    good = [index for index in spread(range(len(sources)), IN_FULL) if index not in headers.broken]
    if good:
        found.height, found.width = headers.sizes.get(good[0], (0, 0))
        _look_in_full([sources[index] for index in good], settings, found)
    return found


def _look_in_full(sources: Sequence[Source], settings: TrainSettings, found: LookedAt) -> None:
    try:
        looked = check_sources(sources, settings.data, settings.colour, beside=False)
    except UnderstudyError as error:
        found.warnings.append(f"{error.message} {error.found} {error.where}".strip())
        return
    found.notes += looked.notes
    found.warnings += [finding.sentence for finding in looked.findings]


def shown_of(sources: Sequence[Source]) -> Iterator[Shown]:
    """A few pairs, evenly spread, whose pictures are files, and where these are read."""
    for index in spread(range(len(sources)), SHOWN):
        source = sources[index]
        plate, truth = (
            _place(shot, number)
            for shot, number in ((source.plate, source.plate_number), (source.truth, source.truth_number))
        )
        if plate and truth:
            yield Shown(
                name=source.name,
                input=plate[0],
                input_number=plate[1],
                ground_truth=truth[0],
                ground_truth_number=truth[1],
            )


def _place(shot: Shot, number: int) -> tuple[str, int] | None:
    """The spec and number by which one frame is read; None for a member of a tar, which has no file."""
    if not isinstance(shot, PictureSet):
        return shot.spec, number
    path, file = shot.path(number), shot.file(number)
    return (str(path), 1) if path == file else None
