"""The demo as a whole: what it writes, what it leaves alone, and what it says."""

from __future__ import annotations

import json

import numpy as np
import pytest

from understudy.frames import open_shot


@pytest.fixture
def folders(tmp_path):
    from folders import Folders

    return Folders(tmp_path / "demo")


@pytest.fixture
def rendered(folders, stage):
    """A small shot, rendered in this process; the learned frames are the truth itself."""
    import rendering
    from shot import NUMBERS

    folders.prepare()
    rendering._stage = stage
    for number in NUMBERS:
        rendering._make_frame(folders, number, 32)
        folders.frame("learned", number).write_bytes(folders.frame("truth", number).read_bytes())
    return folders


def test_only_the_painted_frames_lie_where_training_looks(rendered):
    from shot import NUMBERS, PAINTED

    assert open_shot(rendered.pattern("painted")).numbers == PAINTED
    assert open_shot(rendered.pattern("plate")).numbers == NUMBERS


def test_the_frames_are_half_float_with_frame_rate_and_time_code(rendered):
    frame = open_shot(rendered.pattern("plate")).read(1025)
    assert not frame.is_integer and frame.bits == 16
    assert frame.frame_rate == 24
    # 1025 frames at 24 a second are 42 seconds and 17 frames.
    assert frame.metadata["smpte:TimeCode"] == (0x10004217, 0)


def test_a_perfect_result_is_called_perfect_and_an_untouched_plate_is_not(rendered):
    import judging
    from shot import NUMBERS

    perfect = judging.judge(rendered)
    assert perfect.learned == 100
    assert perfect.plate_unchanged < perfect.colour_fit < 50
    judging._display.cache_clear()
    for number in NUMBERS:
        rendered.frame("learned", number).write_bytes(rendered.frame("plate", number).read_bytes())
    untouched = judging.judge(rendered)
    assert untouched.learned == untouched.plate_unchanged == perfect.plate_unchanged
    assert json.loads(rendered.scores.read_text())["learned"] == untouched.learned


def test_the_contact_sheet_shows_before_after_and_learned_side_by_side(rendered):
    import judging

    judging.contact_sheet(rendered)
    sheet = open_shot(str(rendered.contact_sheet)).read(1).planes("RGB")
    plate, truth = (judging.display(rendered, name, judging.SHOWN[0]) for name in ("plate", "truth"))
    height, width = plate.shape[:2]
    for column, picture in enumerate((plate, truth, truth)):
        left = column * (width + judging.GAP)
        cell = sheet[judging.BAR : judging.BAR + height, left : left + width]
        # The frame's number stands in the corner of the first; of so small a frame it covers a part.
        assert np.median(np.abs(cell - picture)) < 0.005
    assert np.abs(cell - truth).max() < 0.01


def test_a_second_demo_replaces_what_the_first_one_made_and_nothing_else(rendered):
    from understudy.runs.folder import RunFolder

    run = RunFolder.create(rendered.runs, "demo")
    run.write_state(run.read_state().model_copy(update={"state": "finished"}))
    notes, own_run = rendered.home / "plate" / "notes.txt", rendered.runs / "mine"
    notes.write_text("mine")
    own_run.mkdir()
    rendered.prepare()
    assert sorted(path.name for path in (rendered.home / "plate").iterdir()) == ["notes.txt"]
    assert own_run.is_dir() and not run.path.exists()
    assert not list((rendered.home / "learned").iterdir())


def test_a_wrong_time_limit_is_refused_in_words_before_anything_is_rendered(folders, capsys):
    import run

    assert run.main(["--folder", str(folders.home), "--time-limit", "soon"]) == 2
    assert "length of time" in capsys.readouterr().err
    assert not folders.home.exists()


@pytest.mark.slow
def test_the_whole_demo_learns_something_and_says_where_it_is(folders, capsys):
    import judging
    import run

    judging._display.cache_clear()
    arguments = ["--folder", str(folders.home), "--width", "96", "--model-size", "small"]
    assert run.main([*arguments, "--steps", "40"]) == 0
    words = capsys.readouterr().out
    scores = json.loads(folders.scores.read_text())
    assert scores["learned"] > scores["plate_unchanged"] + 5
    assert str(scores["learned_worst_frame"]) in words
    assert folders.contact_sheet.is_file() and folders.contact_sheet.name in words
    assert open_shot(folders.pattern("learned")).numbers == open_shot(folders.pattern("plate")).numbers
