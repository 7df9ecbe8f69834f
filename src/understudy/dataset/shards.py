"""Pairs in tar files, as webdataset lays them out: files that share a name up to its first dot belong
together, such as ``n01.jpg`` and ``n01.png``, or ``n01.jpg`` and ``n01.mask.png``."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from understudy.errors import PairingError
from understudy.frames.formats import extension_of, is_image_path
from understudy.frames.sequence import find_files, parse_pattern
from understudy.frames.tar_files import TarMember, tar_members

MOST_TARS = 100_000
TRUTHS = (
    "truth",
    "ground_truth",
    "groundtruth",
    "gt",
    "mask",
    "matte",
    "alpha",
    "seg",
    "target",
    "output",
    "label",
)
LOSSY = ("jpg", "jpeg")
_BRACES = re.compile(r"\{(\d{1,9})\.\.(\d{1,9})\}")


@dataclass(frozen=True)
class Shards:
    """``pairs`` of members in the order of the tars and of what is in them; ``lonely``: pictures that have no
    partner, by their names; ``tars`` how many there are."""

    pairs: tuple[tuple[TarMember, TarMember], ...]
    lonely: tuple[str, ...]
    tars: int


def read_shards(spec: str) -> Shards:
    """What the tars of ``spec`` hold: one, those of a pattern (``*``, ``####``), or of a range in braces
    (``pairs-{000..041}.tar``). PairingError where there are none, FrameError for one that is damaged."""
    tars = tars_of(os.path.expanduser(spec))
    pairs: list[tuple[TarMember, TarMember]] = []
    lonely: list[str] = []
    for tar in tars:
        for members in _samples(tar):
            pair = _pair(members)
            if pair is not None:
                pairs.append(pair)
            else:
                lonely += [member.name for member in members]
    if not pairs:
        raise PairingError(
            "The tar files hold no pairs.",
            expected="pictures of one name side by side, such as n01.jpg and n01.png",
            found=", ".join(lonely[:3]) or "no picture",
            where=spec,
        )
    return Shards(tuple(pairs), tuple(lonely), len(tars))


def tars_of(spec: str) -> list[str]:
    """The paths of the tars that ``spec`` names, in their order. PairingError where one is missing."""
    if os.path.isfile(spec):
        return [spec]
    ranges = list(_BRACES.finditer(spec))
    if ranges:
        tars = list(_expanded(spec))
        missing = [tar for tar in tars if not os.path.isfile(tar)]
    elif parse_pattern(spec) is not None and not glob.has_magic(spec):
        return [str(path) for path in find_files(spec).files.values()]
    else:
        tars, missing = sorted(glob.glob(spec)), []
    if tars and not missing:
        return tars
    raise PairingError(
        "There are no such tar files.",
        expected="tar files, as in pairs-{000..041}.tar or 'pairs-*.tar'",
        found=f"no {missing[0]}" if missing else "none",
        where=spec,
    )


def _expanded(spec: str) -> Iterator[str]:
    """Every path that a spec with ranges in braces stands for."""
    match = _BRACES.search(spec)
    if match is None:
        yield spec
        return
    first, last = int(match[1]), int(match[2])
    if last < first or last - first >= MOST_TARS:
        raise PairingError(
            "The range of tar files cannot be read.",
            expected=f"from a smaller to a larger number, at most {MOST_TARS} files",
            found=match[0],
            where=spec,
        )
    for number in range(first, last + 1):
        yield from _expanded(f"{spec[: match.start()]}{number:0{len(match[1])}d}{spec[match.end() :]}")


def _samples(tar: str) -> Iterator[list[TarMember]]:
    """The pictures of each sample: its files lie side by side."""
    key, members = "", list[TarMember]()
    for member in tar_members(tar):
        folder, name = os.path.split(member.name)
        own = os.path.join(folder, name.partition(".")[0])
        if own != key:
            yield from [members] if members else []
            key, members = own, []
        if is_image_path(name) and not name.startswith("."):
            members.append(member)
    yield from [members] if members else []


def _pair(members: Sequence[TarMember]) -> tuple[TarMember, TarMember] | None:
    """Plate and truth among the two pictures of a sample: the truth is the one that is called so, or the one
    that is not a JPEG, where the other one is."""
    if len(members) != 2:
        return None
    for tells in (_is_called_truth, lambda member: extension_of(member.name) not in LOSSY):
        found = [bool(tells(member)) for member in members]
        if sum(found) == 1:
            truth = found.index(True)
            return members[1 - truth], members[truth]
    return None


def _is_called_truth(member: TarMember) -> bool:
    words = os.path.basename(member.name).lower().split(".")[1:-1]
    return any(word in TRUTHS for word in words)
