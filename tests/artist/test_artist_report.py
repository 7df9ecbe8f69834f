"""The report: a page and figures of a run, its plate and its result, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import understudy
from understudy.artist.report.charts import change_curve, risk_strip
from understudy.artist.report.facts import Facts, Finding, FrameFacts, PairFacts
from understudy.artist.report.page import page
from understudy.artist.report.place import put_in_place
from understudy.cli.main import run

SMALL = {"max_steps": 2, "model_size": "small", "crop_size": 32, "devices": "cpu", "neighbours": 0}


@pytest.fixture
def trained(make_shot, tmp_path):
    """A shot, and a run that has hardly learned from three frames of it."""
    shot = make_shot()
    made = understudy.train(
        input=shot.plate, ground_truth=shot.truth, data_directory=tmp_path / "runs", name="look", **SMALL
    )
    return shot, made.run.path


def facts(**changes) -> Facts:
    frames = (FrameFacts(1, result=1.0, plate=0.5), FrameFacts(2, painted=True, expected_error=0.2))
    given = {"run": "a run", "plate": "plate", "result": "", "kind": "image", "made": "", "version": "1"}
    return Facts(**{**given, "frames": frames, "steady": {"result": 1.0, "plate": 0.5}, **changes})


def test_a_report_has_a_page_its_pictures_and_the_figures_of_every_frame(trained, tmp_path, capsys) -> None:
    shot, folder = trained
    output = tmp_path / "report"
    command = ["report", str(folder), shot.plate, "--output", str(output), "--worst", "2"]
    assert run(command) == 0, capsys.readouterr().err
    figures = json.loads((output / "report.json").read_text())
    assert [each["frame"] for each in figures["frames"]] == list(shot.numbers)
    assert {each["frame"] for each in figures["frames"] if each["painted"]} == set(shot.truth_numbers)
    assert len(figures["worst"]) <= 2 and figures["steady"]["result"] > 0
    text = (output / "index.html").read_text()
    named = [figures["strip"], *(each["picture"] for each in figures["pairs"])]
    named += [file for worst in figures["worst"] for file in worst["pictures"].values()]
    assert all(name and (output / name).is_file() and name in text for name in named)
    assert "://" not in text and "<script" not in text
    assert not list(tmp_path.glob(".tmp-*"))
    before = (output / "index.html").read_bytes()
    assert run(command) == 2
    assert "not empty" in capsys.readouterr().err and (output / "index.html").read_bytes() == before


def test_a_result_of_another_plate_is_refused_and_nothing_is_left(
    trained, tmp_path, make_shot, capsys
) -> None:
    shot, folder = trained
    output = tmp_path / "report"
    lost = str(tmp_path / "none.####.png")
    assert run(["report", str(folder), shot.plate, lost, "--output", str(output)]) == 2
    assert run(["report", str(tmp_path), shot.plate, "--output", str(output)]) == 2
    assert not output.exists() and not list(tmp_path.glob(".tmp-*"))


def test_names_from_outside_are_escaped() -> None:
    evil = '<img src=x onerror="alert(1)">'
    text = page(
        facts(
            run=evil,
            plate=evil,
            pairs=(PairFacts(evil, 1),),
            findings=(Finding(evil, evil, evil),),
            settings={evil: evil},
            notes=(evil,),
        )
    )
    assert "<img src=x" not in text and 'onerror="' not in text and "&lt;img src=x" in text


def test_the_strip_marks_what_is_painted_and_the_curve_has_no_line_over_a_gap() -> None:
    frames = [FrameFacts(n, painted=n == 2, result=None if n == 3 else 1.0) for n in range(1, 6)]
    assert risk_strip(frames).count('class="painted"') == 1
    assert change_curve(frames, 2.0).count('class="result"') == 2


def test_a_report_written_over_an_older_one_removes_its_pictures_and_no_foreign_file(tmp_path: Path) -> None:
    made, folder = tmp_path / "made", tmp_path / "report"
    for each in (made, folder):
        each.mkdir()
    (made / "index.html").write_text("new")
    for name in ("index.html", "worst_1001_plate.jpg", "notes.txt"):
        (folder / name).write_text("old")
    put_in_place(made, folder)
    assert sorted(each.name for each in folder.iterdir()) == ["index.html", "notes.txt"]
    assert (folder / "index.html").read_text() == "new"
