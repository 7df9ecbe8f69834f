"""Motion blur of a matte's edge: as wide as the plate's, and the shutter as the plate tells it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from understudy.finishing import Motion, finish_matte, matte_steps, motion_blurred
from understudy.settings import FinishingSettings
from understudy.temporal import edge_widths, fitted_shutter, flow_between

sys.path.insert(0, str(Path(__file__).parent))
from made_motion import HEIGHT, RADIUS, WIDTH, frame, matte_at

FAST, SLANTED = (22.0, 0.0), (11.0, 6.0)


def motion(velocity: tuple[float, float], shutter: float) -> Motion:
    """The motion in frame 0, as flow finds it in the plate."""
    before, here, after = (frame(number, velocity, shutter)[1] for number in (-1, 0, 1))
    on, back = flow_between(here, after), flow_between(here, before)
    count = on.sure.astype(np.float32) + back.sure
    total = on.vectors * on.sure[..., None] - back.vectors * back.sure[..., None]
    return Motion(total / np.maximum(count, 1)[..., None], count > 0, shutter)


@pytest.mark.parametrize("shutter", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("velocity", [FAST, SLANTED], ids=["fast", "slanted"])
def test_a_sharp_edge_becomes_that_of_the_plate(velocity: tuple[float, float], shutter: float) -> None:
    wanted, _ = frame(0, velocity, shutter)
    sharp, moves = matte_at(WIDTH / 2, HEIGHT / 2), motion(velocity, shutter)
    made = motion_blurred(sharp, moves)
    assert np.abs(made - wanted).sum() < 0.35 * np.abs(sharp - wanted).sum()
    # What has its blur already gets no further one that counts.
    again = motion_blurred(wanted, moves)
    assert np.abs(again - wanted).sum() < 0.2 * np.abs(sharp - wanted).sum()


def test_edges_along_the_motion_and_all_that_is_far_from_edges_stay() -> None:
    sharp, moves = matte_at(WIDTH / 2, HEIGHT / 2), motion(FAST, 1.0)
    made = motion_blurred(sharp, moves)
    top = slice(HEIGHT // 2 - RADIUS - 6, HEIGHT // 2 - RADIUS + 6), slice(WIDTH // 2 - 2, WIDTH // 2 + 3)
    left = slice(HEIGHT // 2 - 2, HEIGHT // 2 + 3), slice(WIDTH // 2 - RADIUS - 6, WIDTH // 2 - RADIUS + 6)
    assert np.abs(made - sharp)[left].max() > 0.3
    assert np.abs(made - sharp)[top].max() < 0.6 * np.abs(made - sharp)[left].max()  # the disc is round
    assert np.array_equal(made[:, :40], sharp[:, :40])
    middle = slice(HEIGHT // 2 - 20, HEIGHT // 2 + 20), slice(WIDTH // 2 - 20, WIDTH // 2 + 20)
    assert np.array_equal(made[middle], sharp[middle])


def test_a_motion_too_slow_to_be_seen_or_a_matte_without_edges_stays_itself() -> None:
    sharp = matte_at(WIDTH / 2, HEIGHT / 2)
    still = Motion(np.full((HEIGHT, WIDTH, 2), 0.3, np.float32), np.ones((HEIGHT, WIDTH), bool), 1.0)
    assert motion_blurred(sharp, still) is sharp
    nothing = np.zeros_like(sharp)
    assert motion_blurred(nothing, motion(FAST, 1.0)) is nothing


def test_it_comes_after_what_shapes_the_edge_and_before_what_makes_another_matte_of_it() -> None:
    asked = FinishingSettings(clip_black=0.1, soften=1, gamma=1.2, motion_blur=0.5, edge=3, invert=True)
    moves = motion(FAST, 0.5)
    names = [name[0] for name, _ in matte_steps(asked, moves)]
    assert names == ["clip", "soften", "gamma", "motion blur", "edge", "invert"]
    assert "motion blur" not in [name[0] for name, _ in matte_steps(asked)]
    sharp = matte_at(WIDTH / 2, HEIGHT / 2)
    plain = FinishingSettings(motion_blur=0.5)
    assert np.array_equal(finish_matte(sharp, plain, moves), motion_blurred(sharp, moves))
    assert finish_matte(sharp, plain) is sharp


@pytest.mark.parametrize("shutter", [0.25, 0.5, 0.8])
def test_the_shutter_is_told_by_the_plates_edges(shutter: float) -> None:
    samples = []
    for velocity in (FAST, SLANTED):
        moves = motion(velocity, shutter)
        samples.append(edge_widths(frame(0, velocity, shutter)[1], moves.vectors, moves.sure))
    found = fitted_shutter(samples)
    assert found is not None and abs(found - shutter) <= 0.12


def test_a_plate_that_is_sharp_in_motion_has_no_shutter_and_one_that_stands_tells_of_none() -> None:
    moves = motion(FAST, 0.0)
    assert fitted_shutter([edge_widths(frame(0, FAST, 0.0)[1], moves.vectors, moves.sure)]) == 0
    still = motion((0.0, 0.0), 0.5)
    assert fitted_shutter([edge_widths(frame(0, (0.0, 0.0), 0.5)[1], still.vectors, still.sure)]) is None
    assert fitted_shutter([]) is None
