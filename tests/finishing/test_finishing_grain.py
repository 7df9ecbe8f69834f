"""Grain that a network smoothed comes back as the plate's own: its strength by brightness, its spectrum."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from understudy.finishing import add_grain, measure_grain
from understudy.finishing.grain import FINE

HEIGHT, WIDTH = 240, 320
HOLE = slice(90, 170), slice(120, 220)
INSIDE = slice(98, 162), slice(128, 212)


def grain(seed: int, size: float, channels: int = 3, alike: float = 0.5) -> np.ndarray:
    """Grain of strength 1 whose correlation length is ``size``, ``alike`` between the channels."""
    noise = np.random.default_rng(seed)
    white = noise.standard_normal((HEIGHT, WIDTH, channels + 1), np.float32)
    white = cv2.GaussianBlur(white, (0, 0), size) if size else white
    white /= white.std()
    mixed = np.sqrt(alike) * white[..., :1] + np.sqrt(1 - alike) * white[..., 1:]
    return mixed.astype(np.float32)


def picture() -> np.ndarray:
    """A bright and a dark half, each a slow gradient."""
    across = np.linspace(0, 0.1, WIDTH, dtype=np.float32)[None, :, None]
    rows = np.where(np.arange(HEIGHT) < 130, 0.6, 0.15).astype(np.float32)[:, None, None]
    return rows + across + np.zeros((1, 1, 3), np.float32)


def cleaned(size: float, strong: float = 0.05) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A plate with grain that grows with brightness, the result with a clean patch, and the patch's truth."""
    clean = picture()
    plate = clean + grain(1, size) * clean * np.float32(strong)
    result = plate.copy()
    result[HOLE] = clean[HOLE]
    return plate, result, clean


def matched(plate: np.ndarray, result: np.ndarray, seed: int = 7) -> np.ndarray:
    found = measure_grain(plate, result)
    assert found is not None
    return add_grain(plate, result, found, seed)


def fine(planes: np.ndarray) -> np.ndarray:
    return planes - cv2.GaussianBlur(planes, (0, 0), FINE)


def spectrum(patch: np.ndarray) -> np.ndarray:
    """The share of the power in each of six rings of frequency, from the fourth of what grain is on."""
    power = np.abs(np.fft.fft2(patch - patch.mean(axis=(0, 1)), axes=(0, 1))) ** 2
    down, across = (np.fft.fftfreq(length) for length in patch.shape[:2])
    ring = np.digitize(np.hypot(down[:, None], across), [0.08, 0.15, 0.22, 0.3, 0.4])
    shares = np.array([power[ring == each].sum() for each in range(6)])
    return shares / shares.sum()


@pytest.mark.parametrize("size", [0.0, 1.2])
@pytest.mark.parametrize("half", [slice(98, 118), slice(144, 164)], ids=["bright", "dark"])
def test_a_clean_patch_gets_grain_of_the_plates_strength_at_its_brightness(size: float, half: slice) -> None:
    plate, result, clean = cleaned(size)
    found = np.stack([matched(plate, result, seed) for seed in range(4)])
    place = half, INSIDE[1]  # away from the line between the halves, over which nothing is added
    assert fine(result)[place].std() < 0.1 * fine(plate)[place].std()
    for channel in range(3):
        wanted = 0.05 * fine(grain(1, size))[..., channel].std() * clean[place][..., channel].mean()
        made = np.std([fine(each)[place][..., channel] for each in found])
        assert made == pytest.approx(wanted, rel=0.12)  # of some hundred grains


@pytest.mark.parametrize("size", [0.0, 0.7, 1.2])
def test_its_spectrum_and_what_its_channels_have_in_common_are_the_plates(size: float) -> None:
    plate, result, _ = cleaned(size)
    place = slice(98, 118), INSIDE[1]
    made = fine(matched(plate, result))[place]
    wanted = np.mean([spectrum(fine(grain(seed, size))[place]) for seed in range(8)], axis=0)
    shares = [spectrum(fine(matched(plate, result, seed))[place]) for seed in range(8)]
    assert np.abs(np.mean(shares, axis=0) - wanted).max() < 0.06
    alike = np.corrcoef(made[..., 0].ravel(), made[..., 1].ravel())[0, 1]
    assert alike == pytest.approx(0.5, abs=0.12)


