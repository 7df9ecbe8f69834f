"""Whose photographs the networks learned from: read from SOURCES.md beside them, kept in the weights, and
written as CREDITS.md.

    python -m zoo.credits --data ../shared/photographs
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import NamedTuple

from understudy.errors import UnderstudyError
from understudy.runs.files import write_atomically
from zoo.people.coco import listed
from zoo.people.render import ASSETS, PARTS
from zoo.pictures import Part, names_of
from zoo.renders.environments import environments_of

SOURCES = "SOURCES.md"
ROW = re.compile(r"^\| (?P<file>[\w.-]+\.(?:jpg|hdr)) \|(?P<rest>.*)\|$", re.MULTILINE)
LICENCE = re.compile(r"\[(?P<name>[^\]]+)\]\((?P<address>[^)]+)\)")
BSD = re.compile(r"^```\n(Copyright|BSD 2-Clause License)(.*?)^```", re.MULTILINE | re.DOTALL)
CREDITS = Path(__file__).parents[1] / "src" / "understudy" / "models" / "zoo" / "CREDITS.md"
"""Beside the networks themselves, so that it goes wherever they go."""
HEADING = """# Whose photographs the networks learned from

The networks that come trained learned from the {count} photographs in this table, from the {maps} HDR maps
at its end and from the assets named below, person also from the photographs of people in the last table, and
from nothing else that was made by others. Each licence permits
training, changes and redistribution, also commercially. What was changed: they were made smaller and cut into
crops, and the crops were spoilt as the recipes in `zoo/` say. No picture is part of the weights. Twelve
further photographs of the same collections served for judging alone.

The HDR maps light what was rendered. The scenes that denoise-renders learned from were made for it; four of
five maps light them. The people that person, human-matting and matting learned from are made of what is named
below, the animals and things of code alone, and all maps light them:

{assets}

| title | author | licence | where it lies |
|---|---|---|---|
"""


PEOPLE = """
## Photographs of people

person learned from these {count} photographs of COCO 2017 too, and from the outlines of people in them, which
are the COCO Consortium's (cocodataset.org, [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)). Each
page names the author. Those of COCO whose licence is non-commercial, share-alike or without derivatives were
not taken. In some the outlines were drawn anew, for this. One in eight served for judging alone.

| number in COCO | licence | page |
|---|---|---|
"""
LICENCES = {"CC BY 2.0": "[CC BY 2.0](https://creativecommons.org/licenses/by/2.0/)"}


class Credit(NamedTuple):
    """One photograph. ``licence``: its short name; ``terms``: where that can be read, or nothing."""

    file: str
    title: str
    author: str
    licence: str
    terms: str
    place: str


def read_credits(folder: Path) -> dict[str, Credit]:
    """Every photograph that SOURCES.md names, by its file. UnderstudyError where there is no such file."""
    try:
        text = (folder / SOURCES).read_text(encoding="utf-8")
    except OSError as error:
        raise UnderstudyError(
            "Nothing says whose photographs these are.",
            expected=SOURCES,
            where=str(folder),
            remedy="Name the folder that it lies in.",
        ) from error
    return {row["file"]: _credit(row["file"], row["rest"]) for row in ROW.finditer(text)}


def _credit(file: str, rest: str) -> Credit:
    title, repository, commit, author, licence, *_ = (cell.strip() for cell in rest.split("|"))
    named = LICENCE.search(licence)
    short, terms = (named["name"], named["address"]) if named else (licence.partition(" (")[0], "")
    return Credit(file, title, author, short, terms, f"{repository}, {commit}")


def training_credits(folder: Path) -> list[Credit]:
    """Those of the photographs that are learned from, in order. UnderstudyError where one has none."""
    return _all_known(folder, names_of(folder, "training"))


def _all_known(folder: Path, names: list[str]) -> list[Credit]:
    known = read_credits(folder)
    nameless = [name for name in names if name not in known or not known[name].licence]
    if nameless:
        raise UnderstudyError(
            "Nothing says whose these pictures are, so nothing may be learned from them.",
            found=", ".join(nameless[:5]),
            where=str(folder / SOURCES),
            remedy="Give each of them a row, or leave them out.",
        )
    return [known[name] for name in names]


def environment_credits(folder: Path, parts: tuple[Part, ...]) -> list[Credit]:
    """Those of the HDR maps of some parts that light what is learned from, in order. UnderstudyError where
    one has none."""
    files = sorted(file.name for part in parts for file in environments_of(folder, part))
    return _all_known(folder, files)


def credits_text(folder: Path) -> str:
    """CREDITS.md."""
    found, maps = training_credits(folder), environment_credits(folder, PARTS)
    rows = [f"| {each.title} | {each.author} | {_linked(each)} | {each.place} |" for each in [*found, *maps]]
    text = HEADING.format(count=len(found), maps=len(maps), assets=_assets()) + "\n".join(rows) + "\n"
    text += _people() + "\n"
    licence = BSD.search((folder / SOURCES).read_text(encoding="utf-8"))
    if licence and any(each.licence.startswith("BSD") for each in found):
        text += f"\n## The BSD 2-Clause licence of the aerial photographs\n\n{licence[0]}\n"
    return text


def _people() -> str:
    """The photographs of people, a row for each."""
    rows = [
        f"| {one.number} | {LICENCES.get(one.licence, one.licence)} | {one.address} |" for one in listed()
    ]
    return PEOPLE.format(count=len(rows)) + "\n".join(rows)


def _assets() -> str:
    """What rendered people are made of, a line for each."""
    return "\n".join(f"- {one.title}; {one.author}; {one.licence}; {one.address}" for one in ASSETS)


def _linked(credit: Credit) -> str:
    return f"[{credit.licence}]({credit.terms})" if credit.terms else credit.licence


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m zoo.credits", description="Write CREDITS.md.")
    parser.add_argument("--data", type=Path, required=True, help="the folder of photographs")
    write_atomically(CREDITS, credits_text(parser.parse_args().data))


if __name__ == "__main__":
    main()
