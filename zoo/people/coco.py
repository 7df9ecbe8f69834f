"""Take the photographs that person learns from out of COCO, with the mattes of their people.

    python -m zoo.people.coco --coco ../coco --output ../people

``--coco`` holds COCO 2017 as its consortium gives it out: train2017/, val2017/ and annotations/ with
instances_train2017.json and instances_val2017.json. Of its photographs those are taken that coco.csv beside
this file names, and none else: their licence (CC BY 2.0, or no known restrictions) permits what is done with
them, which that of most others does not. The outlines of people in them are the COCO Consortium's, CC BY 4.0.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from understudy.errors import UnderstudyError
from understudy.network.card import Source
from zoo.command import in_words
from zoo.people.photographs import MATTES, PHOTOGRAPHS

LIST = Path(__file__).with_name("coco.csv")
PARTS = "train2017", "val2017"
PERSON = 1
"""COCO's number of its category person."""
OUTLINES = Source(
    title="COCO 2017: outlines of people",
    author="COCO Consortium",
    licence="CC BY 4.0",
    address="cocodataset.org",
)


class Listed(NamedTuple):
    """A photograph of COCO. ``address``: its page, which names its author."""

    number: int
    licence: str
    address: str


def listed(file: Path = LIST) -> list[Listed]:
    """All that are learned from, in order."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [Listed(int(row["id"]), row["licence"], row["address"]) for row in csv.DictReader(lines)]


def sources() -> tuple[Source, ...]:
    """Whose they are, for the card of a network."""
    photographs = (
        Source(
            title=f"COCO 2017, photograph {each.number}",
            author="named on its page",
            licence=each.licence,
            address=each.address,
        )
        for each in listed()
    )
    return (OUTLINES, *photographs)


def take(coco: Path, output: Path) -> int:
    """Put each listed photograph and its matte into the folder of renders; how many there are.
    UnderstudyError where COCO is not there, or lacks one of them."""
    wanted = {each.number for each in listed()}
    for folder in (PHOTOGRAPHS, MATTES):
        (output / folder).mkdir(parents=True, exist_ok=True)
    found = 0
    for part in PARTS:
        told = _read(coco / "annotations" / f"instances_{part}.json")
        for image, people in _of(told, wanted):
            name = f"coco-{image['id']:012}"
            shutil.copyfile(coco / part / image["file_name"], output / PHOTOGRAPHS / f"{name}.jpg")
            cv2.imwrite(
                str(output / MATTES / f"{name}.png"), matte_of(people, image["height"], image["width"])
            )
            found += 1
    if found < len(wanted):
        raise UnderstudyError(
            "Photographs are missing.", expected=f"{len(wanted)} of them", found=f"{found}", where=str(coco)
        )
    return found


def _of(told: Any, wanted: set[int]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each wanted image of an annotation file, with all people in it."""
    people: dict[int, list[dict[str, Any]]] = {}
    for each in told["annotations"]:
        if each["category_id"] == PERSON and each["image_id"] in wanted:
            people.setdefault(each["image_id"], []).append(each)
    for image in told["images"]:
        if image["id"] in wanted:
            yield image, people.get(image["id"], [])


def matte_of(people: list[dict[str, Any]], height: int, width: int) -> np.ndarray:
    """uint8 (H, W): 255 where somebody is; a crowd is outlined as one."""
    matte = np.zeros((height, width), np.uint8)
    for each in people:
        outline = each["segmentation"]
        if isinstance(outline, dict):
            matte[_runs(outline["counts"], height, width)] = 255
            continue
        corners = [np.rint(np.reshape(one, (-1, 2))).astype(np.int32) for one in outline]
        for one in corners:
            cv2.fillPoly(matte, [one], 255)
    return matte


def _runs(counts: list[int], height: int, width: int) -> np.ndarray:
    """COCO's uncompressed run lengths, down each column: pixels that are not, that are, and so on."""
    inside = np.arange(len(counts)) % 2 == 1
    flat = np.repeat(inside, counts)
    if flat.size != height * width:
        raise UnderstudyError(
            "An outline does not fit its photograph.",
            expected=f"{height * width} pixels",
            found=str(flat.size),
        )
    return np.asarray(flat.reshape(width, height).T)


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnderstudyError(
            "COCO's outlines cannot be read.",
            expected="COCO 2017: train2017/, val2017/ and annotations/",
            found=str(error),
            where=str(file),
            remedy="Name its folder with --coco.",
        ) from error


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m zoo.people.coco", description="Take people from COCO.")
    parser.add_argument("--coco", type=Path, required=True, help="the folder of COCO 2017")
    parser.add_argument("--output", type=Path, required=True, help="the folder of people")
    flags = parser.parse_args()
    in_words(lambda: print(f"{take(flags.coco, flags.output)} photographs, in {flags.output}"))


if __name__ == "__main__":
    main()
