"""Runs of several mattes in the monitor: frames in colours or one matte at a time, curves and pairs by name,
corrections of the one that is painted."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
from small_networks import SMALL
from test_training_mattes import NUMBERS, Mattes, car, hero
from training_bench import Bench

from understudy.artist.strokes.document import StrokesDocument
from understudy.errors import SettingError
from understudy.frames import open_shot
from understudy.monitor.api.curves import curve_response
from understudy.monitor.images.rendering import ViewerSettings
from understudy.monitor.page.pictures_panel import legend_of
from understudy.monitor.pairs.report import pairs_report
from understudy.monitor.paths.allowed import AllowedFolders, PathNotAllowed
from understudy.monitor.paths.run_files import NotFound
from understudy.monitor.runs.curves import CurveStore
from understudy.monitor.runs.rows import row_of
from understudy.monitor.shot.corrections import Corrections
from understudy.monitor.shot.pictures import FramePictures
from understudy.monitor.shot.results import Results
from understudy.monitor.shot.run_shot import RunShots
from understudy.network.unet import SIZES
from understudy.runs.corrections import read_corrections


class App:
    """As much of the monitor as these tests ask, over the folder of a test."""

    def __init__(self, folder: Path, run: Any) -> None:
        self.allowed, self.curves = AllowedFolders.of([folder]), CurveStore()
        self.shots, self.results = RunShots(self.allowed), Results(self.allowed)
        self.pictures = FramePictures(self.results)
        self._run = run

    def run(self, name: str) -> Any:
        return self._run

    def picture(self, number: int, part: Any, matte: str = "") -> np.ndarray:
        wanted = self.pictures.prepare(self.shots.of(self._run), number, part, ViewerSettings(), matte)
        found = wanted.result().result(60) if wanted.result else None
        data = np.frombuffer(wanted.render(found), np.uint8)
        return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


@pytest.fixture
def mattes(make_shot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mattes:
    monkeypatch.setitem(SIZES, "small", SMALL)
    return Mattes(Bench(make_shot(numbers=NUMBERS, suffix=".exr"), tmp_path / "runs"), tmp_path / "mattes")


@pytest.fixture
def app(mattes: Mattes, tmp_path: Path) -> App:
    run = mattes.bench.train(name="both", max_steps=20, **mattes.named(cars=(1001, 1003))).run
    return App(tmp_path, run)


def test_painted_mattes_are_shown_in_colours_or_one_at_a_time(app: App) -> None:
    np.testing.assert_array_equal(app.picture(1001, "truth", "hero")[..., 0] > 127, hero(1001) > 0.5)
    np.testing.assert_array_equal(app.picture(1001, "truth", "car")[..., 0] > 127, car(1001) > 0.5)
    assert not app.picture(1002, "truth", "car").any(), "the car is not painted there"
    both = app.picture(1001, "truth").astype(int)
    inside = [
        (both[..., at] - both[..., 1])[shape > 0.5].mean() for at, shape in ((0, hero(1001)), (2, car(1001)))
    ]
    assert min(inside) > 20, "red and blue"
    nowhere = (hero(1001) == 0) & (car(1001) == 0)
    assert np.ptp(both[nowhere], axis=1).max() <= 1, "the plate is grey"


def test_results_are_shown_so_too(app: App) -> None:
    both, one, other = (app.picture(1001, "result", name) for name in ("", "hero", "car"))
    assert np.ptp(one, axis=2).max() == 0 and np.ptp(other, axis=2).max() == 0
    assert np.ptp(both.astype(int), axis=2).max() > 0 and not np.array_equal(one, other)
    assert app.picture(1001, "difference", "hero").shape == both.shape
    with pytest.raises(SettingError, match="no matte"):
        app.picture(1001, "result", "boat")


def test_curves_rows_and_legend_have_each_by_its_name(app: App) -> None:
    curve = curve_response(app, "both", (None, None), 100, 0.0)  # type: ignore[arg-type]
    assert [each.name for each in curve.held_out_of] == ["hero", "car"]
    assert all(len(each.held_out) == len(curve.held_out_step) for each in curve.held_out_of)
    run = app.run("both")
    row = row_of(run, run.read_state(), 0.0, app.curves.read(run.summary_path))
    assert row.held_out is not None and set(row.held_out.values) == {"hero", "car"}
    assert [each["name"] for each in legend_of(app, "both")] == ["hero", "car"]  # type: ignore[arg-type]


def test_strokes_put_the_matte_right_that_they_name(app: App) -> None:
    def stroke(matte: str) -> dict[str, Any]:
        return {"tool": "add", "points": [(10, 10, 1)], "size": 8, "matte": matte}

    class NoJobs:
        def start(self, *arguments: Any, **named: Any) -> Any:
            return SimpleNamespace(id="1")

        def get(self, number: str) -> None:
            raise NotFound("There is no such job.")

    corrections = Corrections(NoJobs(), app.shots, app.results)  # type: ignore[arg-type]
    document = StrokesDocument.model_validate({"frame": 1002, "strokes": [stroke("car"), stroke("hero")]})
    corrections.start(app.run("both"), [document])
    made = read_corrections(app.run("both").path)
    channels = [open_shot(str(each.truth_path(1002))).read(1002).part.channels for each in made]
    assert channels == [("car.A",), ("hero.A",)]
    unnamed = StrokesDocument.model_validate({"frame": 1002, "strokes": [stroke("")]})
    with pytest.raises(SettingError, match="which of the mattes"):
        corrections.start(app.run("both"), [unnamed])


def test_new_pairs_are_told_of_by_matte_and_paths_elsewhere_are_refused(
    mattes: Mattes, tmp_path: Path
) -> None:
    settings = mattes.bench.settings(**mattes.named(cars=(1001, 1003)))
    allowed = AllowedFolders.of([tmp_path])
    report = pairs_report(settings, allowed, [])
    assert [len([p for p in report.pairs if p.shot == shot]) for shot in (0, 1)] == [4, 2]
    assert report.width == 48
    assert allowed.named_spec("car=none") == "car=none"
    assert allowed.named_spec(f"car={tmp_path}/c.####.exr") == f"car={tmp_path}/c.####.exr"
    with pytest.raises(PathNotAllowed):
        allowed.named_spec("car=/etc/passwd")
