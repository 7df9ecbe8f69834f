"""Agreement along the motion: frames that nobody painted take part, and painted ones stay what is learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from training_bench import Bench, StopAt, assert_same_course, losses

from understudy.errors import SettingError
from understudy.training.distributed.shard import Shard
from understudy.training.links import MOST, read_links
from understudy.training.prepare import make_job

SIZE = (96, 64)
FRAMES = range(1001, 1013)
PAINTED = (1001, 1006, 1012)
SPEED = 3


def passing(number: int) -> np.ndarray:
    """A smooth texture that passes by, SPEED pixels to the left in each frame."""
    width, height = SIZE
    wide = np.random.default_rng(3).random((height, width + 60, 3)).astype(np.float32)
    for axis in (0, 1, 0, 1):
        wide = (wide + np.roll(wide, 1, axis) + np.roll(wide, -1, axis)) / 3
    wide = (wide - wide.min()) / (wide.max() - wide.min())
    at = (number - FRAMES[0]) * SPEED
    return wide[:, at : at + width]


@pytest.fixture
def moving(make_bench: Any, save_pixels: Any) -> Bench:
    """A shot that passes by; its truth is its negative."""
    bench: Bench = make_bench(suffix=".exr", numbers=FRAMES, truth_numbers=PAINTED, size=SIZE)
    for number in FRAMES:
        save_pixels(bench.shot.plate_file(number), passing(number), "half")
    for number in PAINTED:
        save_pixels(bench.shot.truth_file(number), 1 - passing(number), "half")
    return bench


def links_of(bench: Bench, **changes: Any) -> list[Any]:
    return read_links(bench.data_set(**changes), 1, False)


def test_every_frame_that_another_one_follows_takes_part_painted_or_not(moving: Bench) -> None:
    links = links_of(moving)
    assert len(links) == len(FRAMES) - 1
    assert len({float(link.first.float().mean()) for link in links}) == len(links)


def test_what_is_at_a_pixel_of_the_first_frame_is_where_the_vectors_lead_in_the_second(moving: Bench) -> None:
    for link in links_of(moving):
        assert link.sure.float().mean() > 0.5
        assert float(link.vectors[0][link.sure].float().median()) == pytest.approx(-SPEED, abs=0.3)
        assert float(link.vectors[1][link.sure].float().median()) == pytest.approx(0, abs=0.3)


def test_of_a_long_shot_few_links_are_read_from_all_over_it(make_bench: Any, save_pixels: Any) -> None:
    numbers = range(1, 3 * MOST)
    bench = make_bench(suffix=".exr", numbers=numbers, truth_numbers=(1, 2), size=SIZE)
    save_pixels(bench.shot.plate_file(1), passing(FRAMES[0]), "half")
    for number in numbers:
        save_pixels(
            bench.shot.plate_file(number), passing(FRAMES[0] + number % 2) * 0.5 + number / 1000, "half"
        )
    links = links_of(bench)
    assert len(links) == MOST
    means = sorted(float(link.first.float().mean()) for link in links)
    assert means[-1] - means[0] > 0.08


def test_results_that_agree_are_0_apart_and_others_as_far_as_they_are(moving: Bench) -> None:
    job = make_job(moving.settings(agreement=1.0, loss="l1"), Shard())
    agreement = job.learner.agreement
    assert agreement is not None
    before = agreement.disagreement(job.learner.network, 4).item()
    assert before < 0.02  # a colour fit is the same wherever a pixel goes
    with torch.no_grad():
        for weight in job.learner.network.unet.head.parameters():
            weight.normal_(0, 0.5, generator=torch.Generator().manual_seed(1))
    assert agreement.disagreement(job.learner.network, 4).item() > 4 * before


def test_it_changes_what_is_learned(moving: Bench) -> None:
    plain, agreed = (moving.train(agreement=share, max_steps=16) for share in (0.0, 1.0))
    assert losses(plain.run)[:4] == losses(agreed.run)[:4]
    assert losses(plain.run)[8:] != losses(agreed.run)[8:]


def test_a_run_that_was_stopped_goes_on_as_if_it_never_had(moving: Bench) -> None:
    whole = moving.train(agreement=0.5, max_steps=16)
    stopped = moving.train(agreement=0.5, max_steps=16, stop=StopAt(9))
    assert stopped.state == "stopped"
    assert_same_course(whole.run, moving.resume(stopped.run).run)


def test_painted_frames_alone_cannot_agree_with_each_other(moving: Bench) -> None:
    for number in set(FRAMES) - set(PAINTED):
        moving.shot.plate_file(number).unlink()
    with pytest.raises(SettingError, match="agree along the motion") as caught:
        moving.train(agreement=1.0)
    assert "whole shot" in caught.value.remedy
    assert not list(moving.data.glob("*/settings.toml"))
