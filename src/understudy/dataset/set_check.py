"""Many pairs on disk -> what is wrong with them: every header, what is there twice, and a sample in full."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from understudy.dataset.checks import Finding
from understudy.dataset.file_check import FileCheck, Told, check_sources
from understudy.dataset.sources import Source
from understudy.dataset.survey import Survey, survey
from understudy.errors import PairingError, SizeError, UnderstudyError
from understudy.frames.matte import spread
from understudy.settings import ColourSettings, DataSettings

Key = tuple[object, ...]
IN_FULL = 32
"""Pairs that are looked at in full."""


def check_many(
    sources: Sequence[Source],
    data: DataSettings,
    colour: ColourSettings,
    told: Told = lambda number, what: None,
) -> FileCheck:
    """Look at the headers of all these pairs, find pictures that are there twice, and look at a sample as at
    the pairs of a shot. ``told`` is called as by ``check_sources``, and of every header.

    Raises what reading the sample raises, and PairingError where no pair can be read.
    """
    found = survey(sources, told=lambda done: told(done, "header of pair"))
    good = [index for index in range(len(sources)) if index not in found.broken]
    if not good:
        raise PairingError(
            "No pair can be read.",
            expected="pictures and ground truths of the same size",
            found=f"{len(sources)} pairs, none of which can: {next(iter(found.broken.values())).message}",
        )
    chosen = spread(good, IN_FULL)
    looked = check_sources([sources[index] for index in chosen], data, colour, told=told)
    findings = [replace(finding, pair=chosen[finding.pair]) for finding in looked.findings]
    findings += [_unusable(sources, index, error) for index, error in found.broken.items()]
    findings += [_twice(sources, index, first) for index, first in duplicates(sources, good)]
    notes = (*looked.notes, found.say(len(sources), None), *_say_channels(found), _say_sample(len(chosen)))
    return replace(looked, findings=tuple(sorted(findings, key=lambda finding: finding.pair)), notes=notes)


def duplicates(sources: Sequence[Source], indices: Sequence[int]) -> list[tuple[int, int]]:
    """The pairs whose picture is that of an earlier one, and that one. Files are read only where another one
    is as long."""
    alike: dict[Key, list[int]] = defaultdict(list)
    for index in indices:
        alike[_length(sources[index])].append(index)
    found: list[tuple[int, int]] = []
    for group in alike.values():
        first: dict[str, int] = {}
        for index in group if len(group) > 1 else ():
            with suppress(UnderstudyError):  # what cannot be read is told by the header
                content = _content(sources[index])
                if content in first:
                    found.append((index, first[content]))
                first.setdefault(content, index)
    return sorted(found)


def _length(source: Source) -> Key:
    size = source.plate.file_size(source.plate_number)
    return (size,) if size else (id(source.plate), source.plate_number)


def _content(source: Source) -> str:
    """What tells a picture: one that is linked is not read twice."""
    with suppress(OSError):
        found = os.stat(source.plate.path(source.plate_number))
        if found.st_nlink > 1:
            return f"{found.st_dev} {found.st_ino}"
    return source.plate.content(source.plate_number)


def _unusable(sources: Sequence[Source], index: int, error: UnderstudyError) -> Finding:
    size = isinstance(error, SizeError)
    said = f"the ground truth is {error.found}, the plate {error.expected}" if size else _short(error)
    remedy = "Mend the file, or leave it out; --allow-broken N leaves out so many."
    name, number = sources[index].name, sources[index].plate_number
    return Finding(index, name, number, "size" if size else "unreadable", said, remedy, 1.0)


def _short(error: UnderstudyError) -> str:
    return f"{error.message.rstrip('.')}: {error.found}" if error.found else error.message


def _twice(sources: Sequence[Source], index: int, first: int) -> Finding:
    said = f"the same picture as {sources[first].name}"
    remedy = "Leave one of them out: it counts twice, and may be judged by what it was learned from."
    name, number = sources[index].name, sources[index].plate_number
    return Finding(index, name, number, "duplicate", said, remedy, 1.0)


def _say_channels(found: Survey) -> list[str]:
    """How many pairs have which numbers of channels, where they differ."""
    if len(found.channels) < 2:
        return []
    counts = sorted(found.channels.items(), key=lambda each: -each[1])
    said = ", ".join(f"{count} of {plate} in and {truth} out" for (plate, truth), count in counts)
    return [f"Channels in the files: {said}."]


def _say_sample(count: int) -> str:
    return f"{count} of them, evenly spread, were looked at in full."
