"""The made shots that a keyer as a start is measured on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from zoo.degrade.screen import GREEN
from zoo.keying_start import FRAMES, PAINTED, make_shot, write_shot

from understudy.frames import read_image_file


def test_what_stands_before_the_screen_crosses_it_and_five_frames_are_put_right(
    pictures: Any, tmp_path: Path
) -> None:
    frames = list(make_shot(pictures, 11, GREEN, True, side=64))
    assert len(frames) == FRAMES
    columns = [float((each.alpha * np.arange(64)).sum() / each.alpha.sum()) for each in frames]
    assert columns[-1] - columns[0] > 12
    assert all(0 < each.alpha.mean() < 0.6 and each.alpha.max() == 1 for each in frames)
    last = frames[-1]
    open_ = last.plate[last.alpha == 0]
    assert np.median(open_[:, 1] - open_[:, [0, 2]].max(1)) > 0.05
    write_shot(tmp_path, frames, linear=True)
    assert len(list(tmp_path.glob("plate.*.exr"))) == FRAMES
    assert len(list(tmp_path.glob("rgba.*.exr"))) == len(list(tmp_path.glob("alpha.*.exr"))) == len(PAINTED)
    alpha = read_image_file(tmp_path / f"rgba.{PAINTED[0]:04d}.exr").planes(("A",))[..., 0]
    assert np.allclose(alpha, frames[PAINTED[0] - 1].alpha, atol=1e-3)
