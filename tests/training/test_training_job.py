"""From pairs to a run: how many steps, for how long, judged by what, and what lies in the folder."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from training_bench import StopAt, held_out, losses

import understudy
from understudy.cli.cards import model_card
from understudy.colour import decode, encode
from understudy.frames import read_image_file
from understudy.network.model_file import load_model, read_header
from understudy.training import evaluation, prepare, validation
from understudy.training.checkpoints.progress_file import load_progress
from understudy.training.checkpoints.writer import CheckpointWriter
from understudy.training.clock import Clock
from understudy.training.distributed.shard import Shard
from understudy.training.evaluation import Score
from understudy.training.events import Planned, Saved, Stepped
from understudy.training.plan import (
    Plan,
    choose_batch_size,
    choose_crop,
    choose_held_out,
    choose_size,
    step_pixels,
)
from understudy.training.prepare import make_job

# -- how many steps -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epochs", "batch", "steps"), [(4, 2, 10), (4, 3, 6), (1, 64, 1), (3, 1, 15)], ids=str
)
def test_total_steps_are_epochs_times_pairs_by_batch_size(
    bench: Any, epochs: int, batch: int, steps: int
) -> None:
    result = bench.train(epochs=epochs, batch_size=batch)
    assert result.step == steps
    assert bench.of(Planned)[0].total_steps == steps


def test_the_fewer_of_epochs_and_steps_count(bench: Any) -> None:
    assert bench.train(epochs=4, max_steps=3).step == 3
    assert bench.train(epochs=1, max_steps=30).step == 2


def test_a_batch_may_have_more_crops_than_there_are_pairs(bench: Any) -> None:
    assert bench.train(batch_size=9, max_steps=3).state == "finished"


@pytest.mark.parametrize(("device", "world_size"), [("cuda", 100), ("cpu", 5000)])
def test_a_batch_of_many_processes_has_no_more_crops_than_a_plan_may_hold(
    bench: Any, monkeypatch: pytest.MonkeyPatch, device: str, world_size: int
) -> None:
    """On GPUs an automatic batch has so many crops for each of them; on CPUs at least one."""
    monkeypatch.setattr(prepare, "free_memory", lambda device: 1 << 40)
    settings, network = bench.settings(batch_size="auto"), make_job(bench.settings(), Shard()).learner.network
    sizes: list[tuple[int, int]] = [(32, 48)]
    where = torch.device(device)
    plan = prepare._make_plan(settings, sizes, (None, False), network, where, "float32", world_size, "auto")
    assert plan.batch_size == 4096


def test_a_crop_larger_than_a_frame_shrinks_and_that_is_said(bench: Any) -> None:
    result = bench.train(crop_size=256, max_steps=3)
    assert "Crop Size is 32 x 32" in bench.said()
    assert load_progress(result.run.ost_path)[0].plan.crop == (32, 32)


def test_the_rate_warms_up_and_falls_to_nothing(bench: Any) -> None:
    rates = [rate for _, _, rate in losses(bench.train(max_steps=20).run)]
    top = rates.index(max(rates))
    assert 0 < top < 8 and rates[0] < rates[top] > rates[-1] > 0 and rates[-1] < rates[top] / 50
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_the_plan_chooses_within_bounds() -> None:
    assert choose_batch_size("auto", (256, 256), 600_000, 1 << 40, 1) == 9
    assert choose_batch_size("auto", (256, 256), 10_000, 1 << 40, 1) == 1, "a step has at least one crop"
    assert choose_batch_size("auto", (256, 256), 600_000, 2000, 500) == 2, "half the free memory is for crops"
    assert choose_batch_size(7, (256, 256), 600_000, 0, 1 << 40) == 7, "a wish counts"
    assert step_pixels("cpu", "float32") < step_pixels("cpu", "bfloat16") < step_pixels("cuda", "bfloat16")
    assert choose_crop(256, [(1080, 1920), (200, 300)], 16) == (192, 192)
    assert choose_crop(256, [(24, 30), (1080, 1920), (1080, 1920)], 16) == (256, 256), "one odd frame"
    assert choose_crop(64, [(20, 1920)], 16) == (16, 64), "a strip of a frame gives crops that are strips"
    assert choose_crop(64, [(1, 1)], 16) == (16, 16)


def test_the_automatic_size_is_small_where_a_processor_has_little_time() -> None:
    assert choose_size("cpu", "float32", 120.0, 2) == "small"
    assert choose_size("cpu", "float32", 120.0, 16) == "medium", "many cores take many steps"
    assert choose_size("cpu", "float32", None, 2) == "medium", "without a limit there is time"
    assert choose_size("cpu", "bfloat16", 120.0, 2) == "medium"
    assert choose_size("cpu", "bfloat16", 40.0, 2) == "small"
    assert choose_size("cuda", "bfloat16", 10.0, 2) == "medium"


def test_a_run_says_that_it_chose_the_small_size_and_keeps_to_it(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "core_count", lambda: 2)
    result = bench.train(model_size="auto", time_limit=3)
    assert "Model Size is small" in bench.said()
    assert result.run.read_state().model_size == "small"
    assert load_model(result.best)[0].architecture["size"] == "small"
    bench.resume(result.run, max_steps=result.step + 2)
    assert "Model Size" not in bench.said()
    assert load_progress(result.run.ost_path)[0].plan.size == "small", "though no time is set now"


def test_the_automatic_size_is_that_of_the_initial_weights(bench: Any) -> None:
    first = bench.train(name="first", max_steps=3).best
    for name, weights in (("again", first), ("third", first.parent)):  # a run: its best checkpoint
        again = bench.train(name=name, model_size="auto", max_steps=3, initial_weights=str(weights))
        assert again.run.read_state().model_size == "small"
        assert "Model Size is small, as that of the initial weights." in bench.said()


# -- for how long ---------------------------------------------------------------------------------------


def test_a_time_limit_counts_from_its_start_and_leaves_time_to_close_the_files(
    bench: Any, steps_take: Callable[[float], Any]
) -> None:
    result = bench.train(time_limit=4, start=steps_take(0.05).now - 1)
    assert result.state == "finished" and 26 <= result.step <= 30, "of 4 s, 1 was over, and 1.5 are kept"
    assert 2.3 <= result.run.read_summary()[-1]["time"] <= 2.5
    plan = load_progress(result.run.ost_path)[0].plan
    assert plan.totals[-1] == (result.step, result.step)
    assert result.run.read_state().total == result.step
    assert losses(result.run)[-1][2] < 0.2 * max(rate for *_, rate in losses(result.run)), "it has annealed"


def test_a_time_limit_that_was_enough_for_hardly_any_step_says_so(
    bench: Any, steps_take: Callable[[float], Any]
) -> None:
    assert 1 < bench.train(time_limit=4, start=steps_take(0.4).now).step < 8
    assert "too few to learn an effect" in bench.said()
    bench.train(name="again", max_steps=3)
    assert "too few" not in bench.said(), "so many were asked for"


def test_a_single_pair_is_said_to_be_one(bench: Any) -> None:
    bench.train(frames="1001", max_steps=1)
    assert "Only one frame has both plate and ground truth." in bench.said()
    bench.train(name="again", max_steps=1)
    assert "Only one frame" not in bench.said()


def test_a_time_limit_that_is_over_before_the_first_step_still_leaves_a_checkpoint(bench: Any) -> None:
    result = bench.train(time_limit=1, start=time.monotonic() - 60)
    assert (result.state, result.step) == ("finished", 1)
    assert result.newest == result.run.cat_path(1) and load_model(result.best)[0].provenance["steps"] == 1
    assert "The time limit of 1 s was as good as over before the first step" in bench.said()
    assert bench.resume(result.run, max_steps=5).step == 5


def test_a_run_stopped_before_its_first_step_says_that_there_is_no_checkpoint(bench: Any) -> None:
    result = bench.train(stop=StopAt(0))
    assert (result.state, result.step, result.newest) == ("stopped", 0, None)
    assert "there is no checkpoint yet" in bench.said()
    assert bench.resume(result.run).step == 12


def test_the_last_progress_is_written_once(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    written, save = [], CheckpointWriter.save_progress

    def saving(self: CheckpointWriter, step: int, *more: Any) -> None:
        written.append((step, more[-1]))
        save(self, step, *more)

    monkeypatch.setattr(CheckpointWriter, "save_progress", saving)
    bench.train()
    assert written == [(5, False), (10, False), (12, True)]


def test_from_python_a_time_limit_counts_from_the_call(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook may have been open for longer than the limit."""
    monkeypatch.setattr("understudy.training.train.process_start", lambda: time.monotonic() - 10_000)
    settings = bench.settings(time_limit=200, max_steps=5).given()
    assert understudy.train(**settings).step == 5


