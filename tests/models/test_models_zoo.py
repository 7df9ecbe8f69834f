"""The networks that come trained: their names stand wherever a model is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import understudy
from understudy.cli.main import run as understudy_command
from understudy.colour import PLAIN
from understudy.errors import ModelFileError
from understudy.export.export import ExportSettings, export
from understudy.models.finding import find_model, resolve_model
from understudy.models.opening import describe
from understudy.models.zoo import zoo_model, zoo_names, zoo_networks, zoo_starts
from understudy.runs import RunFolder, RunState
from understudy.settings import ApplySettings, TrainSettings

Trained = Callable[..., Path]


pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def finished(tmp_path: Path) -> RunFolder:
    """A run with a best checkpoint and two others."""
    run = RunFolder.create(tmp_path, "grade")
    run.write_state(RunState(state="stopped", step=30, total=90))
    for path in (run.cat_path(10), run.cat_path(30), run.best_path):
        path.write_bytes(b"c")
    return run


def refused(*arguments: Any, **options: Any) -> ModelFileError:
    with pytest.raises(ModelFileError) as caught:
        find_model(*arguments, **options)
    return caught.value


# -- which file is meant --------------------------------------------------------------------------------


def test_a_run_means_its_best_checkpoint_else_the_newest(finished: RunFolder) -> None:
    assert resolve_model(finished.path) == finished.best_path
    finished.best_path.unlink()
    assert resolve_model(str(finished.path)) == finished.cat_path(30)
    assert resolve_model(finished.cat_path(10)) == finished.cat_path(10)


def test_a_run_without_checkpoint_a_folder_and_nothing_are_no_models(tmp_path: Path) -> None:
    empty = RunFolder.create(tmp_path, "empty")
    empty.write_state(RunState())
    for spec in (empty.path, tmp_path, tmp_path / "nothing.cat"):
        assert str(spec) in refused(spec).where


def test_a_name_means_the_network_that_comes_trained(zoo: Trained) -> None:
    file = zoo("denoise")
    found = find_model("denoise")
    assert (found.path, found.notes) == (file, ())
    assert describe(file).label == "Denoise" and describe(file).name == "denoise"


@pytest.mark.parametrize("own", ["denoise.cat", "denoise"])
def test_what_has_that_name_in_the_folder_goes_first_and_that_is_said(
    zoo: Trained, elsewhere: Path, own: str
) -> None:
    trained = zoo("denoise")
    (elsewhere / own).write_bytes(b"mine")
    found = find_model("denoise")
    assert found.path == elsewhere / own != trained
    assert found.notes == (f"denoise is the file {own} in this folder, not the network that comes trained.",)


def test_a_run_of_that_name_goes_first_too(zoo: Trained, elsewhere: Path) -> None:
    zoo("denoise")
    own = RunFolder.create(elsewhere, "denoise")
    own.write_state(RunState(state="stopped"))
    own.best_path.write_bytes(b"mine")
    found = find_model("denoise")
    assert found.path == own.best_path and "is the run of that name" in found.notes[0]


def test_a_folder_that_is_no_model_is_not_in_the_way_of_a_name(zoo: Trained, elsewhere: Path) -> None:
    file = zoo("denoise")
    (elsewhere / "denoise").mkdir()
    assert resolve_model("denoise") == file


def test_a_name_is_one_only_where_it_stands_alone(zoo: Trained, tmp_path: Path) -> None:
    zoo("denoise")
    assert "nothing" in refused(tmp_path / "denoise").found
    assert refused("other/denoise").remedy == "Did you mean denoise?"


@pytest.mark.parametrize("spec", ["denose", "Denoise", "de-noise"])
def test_a_name_that_is_not_there_gets_the_nearest_one(zoo: Trained, spec: str) -> None:
    zoo("denoise")
    zoo("upscale", kind=["network"])
    zoo("upscale-start", kind=["start"])
    error = refused(spec)
    assert error.remedy == "Did you mean denoise?" and error.expected.endswith("or one of denoise, upscale")
    assert error.exit_code == 2


def test_what_is_a_start_alone_is_not_offered_to_be_applied_but_its_name_is_known(zoo: Trained) -> None:
    zoo("denoise")
    zoo("matting", kind=["start"])
    error = refused("mating")
    assert error.expected.endswith("or one of denoise") and error.remedy == "Did you mean matting?"


def test_the_nearest_run_or_file_in_the_folder_is_named_as_well(finished: RunFolder) -> None:
    assert refused(finished.path.parent / "garde").remedy == "Did you mean grade?"


def test_what_is_a_start_alone_is_not_applied_and_what_is_none_is_not_trained_from(zoo: Trained) -> None:
    zoo("matting", kind=["start"])
    zoo("keying", kind=["network"])
    assert "--initial-weights matting" in refused("matting").remedy
    assert refused("keying", start=True).remedy.endswith("understudy apply keying PLATE OUTPUT")
    assert resolve_model("keying") and find_model("matting", start=True).path.name == "matting.cat"


def test_a_start_may_be_another_file_than_the_network_of_its_name(zoo: Trained) -> None:
    network, start = zoo("upscale", kind=["network"]), zoo("upscale-start", kind=["start"])
    assert (resolve_model("upscale"), find_model("upscale", start=True).path) == (network, start)
    assert [each.name for each in zoo_networks()] == ["upscale"] and list(zoo_starts()) == ["upscale"]


def test_a_cat_without_a_card_and_a_path_are_no_names(zoo: Trained, tmp_path: Path) -> None:
    file = zoo("denoise")
    (file.parent / "plain.txt").write_text("no network")
    assert zoo_names() == ("denoise",)
    for name in ("../trained/denoise", "", ".", "denoise.cat", str(file)):
        assert zoo_model(name) is None


def test_without_any_all_is_as_it_was(zoo: Trained) -> None:
    assert zoo_names() == () and zoo_networks() == () and zoo_starts() == {}
    assert "or one of" not in refused("denoise").expected


def test_a_name_stays_a_name_where_paths_become_absolute(zoo: Trained, elsewhere: Path) -> None:
    train = TrainSettings(
        input="a.png", ground_truth="b.png", data_directory="runs", initial_weights="deblur"
    )
    assert train.anchored().network.initial_weights == "deblur"
    apply = ApplySettings(model="runs/mine.cat", plate="a.png", output="o")
    assert apply.anchored().model.model == str(elsewhere / "runs" / "mine.cat")
    (elsewhere / "deblur.cat").write_bytes(b"mine")
    assert train.anchored().network.initial_weights == str(elsewhere / "deblur")


# -- in use ---------------------------------------------------------------------------------------------


def test_apply_load_and_python_take_a_name(zoo: Trained, make_shot: Any, tmp_path: Path) -> None:
    file, shot = zoo("denoise"), make_shot(numbers=[1001])
    by_name, by_path = understudy.load("denoise"), understudy.load(file)
    pixels = np.random.default_rng(0).random((24, 40, 3), np.float32)
    assert np.array_equal(by_name(pixels), by_path(pixels)) and not np.array_equal(by_name(pixels), pixels)
    result = understudy.apply("denoise", shot.plate, str(tmp_path / "out" / "o.####.png"))
    assert result.written == (1001,) and not result.failed


def test_apply_says_that_the_file_in_the_folder_was_taken(
    zoo: Trained, make_shot: Any, tmp_path: Path, elsewhere: Path
) -> None:
    shot = make_shot(numbers=[1001])
    (elsewhere / "denoise.cat").write_bytes(zoo("denoise").read_bytes())
    said: list[Any] = []
    understudy.apply("denoise", shot.plate, str(tmp_path / "out" / "o.####.png"), report=said.append)
    notes = [note for event in said for note in getattr(event, "notes", ())]
    assert any("not the network that comes trained" in note for note in notes)


def test_an_export_says_once_that_the_file_in_the_folder_was_taken(
    zoo: Trained, elsewhere: Path, tmp_path: Path
) -> None:
    (elsewhere / "denoise.cat").write_bytes(zoo("denoise").read_bytes())
    made = export(ExportSettings("denoise", "torchscript", tmp_path / "out", full=False))
    assert len([note for note in made.notes if "not the network that comes trained" in note]) == 1


# -- understudy models, info ----------------------------------------------------------------------------


def test_models_lists_them_with_all_that_one_has_to_know(
    zoo: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    zoo("denoise")
    zoo("matting", kind=["start"], outputs=1)
    assert understudy_command(["models"]) == 0
    first, second, more = capsys.readouterr().out.split("\n\n")
    assert first.startswith("denoise: network and start, ") and "understudy models NAME" in more
    for words in (
        "Does denoise to a frame.",
        "Apache-2.0",
        "Trained on: 2 works (1 CC BY 4.0, 1 no licence named)",
        " MB",
        "Measured: Kodak: 32.1 dB",
    ):
        assert words in first
    assert second.startswith("matting: start, ")


def test_models_says_with_which_command_each_is_used(
    zoo: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    zoo("denoise")
    extra = [{"name": "albedo", "channels": ["albedo.R", "albedo.G", "albedo.B"], "colour": PLAIN}]
    zoo("denoise-renders", kind=["network"], header={"extra": extra}, inputs=6, plate=3)
    zoo("upscale", kind=["network"])
    zoo("upscale-start", kind=["start"])
    assert understudy_command(["models"]) == 0
    denoise, renders, upscale, start, _ = capsys.readouterr().out.split("\n\n")
    assert "\n    Apply: understudy apply denoise PLATE OUTPUT\n" in denoise
    assert "\n    As a start: understudy train ... --initial-weights denoise\n" in denoise
    assert "\n    Apply: understudy apply denoise PLATE OUTPUT --extra albedo\n" in renders
    assert "Apply: understudy apply upscale PLATE OUTPUT\n" in upscale and "As a start" not in upscale
    assert "As a start: understudy train ... --initial-weights upscale\n" in start and "Apply" not in start
    assert understudy_command(["models", "denoise"]) == 0
    assert "understudy apply denoise PLATE OUTPUT\n" in capsys.readouterr().out


def test_the_list_of_models_is_no_wider_than_the_terminal(
    zoo: Trained, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    zoo("denoise", card={"purpose": "Takes " + "the noise of cameras " * 8 + "off a plate."})
    assert understudy_command(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60 and sum("noise of cameras" in line for line in lines) > 2


def test_models_as_json_is_one_object_for_each(zoo: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    zoo("denoise")
    zoo("keying")
    assert understudy_command(["models", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["name"] for row in rows] == ["denoise", "keying"]
    assert rows[0]["sources"][0]["licence"] == "CC BY 4.0" and rows[0]["kind"] == ["network", "start"]
    assert rows[0]["bytes"] == Path(rows[0]["path"]).stat().st_size and rows[0]["scale"] == 1
    assert rows[0]["makes"] == "image"


def test_sources_are_counted_by_licence_the_most_frequent_first(
    zoo: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    licences = ["CC0-1.0", "CC BY 4.0", "CC0-1.0"]
    sources = [{"title": f"{number}", "licence": each} for number, each in enumerate(licences)]
    zoo("denoise", card={"sources": sources})
    zoo("plain", card={"sources": []})
    assert understudy_command(["models"]) == 0
    first, second, _ = capsys.readouterr().out.split("\n\n")
    assert "Trained on: 3 works (2 CC0-1.0, 1 CC BY 4.0)\n" in first and "Trained on: -\n" in second


@pytest.mark.parametrize("command", ["models", "info"])
def test_the_card_of_one_says_all_and_info_names_every_source(
    zoo: Trained, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    zoo("denoise")
    assert understudy_command([command, "denoise"]) == 0
    card = capsys.readouterr().out
    assert "1200 steps, 1 h 30 min, two cores, 2026-11-29" in card
    assert "Kodak: 32.1 dB (bicubic 30.0 dB)" in card and "R, G, B" in card
    works = "Harbour by A. Painter, CC BY 4.0", "Hill"
    assert [work in card for work in works] == [command == "info"] * 2
    assert ("2 works (1 CC BY 4.0, 1 no licence named): understudy info denoise" in card) != (
        command == "info"
    )


def test_info_names_the_network_that_made_a_frame(
    zoo: Trained, make_shot: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zoo("deblur")
    zoo("denoise")
    result = tmp_path / "out" / "o.####.png"
    understudy.apply("denoise", make_shot().plate, str(result), frames="1001")
    assert understudy_command(["info", str(result).replace("####", "1001")]) == 0
    assert "(denoise, which comes trained)" in capsys.readouterr().out


def test_info_tells_of_a_start_too(zoo: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    zoo("matting", kind=["start"], outputs=1)
    assert understudy_command(["info", "matting"]) == 0
    assert "a start for a training" in capsys.readouterr().out


def test_without_any_models_says_so_and_a_wrong_name_gets_the_nearest(
    zoo: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    assert understudy_command(["models"]) == 0
    assert "No networks come trained" in capsys.readouterr().out
    zoo("denoise")
    assert understudy_command(["models", "denoize"]) == 2
    assert "Did you mean denoise?" in capsys.readouterr().err
    assert understudy_command(["info", "denoize"]) == 2
    assert "Did you mean denoise?" in capsys.readouterr().err
