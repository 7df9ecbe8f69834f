"""The script that makes a set of pairs: the same ones always, exact, and it goes on where it was stopped."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from understudy.dataset.matching import match_all
from understudy.settings import DataSettings

PAIRS = Path(__file__).resolve().parents[2] / "examples" / "pairs"


@pytest.fixture(scope="module")
def make_pairs() -> ModuleType:
    sys.path.insert(0, str(PAIRS))
    try:
        return importlib.import_module("make_pairs")
    finally:
        sys.path.remove(str(PAIRS))


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures, each of one colour and grain."""
    folder, random = tmp_path_factory.mktemp("photographs"), np.random.default_rng(0)
    (folder / "more").mkdir()
    for index in range(12):
        pixels = random.integers(0, 60, (90, 120, 3)) + random.integers(0, 195, 3)
        cv2.imwrite(
            str(folder / ("more" if index % 3 else ".") / f"p{index:02d}.png"), pixels.astype(np.uint8)
        )
    (folder / "notes.txt").write_text("no picture")
    return folder


def made(make_pairs: ModuleType, photographs: Path, output: Path, *more: str) -> dict[str, bytes]:
    assert make_pairs.main([str(photographs), str(output), "--side", "64", "--threads", "2", *more]) == 0
    files = [path for path in output.rglob("*") if path.is_file()]
    return {str(path.relative_to(output)): path.read_bytes() for path in files}


def test_the_same_call_makes_the_same_files_and_goes_on_where_it_was_stopped(
    make_pairs: ModuleType, photographs: Path, tmp_path: Path
) -> None:
    whole = made(make_pairs, photographs, tmp_path / "whole", "--count", "12")
    assert len(whole) == 2 * 12 + 2
    part = made(make_pairs, photographs, tmp_path / "part", "--count", "5", "--threads", "1")
    assert set(part) < set(whole)
    picture = next((tmp_path / "part" / "image").iterdir())
    picture.unlink()  # as if it had been stopped before it
    assert made(make_pairs, photographs, tmp_path / "part", "--count", "12") == whole
    other = made(make_pairs, photographs, tmp_path / "other", "--count", "12", "--seed", "1")
    assert other.keys() & {"pairs.csv", "made.json"} and other != whole


def test_the_pairs_are_found_by_their_names_and_by_their_list(
    make_pairs: ModuleType, photographs: Path, tmp_path: Path
) -> None:
    made(make_pairs, photographs, tmp_path, "--count", "4")
    folders = {"input": str(tmp_path / "image"), "ground_truth": str(tmp_path / "mask")}
    assert len(match_all(DataSettings(**folders)).sources) == 4
    listed = match_all(DataSettings(input=str(tmp_path / "pairs.csv")))
    assert (len(listed.sources), len(listed.validation)) == (3, 1)


def test_a_picture_is_the_subject_where_the_matte_is_white_and_the_ground_where_it_is_black(
    make_pairs: ModuleType, photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = make_pairs.Photographs(photographs)
    white, black = np.ones((64, 64, 3), np.float32), np.zeros((64, 64, 3), np.float32)
    monkeypatch.setattr(pictures, "crops", lambda *_: (white, black))
    monkeypatch.setattr(make_pairs, "_lit", lambda random, subject: subject)
    for index in range(12):
        _, picture, matte = make_pairs.make_pair(pictures, 0, index, 64)
        light = make_pairs.LIGHT[picture]
        assert np.abs(light - matte[..., None] / 255).max() < 0.006  # linear light, in codes of sRGB


def test_mattes_of_every_kind_have_edges_and_are_neither_empty_nor_full(make_pairs: ModuleType) -> None:
    cut_outs = sys.modules["cut_outs"]
    seen = set()
    for index in range(60):
        kind, matte = cut_outs.draw_matte(np.random.default_rng(index), 64)
        seen.add(kind)
        assert 0.005 < matte.mean() < 0.95 and ((matte > 0.02) & (matte < 0.98)).any()
    assert seen == set(cut_outs.KINDS)


def test_validation_pictures_are_of_photographs_of_their_own(
    make_pairs: ModuleType, photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = make_pairs.Photographs(photographs)
    taken: list[int] = []
    monkeypatch.setattr(pictures, "_crop", lambda random, at, side: taken.append(at))
    pictures.crops(np.random.default_rng(0), 8, True)
    validation = set(taken)
    taken.clear()
    for seed in range(50):
        pictures.crops(np.random.default_rng(seed), 8, False)
    assert not validation & set(taken)


def test_a_folder_of_other_pairs_and_one_without_photographs_are_refused(
    make_pairs: ModuleType, photographs: Path, tmp_path: Path
) -> None:
    made(make_pairs, photographs, tmp_path / "a", "--count", "1")
    with pytest.raises(SystemExit, match="another seed"):
        make_pairs.main([str(photographs), str(tmp_path / "a"), "--seed", "2", "--side", "64"])
    (tmp_path / "none").mkdir()
    with pytest.raises(SystemExit, match="two photographs or more"):
        make_pairs.main([str(tmp_path / "none"), str(tmp_path / "b")])
