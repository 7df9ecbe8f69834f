"""The report: a page and figures of a run, its plate and its result, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

import understudy
from understudy.artist.report import gather, pictures
from understudy.artist.report.charts import change_curve, risk_strip
from understudy.artist.report.facts import Facts, Finding, FrameFacts, PairFacts
from understudy.artist.report.page import page
from understudy.artist.report.place import put_in_place
from understudy.artist.report.risk import Risk, worst_frames
from understudy.cli.main import run
from understudy.frames import held_files, open_shot, open_sink
from understudy.runs import RunFolder

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
    assert figures["findings"] is not None and "://" not in text and "<script" not in text
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


def test_a_folder_that_cannot_be_made_is_refused_with_a_remedy(trained, tmp_path, capsys) -> None:
    shot, folder = trained
    (tmp_path / "file").write_text("no folder")
    for output in (tmp_path / "file" / "report", tmp_path / "file", Path("/proc/none/report")):
        assert run(["report", str(folder), shot.plate, shot.truth, "--output", str(output)]) == 2
        assert "Choose another --output" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "no folder"


def test_every_file_of_the_pairs_is_read_once_for_all_that_is_asked_of_them(
    trained, tmp_path, monkeypatch
) -> None:
    shot, folder = trained
    read: list[Path] = []
    real = held_files.read_image_file
    monkeypatch.setattr(
        held_files, "read_image_file", lambda path, **given: read.append(path) or real(path, **given)
    )
    done = understudy.report(folder, shot.plate, shot.plate, output=tmp_path / "report", worst=0)
    assert done.facts.findings is not None and all(pair.picture for pair in done.facts.pairs)
    truths = [path for path in read if path.parent.name == "truth"]
    assert sorted(truths) == [shot.truth_file(number) for number in shot.truth_numbers]
    again = held_files.read_file(shot.truth_file(shot.truth_numbers[0]), 7)
    assert again.number == 7 and len(read) > len(truths)  # held no longer


def test_files_that_do_not_fit_are_read_again(trained, tmp_path, monkeypatch) -> None:
    shot, folder = trained
    monkeypatch.setattr(sys.modules["understudy.artist.report.report"], "HELD", 0)
    done = understudy.report(folder, shot.plate, shot.plate, output=tmp_path / "report", worst=0)
    assert done.facts.findings is not None and all(pair.picture for pair in done.facts.pairs)


def test_a_movie_is_reported_on_with_the_networks_that_made_it(trained, tmp_path) -> None:
    pytest.importorskip("av")
    shot, folder = trained
    plate = make_movie(shot, tmp_path / "plate.mov")
    done = understudy.report(folder, plate, output=tmp_path / "report", worst=1)
    assert [each.frame for each in done.facts.frames] == [1, 2, 3, 4, 5]
    assert done.facts.steady["result"] >= 0 and done.facts.worst[0].pictures
    assert not any(each.painted for each in done.facts.frames)  # it is not the plate that was painted
    assert done.facts.provenance["Made these frames"] == "this network: 1-5"
    understudy.apply(folder, plate, tmp_path / "out.mov")
    made = understudy.report(folder, plate, tmp_path / "out.mov", output=tmp_path / "again", worst=0)
    assert made.facts.provenance["Made these frames"] == "this network: 1-5"


def make_movie(shot, path: Path) -> Path:
    frames = open_shot(shot.plate)
    with open_sink(str(path), like=frames) as sink:
        for number in frames.numbers:
            sink.write(number, frames.read(number))
    return path


def test_frames_of_an_older_network_are_told_from_those_of_the_run() -> None:
    said = gather._made_by({"ab": (1, 2), "cd": (3,), "": (4,)}, "ab")
    assert said == "this network: 1-2; another network, cd: 3; none that they name: 4"


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


def test_a_shot_on_which_every_frame_is_as_sure_is_no_alarm_and_what_stands_out_is() -> None:
    even = risk_strip([FrameFacts(n, expected_error=0.019 + n / 10_000) for n in range(5)])
    assert even.count("hsl(165 ") >= 3 and "hsl(10 " not in even
    assert (
        risk_strip([FrameFacts(n, expected_error=0.3 if n == 3 else 0.1) for n in range(5)]).count("hsl(10 ")
        == 1
    )


def test_the_worst_frames_say_their_error_and_a_reason_only_where_it_is_one() -> None:
    risks = {1: Risk(0.25, "Like 1006"), 2: Risk(0.5, "The network is unsure at the left"), 3: Risk(0.9, "")}
    told, _ = worst_frames(risks, {}, 2, frozenset([3]))
    assert told == [(2, "expected error 0.5: The network is unsure at the left"), (1, "expected error 0.25")]


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


def test_what_is_wrong_with_the_pairs_is_in_the_report_and_pairs_that_are_gone_are_said(trained) -> None:
    shot, folder = trained
    shutil.copy(shot.plate_file(1003), shot.truth_file(1003))
    found, note = gather.findings(RunFolder.open(folder))
    assert not note and any("1003" in each.where and each.text and each.remedy for each in found or ())
    shutil.rmtree(shot.truth_file(1003).parent)
    found, note = gather.findings(RunFolder.open(folder))
    assert found is None and "not checked" in note


def test_a_termination_leaves_nothing_of_a_report(trained, tmp_path, monkeypatch, capsys) -> None:
    shot, folder = trained
    thumb = pictures.thumb

    def terminated(pixels):
        os.kill(os.getpid(), signal.SIGTERM)
        return thumb(pixels)

    monkeypatch.setattr(pictures, "thumb", terminated)
    command = ["report", str(folder), shot.plate, shot.truth, "--output", str(tmp_path / "report")]
    assert run(command) == 130 and "Stopped" in capsys.readouterr().err
    assert not (tmp_path / "report").exists() and not list(tmp_path.glob(".tmp-*"))


def test_a_report_on_a_matte_without_pyav_has_corrections_and_a_note_instead_of_the_movie(
    make_shot, tmp_path, monkeypatch
) -> None:
    shot = make_shot(effect="matte")
    made = understudy.train(
        input=shot.plate, ground_truth=shot.truth, data_directory=tmp_path / "runs", name="matte", **SMALL
    )
    correction = made.run.path / "corrections" / "0001"
    correction.mkdir(parents=True)
    (correction / "correction.toml").write_text(
        'version = 1\nkind = "empty"\nframes = "1002"\nauthor = "Ada"\ntime = 1.0\nundone = false\n'
        "changed = 0.0\n"
    )
    monkeypatch.setitem(sys.modules, "av", None)
    done = understudy.report(made.run.path, shot.plate, shot.truth, output=tmp_path / "report", worst=1)
    assert done.facts.kind == "matte" and done.facts.movie == ""
    assert any("PyAV" in note for note in done.facts.notes)
    assert [(each.id, each.kind, each.author) for each in done.facts.corrections] == [(1, "empty", "Ada")]
    assert [each.frame for each in done.facts.frames if each.corrected] == [1002]
    text = done.page.read_text()
    assert "<h2>Corrections</h2>" in text and "Ada" in text and "<video" not in text