def test_steps_bound_a_run_with_a_time_limit(bench: Any) -> None:
    result = bench.train(time_limit=60, max_steps=15, start=time.monotonic())
    assert result.step == 15 and bench.of(Planned)[0].total_steps == 15
    assert losses(result.run)[-1][2] < 0.2 * max(rate for *_, rate in losses(result.run))


def test_the_clock_plans_with_the_pace_of_steps_and_leaves_a_reserve() -> None:
    clock = Clock(100.0, time.monotonic() - 50)
    clock._paces = [0.5] * 20
    assert clock.steps_left() in range(92, 98)
    assert clock.steps_left() is None, "not at every step"
    assert not clock.is_up() and Clock(50.0, clock.start).is_up()
    clock = Clock(100.0, time.monotonic() - 90)
    assert not clock.is_up(2)
    clock._paces = [6.0]
    assert clock.is_up(2) and not clock.is_up(1), "one slow step is warning enough"
    assert not Clock(None, clock.start).is_up() and Clock(None, clock.start).steps_left() is None


# -- judged by what -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "count", "expected"),
    [
        ("auto", 3, (None, False)),
        ("auto", 5, (2, False)),
        ("auto", 12, (6, True)),
        ("none", 20, (None, False)),
        (1003, 5, (2, True)),
    ],
)
def test_which_pair_is_held_out(wish: Any, count: int, expected: tuple[int | None, bool]) -> None:
    assert choose_held_out(wish, list(range(1001, 1001 + count))) == expected