def test_where_nothing_was_lost_the_result_stays_bit_for_bit() -> None:
    plate, result, _ = cleaned(0.7)
    found = matched(plate, result)
    around = np.ones((HEIGHT, WIDTH), bool)
    around[78:182, 108:232] = False
    assert np.array_equal(found[around], result[around])
    assert np.array_equal(matched(plate, plate), plate)


def test_a_grade_and_a_removed_shadow_keep_their_grain_and_get_no_more() -> None:
    plate, _, _ = cleaned(0.7)
    lit = plate.copy()
    lit[HOLE] += 0.2
    assert np.array_equal(matched(plate, plate * np.float32(1.1)), plate * np.float32(1.1))
    inside = slice(105, 125), slice(140, 200)
    assert np.array_equal(matched(plate, lit)[inside], lit[inside])


def test_what_was_painted_out_does_not_come_back_with_the_grain() -> None:
    _, _, clean = cleaned(0.7)
    marked = clean.copy()
    marked[100:160, 168:172] = 1.5
    plate = marked + grain(1, 0.7) * clean * np.float32(0.05)
    result = plate.copy()
    result[HOLE] = clean[HOLE]
    added = matched(plate, result)[HOLE] - clean[HOLE]
    line = (added[10:70, 48:52] / clean[HOLE][10:70, 48:52]).mean()
    assert abs(line) < 0.01


def test_each_frame_has_grain_of_its_own_and_the_same_each_time() -> None:
    plate, result, _ = cleaned(0.7)
    first, again, other = (matched(plate, result, seed)[INSIDE] for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    clean = picture()[INSIDE]
    alike = np.corrcoef((first - clean)[..., 0].ravel(), (other - clean)[..., 0].ravel())[0, 1]
    assert abs(alike) < 0.1


def test_detail_that_the_result_has_gets_no_grain_over_it() -> None:
    plate, result, _ = cleaned(0.7)
    texture = (np.indices((80, 100)).sum(axis=0) % 4 < 2) * np.float32(0.4)
    result[HOLE] += texture[..., None]
    inside = slice(110, 120), slice(140, 200)
    assert np.array_equal(matched(plate, result)[inside], result[inside])


def test_a_picture_without_grain_gets_none_and_one_changed_everywhere_cannot_be_measured() -> None:
    clean = picture()
    painted = clean.copy()
    painted[HOLE] *= 0.9
    assert np.array_equal(matched(clean, painted), painted)
    plate, _, _ = cleaned(0.7)
    assert measure_grain(plate, clean) is None


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 400, 1), (13, 9, 4)])
def test_frames_too_small_to_measure_are_left_alone_or_done(shape: tuple[int, ...]) -> None:
    plate = np.random.default_rng(0).random(shape, np.float32)
    found = measure_grain(plate, plate)
    assert found is None or add_grain(plate, plate, found, -5).shape == shape


def test_texture_of_the_picture_does_not_get_into_the_grain() -> None:
    clean = picture()
    waves = np.sin(np.indices((HEIGHT, WIDTH)).sum(axis=0) / 3).astype(np.float32)
    waves *= np.random.default_rng(5).random((8, 10)).repeat(30, 0).repeat(32, 1) > 0.5
    textured = clean + 0.05 * waves[..., None]
    plate = textured + grain(1, 0.0) * clean * np.float32(0.05)
    result = plate.copy()
    result[HOLE] = clean[HOLE]
    place = slice(98, 118), INSIDE[1]
    made = matched(plate, result)[place] - clean[place]
    plain = (grain(1, 0.0) * clean * np.float32(0.05))[place]
    assert np.abs(spectrum(made) - spectrum(plain)).max() < 0.1
    assert made.std() == pytest.approx(plain.std(), rel=0.25)


def test_a_picture_with_edges_of_its_own_gets_the_grain_that_it_lacks_between_them() -> None:
    plate, result, _ = cleaned(0.7)
    edged = result.copy()
    edged[HOLE][:, 30:33] += 0.2
    made = matched(plate, edged)
    beside = slice(98, 118), slice(HOLE[1].start + 36, HOLE[1].start + 60)
    lacking, whole = made[beside].std(), plate[beside].std()
    assert result[beside].std() < 0.2 * whole and lacking > 0.75 * whole
