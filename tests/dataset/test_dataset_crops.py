"""Crops: a function of seed, step and sample alone, with both sides drawn alike."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from understudy.dataset import pixels as pixels_module
from understudy.dataset.crops import (
    Augmentation,
    Batch,
    CropSource,
    random_numbers,
)
from understudy.dataset.numbers import hash_numbers
from understudy.dataset.packing import Material, Packed, focus_of, pack, shrunk
from understudy.network.resampling import sample
from understudy.training.plan import Plan

CPU = torch.device("cpu")
PLAIN = Augmentation(mirror=False)
EVERYTHING = Augmentation(mirror=True, turn=True, rotate=0.3, zoom=0.3, paste=0.7, cover=0.5)
IMAGE = replace(EVERYTHING, paste=0.0, cover=0.0)


def coordinates(height: int, width: int, pair: int = 0, matte: bool = False) -> Material:
    """A pair whose pixels say where they are: (row, column, pair) on every side."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    where = torch.stack([rows / 64, columns / 64, torch.full_like(rows, pair) / 8], 2).float()
    truth = ((rows // 8 + columns // 8) % 3 == 0).float()[..., None] if matte else where + 0.25
    base = torch.zeros(height, width, 0) if matte else where
    return Material(where, truth, base, torch.ones(height, width, 1))


def packed(*pairs: Material) -> Packed:
    return pack(pairs, [(pair.input.shape[0], pair.input.shape[1]) for pair in pairs])


def source(
    *pairs: Material, crop: tuple[int, int] = (16, 16), seed: int = 0, focus: float = 0.0
) -> CropSource:
    return CropSource(packed(*pairs), CPU, crop, seed, focus)


def draw(crops: CropSource, step: int = 1, total: int = 6, augmentation: Augmentation = PLAIN) -> Batch:
    return crops.batch(step, range(total), list(range(crops.count)), augmentation, total)


def parts(batch: Batch) -> list[Tensor]:
    return [batch.input, batch.truth, batch.base, batch.weight]


@pytest.fixture
def mixed() -> CropSource:
    return source(coordinates(48, 40, 0), coordinates(33, 64, 1), coordinates(16, 16, 2))


# -- a function of seed, step and sample ----------------------------------------------------------------


@pytest.mark.parametrize("augmentation", [PLAIN, Augmentation(turn=True), IMAGE], ids=str)
def test_the_same_step_gives_the_same_crops(mixed: CropSource, augmentation: Augmentation) -> None:
    draw(mixed, 77, 3)  # what was drawn before does not matter
    first, again = draw(mixed, 5, augmentation=augmentation), draw(mixed, 5, augmentation=augmentation)
    assert all(torch.equal(a, b) for a, b in zip(parts(first), parts(again), strict=True))
    other = draw(mixed, 6, augmentation=augmentation)
    assert not torch.equal(first.input, other.input)


def test_the_seed_gives_other_crops() -> None:
    pairs = [coordinates(48, 40), coordinates(33, 64, 1)]
    one, two = (draw(source(*pairs, seed=seed)) for seed in (0, 1))
    assert not torch.equal(one.input, two.input)


@pytest.mark.parametrize("cuts", [(0, 6), (0, 3, 6), (0, 1, 2, 4, 6), (0, 2, 6)])
@pytest.mark.parametrize("matte", [False, True])
def test_processes_that_share_a_batch_draw_the_crops_of_one(cuts: tuple[int, ...], matte: bool) -> None:
    crops = source(coordinates(48, 40, 0, matte), coordinates(33, 64, 1, matte))
    augmentation = EVERYTHING if matte else IMAGE
    whole = crops.batch(9, range(6), [0, 1], augmentation, 6)
    shared = [crops.batch(9, range(a, b), [0, 1], augmentation, 6) for a, b in itertools.pairwise(cuts)]
    for index, part in enumerate(parts(whole)):
        assert torch.equal(part, torch.cat([parts(batch)[index] for batch in shared]))


@given(st.integers(0, 2**63 - 1), st.integers(0, 10**9), st.integers(1, 20))
def test_a_samples_numbers_do_not_depend_on_how_many_there_are(seed: int, step: int, count: int) -> None:
    numbers = random_numbers(seed, step, count)
    assert torch.equal(random_numbers(seed, step, count + 3)[:count], numbers)
    assert numbers.min() >= 0 and numbers.max() < 1


def test_hashes_do_not_collide_where_they_are_used() -> None:
    hashes = {
        hash_numbers(seed, step, sample) for seed in range(8) for step in range(64) for sample in range(32)
    }
    assert len(hashes) == 8 * 64 * 32 and all(0 <= h < 2**63 for h in hashes)


def test_random_numbers_are_the_same_on_every_machine() -> None:
    """Runs go on elsewhere: these are pinned."""
    assert hash_numbers(0, 1, 2) == 8825289091277911490
    expected = [[0.9312853489477477, 0.8931695557480679], [0.7871732511087358, 0.36314077466281214]]
    assert random_numbers(7, 3, 2)[:, :2].tolist() == expected


# -- both sides alike -----------------------------------------------------------------------------------


def assert_alike(batch: Batch) -> None:
    """Truth and base say the same place as the input, wherever the weight counts."""
    assert torch.allclose(batch.truth, batch.input + 0.25, atol=1e-5)
    assert torch.allclose(batch.base, batch.input, atol=1e-5)


@pytest.mark.parametrize(
    "augmentation",
    [
        PLAIN,
        Augmentation(),
        Augmentation(turn=True),
        Augmentation(rotate=0.3),
        Augmentation(turn=True, rotate=0.2, zoom=0.4),
    ],
    ids=["plain", "mirrored", "turned", "rotated", "all of it"],
)
def test_both_sides_are_drawn_alike(mixed: CropSource, augmentation: Augmentation) -> None:
    for step in range(1, 12):
        batch = draw(mixed, step, augmentation=augmentation)
        assert batch.input.shape == (6, 3, 16, 16) and batch.weight.shape == (6, 1, 16, 16)
        assert_alike(batch)


@pytest.mark.parametrize("warped, least, most", [(0.0, 120, 120), (0.5, 40, 80), (1.0, 0, 0)])
def test_a_share_of_crops_is_warped_and_the_others_keep_their_very_pixels(
    mixed: CropSource, warped: float, least: int, most: int
) -> None:
    turned = Augmentation(mirror=False, rotate=0.3, zoom=0.3, warped=warped)
    kept = 0
    for step in range(1, 21):
        still, varied = draw(mixed, step), draw(mixed, step, augmentation=turned)
        kept += sum(torch.allclose(a, b, atol=1e-5) for a, b in zip(still.input, varied.input, strict=True))
    assert least <= kept <= most


def test_a_pasted_matte_is_pasted_on_both_sides() -> None:
    """Where the donor's matte is, its plate is; elsewhere plate and matte are those of the crop."""
    empty = coordinates(32, 32, 0, True)
    empty = replace(empty, truth=torch.zeros(32, 32, 1))
    full = coordinates(32, 32, 7, True)
    crops = source(empty, full)
    batch = draw(crops, 3, 16, Augmentation(mirror=False, paste=1.0))
    from_full = (batch.input[:, 2] * 8).round() == 7
    assert torch.equal(batch.truth[:, 0] > 0.5, (batch.truth[:, 0] > 0.5) & from_full)
    assert 0 < batch.truth.mean() < 1


def three_pairs(weight: Tensor) -> CropSource:
    """Of pair 1 a part is matted, of pair 3 nothing, which counts by ``weight``, and of pair 5 all."""
    some, none, every = (coordinates(32, 32, pair, True) for pair in (1, 3, 5))
    none = replace(none, truth=torch.zeros(32, 32, 1), weight=weight)
    return source(some, none, replace(every, truth=torch.ones(32, 32, 1)))


def test_what_is_covered_by_the_background_of_another_crop_is_not_matted() -> None:
    batch = draw(three_pairs(torch.ones(32, 32, 1)), 3, 24, Augmentation(mirror=False, cover=1.0))
    pair = (batch.input[:, 2] * 8).round()
    covered = [each for each in range(24) if 5 in pair[each]]
    assert covered and all(3 in pair[each] for each in covered), "in the shape of what pair 1 shows"
    for each in covered:
        assert torch.equal(batch.truth[each, 0] > 0.5, pair[each] == 5)
    taken = pair == 1
    taken[[each for each in range(24) if not (pair[each] == 3).any()]] = False
    assert taken.any() and not batch.truth[:, 0][taken].any(), "of pair 1 no more than its background"


def test_nothing_is_covered_with_what_does_not_count() -> None:
    batch = draw(three_pairs(torch.zeros(32, 32, 1)), 3, 24, Augmentation(mirror=False, cover=1.0))
    pair = (batch.input[:, 2] * 8).round()
    whole = [each for each in range(24) if 5 in pair[each]]
    assert whole and all((pair[each] == 5).all() and batch.truth[each].all() for each in whole)
    assert batch.weight[whole].min() == 1


def test_pixels_without_weight_keep_none() -> None:
    pair = coordinates(32, 32)
    weight = pair.weight.clone()
    weight[10:20, 10:20] = 0
    batch = draw(source(replace(pair, weight=weight), crop=(32, 32)), 1, 4, Augmentation(turn=True))
    assert torch.allclose(batch.weight.sum((1, 2, 3)), torch.full((4,), 1024.0 - 100))


def test_nothing_is_pasted_of_what_does_not_count() -> None:
    """And where nothing is pasted, a crop counts as much as before."""
    empty = replace(coordinates(32, 32, 0, True), truth=torch.zeros(32, 32, 1))
    full = coordinates(32, 32, 7, True)
    weight = torch.ones(32, 32, 1)
    weight[:, :16] = 0
    crops = source(empty, replace(full, weight=weight), crop=(32, 32))
    batch = draw(crops, 3, 16, Augmentation(mirror=False, paste=1.0))
    on_empty = batch.weight[:, 0, 0, 0] == 1
    assert 0 < on_empty.sum() < 16
    assert batch.truth[on_empty][..., :16].max() == 0 < batch.truth[on_empty][..., 16:].mean()
    assert batch.weight[on_empty].min() == 1


# -- where crops come from ------------------------------------------------------------------------------


def test_pairs_are_dealt_evenly(mixed: CropSource) -> None:
    seen: Counter[int] = Counter()
    for step in range(1, 31):
        seen.update((draw(mixed, step, 4).input[:, 2, 0, 0] * 8).round().int().tolist())
    assert sorted(seen) == [0, 1, 2] and max(seen.values()) - min(seen.values()) <= 2


def test_each_pair_has_its_share_of_the_large_crops() -> None:
    """One step in three takes one large crop; the others take four small ones."""
    course = {"size": "small", "precision": "float32", "threads": 1, "device": "cpu", "seed": 0}
    plan = Plan(batch_size=1, crop=(16, 16), small=8, **course)
    crops = source(*(coordinates(20, 20, pair) for pair in range(4)))
    seen: list[int] = []
    for step in range(3, 121, 3):
        total, size = plan.crops_of(step)
        assert (total, size) == (1, (16, 16))
        batch = crops.batch(step, range(1), [0, 1, 2, 3], PLAIN, total, size, plan.drawn_before(step))
        seen.append(round(float(batch.input[0, 2, 0, 0]) * 8))
    assert max(Counter(seen).values()) - min(Counter(seen).values()) <= 1
    assert all(set(seen[start : start + 4]) == {0, 1, 2, 3} for start in range(0, 40, 4))


def test_only_the_pairs_that_are_named_are_drawn_from(mixed: CropSource) -> None:
    batch = mixed.batch(3, range(20), [2, 0], PLAIN, 20)
    assert set((batch.input[:, 2, 0, 0] * 8).round().int().tolist()) == {0, 2}


@pytest.mark.parametrize("size", [(48, 40), (17, 90), (16, 16)])
def test_every_place_of_a_frame_can_be_drawn(size: tuple[int, int]) -> None:
    crops = source(coordinates(*size))
    seen = torch.zeros(size, dtype=torch.bool)
    for step in range(1, 40):
        where = (draw(crops, step, 8).input[:, :2] * 64).round().long()
        assert where.min() >= 0 and where[:, 0].max() < size[0] and where[:, 1].max() < size[1]
        seen[where[:, 0], where[:, 1]] = True
    assert seen.any(0).all() and seen.any(1).all() and seen.float().mean() > 0.95


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (15, 15)])
def test_frames_smaller_than_a_crop_fill_it(size: tuple[int, int]) -> None:
    batch = draw(source(coordinates(*size)), augmentation=IMAGE)
    assert batch.input.shape == (6, 3, 16, 16)
    assert_alike(batch)


