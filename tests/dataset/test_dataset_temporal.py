"""Whether the frames before and after tell more: of made effects it is known which they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from understudy.dataset.temporal import FEWEST, Trial, Views

HEIGHT, WIDTH = 96, 128
PAINTED = (4, 9, 14, 19)
Plates = dict[int, np.ndarray]


def texture(seed: int) -> np.ndarray:
    """Grain, smoothed a little, over large shapes: (HEIGHT, 4 * WIDTH), 0 to 1."""
    grain = np.random.default_rng(seed).random((HEIGHT, 4 * WIDTH)).astype(np.float32)
    fine = (grain + np.roll(grain, 1, 0) + np.roll(grain, 1, 1) + np.roll(grain, (1, 1), (0, 1))) / 4
    coarse = np.kron(grain[::16, ::16], np.ones((16, 16), np.float32))
    return 0.6 * fine + 0.4 * coarse


def moving(speed: int) -> Plates:
    """A texture that passes by."""
    wide = texture(1)
    return {n: wide[:, n * speed : n * speed + WIDTH].copy() for n in range(24)}


def still_and_noisy() -> Plates:
    picture = texture(2)[:, :WIDTH]
    rng = np.random.default_rng(3)
    return {n: picture + rng.normal(0, 0.1, picture.shape).astype(np.float32) for n in range(24)}


def reach_of(plates: Plates, truths: Plates, painted: tuple[int, ...] = PAINTED) -> int:
    trial = Trial()
    for n in painted:
        beside = [plates[n + offset] for offset in (-1, 1, -2, 2)]
        trial.add(Views(plates[n], truths[n], np.ones((HEIGHT, WIDTH), np.float32), beside))
    return trial.reach()


def blurred(plates: Plates) -> Plates:
    """Each frame as the mean of three, as a shutter that stays open makes it."""
    return {n: (plates[n - 1] + plates[n] + plates[n + 1]) / 3 for n in range(1, 23)}


def test_blur_that_is_the_mean_of_several_frames_is_told_by_those_about_it() -> None:
    sharp = moving(speed=3)
    assert reach_of(blurred(sharp), sharp) == 2


def test_noise_over_what_stands_still_is_told_by_the_frames_about_it() -> None:
    noisy = still_and_noisy()
    clean = texture(2)[:, :WIDTH]
    assert reach_of(noisy, dict.fromkeys(noisy, clean)) >= 1


def graded(frame: np.ndarray) -> np.ndarray:
    return frame**0.7 * 0.9 + 0.05


def sharpened(frame: np.ndarray) -> np.ndarray:
    around = sum(np.roll(frame, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)) / 9
    return frame + 0.8 * (frame - around)


def patched(frame: np.ndarray) -> np.ndarray:
    made = frame.copy()
    made[20:44, 30:70] = frame[50:74, 60:100]
    return made


def hazed(frame: np.ndarray) -> np.ndarray:
    share = np.linspace(0.9, 0.4, HEIGHT, dtype=np.float32)[:, None]
    return frame * share + 0.8 * (1 - share)


@pytest.mark.parametrize("effect", [graded, sharpened, patched, hazed, np.copy])
@pytest.mark.parametrize("speed", [0, 1, 3])
def test_what_the_frame_alone_tells_needs_no_others(
    effect: Callable[[np.ndarray], np.ndarray], speed: int
) -> None:
    plates = moving(speed)
    assert reach_of(plates, {n: effect(frame) for n, frame in plates.items()}) == 0


def test_two_pairs_are_too_few_to_tell() -> None:
    sharp = moving(speed=3)
    assert reach_of(blurred(sharp), sharp, PAINTED[:FEWEST]) == 2
    assert reach_of(blurred(sharp), sharp, PAINTED[: FEWEST - 1]) == 0


def test_what_lies_outside_the_region_does_not_count() -> None:
    """The blur is on the left, and the right is graded: what is asked for decides."""
    sharp = moving(speed=3)
    plates = blurred(sharp)
    left = np.zeros((HEIGHT, WIDTH), np.float32)
    left[:, : WIDTH // 2] = 1
    truths = {n: np.where(left > 0, sharp[n], graded(plates[n])) for n in plates}

    def reach(weight: np.ndarray) -> int:
        trial = Trial()
        for n in PAINTED:
            beside = [plates[n + offset] for offset in (-1, 1, -2, 2)]
            trial.add(Views(plates[n], truths[n], weight, beside))
        return trial.reach()

    assert (reach(left), reach(1 - left)) == (2, 0)


def test_blur_of_a_large_frame_is_found_in_coarse() -> None:
    """What moves by twelve pixels a frame is beyond the windows of the full size."""

    def large(plates: Plates) -> Plates:
        return {n: np.kron(frame, np.ones((6, 6), np.float32)) for n, frame in plates.items()}

    sharp = moving(speed=2)
    plates, truths = large(blurred(sharp)), large(sharp)
    trial = Trial()
    for n in PAINTED:
        beside = [plates[n + offset] for offset in (-1, 1)]
        trial.add(Views(plates[n], truths[n], np.ones(plates[n].shape, np.float32), beside))
    fine, coarse = trial.errors()
    assert trial.reach() == 1
    assert coarse[1] < min(fine[1], 0.9)
