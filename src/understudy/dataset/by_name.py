"""Two folders whose files share their names: which picture belongs to which truth."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import PairingError
from understudy.frames.formats import IMAGE_EXTENSIONS

NAMED = 10
"""How many of those without a partner are named."""


@dataclass(frozen=True)
class ByName:
    """``pairs`` of paths, in the order of their names; what has no partner, by its name."""

    pairs: tuple[tuple[str, str], ...]
    lonely_plates: tuple[str, ...] = ()
    lonely_truths: tuple[str, ...] = ()


def pair_by_name(plates: str, truths: str) -> ByName:
    """The pictures of two folders, and of all folders in them, that have one name without its extension, in
    folders of one name; those that this leaves over where the name alone tells them. PairingError where two
    pictures of one side have one name, or nothing has a partner."""
    one, other = (_by_stem(folder, pictures_in(folder)) for folder in (plates, truths))
    found = {stem: (one.pop(stem), other.pop(stem)) for stem in sorted(one.keys() & other.keys())}
    loose, loose_truths = _by_last(one), _by_last(other)
    for last in sorted(loose.keys() & loose_truths.keys()):
        stem, other_stem = loose[last], loose_truths[last]
        if stem and other_stem:
            found[stem] = one.pop(stem), other.pop(other_stem)
    if not found:
        raise _nothing(plates, truths, sorted(one), sorted(other))
    pairs = tuple(found[stem] for stem in sorted(found))
    return ByName(pairs, tuple(sorted(one)), tuple(sorted(other)))


def pictures_in(folder: str) -> Iterator[str]:
    """The paths of the image files in a folder and in those within it, hidden ones left out. A folder that is
    a link is looked into once."""
    seen: set[tuple[int, int]] = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        where = os.stat(root)
        if (where.st_dev, where.st_ino) in seen:
            folders.clear()
            continue
        seen.add((where.st_dev, where.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        start = os.path.join(root, "")
        yield from (start + name for name in files if name[0] != "." and _is_image(name))


def _is_image(name: str) -> bool:
    return name.rpartition(".")[2].lower() in IMAGE_EXTENSIONS and "." in name


def say_lonely(what: str, where: str, names: Iterable[str]) -> list[str]:
    """A sentence on what has no partner: how many there are, and the first of them."""
    listed = list(names)
    if not listed:
        return []
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return [
        f"Not used, as {where} has no such name: {len(listed)} of {what}: {', '.join(listed[:NAMED])}{more}"
    ]


def _by_stem(folder: str, paths: Iterable[str]) -> dict[str, str]:
    """The paths by what they are called in ``folder``, without extensions."""
    found: dict[str, str] = {}
    begins = len(os.path.join(folder, ""))
    for path in paths:
        stem = path[begins:].rpartition(".")[0]
        if stem in found:
            raise PairingError(
                "Two pictures of one side have one name.",
                expected="one picture of each name",
                found=f"{Path(found[stem]).name} and {Path(path).name}",
                where=folder,
                remedy="Move one of them away, or write which is which into a list: --input LIST.csv",
            )
        found[stem] = path
    return found


def _by_last(stems: Iterable[str]) -> dict[str, str]:
    """The stems by their last part; "" where several share it."""
    found: dict[str, str] = {}
    for stem in stems:
        last = os.path.basename(stem)
        found[last] = "" if last in found else stem
    return found


def _nothing(plates: str, truths: str, ours: list[str], theirs: list[str]) -> PairingError:
    return PairingError(
        "No picture has a ground truth of its name.",
        expected="files of one name in both folders, such as cat.jpg and cat.png",
        found=f"{len(ours)} pictures ({_some(ours)}) and {len(theirs)} ground truths ({_some(theirs)})",
        where=f"{plates} and {truths}",
        remedy="Rename them, or write which belongs to which into a list: --input LIST.csv; of several "
        "sequences name one, as in folder/plate.####.exr",
    )


def _some(names: list[str]) -> str:
    return ", ".join([*names[:3], *(["..."] if len(names) > 3 else [])]) or "none"