def local(height: int = 128, width: int = 128) -> Material:
    """A pair that differs in one small place."""
    pair = coordinates(height, width)
    truth = pair.base.clone()
    truth[100:108, 16:24] += 0.5
    return replace(pair, truth=truth)


def test_a_local_effect_is_looked_at_often_and_a_global_one_evenly() -> None:
    assert focus_of(packed(local()), False) > 0.5
    assert focus_of(packed(coordinates(64, 64)), False) == 0.0
    assert focus_of(packed(coordinates(64, 64, 0, True)), True) == 0.4, (
        "its background has to be known as well"
    )
    crops = source(local(), focus=focus_of(packed(local()), False))
    batches = [draw(crops, step, 8) for step in range(1, 26)]
    hits = sum(int(((b.truth - b.base).abs().amax((1, 2, 3)) > 0.1).sum()) for b in batches)
    assert 0.45 * 200 < hits < 0.85 * 200, "and some crops come from everywhere"


@pytest.mark.parametrize("codes", [0.25, 1.0, 2.0])
def test_a_small_fix_is_found_under_the_noise_of_another_file_format(codes: float) -> None:
    generator = torch.Generator().manual_seed(0)
    pair = coordinates(512, 512)
    truth = pair.base + torch.randn(pair.base.shape, generator=generator) * codes / 255
    nothing = packed(replace(pair, truth=truth.clone()))
    assert focus_of(nothing, False) == 0.0 and bool((nothing.changes[0] > 0).all())
    truth[200:216, 100:116] += 0.2
    fixed = packed(replace(pair, truth=truth))
    assert focus_of(fixed, False) == 0.6
    found = fixed.changes[0].nonzero()
    assert found.min(0).values.tolist() == [25, 12] and found.max(0).values.tolist() == [26, 14]