def test_a_pair_with_an_empty_matte_is_not_held_out() -> None:
    numbers = list(range(1001, 1006))
    assert choose_held_out("auto", numbers, [True, True, False, False, True]) == (1, False)
    assert choose_held_out("auto", numbers, [False] * 5) == (2, False), "where all are empty, so be it"
    assert choose_held_out(1003, numbers, [True, True, False, True, True]) == (2, True), "it was asked for"


def test_what_the_held_out_pair_is_for_is_said_and_kept(bench: Any) -> None:
    run = bench.train(held_out=1002, max_steps=20).run
    assert "is not learned from, and chooses the best network: " in bench.said()
    assert "dB as the plate is" in bench.said() and "dB with the best colour match alone" in bench.said()
    pairs = load_model(run.best_path)[0].provenance["pairs"]
    assert [pair["frame"] for pair in pairs if pair.get("held_out")] == [1002] and len(pairs) > 1
    card = model_card(run.best_path)
    assert len(card["Judged by"]) == 1 and "1002" in card["Judged by"][0]
    assert len(card["Learned from"]) == len(pairs) - 1


def test_a_best_network_that_is_no_better_than_the_colour_match_says_so(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "No network of this run does better on frame 1002"
    matched = validation.score_colour_fit
    for name, value, wanted in (("bad", 99.0, True), ("good", -99.0, False)):

        def score(network: Any, pair: Any, value: float = value) -> Score:
            return replace(matched(network, pair), value=value)

        monkeypatch.setattr(validation, "score_colour_fit", score)
        bench.train(name=name, held_out=1002, max_steps=20)
        assert (said in bench.said()) == wanted


def test_pairs_by_order_are_named(make_bench: Any) -> None:
    bench = make_bench(numbers=(1001, 1002, 1003), truth_numbers=(1001, 1002))
    bench.train(pair_by="order", max_steps=1)
    assert "1001-1002 with" in bench.said() and "; 1 frames of the plate are left over" in bench.said()


def test_a_held_out_pair_is_learned_from_only_after_it_has_judged() -> None:
    plan = Plan(
        batch_size=1,
        crop=(32, 32),
        size="small",
        precision="float32",
        threads=1,
        device="cpu",
        seed=0,
        held_out=2,
    )
    assert plan.learned_pairs(1, 4) == [0, 1, 3]
    plan.joined = 7
    assert plan.learned_pairs(7, 4) == [0, 1, 3] and plan.learned_pairs(8, 4) == [0, 1, 2, 3]


def test_every_judgement_stands_in_the_summary(bench: Any) -> None:
    """Also where rows are written to the disk in the same step."""
    result = bench.train(max_steps=100)
    assert [step for step, _ in held_out(result.run)] == [12, 24, 35]
    assert result.run.read_state().best_held_out.frame == 1003
    assert "Frame 1003" in bench.said()


def test_a_pair_that_was_asked_for_stays_apart_and_chooses_the_best(bench: Any) -> None:
    result = bench.train(held_out=1002, max_steps=20)
    figures = dict(held_out(result.run))
    assert list(figures) == list(range(2, 21, 2))
    best = result.run.read_state().best_held_out
    assert (best.step, best.frame, best.metric) == (max(figures, key=figures.get), 1002, "dB")
    assert best.value == pytest.approx(figures[best.step], abs=1e-3)
    assert read_header(result.best).provenance["steps"] == best.step
    assert load_progress(result.run.ost_path)[0].plan.joined is None


def test_of_equally_good_checkpoints_the_latest_is_the_best(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A held-out matte that is empty scores 1 from the first look on."""
    monkeypatch.setattr(validation, "evaluate", lambda *given: Score("IoU", 1.0, 1002))
    assert read_header(bench.train(held_out=1002, max_steps=20).best).provenance["steps"] == 20


def test_a_longer_run_is_judged_to_its_end(bench: Any) -> None:
    run = bench.train(held_out=1002, max_steps=20).run
    bench.resume(run, max_steps=40)
    assert [step for step, _ in held_out(run)] == [*range(2, 21, 2), *range(24, 41, 4)]


def test_the_best_checkpoint_says_what_bfloat16_would_change(bench: Any) -> None:
    best = bench.train(held_out=1002, max_steps=20).best
    assert read_header(best).precision["bfloat16_difference"] >= 0


def test_a_matte_is_judged_by_its_overlap(make_bench: Any) -> None:
    bench = make_bench(effect="matte")
    result = bench.train(held_out=1002)
    best = result.run.read_state().best_held_out
    assert best.metric == "IoU" and 0 <= best.value <= 1
    assert read_header(result.best).kind == "matte"


# -- what lies in the folder ----------------------------------------------------------------------------


def test_the_first_previews_do_not_wait_for_the_first_checkpoint(bench: Any) -> None:
    """With the first contact sheet, and with twice as many, up to the first checkpoint."""
    looks = {"contact_sheet_interval": 1, "checkpoint_interval": 6, "preview": bench.shot.plate_file(1001)}
    run = bench.train(name="early", max_steps=8, **looks).run
    made = sorted(path.name for path in run.path.glob("*_preview_*.png"))
    assert made == [f"early_preview_{step:07d}_1001.png" for step in (1, 2, 4, 6, 8)]


def test_a_run_holds_what_it_promises(bench: Any) -> None:
    result = bench.train(name="comp", contact_sheet_interval=6, preview=bench.shot.plate)
    names = {path.name for path in result.run.path.iterdir()}
    assert names == {
        "settings.toml",
        "state.json",
        "run.log",
        "comp.summary",
        "comp.ost",
        "comp_best.cat",
        *(f"comp_{step:07d}.cat" for step in (5, 10, 12)),
        *(f"comp_contact_{step:07d}.png" for step in (6, 12)),
        *(f"comp_preview_{step:07d}_{n}.png" for step in (5, 10, 12) for n in (1001, 1003, 1005)),
    }
    assert [row["step"] for row in result.run.read_summary()] == list(range(1, 13))
    state = result.run.read_state()
    assert (state.state, state.step, state.total, state.pairs) == ("finished", 12, 12, 5)
    sheet = oiio.ImageInput.open(str(result.run.contact_path(6))).spec()
    assert (sheet.width, sheet.height) == (4 + 3 * 36, 4 + 3 * 36)
    kinds = [event.kind for event in bench.of(Saved)]
    assert kinds.count("checkpoint") == 3 and kinds.count("contact") == 2 and kinds.count("preview") == 9


def test_old_checkpoints_go_but_never_the_newest_nor_the_best(bench: Any) -> None:
    result = bench.train(max_steps=12, checkpoint_interval=1, max_checkpoints=3, held_out=1002)
    best = result.run.read_state().best_held_out.step
    steps = [step for step, _ in result.run.checkpoints()]
    assert steps[-1] == 12 and len(steps) <= 4 and set(range(11, 13)) <= set(steps)
    assert result.best.name.endswith("_best.cat") and (best in steps or best < 10)


def test_steps_are_reported_as_they_go(bench: Any) -> None:
    bench.train(max_steps=40)
    steps = [event.step for event in bench.of(Stepped)]
    assert steps == sorted(set(steps)) and steps[-1] == 40
    assert all(event.total == 40 and event.loss >= 0 for event in bench.of(Stepped))


def test_stopping_keeps_everything(bench: Any) -> None:
    result = bench.train(stop=StopAt(3))
    assert result.newest == result.run.cat_path(3) and result.run.ost_path.is_file()
    assert load_model(result.best)[0].provenance["steps"] == 3


# -- what is learned ------------------------------------------------------------------------------------


def apply_by_hand(cat: Path, file: Path) -> np.ndarray:
    """File values (H, W, C) through a .cat, on the network's stride."""
    header, network = load_model(cat)
    planes = encode(read_image_file(file).planes(header.input_channels), header.colour_in)
    height, width = (side // network.stride * network.stride for side in planes.shape[:2])
    x = torch.from_numpy(planes[:height, :width]).permute(2, 0, 1)[None].contiguous()
    with torch.inference_mode():
        y = network(x, network.globals(x))[0].permute(1, 2, 0).numpy()
    return decode(np.ascontiguousarray(y), header.colour_out)


def truth_of(bench: Any, number: int, like: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    planes = read_image_file(bench.shot.truth_file(number)).planes(names)
    return planes[: like.shape[0], : like.shape[1]]


@pytest.mark.parametrize(("suffix", "peak"), [(".png", 1.0), (".exr", 1.0), (".exr", 6.0)])
def test_a_grade_is_learned_in_integer_and_scene_linear_files(
    make_bench: Any, suffix: str, peak: float
) -> None:
    bench = make_bench(suffix=suffix, peak=peak, truth_numbers=[1001, 1002, 1004, 1005])
    best = bench.train(max_steps=30).best
    got = apply_by_hand(best, bench.shot.plate_file(1003))
    plate = read_image_file(bench.shot.plate_file(1003)).planes(("R", "G", "B"))[
        : got.shape[0], : got.shape[1]
    ]
    wanted = np.clip(plate * np.float32([1.1, 1.0, 0.8]) + 0.02, 0, 1 if suffix == ".png" else None)
    assert np.abs(got - wanted).mean() < 0.1 * np.abs(plate - wanted).mean()


def test_a_matte_is_learned(make_bench: Any) -> None:
    bench = make_bench(effect="matte")
    result = bench.train(max_steps=150, batch_size=4, held_out="none", learning_rate=0.02)
    got = apply_by_hand(result.best, bench.shot.plate_file(1002))
    wanted = truth_of(bench, 1002, got, ("Y",))
    assert got.shape[2] == 1 and got.min() >= 0 and got.max() <= 1
    both, either = ((got > 0.5) & (wanted > 0.5)).sum(), ((got > 0.5) | (wanted > 0.5)).sum()
    assert both / either > 0.6


def test_no_effect_leaves_the_plate_alone(make_bench: Any) -> None:
    bench = make_bench(effect="same")
    result = bench.train()
    got = apply_by_hand(result.best, bench.shot.plate_file(1002))
    assert np.abs(got - truth_of(bench, 1002, got, ("R", "G", "B"))).max() < 0.02
    assert "the plate as it is" in bench.said()


@pytest.mark.parametrize("rank", [0, 1])
def test_pairs_are_let_go_as_soon_as_they_lie_ready_for_crops(
    bench: Any, monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    """Frames can be large: only the one that is judged stays whole, and only in the process that judges."""
    monkeypatch.setattr(evaluation, "MIDDLE", 24)
    monkeypatch.setattr(evaluation, "SAMPLE", 16)
    shard = Shard()
    shard.rank = rank
    job = make_job(bench.settings(held_out="auto"), shard)
    sides = [max(pair.input.shape[:2]) for pair in job.data.pairs]
    assert sides == ([16, 24, 48, 16, 16] if rank == 0 else [16] * 5) and job.plan.held_out == 2
    assert job.learner.crops.count == 5


def test_mattes_of_a_subject_that_moves_its_limbs_are_varied_from_the_start(make_bench: Any) -> None:
    poses = itertools.cycle([(10, 60, 40, 44), (32, 36, 10, 80), (10, 20, 10, 80)])

    def pose(pixels: np.ndarray) -> np.ndarray:
        top, bottom, left, right = next(poses)
        matte = np.zeros_like(pixels[..., :1])
        matte[top:bottom, left:right] = 1
        return matte

    for effect, vary in ((pose, "always"), ("matte", "auto")):
        bench = make_bench(name=vary, effect=effect, size=(96, 64), numbers=range(1001, 1007))
        result = bench.train(max_steps=1, name=vary)
        assert load_progress(result.run.ost_path)[0].plan.vary == vary
        assert ("differ in shape" in bench.said()) == (vary == "always")
