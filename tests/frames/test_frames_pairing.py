"""Which plate frame belongs to which ground truth frame."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.errors import PairingError
from understudy.frames import Pairing, Shot, open_shot, pair_shots


def shot_of(folder: Path, *names: str, spec: str = "") -> Shot:
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"")
    return open_shot(str(folder / spec if spec else folder))


def test_frames_with_the_same_number_are_pairs_and_the_rest_is_named(tmp_path: Path) -> None:
    plate = shot_of(tmp_path / "in", *(f"p.{number}.exr" for number in range(1001, 1006)))
    truth = shot_of(tmp_path / "gt", "painted_000999.png", "painted_001002.png", "painted_001004.png")
    assert pair_shots(plate, truth) == Pairing(((1002, 1002), (1004, 1004)), (1001, 1003, 1005), (999,))


def test_by_order_the_first_belongs_to_the_first(tmp_path: Path) -> None:
    plate = shot_of(tmp_path / "in", "p.1001.exr", "p.1010.exr", "p.1020.exr")
    truth = shot_of(tmp_path / "gt", "t.1.exr", "t.2.exr")
    assert pair_shots(plate, truth, by="order") == Pairing(((1001, 1), (1010, 2)), (1020,), ())


def test_two_stills_are_a_pair_whatever_their_names(tmp_path: Path) -> None:
    plate = shot_of(tmp_path / "in", "before.1001.exr", spec="before.1001.exr")
    truth = shot_of(tmp_path / "gt", "after_v2.png", spec="after_v2.png")
    assert pair_shots(plate, truth).pairs == ((1001, 1),)


def test_shots_without_a_common_number_are_refused_with_both_ranges(tmp_path: Path) -> None:
    plate = shot_of(tmp_path / "in", "p.1001.exr", "p.1002.exr")
    truth = shot_of(tmp_path / "gt", "t.1.exr", "t.2.exr")
    with pytest.raises(PairingError) as refused:
        pair_shots(plate, truth)
    assert "1001-1002" in refused.value.expected and "1-2" in refused.value.found
    assert "--pair-by order" in refused.value.remedy
