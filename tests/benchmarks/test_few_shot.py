"""The few-shot benchmark: nothing leaks, nothing but the folder is needed, and the figures are right."""

from __future__ import annotations

import json
from pathlib import Path

import few_shot
import few_shot_job
import numpy as np
import pytest
from few_shot_case import find_cases, read_case
from few_shot_job import Cost, understudy_command
from tests.benchmarks.conftest import NUMBERS

from understudy.errors import SettingError, WorkError
from understudy.frames import open_shot, open_sink

TRAIN = (1001, 1004, 1008)


class Actor:
    """Stands in for the commands: notes what it is given, and plays the truth, or the plate."""

    def __init__(self, plays: str) -> None:
        self.plays = plays
        self.painted: tuple[int, ...] = ()
        self.given: list[str] = []
        self.applied: list[list[str]] = []

    def __call__(self, arguments, report) -> Cost:
        if arguments[0] == "train":
            self.given = list(arguments)
            self.painted = open_shot(self._flag("--ground-truth")).numbers
            self.painted_folder = sorted(p.name for p in Path(self._flag("--ground-truth")).parent.iterdir())
            report({"event": "stepped", "step": 5, "total": 7, "loss": 0.5})
            return Cost(seconds=3.0, last={"stepped": {"step": 5}, "ended": {"step": 7}})
        self.applied.append(list(arguments))
        self._play(Path(arguments[2]), arguments[3])
        return Cost(seconds=1.0)

    def _flag(self, name: str) -> str:
        return self.given[self.given.index(name) + 1]

    def _play(self, plate: Path, output: str) -> None:
        source = open_shot(str(plate.parent / "groundtruth" if self.plays == "truth" else plate))
        with open_sink(output, like=source) as sink:
            for number in source.numbers:
                sink.write(number, source.read(number))


@pytest.fixture
def run(monkeypatch, tmp_path):
    """A function that runs the benchmark with an Actor; gives its exit code, figures and the Actor."""

    def start(cases: Path, plays: str = "truth", *more: str):
        actor = Actor(plays)
        monkeypatch.setattr(few_shot, "understudy_command", actor)
        figures = tmp_path / "figures.json"
        code = few_shot.main(["--cases", str(cases), "--json", str(figures), *more])
        return code, json.loads(figures.read_text()), actor

    return start


def test_training_is_given_the_truth_of_the_training_frames_and_no_other(make_case, run):
    _, _, actor = run(make_case(known={"train_frames": TRAIN}))
    assert actor.painted == TRAIN
    assert len(actor.painted_folder) == len(TRAIN)


def test_scores_are_the_mean_over_the_test_frames_only(make_case, run):
    cases = make_case(known={"train_frames": TRAIN, "test_frames": [1002, 1003], "kind": "image"})
    code, figures, _ = run(cases)
    (row,) = figures["cases"]
    assert code == 0
    assert sorted(row["frames"]) == ["1002", "1003"]
    assert row["main"] == 100 and row["flicker"] == 0
    assert row["along_motion"]["result"] == row["along_motion"]["truth"] > 0
    assert row["steps"] == 7 and row["train_seconds"] == 3


def test_stabilised_frames_are_judged_beside_those_that_are_not(make_case, run):
    cases = make_case(known={"train_frames": TRAIN, "kind": "image"})
    _, figures, actor = run(cases, "truth", "--stabilise", "auto")
    row = figures["cases"][0]
    assert actor.applied[1][-2:] == ["--stabilise", "auto"] and "--stabilise" not in actor.applied[0]
    assert row["stabilised"]["main"] == row["main"] == 100
    assert row["stabilised"]["along_motion"] == row["along_motion"]["result"]
    _, figures, _ = run(cases)
    assert figures["cases"][0]["stabilised"] is None


def test_an_unchanged_plate_scores_what_case_or_benchmark_say_for_it(make_case, run):
    _, figures, _ = run(make_case(known={"train_frames": TRAIN}), "plate")
    (row,) = figures["cases"]
    assert row["main"] == pytest.approx(row["baselines"]["identity_psnr_db"], abs=1e-6)
    assert row["above"] == pytest.approx(row["main"] - row["bar"])
    assert row["worst"] == min(row["frames"].values()) == row["frames"][str(row["worst_frame"])]


def test_baselines_that_the_case_names_are_taken_as_they_are(make_case, run):
    known = {"train_frames": TRAIN, "baselines": {"global_colour_fit_psnr_db": 12.5}}
    _, figures, _ = run(make_case(known=known), "plate")
    assert figures["cases"][0]["bar"] == 12.5


