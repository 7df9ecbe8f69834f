"""What boils is averaged along the motion; what the plate does itself is left to it."""

from __future__ import annotations

import cv2
import numpy as np

from understudy.temporal import Beside, Look, chained, flows_between, steadied, warp

HEIGHT, WIDTH, STEP = 96, 160, 3


def ground(seed: int = 0, width: int = WIDTH) -> np.ndarray:
    """Something with detail in several sizes, float32 0.1 to 0.9."""
    noise = np.random.default_rng(seed).random((HEIGHT, width)).astype(np.float32)
    plane = sum(cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (1.5, 4, 10))
    return np.asarray(0.1 + 0.8 * (plane - plane.min()) / np.ptp(plane), np.float32)


def pan(frames: int = 5) -> list[np.ndarray]:
    """Frames (height, width, 3) of a picture that goes to the left."""
    wide = ground(width=WIDTH + STEP * frames)
    return [np.repeat(wide[:, STEP * n : STEP * n + WIDTH, None], 3, 2) for n in range(frames)]


def boil(number: int, strength: float = 0.04, channels: int = 3) -> np.ndarray:
    """What differs from frame to frame without any reason."""
    noise = np.random.default_rng(100 + number).normal(0, 1, (HEIGHT, WIDTH, channels)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.0), np.float32).reshape(noise.shape) * strength * 3


def look(values: np.ndarray, plate: np.ndarray | None, luma: np.ndarray | None = None) -> Look:
    grey = plate[..., 0] if plate is not None else luma
    assert grey is not None
    return Look(values, grey, grey, plate)


def middle(looks: list[Look]) -> tuple[np.ndarray, np.ndarray]:
    """The one in the middle of five, steadied with the others."""
    links = [flows_between(looks[n].guide, looks[n + 1].guide) for n in range(4)]
    before, after = links[1][1], links[2][0]
    others = [
        Beside(looks[1], before),
        Beside(looks[0], chained(before, links[0][1])),
        Beside(looks[3], after),
        Beside(looks[4], chained(after, links[3][0])),
    ]
    return steadied(looks[2], others)


def error(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.square((found - truth)[8:-8, 16:-16]).mean()))


def test_noise_that_boils_over_a_moving_plate_is_halved() -> None:
    plates = pan()
    looks = [look(plate + boil(n), plate) for n, plate in enumerate(plates)]
    found, share = middle(looks)
    assert error(found, plates[2]) < 0.55 * error(looks[2].values, plates[2])
    assert share[8:-8, 16:-16].mean() > 0.6


def test_a_denoised_plate_is_steadied_though_its_plate_boils_more() -> None:
    clean = pan()
    looks = [look(plate + boil(n), plate + boil(n + 50, 0.2)) for n, plate in enumerate(clean)]
    looks = [Look(each.values, each.luma, each.values[..., 0], each.under) for each in looks]
    assert error(middle(looks)[0], clean[2]) < 0.6 * error(looks[2].values, clean[2])


def test_grain_that_the_network_leaves_in_the_plate_stays_bit_for_bit() -> None:
    plates = [plate + boil(n, 0.05) for n, plate in enumerate(pan())]
    found, share = middle([look(plate, plate) for plate in plates])
    assert (found == plates[2]).all() and share.max() == 0


def test_a_still_picture_keeps_its_sharpness() -> None:
    plates = pan()
    sharp = [plate * 1.5 - 0.25 for plate in plates]
    found, _ = middle([look(values, plate) for values, plate in zip(sharp, plates, strict=True)])
    inner = np.s_[8:-8, 16:-16, 0]
    before, after = (cv2.Laplacian(each[inner], cv2.CV_32F).std() for each in (sharp[2], found))
    assert after > 0.97 * before


def test_light_that_changes_with_the_plate_is_not_averaged() -> None:
    plates = [plate * np.float32(1 + 0.04 * n) for n, plate in enumerate(pan())]
    results = [plate * 0.9 + boil(n) for n, plate in enumerate(plates)]
    found, _ = middle([look(values, plate) for values, plate in zip(results, plates, strict=True)])
    assert abs(float((found - plates[2] * 0.9)[8:-8, 16:-16].mean())) < 0.003


def test_a_matte_that_crawls_is_calmed_and_follows_what_moves() -> None:
    """A square goes to the right before the ground: nothing of where it was stays behind."""
    back, square = ground(), ground(seed=7)[20:60, 40:80]
    looks, truths = [], []
    for number in range(5):
        plate, truth = back.copy(), np.zeros((HEIGHT, WIDTH, 1), np.float32)
        left = 30 + 6 * number
        plate[30:70, left : left + 40] = square
        truth[30:70, left : left + 40] = 1
        looks.append(look(np.clip(truth * 0.9 + boil(number, 0.05, 1), 0, 1), None, plate))
        truths.append(truth)
    found, _ = middle(looks)
    left = 30 + 6 * 2
    uncovered = found[34:66, left - 12 : left - 2]
    assert uncovered.mean() < looks[2].values[34:66, left - 12 : left - 2].mean() + 0.02
    inside = np.s_[36:64, left + 6 : left + 34]
    assert found[inside].std() < 0.7 * looks[2].values[inside].std()


def test_values_above_one_stay_above_one() -> None:
    plates = [plate * 4 for plate in pan()]
    looks = [look(plate + boil(n), plate, None) for n, plate in enumerate(plates)]
    looks = [Look(each.values, each.luma / 4, each.guide / 4, each.under) for each in looks]
    found, _ = middle(looks)
    assert found.max() > 3 and error(found, plates[2]) < 0.7 * error(looks[2].values, plates[2])


def test_what_is_nowhere_sure_gives_nothing() -> None:
    plates = pan()
    flow, _ = flows_between(plates[2][..., 0], plates[3][..., 0])
    flow.sure[:] = False
    own = look(plates[2], plates[2])
    found, share = steadied(own, [Beside(look(plates[3], plates[3]), flow)])
    assert (found == own.values).all() and share.max() == 0


def test_two_steps_of_motion_are_one() -> None:
    plates = [plate[..., 0] for plate in pan()]
    first, second = flows_between(plates[0], plates[1])[0], flows_between(plates[1], plates[2])[0]
    both = chained(first, second)
    inner = np.s_[12:-12, 20:-20]
    assert np.abs(both.vectors[inner] - np.float32([-2 * STEP, 0])).mean() < 0.3
    assert both.sure[inner].mean() > 0.9
    assert np.abs(warp(plates[2], both) - plates[0])[inner].mean() < 0.02
