"""What older versions made is good for as long as there are newer ones: runs, networks, settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from machine import digest_of, machine
from make_old_runs import OTHERWISE, RUNS, SHOWN, STEPS, STOPPED, apply_settings, plates_of, settings_of

import understudy
from understudy.cli.main import run as command_line
from understudy.dataset.pairs import DataSet, load_data_set
from understudy.network.model_file import read_header
from understudy.runs import RunFolder
from understudy.runs.asked import settings_of_run
from understudy.settings import TrainSettings, load_settings_file
from understudy.training.train import resume

pytestmark = pytest.mark.usefixtures("tiny_networks")
every_run = pytest.mark.parametrize("name", RUNS)
every_other_run = pytest.mark.parametrize("name", OTHERWISE)


def code_values(path: Path) -> np.ndarray:
    image = oiio.ImageBuf(str(path))
    assert not image.has_error, image.geterror()
    return image.get_pixels("uint8").astype(int)


def on_the_same_machine(shots: Path) -> bool:
    """Whether even the last bit has to be what it was."""
    return bool(json.loads((shots / "course.json").read_text())["machine"] == machine())


def assert_applies_as_before(model: Path, plate_of: str, shots: Path) -> None:
    """The same 8-bit values; another processor may round one of them the other way."""
    output = shots / "now" / "out.####.png"
    result = understudy.apply(model, plates_of(plate_of, shots), output, **apply_settings(plate_of, shots))
    assert not result.failed
    for number in SHOWN:
        now = code_values(shots / "now" / f"out.{number}.png")
        before = code_values(shots / "applied" / model.stem / f"out.{number}.png")
        assert np.abs(now - before).max() <= (0 if on_the_same_machine(shots) else 1)


@every_run
def test_an_old_run_makes_the_frames_that_it_made(name: str, shots: Path) -> None:
    assert_applies_as_before(shots / "runs" / name, name, shots)


def test_a_network_of_a_real_size_makes_the_frames_that_it_made(
    shots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the sizes as they are
    assert_applies_as_before(shots / "grade_small.cat", "grade", shots)


@every_run
def test_info_describes_an_old_run_and_its_files(
    name: str, shots: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shots / "runs" / name
    for path in (folder, folder / f"{name}_best.cat", folder / f"{name}.ost"):
        assert command_line(["info", str(path), "--json"]) == 0
        card = json.loads(capsys.readouterr().out)
        assert card and f"{STOPPED}" in json.dumps(card)
    assert command_line(["runs", str(shots / "runs")]) == 0
    assert name in capsys.readouterr().out


@every_run
def test_an_old_run_goes_on_to_its_end(name: str, shots: Path) -> None:
    run = RunFolder.open(shots / "runs" / name)
    before = run.read_summary()
    result = resume(run)
    assert (result.state, result.step) == ("finished", STEPS)
    after = run.read_summary()
    assert after[:STOPPED] == before and [row["step"] for row in after] == list(range(1, STEPS + 1))
    assert understudy.load(run.path).header.provenance["steps"] == STEPS


# -- runs whose files are read otherwise since ------------------------------------------------------------


def read_now(name: str, shots: Path, earlier: bool) -> DataSet:
    settings = TrainSettings(**settings_of(name, shots, shots / "runs"))
    return load_data_set(settings.data, settings.colour, earlier=earlier)


def values_of(data: DataSet) -> list[Any]:
    first = data.pairs[0]
    return [data.kind, data.colour_in.space, float(first.input.sum()), float(first.truth.sum())]


@every_other_run
def test_an_old_run_goes_on_with_the_values_that_it_was_begun_with(name: str, shots: Path) -> None:
    """A new run on the same files learns from others: alpha, headers, greys and whites are looked at."""
    assert values_of(read_now(name, shots, earlier=False)) != values_of(read_now(name, shots, earlier=True))
    run = RunFolder.open(shots / "runs" / name)
    assert resume(run).step == STEPS
    before = json.loads((shots / "otherwise.json").read_text())[name]
    now = [row["loss"] for row in run.read_summary()]
    if on_the_same_machine(shots):
        assert now == before
    torch.testing.assert_close(torch.tensor(now), torch.tensor(before), rtol=0.02, atol=1e-5)
    assert not read_header(run.cat_path(STEPS)).premultiplied


@every_other_run
def test_an_old_network_makes_the_frames_that_it_made_of_files_that_are_read_otherwise(
    name: str, shots: Path
) -> None:
    assert_applies_as_before(shots / "runs" / name, name, shots)


def test_a_new_network_sees_straight_colours_multiplied_by_their_alpha(shots: Path) -> None:
    run = understudy.train(**settings_of("alpha", shots, shots / "again")).run
    assert understudy.load(run.path).description.premultiplied
    assert (run.read_state().state, read_header(run.cat_path(STEPS)).premultiplied) == ("finished", True)


@every_run
def test_the_settings_of_an_old_run_say_what_they_said(name: str, shots: Path) -> None:
    settings = settings_of_run(RunFolder.open(shots / "runs" / name))
    assert settings == TrainSettings(**settings_of(name, shots, shots / "runs"), **UNTOUCHED)


UNTOUCHED: dict[str, Any] = {
    "initial_weights": "none",
    "max_checkpoints": 100,
    "learning_rate": "auto",
    "loss": "auto",
    "pair_by": "number",
    "colour": "auto",
    "held_out": "auto",
}
"""What stood in an old settings.toml beside what was asked for, and has to go on meaning the same."""


def test_a_flat_settings_file_with_hyphens_loads(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'input = "a.####.exr"\nground-truth = ["b.####.exr"]\ndata-directory = "runs"\n'
        'time-limit = "10m"\nmodel-size = "large"\nheld-out = 1033\nextra = ["depth.####.exr"]\n'
    )
    settings = TrainSettings(**load_settings_file(file))
    assert settings == TrainSettings(
        input="a.####.exr",
        ground_truth="b.####.exr",
        data_directory="runs",
        time_limit=600,
        model_size="large",
        held_out=1033,
        extra="depth.####.exr",
    )


# -- the same course ---------------------------------------------------------------------------------------
#
# No promise to the user, who may be glad of a version that learns better: this shows that a change which is
# meant to change nothing of the learning does not. One that means to makes course.json anew, and says so.


@every_run
def test_an_old_run_takes_the_course_that_it_would_have_taken(name: str, shots: Path) -> None:
    run = RunFolder.open(shots / "runs" / name)
    resume(run)
    assert_same_course(run, name, shots)


@every_run
def test_the_same_seed_learns_the_same_as_before(name: str, shots: Path) -> None:
    if name.endswith("matte"):
        pytest.skip("new mattes learn otherwise since 0.2.0: more of the background, varied where that helps")
    run = understudy.train(**settings_of(name, shots, shots / "again")).run
    assert_same_course(run, name, shots)


def assert_same_course(run: RunFolder, name: str, shots: Path) -> None:
    course = json.loads((shots / "course.json").read_text())["runs"][name]
    rows = [[row["step"], row["loss"], row["lr"]] for row in run.read_summary()]
    if on_the_same_machine(shots):
        assert rows == course["rows"]
        assert digest_of(run.cat_path(STEPS)) == course["weights"]
    torch.testing.assert_close(torch.tensor(rows), torch.tensor(course["rows"]), rtol=0.02, atol=1e-5)
