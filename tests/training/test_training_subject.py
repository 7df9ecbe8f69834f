"""What painted mattes tell of their subject."""

import numpy as np
import pytest

from understudy.training.subject import shape_agreement


def matte(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (120, 160)) -> np.ndarray:
    """A matte of boxes: top, bottom, left, right."""
    made = np.zeros(size, np.float32)
    for top, bottom, left, right in boxes:
        made[top:bottom, left:right] = 1
    return made


CAR = matte((40, 60, 20, 60), (30, 40, 30, 50))


def test_a_shape_that_only_moves_and_grows_agrees_with_itself():
    larger = matte((60, 100, 60, 140), (40, 60, 80, 120))
    assert shape_agreement([CAR, np.roll(CAR, (30, 70), (0, 1)), larger]) > 0.95


def test_limbs_that_move_agree_little():
    poses = [matte((20, 100, 75, 85)), matte((55, 65, 20, 140)), matte((20, 60, 75, 85), (60, 70, 30, 130))]
    assert shape_agreement(poses) < 0.6


def test_mattes_that_the_frame_cuts_off_do_not_count_where_there_are_two_others():
    cut = matte((40, 60, 0, 10))
    assert shape_agreement([CAR, np.roll(CAR, 50, 1), cut]) > 0.95
    assert shape_agreement([CAR, cut]) < 0.9


@pytest.mark.parametrize("mattes", [[], [CAR], [CAR, np.zeros_like(CAR)]], ids=["none", "one", "one empty"])
def test_it_takes_two_mattes_to_tell(mattes: list[np.ndarray]):
    assert shape_agreement(mattes) is None


def test_a_matte_of_a_single_pixel_is_no_error():
    dot = matte((3, 4, 5, 6))
    assert 0 <= shape_agreement([dot, CAR]) <= 1
