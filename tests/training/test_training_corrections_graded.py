"""A shot that was graded frame by frame: corrections teach what is local, and not their own grade."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.artist.correct import Sheet, add_correction, correct
from understudy.frames import open_shot
from understudy.inference.model import load
from understudy.settings import CorrectSettings
from understudy.training.events import Corrected

SIZE = (96, 64)
LIFT = {1001: -0.05, 1002: 0.04, 1003: 0.0, 1004: -0.03, 1005: 0.05, 1006: 0.07, 1007: 0.0}
"""How much brighter each frame was graded than the others."""
STROKE = slice(20, 44), slice(30, 60)


def read(path: Path) -> np.ndarray:
    return np.asarray(oiio.ImageBuf(str(path)).get_pixels("float"))[:, :, :3]


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    spec = oiio.ImageSpec(*SIZE, pixels.shape[2], "half" if path.suffix == ".exr" else "uint8")
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec) and output.write_image(pixels.astype(np.float32)) and output.close()


@pytest.fixture
def graded(make_bench: Any) -> Any:
    """A run of five pairs, each with a grade of its own; of frames 1006 and 1007 nothing is painted."""
    bench = make_bench(numbers=LIFT, truth_numbers=range(1001, 1006), size=SIZE)
    for number in range(1001, 1006):
        write(bench.shot.truth_file(number), of_frame(bench, number))
    bench.run = bench.train(name="run", max_steps=20).run
    assert "differ in overall colour" in bench.said()
    return bench


def of_frame(bench: Any, number: int) -> np.ndarray:
    """A frame as somebody graded it: all alike, and then brighter or darker than the others."""
    return np.asarray(np.clip(0.1 + 0.7 * read(bench.shot.plate_file(number)) + LIFT[number], 0, 1))


def mask() -> np.ndarray:
    where = np.zeros((SIZE[1], SIZE[0], 1), np.float32)
    where[STROKE] = 1
    return where


def teach(bench: Any, **given: Any) -> Corrected:
    bench.events.clear()
    correct(CorrectSettings(run=str(bench.run.path), **given), bench.events.append)
    (found,) = bench.of(Corrected)
    return found


def given(folder: Path, truth: np.ndarray, strokes: bool) -> dict[str, Any]:
    write(folder / "truth" / "later.1006.png", truth)
    if not strokes:
        return {"ground_truth": str(folder / "truth")}
    write(folder / "mask" / "mask.1006.png", mask())
    return {"ground_truth": str(folder / "truth"), "strokes": str(folder / "mask")}


@pytest.mark.parametrize("strokes", [True, False], ids=["strokes", "whole"])
def test_the_grade_of_a_corrected_frame_is_not_what_it_teaches(
    graded: Any, tmp_path: Path, strokes: bool
) -> None:
    """It is 0.07 brighter than what the pairs agree on, which alone would leave it at 23 dB."""
    found = teach(graded, max_steps=6, **given(tmp_path, of_frame(graded, 1006), strokes))
    assert "so do the corrected frames 1006" in graded.said()
    assert found.decibels is not None and min(found.decibels) > 32, found
    assert found.moved < 0.05


def test_what_is_local_is_learned_without_the_grade(graded: Any, tmp_path: Path) -> None:
    truth = of_frame(graded, 1006)
    truth[STROKE] += np.float32([0.2, 0, -0.1])
    found = teach(graded, max_steps=2, **given(tmp_path, np.clip(truth, 0, 1), True))
    assert found.decibels is not None
    assert found.decibels[0] == pytest.approx(-10 * np.log10(0.05 / 3), abs=0.5), "the grade would add 2 dB"


@pytest.mark.parametrize("beside", ["the result", "the plate"])
def test_strokes_over_a_result_or_a_plate_stay_as_they_were_painted(graded: Any, beside: str) -> None:
    """There is no grade beside such strokes, so nothing is taken off."""
    plate = open_shot(graded.shot.plate).read(1006)
    model = load(str(graded.run.best_or_newest()), devices="cpu", engine="torch")
    seen = plate.planes(plate.channels)
    truth = (model.infer(seen) if beside == "the result" else seen).copy()
    truth[STROKE] = (0.8, 0.2, 0.3)
    sheets = {1006: Sheet(truth, mask()[..., 0])}
    add_correction(graded.run, "strokes", (1006,), sheets, tuple(plate.channels), steps=2)
    found = teach(graded)
    assert "so do the corrected frames" not in graded.said()
    before = model.infer(seen)[STROKE]
    wrong = float(np.square(before - np.float32([0.8, 0.2, 0.3])).mean())
    assert found.decibels is not None
    assert found.decibels[0] == pytest.approx(-10 * np.log10(wrong), abs=0.2)
