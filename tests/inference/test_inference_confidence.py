"""The channel that says how sure the result is: where it comes from, and where it is 1."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from understudy.dataset.pairs import load_data_set
from understudy.errors import SettingError
from understudy.frames import read_image_file, read_provenance
from understudy.inference.apply import ApplyResult, apply
from understudy.inference.confidence import confidence_of, doubt_of, moved, moved_back, table_of
from understudy.inference.events import ApplyPlanned
from understudy.network.confidence import ConfidenceTable
from understudy.settings import ApplySettings, TrainSettings

sys.path.insert(0, str(Path(__file__).parent))
from saved_effect import save_effect

TABLE = ConfidenceTable(doubt=(0.0, 40.0), right=(0.875, 0.125))
REGION = "10,8,12,10"


class Bench:
    """A network of noise outside of any run, and the plate that it is applied to."""

    def __init__(self, shot: Any, folder: Path) -> None:
        self.shot, self.folder = shot, folder
        where = {"input": (shot.plate,), "ground_truth": (shot.truth,), "data_directory": str(folder)}
        settings = TrainSettings(**where)
        self.data = load_data_set(settings.data, settings.colour)
        self.events: list[Any] = []

    def save(self, table: ConfidenceTable | None = TABLE) -> None:
        seeded = torch.Generator().manual_seed(1)
        save_effect(
            self.folder / "a.cat",
            self.data,
            lambda network: network.unet.head.weight.normal_(0, 0.02, generator=seeded),
            confidence=table,
        )

    def apply(self, name: str = "out", ending: str = "exr", **values: Any) -> ApplyResult:
        self.events.clear()
        given: dict[str, Any] = {"model": str(self.folder / "a.cat"), "plate": self.shot.plate}
        given |= {
            "output": str(self.folder / name / f"out.####.{ending}"),
            "confidence": True,
            "frames": "1001",
        }
        settings = ApplySettings(engine="torch", precision="float32", **{**given, **values})
        return apply(settings, self.events.append)

    def planes(self, *channels: str, name: str = "out") -> np.ndarray:
        return read_image_file(self.folder / name / "out.1001.exr").planes(channels)

    @property
    def notes(self) -> str:
        return " ".join(note for each in self.events if isinstance(each, ApplyPlanned) for note in each.notes)


@pytest.fixture
def bench(make_shot: Any, tmp_path: Path) -> Bench:
    made = Bench(make_shot(truth_numbers=(1001, 1005)), tmp_path)
    made.save()
    return made


def test_confidence_is_a_further_channel_and_changes_no_other(bench: Bench) -> None:
    bench.apply()
    bench.apply("plain", confidence=False)
    sure = bench.planes("confidence")
    assert sure.min() >= 0.125 and sure.max() <= 0.875 and sure.std() > 0
    np.testing.assert_array_equal(bench.planes("R", "G", "B"), bench.planes("R", "G", "B", name="plain"))
    assert "confidence" not in read_image_file(bench.folder / "plain" / "out.1001.exr").channels
    bench.apply("again")
    assert "2 times as long" in bench.notes and "general table" not in bench.notes


def test_what_is_outside_the_region_is_sure_and_inside_it_is_the_whole_frames(bench: Bench) -> None:
    bench.apply()
    bench.apply("part", region=REGION)
    whole, part = bench.planes("confidence"), bench.planes("confidence", name="part")
    inside = np.zeros(whole.shape, bool)
    inside[8:18, 10:22] = True
    assert (part[~inside] == 1).all()
    np.testing.assert_allclose(part[inside], whole[inside], atol=2e-3)


def test_a_network_without_a_table_takes_the_general_one_and_says_so(bench: Bench) -> None:
    bench.save(None)
    bench.apply()
    assert "general table" in bench.notes
    sure = bench.planes("confidence")
    assert sure.min() >= 0 and sure.max() <= 1


def test_files_that_cannot_hold_it_are_refused_before_the_first_frame(bench: Bench) -> None:
    with pytest.raises(SettingError, match="cannot hold the channel confidence"):
        bench.apply(ending="png")
    assert not (bench.folder / "out").exists() or not list((bench.folder / "out").iterdir())


@pytest.mark.parametrize("first", [True, False])
def test_frames_with_and_without_it_are_not_mixed(bench: Bench, first: bool) -> None:
    bench.apply(confidence=first)
    found = read_provenance(bench.folder / "out" / "out.1001.exr")
    assert ("confidence" in found) == first
    with pytest.raises(SettingError, match="another model, or with other settings"):
        bench.apply(confidence=not first, frames="1001-1002")
    assert bench.apply(confidence=first).kept == (1001,)


def test_two_looks_that_agree_leave_an_image_in_no_doubt() -> None:
    image = np.random.default_rng(1).uniform(0, 1, (20, 30, 3)).astype(np.float32)
    assert (doubt_of(image, image, False) == 0).all()
    other = image.copy()
    other[10, 10, 1] += 9 / 255
    doubt = doubt_of(image, other, False)
    assert doubt[10, 10] == pytest.approx(1, abs=1e-3) and doubt[0, 0] == 0


def test_a_matte_is_in_doubt_where_it_is_grey_at_its_edge_and_where_both_looks_disagree() -> None:
    matte = np.zeros((80, 160, 1), np.float32)
    matte[:, 80:] = 1
    doubt = doubt_of(matte, matte, True)
    assert doubt[40, 5] == doubt[40, 155] == 0 and doubt[40, 79] > 0.4 and doubt[40, 80] > 0.4
    assert doubt_of(matte, 1 - matte, True)[40, 5] == pytest.approx(0.5)
    assert doubt_of(matte * 0 + 0.4, matte * 0 + 0.4, True)[40, 5] == pytest.approx(0.4)


def test_what_is_moved_comes_back_and_pixels_that_are_the_plates_own_are_sure() -> None:
    image = np.random.default_rng(2).uniform(0, 1, (3, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(moved_back(moved(image)), image)
    header: Any = type("H", (), {"kind": "matte", "confidence": TABLE})
    matte = np.zeros((8, 8, 1), np.float32)
    matte[2, 2] = np.nan
    sure = confidence_of(header, matte, matte, False)
    assert sure[2, 2] == 1 and sure[0, 0] == pytest.approx(0.875) and np.isfinite(sure).all()
    assert table_of(header) is TABLE


def test_a_matte_that_is_nothing_beside_next_to_nothing_is_in_no_doubt_below_0() -> None:
    """Running sums of what a sigmoid makes of sure pixels leave something like -1e-17 behind."""
    tails = np.random.default_rng(0).random((80, 120, 1)).astype(np.float32) ** 40
    tails[:, 40:] = 0
    for matte in (tails, 1 - tails):
        assert doubt_of(matte, matte, matte=True).min() >= 0
