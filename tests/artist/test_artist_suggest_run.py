"""Which frame would teach a run most."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

import understudy
from understudy.artist.suggest.painted import truths_of, what_was_learned
from understudy.artist.suggest.risk import fit, risk_of
from understudy.artist.suggest.unsure import Signs
from understudy.errors import ModelFileError, RunError
from understudy.frames import open_shot
from understudy.runs import RunFolder

WIDTH, HEIGHT = 96, 64
RNG = np.random.default_rng(3)
GROUND = cv2.resize(RNG.random((16, 24, 3), np.float32), (WIDTH, HEIGHT))
OTHER = cv2.resize(RNG.random((32, 48, 3), np.float32), (WIDTH, HEIGHT))
PAINTED = (1001, 1005, 1009)
STRANGE = range(1012, 1016)


def frame(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A plate, and the matte of its bright square; another scene on the frames ``STRANGE``."""
    plate = (OTHER if number in STRANGE else GROUND) * np.float32(0.6)
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    left = 4 + 3 * (number - 1001)
    matte[20:44, left : left + 24] = 1
    return np.where(matte[..., None] > 0, np.float32([0.1, 0.9, 1.0]), plate), matte


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with plate/, painted/ and runs/matte."""
    folder = tmp_path_factory.mktemp("shot")
    for name in ("plate", "painted"):
        (folder / name).mkdir()
    for number in range(1001, 1017):
        plate, matte = frame(number)
        cv2.imwrite(str(folder / "plate" / f"p.{number}.png"), np.rint(plate * 255).astype(np.uint8))
        if number in PAINTED:
            cv2.imwrite(str(folder / "painted" / f"p.{number}.png"), np.rint(matte * 255).astype(np.uint8))
    understudy.train(
        input=folder / "plate",
        ground_truth=folder / "painted",
        data_directory=folder / "runs",
        name="matte",
        max_steps=40,
        model_size="small",
        crop_size=64,
        batch_size=2,
    )
    return folder


def test_a_run_knows_its_painted_frames_and_suggests_what_is_unlike_them(shot: Path) -> None:
    result = understudy.suggest(shot / "plate", run=shot / "runs" / "matte", count=2)
    assert result.painted == PAINTED and result.measure == "1 - IoU"
    assert result.frames[0].frame in STRANGE
    assert "the network is" in result.frames[0].reason.lower()
    errors = {each.frame: each.expected_error for each in result.all}
    assert all(error is not None and 0 <= error <= 1 for error in errors.values())
    assert len(errors) == 16 and not {each.frame for each in result.frames} & set(PAINTED)


def test_a_run_that_learned_from_another_shot_is_asked_about_this_one(shot: Path, tmp_path: Path) -> None:
    shutil.copytree(shot / "plate", tmp_path / "copy")
    result = understudy.suggest(tmp_path / "copy", run=shot / "runs" / "matte", count=1)
    assert result.painted == () and len(result.all) == 16
    assert result.frames[0].frame in STRANGE  # the others look like frames that were painted elsewhere


def test_a_run_whose_painted_frames_are_gone_is_asked_all_the_same(shot: Path, tmp_path: Path) -> None:
    copy = tmp_path / "runs"
    shutil.copytree(shot / "runs", copy)
    settings = copy / "matte" / "settings.toml"
    settings.write_text(settings.read_text().replace("painted", "away"))
    result = understudy.suggest(shot / "plate", run=copy / "matte", count=1)
    assert any("cannot be read" in note for note in result.notes) and result.frames


def test_what_is_no_run_or_has_no_network_is_refused(shot: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError):
        understudy.suggest(shot / "plate", run=tmp_path)
    RunFolder.create(tmp_path, "empty")
    with pytest.raises(ModelFileError):
        understudy.suggest(shot / "plate", run=tmp_path / "empty")


def signs(level: float, error: float | None = None, blocks: int = 160) -> Signs:
    """Blocks in which the passes differ by about ``level``, and the error is ``error`` times that."""
    noise = np.random.default_rng(int(level * 1e4)).uniform(0.5, 2, blocks)
    features = np.log(np.tile((level * noise)[:, None], (1, 5)) + 1e-4)
    return Signs(features, 0.3, None if error is None else level * noise * error)


def test_signs_mean_what_they_meant_on_painted_frames() -> None:
    """Ten times the doubt was ten times the error there: so it is elsewhere, and in that size."""
    known = {place: signs(0.01 if place % 2 else 0.1, 2.0) for place in range(40)}
    weights, mean = fit(list(known.values()), np.zeros(6))
    assert float(weights[:-1].sum()) == pytest.approx(1.0, abs=0.15)
    risk = risk_of({**known, 40: signs(0.05)}, 41, "image", np.zeros(41))
    assert risk.expected[1] < risk.expected[40] < risk.expected[0]
    assert risk.expected[40] ** 2 == pytest.approx(0.05 * 1.25 * 2, rel=0.3)
    assert len(mean) == 5


def test_frames_far_from_painted_ones_are_thought_to_be_worse_and_those_between_are_filled_in() -> None:
    risk = risk_of({0: signs(0.02, 1.0), 4: signs(0.02, 1.0)}, 5, "matte", np.array([0, 0.5, 1, 0.5, 0]))
    assert risk.expected.shape == (5,) and risk.expected.argmax() == 2
    assert risk.blocks.shape == (5, 160)


def test_frames_of_another_shot_with_the_same_numbers_are_told_apart(shot: Path, tmp_path: Path) -> None:
    shutil.copytree(shot / "plate", tmp_path / "second")
    (tmp_path / "blank").mkdir()
    for number in PAINTED[:2]:
        cv2.imwrite(str(tmp_path / "blank" / f"p.{number}.png"), np.zeros((HEIGHT, WIDTH), np.uint8))
    made = understudy.train(
        input=[shot / "plate", tmp_path / "second"],
        ground_truth=[shot / "painted", tmp_path / "blank"],
        data_directory=tmp_path / "runs",
        max_steps=1,
        model_size="small",
        crop_size=32,
    )
    with open_shot(str(shot / "plate")) as plate:
        learned = what_was_learned(made.run, plate)
        truths, note = truths_of(learned, plate)
    assert learned.own == PAINTED
    assert [number for _, number in learned.others] == list(PAINTED[:2])
    assert all("second" in str(other.path(number)) for other, number in learned.others)
    assert not note and sorted(truths) == list(PAINTED) and all(truth.max() == 1 for truth in truths.values())


def test_painted_frames_that_cannot_be_read_are_said(shot: Path, tmp_path: Path) -> None:
    shutil.copytree(shot / "runs", tmp_path / "runs")
    shutil.copytree(shot / "painted", tmp_path / "damaged")
    (tmp_path / "damaged" / f"p.{PAINTED[-1]}.png").write_bytes(b"no picture")
    settings = tmp_path / "runs" / "matte" / "settings.toml"
    settings.write_text(settings.read_text().replace(str(shot / "painted"), str(tmp_path / "damaged")))
    result = understudy.suggest(shot / "plate", run=tmp_path / "runs" / "matte", count=1)
    assert any("painted frames cannot be read" in note for note in result.notes) and result.frames
