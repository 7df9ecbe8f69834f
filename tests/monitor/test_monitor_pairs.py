"""The page says of new pairs what is wrong with them, as check does, and nothing of good ones."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from understudy.monitor.pairs.report import PairsReport, pairs_report
from understudy.monitor.paths.allowed import AllowedFolders
from understudy.settings import TrainSettings


def picture(seed: int) -> np.ndarray:
    """Detail of several sizes, uint8 (96, 128, 3), another one for each seed."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.random((96 // k, 128 // k, 3)), (128, 96), interpolation=cv2.INTER_CUBIC)
        for k in (3, 8, 24)
    ]
    return np.clip(np.mean(layers, 0) * 255, 0, 255).astype(np.uint8)


def report_of(folder: Path, truths: list[np.ndarray]) -> PairsReport:
    for index, truth in enumerate(truths):
        cv2.imwrite(str(folder / f"plate.{index + 1:04d}.png"), picture(index))
        cv2.imwrite(str(folder / f"truth.{index + 1:04d}.png"), truth)
    settings = TrainSettings(
        input=str(folder / "plate.####.png"),
        ground_truth=str(folder / "truth.####.png"),
        name="a",
        epochs=10,
        data_directory=folder,
    )
    return pairs_report(settings, AllowedFolders.of([folder]), ())


def painted(count: int = 4) -> list[np.ndarray]:
    return [np.uint8(picture(index) * 0.8) for index in range(count)]


def test_good_pairs_carry_their_size_and_no_warning(tmp_path):
    report = report_of(tmp_path, painted())
    assert (report.width, report.height, report.warnings) == (128, 96, [])


def test_a_moved_ground_truth_and_one_of_another_frame_are_named(tmp_path):
    truths = painted()
    truths[1] = np.roll(truths[1], (2, 3), (0, 1))
    truths[3] = np.uint8(picture(2) * 0.75)
    said = report_of(tmp_path, truths).warnings
    assert any("truth.0002.png" in line and "3 px right, 2 px down" in line for line in said)
    assert any("truth.0004.png" in line and "that of frame 3" in line for line in said)
    assert not any("truth.0001.png" in line for line in said), said


def test_a_ground_truth_of_another_size_is_a_warning(tmp_path):
    truths = painted()
    truths[2] = truths[2][:80]
    assert ["128 x 80" in said for said in report_of(tmp_path, truths).warnings] == [True]
