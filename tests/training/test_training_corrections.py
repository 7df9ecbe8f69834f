"""Corrections that teach: a run learns them, keeps what it knew, and can be stopped, resumed and undone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from training_bench import StopAt, assert_same_course

from understudy.artist.correct import correct
from understudy.errors import UnderstudyError
from understudy.frames import open_shot
from understudy.runs import RunFolder
from understudy.runs.corrections import read_corrections
from understudy.settings import CorrectSettings
from understudy.training.checkpoints.progress_file import load_progress
from understudy.training.events import Corrected
from understudy.training.teaching.material import Outcome
from understudy.training.teaching.words import say_outcome


def write_image(path: Path, pixels: np.ndarray) -> None:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], "uint8")
    output = oiio.ImageOutput.create(str(path))
    assert output and output.open(str(path), spec) and output.write_image(pixels) and output.close()


def strokes(folder: Path, shot: Any, number: int, size: tuple[int, int] = (48, 32)) -> dict[str, str]:
    """A painted frame that is white on its left, and a mask over a part of that."""
    for name in ("later", "mask"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    truth = np.zeros((size[1], size[0], 1), np.float32)
    truth[:, :24] = 1
    mask = np.zeros_like(truth)
    mask[8:24, 4:20] = 1
    write_image(folder / "later" / f"later.{number}.png", truth)
    write_image(folder / "mask" / f"mask.{number}.png", mask)
    return {
        "ground_truth": str(folder / "later" / "later.####.png"),
        "strokes": str(folder / "mask" / "mask.####.png"),
    }


@pytest.fixture
def taught(make_bench: Any) -> Any:
    bench = make_bench(effect="matte")
    bench.run = bench.train(name="run").run
    return bench


def teach(bench: Any, run: RunFolder, stop: Any = None, **given: Any) -> Any:
    bench.events.clear()
    return correct(CorrectSettings(run=str(run.path), **given), bench.events.append, stop)


def averages(run: RunFolder) -> dict[str, torch.Tensor]:
    return {n: t for n, t in load_progress(run.ost_path)[1].items() if n.startswith("average.")}


def test_a_stroke_is_learned_and_kept_in_the_run(taught: Any, tmp_path: Path) -> None:
    given = strokes(tmp_path, taught.shot, 1002)
    result = teach(taught, taught.run, max_steps=150, **given)
    (found,) = taught.of(Corrected)
    assert result.state == "finished" and result.run.read_state().step == 162
    assert found.right > found.before + 0.2, found
    (kept,) = read_corrections(taught.run.path)
    assert (kept.kind, kept.frames, kept.undone) == ("strokes", (1002,), False)
    assert 0 < kept.changed < 0.2
    assert open_shot(str(kept.truth_path(1002))).numbers
    assert taught.run.newest() == taught.run.cat_path(162)


@pytest.mark.parametrize("after", [1, 5])
def test_a_correction_that_was_stopped_takes_the_same_course(
    make_bench: Any, tmp_path: Path, after: int
) -> None:
    bench = make_bench(effect="matte")
    whole, stopped = bench.train(name="whole").run, bench.train(name="stopped").run
    given = strokes(tmp_path, bench.shot, 1002)
    teach(bench, whole, max_steps=8, **given)
    assert teach(bench, stopped, stop=StopAt(after + 1), max_steps=8, **given).state == "stopped"
    assert bench.resume(stopped).step == 20
    assert_same_course(stopped, whole)


def test_an_undone_correction_leaves_the_weights_from_before_it(taught: Any, tmp_path: Path) -> None:
    before = averages(taught.run)
    teach(taught, taught.run, max_steps=20, **strokes(tmp_path, taught.shot, 1002))
    changed = averages(taught.run)
    assert any(not torch.allclose(before[name], changed[name], atol=1e-4) for name in before)
    teach(taught, taught.run, undo=1)
    after = averages(taught.run)
    assert all(torch.allclose(before[name], after[name], atol=1e-5) for name in before)
    assert read_corrections(taught.run.path)[0].undone


def test_accepted_and_empty_frames_are_corrections_too(taught: Any) -> None:
    teach(taught, taught.run, max_steps=4, accept="1001-1003", empty="1004")
    kinds = [(each.kind, each.frames) for each in read_corrections(taught.run.path)]
    assert kinds == [("accept", (1001, 1002, 1003)), ("empty", (1004,))]
    assert load_progress(taught.run.ost_path)[0].plan.lesson.active == [1, 2]


def test_an_image_is_corrected_as_well(make_bench: Any, tmp_path: Path) -> None:
    bench = make_bench(effect="grade")
    run = bench.train(name="run").run
    teach(bench, run, max_steps=10, empty="1002")
    (found,) = bench.of(Corrected)
    assert found.decibels is not None and found.decibels[1] > found.decibels[0]


def test_a_network_with_a_coarse_view_is_corrected_as_well(make_bench: Any, tmp_path: Path) -> None:
    bench = make_bench(effect="matte")
    run = bench.train(name="run", coarse_view=2).run
    teach(bench, run, max_steps=20, **strokes(tmp_path, bench.shot, 1002))
    (found,) = bench.of(Corrected)
    assert found.right >= found.before


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"strokes": "mask.####.png"},
        {"accept": "5"},
        {"empty": "1-3"},
        {"undo": 3},
        {"undo": 1, "empty": "1001"},
        {"ground_truth": "nowhere.####.png"},
    ],
)
def test_what_cannot_be_corrected_is_refused_and_nothing_is_written(taught: Any, given: Any) -> None:
    with pytest.raises(UnderstudyError) as caught:
        teach(taught, taught.run, **given)
    assert caught.value.exit_code == 2
    assert read_corrections(taught.run.path) == ()


def test_empty_strokes_and_other_sizes_are_refused(taught: Any, tmp_path: Path) -> None:
    given = strokes(tmp_path, taught.shot, 1002)
    write_image(tmp_path / "mask" / "mask.1002.png", np.zeros((32, 48, 1), np.float32))
    with pytest.raises(UnderstudyError, match="black everywhere"):
        teach(taught, taught.run, **given)
    with pytest.raises(UnderstudyError, match="size"):
        teach(taught, taught.run, **strokes(tmp_path, taught.shot, 1002, (50, 40)))
    assert read_corrections(taught.run.path) == ()


def test_a_run_under_way_takes_up_what_is_put_into_its_folder(make_bench: Any, tmp_path: Path) -> None:
    from understudy.artist.correct import add_correction

    bench = make_bench(effect="matte")

    class Artist:
        """Puts a correction into the folder after some steps."""

        reason, seen = "", 0

        def __bool__(self) -> bool:
            self.seen += 1
            if self.seen == 8:
                run = RunFolder.open(bench.data / "run")
                add_correction(run, "empty", (1003,), {}, (), steps=5)
            return False

    run = bench.train(name="run", stop=Artist(), start=time.monotonic(), max_steps=300).run
    lesson = load_progress(run.ost_path)[0].plan.lesson
    assert lesson is not None and lesson.active == [1] and not lesson.alone
    assert run.read_state().learned == [1]


def test_info_lists_the_corrections_of_a_run(taught: Any) -> None:
    from understudy.cli.info import card_of

    teach(taught, taught.run, max_steps=1, empty="1002-1003", author="Ann")
    (line,) = card_of(taught.run.path)["Corrections"]
    assert "empty, frames 1002-1003" in line and "by Ann" in line


def test_how_a_lesson_went_is_said_in_whole_words():
    said = say_outcome(Outcome(0.564, 0.373, 0.0561), matte=True)
    assert said == (
        "56.4% of the corrected place is right now (37.3% before); "
        "of the other frames none changed its matte on more than 5.61% of its pixels."
    )
