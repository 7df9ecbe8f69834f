"""Painted frames are given out as they were painted, and only what a newer network changes is written."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.dataset import as_painted
from understudy.dataset.pairs import load_data_set
from understudy.errors import SettingError
from understudy.frames import held_files, read_image_file, read_provenance, write_image_file
from understudy.frames.difference import largest_difference
from understudy.inference import painted
from understudy.inference.apply import ApplyResult, apply
from understudy.inference.carry import Missed, carried
from understudy.inference.events import ApplyEvent, ApplyMessage, ApplyPlanned, FrameSame
from understudy.runs import RunFolder
from understudy.settings import ApplySettings, TrainSettings, to_toml

sys.path.insert(0, str(Path(__file__).parent))
from saved_effect import save_effect


class Bench:
    """A run whose network changes nothing, and which learned from frames 1001 and 1005 of a shot."""

    def __init__(self, shot: Any, folder: Path) -> None:
        self.shot, self.folder = shot, folder
        where = {"input": (shot.plate,), "ground_truth": (shot.truth,), "data_directory": str(folder)}
        self.settings = TrainSettings(**where)
        self.run = RunFolder.create(folder, "look", to_toml(self.settings))
        self.data = load_data_set(self.settings.data, self.settings.colour)
        self.events: list[ApplyEvent] = []
        self.save(0.0)

    def save(self, shift: float) -> None:
        """A checkpoint that makes the plate brighter by ``shift``, 1 for all the range."""
        pairs = [{"name": each.name, "frame": each.number, "hash": each.hash} for each in self.data.pairs]
        save_effect(
            self.run.best_path,
            self.data,
            lambda network: network.unet.head.bias.fill_(shift),
            provenance={"pairs": pairs},
        )

    @property
    def output(self) -> str:
        return str(self.folder / "out" / "out.####.png")

    def result(self, number: int) -> Path:
        return self.folder / "out" / f"out.{number:04d}.png"

    def apply(self, **values: Any) -> ApplyResult:
        self.events.clear()
        given = {"model": str(self.run.path), "plate": self.shot.plate, "output": self.output, **values}
        return apply(ApplySettings(engine="torch", precision="float32", **given), self.events.append)

    @property
    def said(self) -> str:
        notes = [note for event in self.events if isinstance(event, ApplyPlanned) for note in event.notes]
        return " ".join([*notes, *(event.text for event in self.events if isinstance(event, ApplyMessage))])


@pytest.fixture
def bench(make_shot: Any, tmp_path: Path) -> Bench:
    return Bench(make_shot(truth_numbers=(1001, 1005)), tmp_path)


def same(one: Path, other: Path) -> bool:
    return largest_difference(one, other) == 0


def correct(bench: Bench, number: int, truth: np.ndarray, mask: np.ndarray | None = None) -> None:
    folder = bench.run.path / "corrections" / "0001"
    folder.mkdir(parents=True)
    kind = "ground-truth" if mask is None else "strokes"
    (folder / "correction.toml").write_text(f'version = 1\nkind = "{kind}"\nframes = "{number}"\n')
    plate = read_image_file(bench.shot.plate_file(number))
    write_image_file(folder / f"truth.{number}.exr", plate.with_planes(("R", "G", "B"), truth), depth="float")
    if mask is not None:
        write_image_file(folder / f"mask.{number}.exr", plate.as_matte(mask), depth="float")


def planes(path: Path) -> np.ndarray:
    return read_image_file(path).planes(("R", "G", "B"))


def test_painted_frames_come_out_bit_for_bit_and_it_is_said(bench: Bench) -> None:
    bench.apply()
    assert all(same(bench.result(number), bench.shot.truth_file(number)) for number in (1001, 1005))
    assert all(same(bench.result(number), bench.shot.plate_file(number)) for number in (1002, 1003, 1004))
    assert "As they were painted: frames 1001,1005" in bench.said
    assert read_provenance(bench.result(1001))["painted"]
    assert "painted" not in read_provenance(bench.result(1002))


def test_the_network_has_every_frame_where_that_is_asked_for(bench: Bench) -> None:
    bench.apply()
    again = bench.apply(painted="network")
    assert again.written == (1001, 1005) and again.again == {("the painted frames",): (1001, 1005)}
    assert all(same(bench.result(number), bench.shot.plate_file(number)) for number in bench.shot.numbers)


def test_frames_of_another_plate_are_left_to_the_network(bench: Bench) -> None:
    other = read_image_file(bench.shot.plate_file(1001))
    values = other.planes(("R", "G", "B")) * np.float32(0.5)
    write_image_file(bench.shot.plate_file(1001), other.with_planes(("R", "G", "B"), values))
    bench.apply()
    assert same(bench.result(1001), bench.shot.plate_file(1001))
    assert same(bench.result(1005), bench.shot.truth_file(1005))
    assert "frames 1001 are not the ones that were painted" in bench.said


def test_a_network_outside_of_its_run_says_that_it_does_not_know_them(bench: Bench) -> None:
    away = bench.folder / "away" / "look.cat"
    away.parent.mkdir()
    away.write_bytes(bench.run.best_path.read_bytes())
    bench.apply(model=str(away))
    assert same(bench.result(1001), bench.shot.plate_file(1001))
    assert "Frames 1001,1005 may be painted ones" in bench.said


def test_a_corrected_frame_comes_out_as_corrected_and_is_made_again(bench: Bench) -> None:
    bench.apply()
    truth = np.round(planes(bench.shot.plate_file(1003)) * 127) / 255
    correct(bench, 1003, truth.astype(np.float32))
    assert bench.apply().written == (1003,)
    assert np.abs(planes(bench.result(1003)) - truth).max() < 1e-6


def test_strokes_count_only_where_their_mask_is_white(bench: Bench) -> None:
    plate = planes(bench.shot.plate_file(1003))
    mask = np.zeros((*plate.shape[:2], 1), np.float32)
    mask[:, :10] = 1
    correct(bench, 1003, np.ones_like(plate), mask)
    bench.apply()
    found = planes(bench.result(1003))
    assert (found[:, :10] == 1).all() and (found[:, 10:] == plate[:, 10:]).all()


def test_what_the_network_misses_fades_into_the_frames_about_a_painted_one(bench: Bench) -> None:
    bench.apply(blend=2)
    moved = [
        np.abs(planes(bench.result(number)) - planes(bench.shot.plate_file(number))).mean()
        for number in (1001, 1002, 1003)
    ]
    assert moved[0] > moved[1] > 0
    assert "blended into 2 frames" in bench.said
    assert bench.apply().written == (1002, 1003, 1004)
    assert same(bench.result(1002), bench.shot.plate_file(1002))


def test_nothing_is_carried_to_where_the_motion_is_not_known() -> None:
    random = np.random.default_rng(3)
    one, other = (random.random((64, 96)).astype(np.float32) for _ in range(2))
    difference = np.ones((64, 96, 3), np.float32)
    assert carried(Missed(1, difference, one), other)[1].max() < 0.5
    still, sure = carried(Missed(1, difference, one), one)
    assert sure[16:-16, 16:-16].min() == 1 and np.abs(still[16:-16, 16:-16] - 1).max() < 1e-3


def test_an_update_leaves_frames_alone_that_do_not_change(bench: Bench) -> None:
    bench.apply(painted="network")
    times = {number: bench.result(number).stat().st_mtime_ns for number in bench.shot.numbers}
    bench.save(0.2 / 255)
    with pytest.raises(SettingError, match="another model"):
        bench.apply(painted="network")
    result = bench.apply(painted="network", update=True)
    assert result.written == () and result.same == bench.shot.numbers
    assert {number: bench.result(number).stat().st_mtime_ns for number in bench.shot.numbers} == times
    assert sum(isinstance(event, FrameSame) for event in bench.events) == len(bench.shot.numbers)


def test_an_update_writes_what_changes_and_says_by_how_much(bench: Bench) -> None:
    bench.apply()
    os.utime(bench.result(1001), (1, 1))
    bench.save(3 / 255)
    result = bench.apply(update=True)
    assert result.written == (1002, 1003, 1004) and result.same == (1001, 1005)
    assert set(result.changed_by.values()) == {3.0}
    assert "3 changed (frames 1002-1004), by 3 to 3 code values at most; 2 did not" in bench.said
    assert bench.result(1001).stat().st_mtime == 1


def test_a_movie_is_written_anew_only_where_a_frame_of_it_changes(bench: Bench) -> None:
    pytest.importorskip("av")
    movie = bench.folder / "out.mov"
    given = {"output": str(movie), "update": True}
    bench.apply(**given)
    made, there = read_provenance(movie), movie.stat().st_mtime_ns
    bench.save(0.2 / 65535)
    with pytest.raises(SettingError, match="exists already"):
        bench.apply(output=str(movie))
    left = bench.apply(**given)
    assert left.written == () and left.same == bench.shot.numbers and not left.changed_by
    assert movie.stat().st_mtime_ns == there and read_provenance(movie) == made
    bench.save(8 / 255)
    result = bench.apply(**given)
    assert result.written == bench.shot.numbers and result.same == ()
    assert set(result.changed_by) == {1002, 1003, 1004} and min(result.changed_by.values()) > 1
    assert "3 changed (frames 1002-1004), by" in bench.said
    assert "2 did not; the movie was written anew" in bench.said
    assert read_provenance(movie)["model"] != made["model"]
    assert [each.name for each in bench.folder.iterdir() if each.name.startswith(".out")] == []


def test_an_update_of_a_movie_that_cannot_be_compared_writes_it_anew(bench: Bench) -> None:
    pytest.importorskip("av")
    movie = bench.folder / "out.mov"
    bench.apply(output=str(movie), frames="1001-1003")
    result = bench.apply(output=str(movie), update=True)
    assert result.written == bench.shot.numbers
    assert set(result.changed_by.values()) == {math.inf}


def test_painted_frames_are_read_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    file = held_files.read_image_file

    def counted(path: Path, **values: Any) -> Any:
        read.append(path.name)
        return file(path, **values)

    monkeypatch.setattr(held_files, "read_image_file", counted)
    bench.apply()
    assert sorted(name for name in read if name.startswith("truth")) == ["truth.1001.png", "truth.1005.png"]
    read.clear()
    bench.apply(overwrite=True, blend=2)
    assert sum(name.startswith("truth") for name in read) == 2


def test_painted_frames_that_do_not_fit_into_memory_are_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(painted, "KEPT", 0)
    monkeypatch.setattr(as_painted, "HELD", 0)
    bench.apply()
    assert all(same(bench.result(number), bench.shot.truth_file(number)) for number in (1001, 1005))


@pytest.mark.parametrize("region", [False, True])
def test_frames_that_a_training_was_told_are_empty_come_out_empty(bench: Bench, region: bool) -> None:
    plate = read_image_file(bench.shot.plate_file(1003))
    given = {"empty": ("1002-1003",)}
    if region:
        mask = np.zeros((plate.display_window.height, plate.display_window.width, 1), np.float32)
        mask[:, :10] = 1
        write_image_file(bench.folder / "region.png", plate.as_matte(mask))
        given["region"] = str(bench.folder / "region.png")
    bench.run.settings_path.write_text(to_toml(bench.settings.replace(**given)))
    bench.save(20 / 255)
    bench.apply()
    for number in (1002, 1003):
        found, own = planes(bench.result(number)), planes(bench.shot.plate_file(number))
        assert (found[:, :10] == own[:, :10]).all()
        assert (found[:, 10:] == own[:, 10:]).all() != region
    assert not (planes(bench.result(1004)) == planes(bench.shot.plate_file(1004))).all()


def test_what_is_given_out_as_painted_is_sure(bench: Bench) -> None:
    bench.apply(output=str(bench.folder / "sure" / "out.####.exr"), confidence=True)
    for number, kept in ((1001, True), (1002, False), (1005, True)):
        sure = read_image_file(bench.folder / "sure" / f"out.{number}.exr").planes(["confidence"])
        assert (sure == 1).all() if kept else (sure < 1).all()
