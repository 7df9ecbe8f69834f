"""The benchmark of starts: with and without in equal steps, nothing twice, and what half the steps reach."""

from __future__ import annotations

import json
import shutil

import few_shot_bench
import pytest
import starts
from few_shot_job import Cost
from starts_table import Measured, Run, as_table, compared, worst_words

from understudy.frames import open_shot

SHOT = "denoise_coffee"


class Actor:
    """Stands in for the commands: notes how each training begins and how long it is; plays the plate."""

    def __init__(self) -> None:
        self.trainings: list[tuple[str, int | None]] = []
        self.painted: list[tuple[int, ...]] = []

    def __call__(self, arguments, report) -> Cost:
        words = list(arguments)
        if words[0] == "train":
            steps = int(words[words.index("--max-steps") + 1]) if "--max-steps" in words else None
            begins = words[words.index("--initial-weights") + 1] if "--initial-weights" in words else ""
            self.trainings.append((begins, steps))
            self.painted.append(open_shot(words[words.index("--ground-truth") + 1]).numbers)
            assert steps or words[words.index("--time-limit") + 1] == "120s"
            report({"event": "stepped", "step": 1})
            return Cost(seconds=3.0, last={"ended": {"step": 77}})
        plate = open_shot(words[2])
        for number in plate.numbers:
            target = words[3].replace("####", str(number))
            few_shot_bench.Path(target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(plate.path(number), target)
        return Cost(seconds=1.0)


@pytest.fixture
def bench(monkeypatch, tmp_path, make_case, zoo):
    """A function that runs the benchmark on one made shot with an Actor: exit code, figures and the Actor."""
    cases = make_case(SHOT, known={"kind": "image", "train_frames": [1001, 1008]})
    file = tmp_path / "figures.json"

    def run(*flags: str):
        actor = Actor()
        monkeypatch.setattr(few_shot_bench, "understudy_command", actor)
        code = starts.main(["--cases", str(cases), "--json", str(file), *flags])
        return code, json.loads(file.read_text()) if file.exists() else None, actor

    return run


def test_a_start_is_tried_with_and_without_in_equal_steps_on_the_painted_frames_alone(bench, zoo):
    weights = str(zoo("denoise"))
    code, figures, actor = bench("--steps", "10", "20")
    assert code == 0
    assert actor.trainings == [("none", 10), (weights, 10), ("none", 20), (weights, 20)]
    assert set(actor.painted) == {(1001, 1008)}
    assert [each["run"]["start"] for each in figures["runs"]] == ["none", "denoise", "none", "denoise"]
    assert all(each["score"] < 100 and each["kind"] == "image" for each in figures["runs"])


def test_what_was_measured_with_the_same_weights_is_not_measured_again(bench, zoo):
    zoo("denoise")
    bench("--steps", "10")
    weights = str(zoo("denoise"))
    _, _, actor = bench("--steps", "10")
    assert actor.trainings == []
    zoo("denoise", spread=0.5)
    _, figures, actor = bench("--steps", "10")
    assert actor.trainings == [(weights, 10)]
    assert len(figures["runs"]) == 2


def test_figures_of_another_seed_are_refused_and_kept(bench, zoo, capsys):
    zoo("denoise")
    _, before, _ = bench("--steps", "10")
    code, after, actor = bench("--steps", "20", "--seed", "1")
    assert (code, after, actor.trainings) == (2, before, [])
    assert "another way" in capsys.readouterr().out


def test_the_steps_of_two_minutes_are_told_or_counted_by_a_training(bench, zoo):
    weights = str(zoo("denoise"))
    _, _, actor = bench("--steps", "--full", "50")
    assert actor.trainings == [("none", 50), (weights, 50)]
    _, _, actor = bench("--steps", "--full")
    assert actor.trainings == [("", None), ("none", 77), (weights, 77)]


def test_a_file_takes_the_place_of_a_start(bench, zoo, tmp_path):
    mine = shutil.copy(zoo("denoise"), tmp_path / "mine.cat")
    _, _, actor = bench("--steps", "10", "--file", f"denoise={mine}")
    assert actor.trainings == [("none", 10), (str(mine), 10)]


@pytest.mark.parametrize(
    "flags", [("--only", "sharpen"), ("--file", "denoise=nowhere.cat"), ("--shots", "deblur_kids")]
)
def test_what_there_is_not_is_refused_in_words(bench, zoo, flags, capsys):
    zoo("denoise")
    code, figures, actor = bench(*flags)
    assert (code, figures, actor.trainings) == (2, None, [])
    assert flags[1].split("=")[0] in capsys.readouterr().out


def measured(start: str, steps: int, score: float, kind: str = "image") -> Measured:
    return Measured(Run("shot", start, steps), kind, score, 1.0, "")


def test_half_the_steps_are_enough_where_they_reach_what_all_reach_without():
    runs = [measured("none", 200, 30.0), measured("a", 200, 31.0), measured("a", 100, 30.0)]
    (row,) = compared(runs)
    assert (row.gain, row.half, row.halved, row.is_worse) == (1.0, 30.0, True, False)
    (row,) = compared([*runs[:2], measured("a", 100, 29.9)])
    assert row.halved is False
    (row,) = compared(runs[:2])
    assert row.halved is None


@pytest.mark.parametrize(("kind", "loss"), [("image", 0.1), ("matte", 0.01)])
def test_what_a_start_costs_is_borne_up_to_a_limit_of_its_kind(kind, loss):
    def worse(by: float) -> bool:
        (row,) = compared([measured("none", 9, 0.8, kind), measured("a", 9, 0.8 - by, kind)])
        return row.is_worse

    assert not worse(0.9 * loss) and worse(1.1 * loss)


def test_the_worst_difference_of_a_start_is_told_with_where_it_is():
    runs = [measured("none", 100, 30.0), measured("a", 100, 32.0)]
    runs += [measured("none", 200, 33.0), measured("a", 200, 32.75)]
    (words,) = worst_words(compared(runs))
    assert words == "a: half the steps are enough in 0 of 1; at worst -0.25 dB (shot, 200 steps)"
    assert as_table(compared(runs)).row_count == 2
