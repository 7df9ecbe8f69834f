"""What may be asked of a run of many pictures: a report and suggestions for a shot, but no corrections."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import understudy
from understudy.artist.suggest import painted
from understudy.errors import RunError
from understudy.frames import open_shot
from understudy.monitor.paths.allowed import AllowedFolders
from understudy.monitor.paths.run_files import NotFound
from understudy.monitor.shot.run_shot import RunShots
from understudy.runs import RunFolder

COUNT = 70
SMALL = {"max_steps": 2, "model_size": "small", "crop_size": 32, "batch_size": 2, "devices": "cpu"}


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures and mattes by name, a shot of four frames, and runs/many, which has learned the pictures."""
    folder, random = tmp_path_factory.mktemp("many"), np.random.default_rng(4)
    for index in range(COUNT):
        name = f"{'ab'[index % 2]}_{index:02d}_x.png"
        matte = np.zeros((40, 48), np.uint8)
        matte[10 : 20 + index % 9, 12:36] = 255
        write(folder / "image" / name, random.integers(0, 80, (40, 48, 3), np.uint8) + matte[..., None] // 2)
        write(folder / "mask" / name, matte)
    for number in range(1001, 1005):
        write(folder / "shot" / f"plate.{number}.png", random.integers(0, 255, (40, 48, 3), np.uint8))
    understudy.train(
        input=folder / "image",
        ground_truth=folder / "mask",
        data_directory=folder / "runs",
        name="many",
        **SMALL,
    )
    return folder


def test_a_report_on_a_shot_shows_the_pictures_that_stand_for_all(folder: Path, tmp_path: Path) -> None:
    made = understudy.report(folder / "runs" / "many", folder / "shot", output=tmp_path / "report")
    figures = json.loads(made.figures.read_text())
    assert [each["frame"] for each in figures["frames"]] == list(range(1001, 1005))
    assert not any(each["painted"] for each in figures["frames"])
    pictures = [each["picture"] for each in figures["pairs"]]
    assert len(pictures) == 48 and all((tmp_path / "report" / picture).is_file() for picture in pictures)
    named = {each["name"] for each in figures["pairs"]}
    assert named < {path.name for path in (folder / "image").iterdir()}


def test_suggestions_look_at_a_few_of_the_pictures(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painted, "MOST_OTHERS", 5)
    run = RunFolder.open(folder / "runs" / "many")
    result = understudy.suggest(folder / "shot", run=run.path, count=2)
    assert len(result.frames) <= 2 and len(result.all) == 4 and result.painted == ()
    with open_shot(str(folder / "shot")) as shot:
        assert len(painted.what_was_learned(run, shot).others) == 5


@pytest.mark.parametrize("given", [{"accept": "1"}, {"empty": "1001"}, {"undo": 1}, {}])
def test_corrections_are_refused_in_words(folder: Path, given: dict[str, object]) -> None:
    with pytest.raises(RunError, match="takes up no corrections") as refused:
        understudy.correct(folder / "runs" / "many", **given)
    assert "70 pairs" in refused.value.found and "--initial-weights" in refused.value.remedy
    assert not (folder / "runs" / "many" / "corrections").exists()


def test_the_page_says_that_there_is_no_shot_to_correct(folder: Path) -> None:
    shots = RunShots(AllowedFolders.of([folder]))
    with pytest.raises(NotFound, match="learned from pictures"):
        shots.of(RunFolder.open(folder / "runs" / "many"))