def test_frames_that_do_not_fit_on_the_device_stay_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = torch.zeros(10, 3)
    monkeypatch.setattr(pixels_module, "free_memory", lambda device: 3 * pixels.nbytes)
    assert pixels_module._on_device(pixels, torch.device("meta")).device.type == "meta"
    monkeypatch.setattr(pixels_module, "free_memory", lambda device: pixels.nbytes)
    assert pixels_module._on_device(pixels, torch.device("meta")) is pixels


def within(pair: Material, height: int = 24, width: int = 16) -> Material:
    """A pair of which only a part counts, of this size, near its lower right corner."""
    weight = torch.zeros_like(pair.weight)
    weight[-height - 5 : -5, -width - 3 : -3] = 0.5
    return replace(pair, weight=weight)


@pytest.mark.parametrize("focus", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("changed", [True, False], ids=["changed", "nothing to learn"])
def test_no_crop_is_drawn_of_which_nothing_counts(focus: float, changed: bool) -> None:
    pair = within(coordinates(150, 133))
    pair = pair if changed else replace(pair, truth=pair.base)
    crops = source(pair, focus=focus, crop=(32, 32))
    seen = torch.zeros(150, 133, dtype=torch.bool)
    for step in range(1, 40):
        batch = draw(crops, step, 8)
        assert (batch.weight.amax((1, 2, 3)) > 0).all()
        where = (batch.input[:, :2] * 64).round().long()
        seen[where[:, 0], where[:, 1]] = True
    assert seen[pair.weight[..., 0] > 0].all(), "and all that counts comes"


def test_what_does_not_count_has_no_say_in_the_focus() -> None:
    assert focus_of(packed(within(coordinates(128, 128), 64, 64)), False) < 0.1


def test_nothing_to_learn_is_no_division_by_zero() -> None:
    same = replace(coordinates(32, 32), truth=coordinates(32, 32).base)
    assert 0.0 <= focus_of(packed(same), False) <= 1.0
    assert draw(source(same, focus=1.0)).input.isfinite().all()


def test_crops_are_not_larger_than_asked(mixed: CropSource) -> None:
    batch = mixed.batch(1, range(3), [0, 1], PLAIN, 3, (8, 24))
    assert batch.input.shape == (3, 3, 8, 24)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_frame_that_is_smaller_than_a_crop_is_mirrored_as_often_as_it_takes(size: int) -> None:
    there = torch.arange(size)
    back = there.flip(0)[1:-1] if size > 1 else there[:0]
    wanted = torch.cat([there, back] * 20)
    zero = len(torch.cat([there, back])) * 4
    places = torch.arange(-9, 14)
    found = pixels_module._mirrored(places, torch.tensor(size))
    assert torch.equal(found, wanted[places + zero] if size > 1 else torch.zeros_like(places))


@pytest.mark.parametrize("augmentation", [PLAIN, EVERYTHING, replace(EVERYTHING, turn=False)])
def test_a_detail_lies_in_its_window_where_it_says(augmentation: Augmentation) -> None:
    """Whatever both are mirrored, turned, zoomed and mixed by."""
    rows, columns = torch.meshgrid(torch.arange(256.0), torch.arange(320.0), indexing="ij")
    smooth = torch.stack([rows / 256, columns / 320, (rows / 40).sin() * (columns / 50).cos()], 2)
    disc = ((rows - 100) ** 2 + (columns - 200) ** 2 < 50**2).float()[..., None]
    pair = Material(smooth, disc, torch.zeros(256, 320, 0), torch.ones(256, 320, 1))
    crops = CropSource(pack([pair, pair], [(256, 320)] * 2, 4), CPU, (48, 48), 0, 0.5)
    for step in range(1, 9):
        batch = crops.batch(step, range(4), [0, 1], augmentation, 4)
        assert batch.window is not None
        assert batch.offset is not None
        there = sample(batch.window, batch.offset, 4, (48, 48))
        assert float((there - batch.input).abs().median()) < 0.01


def test_the_coarse_view_learns_from_windows_of_the_same_pairs() -> None:
    pair = coordinates(64, 96)
    crops = CropSource(pack([pair], [(64, 96)], 2), CPU, (16, 16), 0, 0.0)
    batch = crops.batch(1, range(3), [0], PLAIN, 3, coarse=True)
    assert batch.coarse
    assert batch.window is None
    assert batch.seen[0] is None
    step = batch.input[:, 1, 0, 1:] - batch.input[:, 1, 0, :-1]
    assert torch.allclose(step, torch.full_like(step, 2 / 64)), "two pixels of the frame for each of the view"


def test_what_does_not_count_has_no_part_in_a_smaller_truth() -> None:
    truth, weight = torch.zeros(4, 4, 1), torch.ones(4, 4, 1)
    truth[:2, :2, 0] = torch.tensor([[1.0, 9.0], [1.0, 1.0]])
    weight[0, 1] = 0
    small = shrunk(Material(torch.zeros(4, 4, 3), truth, torch.zeros(4, 4, 0), weight), 2)
    assert small.truth[0, 0, 0] == pytest.approx(1.0)
    assert small.weight[0, 0, 0] == pytest.approx(0.75)


def test_the_borders_of_a_frame_are_seen_as_often_as_its_middle() -> None:
    """Corners drawn from anywhere show a column at the border in a few crops of a hundred."""
    packed_once = packed(coordinates(64, 96))
    seen = {}
    for evenly in (False, True):
        crops = CropSource(packed_once, CPU, (32, 48), 0, 0.0, evenly)
        lefts = [draw(crops, step).input[:, 1, 0, 0] * 64 for step in range(1, 41)]
        seen[evenly] = float((torch.cat(lefts) < 3).float().mean())
    assert seen[False] < 0.12
    assert seen[True] > 0.2
