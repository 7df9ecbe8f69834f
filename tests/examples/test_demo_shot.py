"""The demo's shot: the same everywhere, scene-linear, with an effect that is global and local."""

from __future__ import annotations

import numpy as np
import pytest

WIDTH = 128


@pytest.fixture(scope="module")
def frames(stage):
    """Plate and painting of three frames, by number."""
    from shot import render

    return {number: render(stage, number, WIDTH) for number in (1001, 1022, 1044)}


def test_a_frame_is_the_same_whoever_renders_it(stage, frames):
    from scene import Set
    from shot import render

    for ours, theirs in zip(frames[1022], render(Set(), 1022, WIDTH), strict=True):
        assert np.array_equal(ours, theirs)


def test_frames_are_finite_scene_linear_and_of_the_size_asked_for(frames):
    for plate, painting in frames.values():
        assert plate.shape == painting.shape == (72, WIDTH, 3)
        assert np.isfinite(plate).all() and np.isfinite(painting).all()
        assert plate.max() > 1.0
        assert 0.02 < np.median(plate) < 0.4


def test_away_from_the_markers_the_painting_is_the_graded_plate_with_its_grain(frames):
    from shot import graded

    for plate, painting in frames.values():
        error = np.abs(graded(plate) - painting).max(axis=2)
        assert 0.01 < (error > 0.05).mean() < 0.12
        assert (error < 0.01).mean() > 0.5


def test_the_camera_and_the_light_move(frames):
    first, last = frames[1001][0], frames[1044][0]
    assert np.abs(first - last).mean() > 0.05


def test_the_grain_of_two_frames_has_nothing_in_common():
    from lens import grain_field

    one, other = grain_field(1001, 60, 80), grain_field(1002, 60, 80)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.05


def test_the_markers_are_on_the_wall_inside_its_texture():
    from textures import WALL_BOTTOM, WALL_HEIGHT, WALL_LEFT, WALL_WIDTH, marker_places

    for x, y in marker_places():
        assert WALL_LEFT + 0.05 < x < WALL_LEFT + WALL_WIDTH - 0.05
        assert WALL_BOTTOM + 0.05 < y < WALL_BOTTOM + WALL_HEIGHT - 0.05


def test_learning_sees_five_frames_and_judging_all_others():
    from judging import SHOWN, UNSEEN
    from shot import NUMBERS, PAINTED

    assert len(PAINTED) == 5
    assert set(UNSEEN) == set(NUMBERS) - set(PAINTED)
    assert set(SHOWN) <= set(UNSEEN)
