"""What is wrong with many pairs: headers are looked at, what is there twice is found, some are seen whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.artist.check import Looked, check, job
from understudy.dataset import sampling, set_check
from understudy.errors import PairingError, SettingError
from understudy.settings import CheckSettings

COUNT = 56
SAMPLE = 8


@pytest.fixture(autouse=True)
def few_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight pairs are looked at in full, and more than sixteen are many."""
    monkeypatch.setattr(sampling, "SAMPLE", 16)
    monkeypatch.setattr(set_check, "IN_FULL", SAMPLE)
    monkeypatch.setattr(job, "IN_FULL", SAMPLE)


@pytest.fixture
def folders(tmp_path: Path, save_pixels: Any) -> tuple[Path, Path]:
    """More pictures than are looked at one by one, with a disc each and its matte."""
    random = np.random.default_rng(5)
    y, x = np.mgrid[:48, :64].astype(np.float32)
    for side in ("image", "mask"):
        (tmp_path / side).mkdir()
    for index in range(COUNT):
        disc = ((x - random.uniform(20, 44)) ** 2 + (y - random.uniform(16, 32)) ** 2 < 100)[..., None]
        pixels = np.where(disc, np.float32([0.9, 0.6, 0.2]), random.random((48, 64, 3)) * 0.3)
        name = f"{'ab'[index % 2]}_{index:03d}_x"
        save_pixels(tmp_path / "image" / f"{name}.png", pixels.astype(np.float32), "uint8")
        save_pixels(tmp_path / "mask" / f"{name}.png", disc.astype(np.float32), "uint8")
    return tmp_path / "image", tmp_path / "mask"


def looked(folders: tuple[Path, Path], **more: Any) -> Any:
    events: list[Looked] = []
    result = check(CheckSettings(input=str(folders[0]), ground_truth=str(folders[1]), **more), events.append)
    assert events and all(0 < event.done <= event.total for event in events)
    return result


def kinds(result: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for finding in result.findings:
        found.setdefault(finding.kind, set()).add(finding.name)
    return found


def test_good_pairs_raise_no_alarm_and_it_is_said_what_was_looked_at(folders: tuple[Path, Path]) -> None:
    result = looked(folders)
    assert result.pairs == COUNT and kinds(result) == {}
    said = " ".join(result.notes)
    assert f"headers of all {COUNT} pairs" in said and f"{SAMPLE} of them, evenly spread" in said


def test_what_cannot_be_read_and_what_has_another_size_is_found_wherever_it_is(
    folders: tuple[Path, Path], save_pixels: Any
) -> None:
    plates = sorted(folders[0].iterdir())
    for plate in (plates[0], plates[41], plates[-1]):
        plate.write_bytes(b"nothing")
    odd = folders[1] / plates[50].name
    odd.unlink()
    save_pixels(odd, np.ones((20, 20, 1), np.float32), "uint8")
    found = kinds(looked(folders))
    assert found["unreadable"] == {plates[0].name, plates[41].name, plates[-1].name}
    assert found["size"] == {plates[50].name}


def test_pictures_that_are_there_twice_are_found_also_where_they_are_links(
    folders: tuple[Path, Path],
) -> None:
    plates = sorted(folders[0].iterdir())
    shutil.copy(plates[3], folders[0] / "z_copy.png")
    os.link(plates[5], folders[0] / "z_link.png")
    for name in ("z_copy", "z_link"):
        shutil.copy(folders[1] / plates[3].name, folders[1] / f"{name}.png")
    result = looked(folders)
    assert kinds(result)["duplicate"] == {"z_copy.png", "z_link.png"}
    assert any(plates[3].name in finding.measure for finding in result.findings)


def test_empty_masks_of_the_sample_are_found(folders: tuple[Path, Path], save_pixels: Any) -> None:
    masks = sorted(folders[1].iterdir())
    masks[0].unlink()
    save_pixels(masks[0], np.zeros((48, 64, 1), np.float32), "uint8")
    assert kinds(looked(folders))["empty"] == {masks[0].name}


def test_channels_that_differ_are_counted(folders: tuple[Path, Path], save_pixels: Any) -> None:
    plate = sorted(folders[0].iterdir())[2]
    plate.unlink()
    save_pixels(plate, np.random.default_rng(1).random((48, 64, 4)).astype(np.float32), "uint8")
    assert f"{COUNT - 1} of 3 in and 1 out, 1 of 4 in and 1 out" in " ".join(looked(folders).notes)


def test_repairing_pictures_is_refused_before_anything_is_written(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match="not repaired"):
        looked(folders, repair=tmp_path / "repaired")
    assert not (tmp_path / "repaired").exists()


def test_pairs_of_which_none_can_be_read_are_refused(folders: tuple[Path, Path]) -> None:
    for plate in folders[0].iterdir():
        plate.write_bytes(b"nothing")
    with pytest.raises(PairingError, match="No pair can be read"):
        looked(folders)
