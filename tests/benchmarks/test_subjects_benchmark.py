"""The benchmark of subjects: what needs no network is what it says, and pairs and shots are both judged."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import subjects

SHAPE = (40, 64)


def a_box(value: float = 1.0, ground: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """A picture (40, 64, 3) of a box on a ground, with a small brighter speck, and the box's matte."""
    matte = np.zeros(SHAPE, np.float32)
    matte[10:30, 20:44] = 1
    pixels = np.where(matte[..., None] > 0, value, ground).repeat(3, 2).astype(np.float32)
    pixels[2:4, 2:4] = 1
    return pixels, matte


def test_the_largest_bright_piece_is_found_and_not_the_speck() -> None:
    pixels, matte = a_box(0.8)
    assert (subjects.largest_bright(pixels) == matte).all()


def test_a_dark_subject_is_found_where_dark_and_bright_are_asked_for() -> None:
    pixels, matte = a_box(0.1, 0.7)
    assert (subjects.largest_apart(pixels) == matte).mean() > 0.99
    assert subjects.largest_bright(pixels)[0, 0] == 1, "the ground is what is bright"


def test_the_mean_matte_is_the_same_for_every_picture() -> None:
    find = subjects.mean_matte([np.zeros(SHAPE, np.float32), np.ones(SHAPE, np.float32)])
    assert np.allclose(find(np.zeros((10, 20, 3), np.float32)), 0.5)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    rows = ["input,truth,split"]
    for index, split in enumerate(("train", "validation", "train", "validation")):
        pixels, matte = a_box(0.8)
        for side, values in (("image", pixels), ("mask", matte)):
            (tmp_path / side).mkdir(exist_ok=True)
            assert cv2.imwrite(str(tmp_path / side / f"{index}.png"), (values * 255).round().astype(np.uint8))
        rows.append(f"image/{index}.png,mask/{index}.png,{split}")
    listed = tmp_path / "pairs.csv"
    listed.write_text("\n".join(rows) + "\n")
    return listed


def test_pairs_are_judged_by_those_for_validation(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subjects, "network", lambda spec: lambda pixels: pixels[..., 0] > 0.5)
    told = tmp_path / "told.json"
    sheets = tmp_path / "sheets"
    assert (
        subjects.main(["a.cat", "--pairs", str(pairs), "--json", str(told), "--pictures", str(sheets)]) == 0
    )
    found = json.loads(told.read_text())["pairs"]
    assert found["largest bright"]["iou"] == pytest.approx(1.0)
    assert found["mean matte"]["iou"] == pytest.approx(1.0), "all mattes are alike here"
    assert 0.98 < found["a"]["iou"] < 1.0, "the speck is too much"
    assert cv2.imread(str(sheets / "pairs.png")).shape[0] == 2 * subjects.SHEET_SIDE


def test_what_is_no_model_is_told_in_a_sentence(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert subjects.main([str(pairs), "--pairs", str(pairs)]) == 2
    assert "pairs.csv" in capsys.readouterr().err
