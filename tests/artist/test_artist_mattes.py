"""Runs of several mattes: checked, suggested for, corrected, reported on, shown, served and exported, each by
itself and in its colour."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
from small_networks import SMALL
from test_training_mattes import LAYERS, NUMBERS, Mattes, car, hero
from training_bench import Bench

from understudy.artist.check import check
from understudy.artist.correct.job import correct
from understudy.artist.report.report import report
from understudy.artist.suggest import suggest
from understudy.cli.cards import run_card
from understudy.colour.overlay import colour_of, hex_of, in_words, lay_over
from understudy.errors import ChannelError, RequestError, SettingError
from understudy.export.channels import LEGAL, nuke_outputs
from understudy.export.nuke_files import nuke_layer
from understudy.frames import open_shot, read_image_file
from understudy.inference.apply import apply
from understudy.models.opening import describe
from understudy.network.unet import SIZES
from understudy.runs.corrections import read_corrections
from understudy.server.kserve import metadata
from understudy.server.models.mattes import chosen_mattes, matte_options
from understudy.server.pictures import image_of, planes_of
from understudy.settings import (
    ApplySettings,
    CheckSettings,
    CorrectSettings,
    ReportSettings,
    SuggestSettings,
)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, "small", SMALL)


@pytest.fixture
def mattes(make_shot: Any, tmp_path: Path) -> Mattes:
    return Mattes(Bench(make_shot(numbers=NUMBERS, suffix=".exr"), tmp_path / "runs"), tmp_path / "mattes")


@pytest.fixture
def run(mattes: Mattes) -> Any:
    return mattes.bench.train(name="both", **mattes.named((1001, 1002, 1003), (1001, 1003))).run


def last_result(run: Any, mattes: Mattes, number: int) -> np.ndarray:
    output = str(mattes.folder / "out" / "out.####.exr")
    plate = mattes.bench.shot.plate
    apply(ApplySettings(model=str(run.path), plate=plate, output=output, overwrite=True))
    return open_shot(output).read(number).planes(LAYERS)


# -- check, suggest, report ---------------------------------------------------------------------------------


def test_check_names_the_matte_that_is_wrong(mattes: Mattes) -> None:
    def empty_on(number: int) -> np.ndarray:
        return hero(number) * np.float32(number != 1002)

    truths = [f"hero={mattes.shot('hero', empty_on)}", f"car={mattes.shot('car', car, (1001, 1004))}"]
    found = check(CheckSettings(input=mattes.bench.shot.plate, ground_truth=truths)).findings
    assert [(f.number, f.kind) for f in found if f.kind == "empty"] == [(1002, "empty")]
    assert all(f.measure.startswith(("hero: ", "car: ")) for f in found)
    with pytest.raises(SettingError, match="one after the other"):
        check(CheckSettings(input=mattes.bench.shot.plate, ground_truth=truths, repair=mattes.folder / "new"))


def test_suggest_judges_a_frame_by_the_mattes_that_are_painted_on_it(run: Any, mattes: Mattes) -> None:
    found = suggest(SuggestSettings(plate=mattes.bench.shot.plate, run=str(run.path)))
    assert found.measure and not any("cannot be read" in note for note in found.notes)
    assert all(each.expected_error is None or np.isfinite(each.expected_error) for each in found.all)


def test_a_report_shows_them_in_their_colours(run: Any, mattes: Mattes, tmp_path: Path) -> None:
    settings = ReportSettings(run=str(run.path), plate=mattes.bench.shot.plate, output=tmp_path / "report")
    done = report(settings)
    page = done.page.read_text()
    assert "hero in red, car in blue" in page
    assert len([pair for pair in done.facts.pairs if pair.picture]) == 3


def test_mattes_lie_over_the_plate_each_in_its_colour() -> None:
    plate, mattes = np.full((2, 3, 3), 0.5, np.float32), np.zeros((2, 3, 2), np.float32)
    mattes[0, 0, 0] = mattes[0, 1, 1] = 1
    mattes[0, 2] = np.nan
    over = lay_over(plate, mattes)
    assert int(over[0, 0].argmax()) == int(np.argmax(colour_of(0)))
    assert int(over[0, 1].argmax()) == int(np.argmax(colour_of(1)))
    assert np.array_equal(over[0, 2], over[1, 2]) and np.ptp(over[1, 2]) == 0
    assert hex_of(0).startswith("#") and in_words(("hero", "car")) == "hero in red, car in blue"


def test_info_says_how_well_each_does(mattes: Mattes) -> None:
    done = mattes.bench.train(max_steps=20, **mattes.named()).run
    card = run_card(done.path)
    assert "hero" in card["Best held-out"] and "car" in card["Best held-out"]
    assert card["Network"]["Kind"].startswith("matte: 2 channels")


# -- corrections --------------------------------------------------------------------------------------------


def test_a_correction_of_one_matte_says_nothing_of_the_other(run: Any, mattes: Mattes) -> None:
    before = last_result(run, mattes, 1004)
    later = mattes.shot("later", car, (1004,))
    settings = CorrectSettings(run=str(run.path), ground_truth=f"car={later}", max_steps=2, time_limit=None)
    assert correct(settings).state == "finished"
    (made,) = read_corrections(run.path)
    truth = open_shot(str(made.truth_path(1004))).read(1004)
    assert np.isnan(truth.planes(("hero.A",))).all()
    np.testing.assert_array_equal(truth.planes(("car.A",))[..., 0], car(1004))
    after = last_result(run, mattes, 1004)
    np.testing.assert_array_equal(after[..., 1], car(1004))
    assert not np.array_equal(after[..., 0], hero(1004)) and before.shape == after.shape


def test_a_correction_that_names_no_matte_is_refused(run: Any, mattes: Mattes) -> None:
    later = mattes.shot("later", car, (1004,))
    with pytest.raises(ChannelError) as caught:
        correct(CorrectSettings(run=str(run.path), ground_truth=later))
    assert "hero" in caught.value.text and "car" in caught.value.text
    assert not read_corrections(run.path)


# -- server and exports -------------------------------------------------------------------------------------


def test_the_server_names_the_mattes_and_gives_those_that_are_asked_for(run: Any) -> None:
    described = describe(run.best_or_newest())
    (output,) = metadata(described)["outputs"]
    assert output["shape"][1] == 2 and output["parameters"]["channels"] == list(LAYERS)
    (option,) = matte_options(described)
    assert (option.name, option.default) == ("mattes", "") and "hero, car" in option.description
    assert chosen_mattes(described, {}) == [0, 1]
    assert chosen_mattes(described, {"mattes": "car, hero"}) == [1, 0]
    with pytest.raises(RequestError, match="no matte"):
        chosen_mattes(described, {"mattes": "boat"})


def test_two_mattes_travel_to_nuke_as_red_and_green() -> None:
    planes = np.random.default_rng(1).random((2, 4, 5), np.float32)
    sent = planes_of(image_of(planes))
    assert np.array_equal(sent[:2], planes) and not sent[2].any()


def test_exports_for_nuke_say_which_matte_is_in_which_channel() -> None:
    assert nuke_outputs("matte", ("hero.A",)) == ("rgba.alpha",)
    assert nuke_outputs("matte", LAYERS) == LEGAL[:2]
    many = nuke_outputs("matte", [f"m{n}.A" for n in range(6)])
    assert many[:4] == LEGAL[:4] and len(set(many)) == 6
    assert nuke_outputs("image", ("R", "G", "B")) == LEGAL[:3]
    assert (nuke_layer("hero.A"), nuke_layer("mask.hero")) == ("hero.alpha", "mask.hero")


def test_the_script_for_nuke_carries_the_names(run: Any, tmp_path: Path) -> None:
    from understudy.export.metadata import export_info
    from understudy.export.nuke_files import script_nodes
    from understudy.network.model_file import read_header

    path = run.best_or_newest()
    nodes = {node.kind: node for node in script_nodes(export_info(read_header(path), path, "nuke", "both"))}
    assert nodes["CatFileCreator"].knob("channelsOut") == "rgba.red, rgba.green"
    assert nodes["Inference"].knob("mattes") == "rgba.red=hero.alpha rgba.green=car.alpha"
    assert "rgba.green: car.alpha" in nodes["StickyNote"].knob("label")


def test_the_contact_sheet_has_a_legend(run: Any) -> None:
    _, path = max(run.contact_sheets())
    sheet = read_image_file(path).planes(("R", "G", "B"))
    below = (sheet[-20:] * 255).round().astype(int).reshape(-1, 3).tolist()
    assert list(colour_of(0)) in below and list(colour_of(1)) in below
