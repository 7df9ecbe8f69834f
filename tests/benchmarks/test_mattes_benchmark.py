"""The benchmark of several mattes: the second subject lies before the first, and what is right is right."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from mattes import NAMES, Laid, judge, write_shot
from mattes import read_matte as read

from understudy.frames import open_shot

FRAMES = range(1, 9)


def make_case(folder: Path, colour: tuple[int, int, int], box: tuple[int, int, int, int]) -> Path:
    """A box of one ``colour`` (top, bottom, left, right) on grey, that goes right."""
    for number in FRAMES:
        plate, matte = np.full((48, 80, 3), 90, np.uint8), np.zeros((48, 80), np.uint8)
        top, bottom, left, right = box
        plate[top:bottom, left + number : right + number] = colour
        matte[top:bottom, left + number : right + number] = 255
        for side, pixels in (("input", plate), ("groundtruth", matte)):
            (folder / side).mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(folder / side / f"{folder.name}.{1000 + number}.png"), pixels)
    return folder


@pytest.fixture
def laid(tmp_path: Path) -> Laid:
    back = read(make_case(tmp_path / "back", (200, 60, 40), (10, 40, 20, 60)))
    return Laid(back, read(make_case(tmp_path / "front", (30, 220, 60), (14, 36, 30, 50))))


def test_the_subject_in_front_covers_the_other_in_plate_and_mattes(laid: Laid) -> None:
    for number in laid.back.frames:
        plate, mattes = laid.frame(number)
        assert mattes.sum(2).max() <= 1 + 1e-6
        assert (abs(plate[mattes[..., 1] == 1] * 255 - [60, 220, 30]) < 1).all()  # OpenCV writes BGR
        assert (abs(plate[mattes[..., 0] == 1] * 255 - [40, 60, 200]) < 1).all()
        assert (mattes[..., 1] == 1).any() and (mattes[..., 0] == 1).any()


def test_the_truth_itself_is_right_and_mattes_given_to_the_other_are_wrong(laid: Laid) -> None:
    truths = {n: laid.frame(n)[1] for n in laid.back.test_frames}
    assert judge(laid, truths) == {name: 1.0 for name in (*NAMES, "touch")}
    swapped = judge(laid, {n: truth[..., ::-1] for n, truth in truths.items()})
    assert all(value < 0.2 for value in swapped.values())


def test_only_painted_frames_have_mattes_on_disk(laid: Laid, tmp_path: Path) -> None:
    plate, truths = write_shot(laid, tmp_path / "shot")
    assert open_shot(plate).numbers == laid.back.frames
    for name in NAMES:
        assert open_shot(truths[name]).numbers == laid.back.train_frames