def test_a_case_needs_nothing_but_its_two_folders(make_case, run):
    code, figures, actor = run(make_case())
    assert code == 0
    assert len(actor.painted) == 5 and {1001, 1008} <= set(actor.painted)
    assert set(map(int, figures["cases"][0]["frames"])) == set(NUMBERS) - set(actor.painted)


def test_a_matte_is_scored_by_overlap_and_error(make_case, run):
    code, figures, _ = run(make_case(effect="matte", known={"train_frames": TRAIN}))
    (row,) = figures["cases"]
    assert code == 0 and row["kind"] == "matte"
    assert row["main"] == 1 and row["mae"] == 0
    assert 0 <= row["baselines"]["nearest_train_mask_iou"] < 1


def test_scene_linear_frames_are_compared_as_a_screen_shows_them(make_case):
    (folder,) = find_cases(make_case(suffix=".exr", known={"train_frames": TRAIN}))
    case = read_case(folder)
    linear = case.plate.read(1002).planes("RGB")
    middle = np.abs(linear - 0.18) < 0.005
    assert middle.any()
    assert np.abs(case.plate_pixels(1002)[middle] - 0.461).max() < 0.01


@pytest.mark.parametrize("suffix, data_format", [(".tif", "uint16"), (".exr", "float"), (".jpg", "uint8")])
def test_other_formats_and_depths_are_measured_too(make_case, run, suffix, data_format):
    code, figures, _ = run(make_case(suffix=suffix, data_format=data_format))
    assert code == 0
    assert figures["cases"][0]["main"] > 40


def test_a_picture_shows_the_median_and_the_worst_frame(make_case, run, tmp_path):
    run(make_case(), "plate", "--pictures", str(tmp_path / "pictures"))
    picture = open_shot(str(tmp_path / "pictures" / "case.png")).read(1)
    assert picture.display_window.width > 4 * 48
    assert picture.display_window.height > 2 * 32


def test_a_case_that_fails_is_named_and_does_not_stop_the_others(make_case, run):
    cases = make_case("good")
    make_case("bad", known={"train_frames": [1, 2, 3]})
    code, figures, _ = run(cases)
    assert code == 1
    assert [row["name"] for row in figures["cases"]] == ["good"]
    assert "bad" in figures["failed"]


def test_one_case_may_be_asked_for_and_a_wrong_name_lists_the_right_ones(make_case):
    cases = make_case("one")
    make_case("two")
    assert [each.name for each in find_cases(cases, ["two"])] == ["two"]
    with pytest.raises(SettingError, match="one, two"):
        find_cases(cases, ["three"])


def test_what_stands_behind_two_hyphens_goes_to_training(make_case, run):
    _, _, actor = run(make_case(), "truth", "--steps", "3", "--seed", "5", "--", "--crop-size", "64")
    assert actor.given[-2:] == ["--crop-size", "64"]
    assert actor._flag("--max-steps") == "3" and actor._flag("--seed") == "5"
    assert "--time-limit" not in actor.given


def test_a_command_that_fails_says_why(tmp_path):
    with pytest.raises(WorkError, match="nowhere"):
        understudy_command(["info", str(tmp_path / "nowhere")], lambda event: None)


def test_lines_that_are_no_events_are_kept_as_text():
    assert few_shot_job._event("a warning\n") == {"event": "text", "text": "a warning"}
    assert few_shot_job._event('{"event": "said", "text": "x"}')["event"] == "said"


def test_a_case_is_enlarged_before_it_is_learned(
    make_case, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    cases = make_case(known={"train_frames": list(TRAIN), "baselines": {"identity_psnr_db": 99.0}})
    seen: dict[str, object] = {}

    def look(case, *others) -> Cost:
        seen["size"] = case.plate.read(1001).planes(["R"]).shape
        seen["baselines"] = case.baselines
        raise WorkError("seen")

    monkeypatch.setattr(few_shot, "train", look)
    small = read_case(cases / "case").plate.read(1001).planes(["R"]).shape
    assert few_shot.main(["--cases", str(cases), "--enlarge", "2.5"]) == 1
    assert seen["size"][:2] == (round(small[0] * 2.5), round(small[1] * 2.5))
    assert seen["baselines"]["identity_psnr_db"] < 90, "what was measured at another size says nothing here"
