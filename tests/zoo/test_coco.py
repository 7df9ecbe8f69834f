"""Of COCO those photographs are taken that are listed, with the mattes of all people in them."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from tests.zoo.conftest import painted
from zoo.people import coco

from understudy.errors import UnderstudyError

CAR = 3


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two listed photographs, and one that is not listed."""
    monkeypatch.setattr(coco, "listed", lambda: [coco.Listed(n, "CC BY 2.0", f"a/{n}") for n in (7, 9)])
    for part in coco.PARTS:
        (tmp_path / part).mkdir()
    (tmp_path / "annotations").mkdir()
    box = [[10, 5, 29, 5, 29, 34, 10, 34]]
    runs = {"counts": [40 * 2, 40, 40 * 57], "size": [40, 60]}
    told = {
        "train2017": (7, [(coco.PERSON, box), (CAR, [[0, 0, 9, 0, 9, 9]])]),
        "val2017": (9, [(coco.PERSON, runs)]),
    }
    for part, (number, outlines) in told.items():
        images = [{"id": n, "file_name": f"{n:012}.jpg", "height": 40, "width": 60} for n in (number, 8)]
        for image in images:
            cv2.imwrite(str(tmp_path / part / image["file_name"]), painted(number, 40, 60))
        annotations = [
            {"image_id": number, "category_id": category, "segmentation": one} for category, one in outlines
        ]
        text = json.dumps({"images": images, "annotations": annotations})
        (tmp_path / "annotations" / f"instances_{part}.json").write_text(text)
    return tmp_path


def test_what_is_listed_is_taken_with_the_outlines_of_its_people(folder):
    assert coco.take(folder, folder / "people") == 2
    names = sorted(file.name for file in (folder / "people" / "photographs").iterdir())
    assert names == ["coco-000000000007.jpg", "coco-000000000009.jpg"]
    box, column = (
        cv2.imread(str(folder / "people" / "mattes" / f"coco-{number:012}.png"), cv2.IMREAD_GRAYSCALE)
        for number in (7, 9)
    )
    assert (box[5:35, 10:30] == 255).all() and (box > 0).sum() == 30 * 20
    assert (column[:, 2] == 255).all() and (column > 0).sum() == 40


def test_a_photograph_that_is_missing_is_said(folder, monkeypatch):
    monkeypatch.setattr(coco, "listed", lambda: [coco.Listed(n, "CC BY 2.0", "a") for n in (7, 9, 11)])
    with pytest.raises(UnderstudyError, match="missing"):
        coco.take(folder, folder / "people")
    with pytest.raises(UnderstudyError, match="cannot be read"):
        coco.take(folder / "none", folder / "people")


def test_runs_that_do_not_fit_are_refused():
    with pytest.raises(UnderstudyError, match="does not fit"):
        coco.matte_of([{"segmentation": {"counts": [3, 4]}}], 40, 60)


def test_all_that_are_listed_may_be_learned_from():
    """Neither non-commercial, nor share-alike, nor without derivatives."""
    found = coco.listed()
    assert len(found) > 300 and len({each.number for each in found}) == len(found)
    assert {each.licence for each in found} <= {"CC BY 2.0", "No known copyright restrictions"}
    assert all("flickr.com/photo.gne?id=" in each.address for each in found)
    assert coco.sources()[0].licence == "CC BY 4.0" and len(coco.sources()) == len(found) + 1
    assert np.all(np.diff([each.number for each in found]) > 0)
