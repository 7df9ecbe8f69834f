"""Stages: what the network makes of the same pictures, early and late, on sheets and strips."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training_bench import StopAt

from understudy.errors import SettingError, UnderstudyError
from understudy.frames import read_image_file
from understudy.runs import RunFolder
from understudy.settings.preview import parse_stages
from understudy.training.contact_sheet import GAP
from understudy.training.stage_sheet import CELL, make_stage_sheet, parts_of, read_strip


def strips(run: RunFolder) -> list[tuple[int, int]]:
    return [(step, picture) for step, picture, _ in run.stage_strips()]


@pytest.mark.parametrize(
    ("text", "means"),
    [(None, None), ("4", 4), ("100,1000, 10000", (100, 1000, 10000)), ("1000", (1000,)), ("7,3,7", (3, 7))],
)
def test_stages_are_a_number_of_them_or_steps(text: str | None, means: object) -> None:
    assert parse_stages(text) == means


@pytest.mark.parametrize("text", ["", "four", "0", "3,-1", "1,,2", "9999999999"])
def test_stages_that_are_none_are_refused(bench: Any, text: str) -> None:
    with pytest.raises(SettingError):
        bench.settings(stages=text)


def test_every_stage_shows_each_picture_beside_its_cut_out_and_its_matte(make_bench: Any) -> None:
    bench = make_bench(effect="matte")
    run = bench.train(stages="3", stage_pictures=bench.shot.plate, checkpoint_interval=5).run
    assert strips(run) == [(step, picture) for step in (4, 8, 12) for picture in range(1, 6)]
    assert [step for step, _ in run.stage_sheets()] == [4, 8, 12]
    kept = {step for step, _ in run.checkpoints()}
    assert kept == {4, 5, 8, 10, 12}, "a stage has a checkpoint of its own"
    strip = read_strip(run.stage_path(12, 2))
    assert strip is not None and strip.shape == (32 + 2 * GAP, 3 * 48 + 4 * GAP, 3)
    picture, cut_out, matte = parts_of(strip)
    plate = read_image_file(bench.shot.plate_file(1002)).planes(("R", "G", "B"))
    assert np.abs(picture / 255 - plate).max() < 0.01
    assert np.abs(cut_out - picture * (matte / 255.0)).max() <= 2
    sheet = read_strip(run.stage_sheet_path(12))
    assert sheet is not None and sheet.shape[1] == GAP + 4 * (CELL + GAP)
    before = read_strip(run.stage_sheet_path(4))
    assert before is not None and before.shape[1] == GAP + 2 * (CELL + GAP), (
        "no stage is there before its time"
    )


def test_images_show_the_result_and_what_it_changes(bench: Any) -> None:
    run = bench.train(stages="6,12").run
    assert strips(run) == [(step, picture) for step in (6, 12) for picture in range(1, 5)]
    strip = read_strip(run.stage_path(12, 1))
    assert strip is not None
    picture, result, change = (part.astype(int) for part in parts_of(strip))
    assert (np.abs(result - picture) == change).all() and change.any()


def test_pictures_alone_make_every_checkpoint_a_stage(bench: Any) -> None:
    run = bench.train(stage_pictures=bench.shot.plate_file(1001), checkpoint_interval=5).run
    assert strips(run) == [(5, 1), (10, 1), (12, 1)]


def test_a_run_that_goes_on_has_the_stages_of_one_that_never_stopped(bench: Any) -> None:
    whole = bench.train(name="whole", stages="3").run
    stopped = bench.train(name="stopped", stages="3", stop=StopAt(6)).run
    assert {step for step, _ in strips(stopped)} == {4}
    resumed = bench.resume(stopped).run
    assert strips(resumed) == strips(whole)
    for step, picture, path in resumed.stage_strips():
        assert path.read_bytes() == whole.stage_path(step, picture).read_bytes()
    assert resumed.stage_sheet_path(12).read_bytes() == whole.stage_sheet_path(12).read_bytes()


def test_a_checkpoint_of_a_stage_is_not_pruned(bench: Any) -> None:
    run = bench.train(stages="2,4", checkpoint_interval=1, max_checkpoints=3).run
    assert {2, 4, 12} <= {step for step, _ in run.checkpoints()}


def test_pictures_that_cannot_be_read_are_said_before_the_start(bench: Any, tmp_path: Any) -> None:
    (tmp_path / "nothing").mkdir()
    for spec in (str(tmp_path / "gone.png"), str(tmp_path / "nothing")):
        with pytest.raises(UnderstudyError):
            bench.train(stage_pictures=spec)
    assert not bench.data.exists()


def test_a_picture_that_goes_away_ends_no_run(bench: Any, make_shot: Any) -> None:
    other = make_shot(name="other", numbers=[1])

    class Gone(StopAt):
        def __bool__(self) -> bool:
            other.plate_file(1).unlink(missing_ok=True)
            return False

    result = bench.train(stages="4", stage_pictures=other.plate_file(1), stop=Gone(0))
    assert result.state == "finished" and "No stage: " in bench.said()


def test_deleting_a_run_takes_its_stages_along(bench: Any) -> None:
    run = bench.train(stages="2").run
    run.delete()
    assert not run.path.exists()


def test_a_sheet_of_many_stages_shows_the_first_the_last_and_some_between() -> None:
    strip = np.zeros((20 + 2 * GAP, 3 * 30 + 4 * GAP, 3), np.uint8)
    sheet = make_stage_sheet({1: dict.fromkeys(range(1, 41), strip)}, matte=True)
    assert sheet.shape[1] == GAP + 13 * (CELL + GAP)
