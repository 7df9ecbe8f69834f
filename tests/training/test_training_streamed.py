"""Many pairs: they come in the same order, and teach the same, in memory or streamed from disk; what breaks
on the way is named and left out, or ends the run with what it has learned."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from training_bench import Bench, StopAt, assert_same_course, losses

import understudy
from understudy.dataset import sources, stream
from understudy.dataset.pairs import DataSet
from understudy.errors import PairingError, TrainingError
from understudy.frames.picture_set import PictureSet
from understudy.runs import RunFolder
from understudy.runs.cache_folder import cache_of, own_files
from understudy.training.checkpoints.progress_file import load_progress
from understudy.training.distributed.shard import Shard
from understudy.training.learner import Learner
from understudy.training.prepare import Job, make_job

COUNT = 80
EFFECTS = {
    "matte": lambda pixels: (pixels[..., :1] > 0.6).astype(np.float32),
    "image": lambda pixels: np.clip(pixels * np.float32([1.0, 0.8, 0.6]) + 0.05, 0, 1),
}


@pytest.fixture
def many(tmp_path: Path, save_pixels: Any) -> Callable[..., Bench]:
    """``many(kind="matte")``: eighty pictures of five sizes, paired by name."""

    def make(kind: str = "matte", count: int = COUNT) -> Bench:
        random = np.random.default_rng(3)
        for side in ("image", "truth"):
            (tmp_path / side).mkdir()
        for index in range(count):
            width, height = 40 + 8 * (index % 5), 32 + 8 * (index % 2)
            coarse = random.random((6, 6, 3)).repeat(-(-height // 6), 0).repeat(-(-width // 6), 1)
            pixels = coarse[:height, :width].astype(np.float32)
            name = f"{'abc'[index % 3]}_{index:03d}_x"
            save_pixels(tmp_path / "image" / f"{name}.png", pixels, "uint8")
            save_pixels(tmp_path / "truth" / f"{name}.png", EFFECTS[kind](pixels), "uint8")
        shot = SimpleNamespace(plate=str(tmp_path / "image"), truth=str(tmp_path / "truth"))
        return Bench(shot, tmp_path / "runs")

    return make


def picture(bench: Bench, index: int) -> Path:
    return sorted(Path(bench.shot.plate).iterdir())[index]


def job_of(bench: Bench, **changes: Any) -> Job:
    return make_job(bench.settings(**changes), Shard())


def drawn(job: Job, steps: int) -> list[int]:
    """The pairs of crops, in the order in which they come."""
    order = []
    for step in range(1, steps + 1):
        draw = job.learner._draw(step)
        order += [draw.pairs.at(draw.before + sample) for sample in draw.samples]  # type: ignore[union-attr]
    return order


# -- the same -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("matte", {}),
        ("matte", {"vary": "always", "batch_size": 3}),
        ("image", {}),
        ("image", {"coarse_view": 2}),
    ],
)
def test_streamed_pairs_teach_the_same_as_those_in_memory(many: Any, kind: str, more: Any) -> None:
    bench = many(kind)
    held = bench.train(name="held", data="memory", **more).run
    streamed = bench.train(name="streamed", data="stream", **more).run
    assert len(losses(held)) == 12
    assert_same_course(held, streamed)


@pytest.mark.parametrize(("effect", "more"), [("grade", {"coarse_view": 2}), ("matte", {"vary": "always"})])
def test_a_shot_that_is_streamed_teaches_the_same(make_bench: Any, effect: str, more: Any) -> None:
    bench = make_bench(effect=effect)
    held = bench.train(name="held", **more).run
    streamed = bench.train(name="streamed", data="stream", **more).run
    assert_same_course(held, streamed)


def test_a_few_pairs_can_be_streamed_under_a_time_limit(make_bench: Any) -> None:
    """How many steps there will be is not known then, and no step asks for a pair that is not there yet."""
    bench = make_bench(numbers=range(1001, 1003))
    assert bench.train(data="stream", time_limit=2, start=time.monotonic()).state == "finished"


@pytest.mark.parametrize("batch", [2, "auto"])
def test_every_pair_comes_once_an_epoch_and_every_epoch_in_another_order(many: Any, batch: Any) -> None:
    job = job_of(many(), data="stream", batch_size=batch, held_out="none")
    order = drawn(job, 2 * COUNT)
    assert sorted(order[:COUNT]) == sorted(order[COUNT : 2 * COUNT]) == list(range(COUNT))
    assert order[:COUNT] != order[COUNT : 2 * COUNT] != list(range(COUNT))


def test_another_seed_deals_another_order_and_the_same_seed_the_same(many: Any) -> None:
    bench = many()
    orders = [drawn(job_of(bench, data="stream", seed=seed), COUNT) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_a_list_says_how_often_a_pair_comes(many: Any, tmp_path: Path) -> None:
    bench = many(count=6)
    rows = ["input,truth,weight"]
    for index, weight in enumerate((1, 2, 0.5, 0, 1, 1)):
        plate = picture(bench, index)
        rows.append(f"image/{plate.name},truth/{plate.name},{weight}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    job = job_of(bench, input=str(tmp_path / "list.csv"), ground_truth=(), held_out="none")
    assert job.learner.epoch_length == 6
    order = drawn(job, 11)[:22]  # four epochs of five or six
    assert [order.count(pair) for pair in range(5)] == [4, 8, 2, 4, 4]


def test_the_pair_that_is_kept_apart_is_never_drawn(many: Any) -> None:
    job = job_of(many(), data="stream")
    assert job.plan.held_out in job.data.sample and job.plan.apart
    assert job.plan.held_out not in drawn(job, COUNT)


@pytest.mark.parametrize("after", [3, 45, 90])
def test_a_streamed_run_that_was_stopped_goes_on_exactly(many: Any, after: int) -> None:
    """Within the first epoch, and within the second and the third."""
    bench = many()
    whole = bench.train(name="whole", data="stream", max_steps=100, data_cache=0).run
    run = bench.train(name="stopped", data="stream", max_steps=100, stop=StopAt(after)).run
    assert_same_course(bench.resume(run).run, whole)


def test_a_run_that_was_killed_within_an_epoch_goes_on_exactly(many: Any, command: Any) -> None:
    bench = many()
    more = ["--model-size", "small", "--crop-size", "32", "--batch-size", "2", "--precision", "float32"]
    more += ["--devices", "cpu", "--checkpoint-interval", "10", "--max-steps", "70", "--data", "stream"]
    whole = command("train", *bench.flags(), *more, "--name", "whole")
    whole.communicate(timeout=240)
    killed = command("train", *bench.flags(), *more, "--name", "run")
    run, until = bench.data / "run", time.monotonic() + 120
    while not list(run.glob("run_00000[23]0.cat")):
        assert time.monotonic() < until and killed.poll() is None
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert own_files(run)  # what was decoded is still there
    command("resume", str(run)).communicate(timeout=240)
    assert_same_course(RunFolder.open(run), RunFolder.open(bench.data / "whole"))


# -- the cache -------------------------------------------------------------------------------------------


def reads_of(bench: Bench, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> tuple[RunFolder, int]:
    """Train; the run, and how many pairs were decoded after the start."""
    read, count = DataSet.read, []
    monkeypatch.setattr(DataSet, "read", lambda self, source: count.append(1) or read(self, source))
    run = bench.train(**changes).run
    monkeypatch.setattr(DataSet, "read", read)
    return run, len(count)


def test_pairs_are_decoded_once_and_the_cache_goes_with_the_end(many: Any, monkeypatch: Any) -> None:
    bench = many()
    run, count = reads_of(bench, monkeypatch, data="stream", max_steps=120, held_out="none")
    assert COUNT <= count <= COUNT + 3  # three epochs
    assert not cache_of(run.path).exists()
    assert reads_of(bench, monkeypatch, data="stream", max_steps=120, data_cache=0)[1] > 1.5 * COUNT


def test_a_run_that_goes_on_finds_what_was_decoded(many: Any, monkeypatch: Any) -> None:
    bench = many()
    run = bench.train(data="stream", max_steps=60, stop=StopAt(50), held_out="none").run
    assert len(own_files(run.path)) == COUNT
    read = DataSet.read
    monkeypatch.setattr(DataSet, "read", lambda self, source: pytest.fail("it is decoded again"))
    assert bench.resume(run).state == "finished"
    monkeypatch.setattr(DataSet, "read", read)


def test_a_damaged_or_outdated_pair_of_the_cache_is_decoded_again(many: Any) -> None:
    bench = many()
    whole = bench.train(name="whole", data="memory", max_steps=60).run
    run = bench.train(name="stopped", data="stream", max_steps=60, stop=StopAt(45)).run
    for index, path in enumerate(sorted(own_files(run.path))):
        content = path.read_bytes()
        if index % 4 == 0:
            path.write_bytes(content[: len(content) // 2])
        elif index % 4 == 1:
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        elif index % 4 == 2:
            path.write_bytes(b"")
    assert_same_course(bench.resume(run).run, whole)


def test_a_full_cache_is_said_once_and_training_goes_on(many: Any) -> None:
    bench = many()
    whole = bench.train(name="whole", data="memory", max_steps=90).run
    result = bench.train(name="run", data="stream", max_steps=90, data_cache=1e-4)  # 100 kB
    assert bench.said().count("cache of decoded pairs is full") == 1
    assert_same_course(result.run, whole)


def test_a_cache_that_cannot_be_written_does_not_end_the_run(many: Any, monkeypatch: Any) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    bench = many()
    monkeypatch.setattr("understudy.dataset.pair_cache.save_file", full)
    assert bench.train(data="stream").state == "finished"
    assert bench.said().count("No more pairs are kept decoded: No space left on device") == 1


# -- what breaks -----------------------------------------------------------------------------------------


def spoil(path: Path) -> None:
    path.write_bytes(b"no picture")


def test_a_file_that_cannot_be_read_is_named_before_anything_is_written(many: Any) -> None:
    bench = many()
    names = [picture(bench, index).name for index in (7, 30)]
    for index in (7, 30):
        spoil(picture(bench, index))
    with pytest.raises(PairingError) as refused:
        bench.train(data="stream")
    assert all(name in refused.value.found for name in names) and not bench.data.exists()


@pytest.mark.parametrize("index", [0, 7])
def test_what_cannot_be_read_is_left_out_as_long_as_it_may_be(many: Any, index: int) -> None:
    bench = many()
    spoil(picture(bench, index))
    streamed = bench.train(name="streamed", data="stream", allow_broken=1)
    assert f"cannot be read: {picture(bench, index).name}" in bench.said()
    held = bench.train(name="held", data="memory", allow_broken=1)
    assert_same_course(streamed.run, held.run)


@pytest.fixture
def no_time_for_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first step eight pairs are looked at, and no more."""
    monkeypatch.setattr("understudy.training.prepare.HEADER_SECONDS", 0.0)
    monkeypatch.setattr("understudy.dataset.survey.AT_A_TIME", 8)
    monkeypatch.setattr("understudy.dataset.survey.FIRST", 8)


def test_headers_that_there_was_no_time_for_are_looked_at_while_it_learns(
    many: Any, no_time_for_headers: None
) -> None:
    """What cannot be read is left out, where it may be, before it is ever drawn."""
    bench = many()
    apart = sorted(set(range(COUNT)) - set(job_of(bench, data="stream").data.sample))
    spoil(picture(bench, apart[0]))
    result = bench.train(data="stream", allow_broken=1, max_steps=80, batch_size=1)
    said = bench.said()
    assert f"headers of 8 of {COUNT} pairs" in said and f"headers of the other {COUNT - 8} pairs" in said
    assert "have been looked at now: 1 cannot be read" in said
    assert said.count(f"cannot be read: {picture(bench, apart[0]).name}") == 1
    assert load_progress(result.run.ost_path)[0].plan.left_out == [apart[0]]


def test_a_header_that_is_found_broken_later_ends_the_run_with_a_checkpoint(
    many: Any, no_time_for_headers: None
) -> None:
    bench = many()
    job = job_of(bench, data="stream", batch_size=1, held_out="none")
    late = next(index for index in reversed(drawn(job, COUNT)) if index not in job.data.sample)
    spoil(picture(bench, late))
    with pytest.raises(TrainingError) as failed:
        bench.train(data="stream", batch_size=1, max_steps=COUNT, held_out="none", name="run")
    assert picture(bench, late).name in failed.value.found
    run = RunFolder.open(bench.data / "run")
    assert run.newest() is not None and len(losses(run)) < COUNT - 1


def test_a_pair_of_two_sizes_is_left_out_too(many: Any, save_pixels: Any) -> None:
    bench = many()
    plate = picture(bench, 3)
    plate.unlink()
    save_pixels(plate, np.zeros((8, 8, 3), np.float32), "uint8")
    bench.train(data="stream", allow_broken=2)
    assert "another size" in bench.said()


def breaking(monkeypatch: Any, bench: Bench, index: int, step: int) -> None:
    """Have a file break before a step."""
    take = Learner.step

    def stepping(self: Learner, number: int) -> float:
        if number == step:
            spoil(picture(bench, index))
        return take(self, number)

    monkeypatch.setattr(Learner, "step", stepping)


def test_a_file_that_breaks_in_the_second_epoch_is_left_out(many: Any, monkeypatch: Any) -> None:
    bench = many()
    breaking(monkeypatch, bench, 11, COUNT // 2 + 2)
    result = bench.train(data="stream", data_cache=0, allow_broken=1, max_steps=2 * COUNT, held_out="none")
    name = picture(bench, 11).name
    assert (result.state, result.step) == ("finished", 2 * COUNT)
    assert bench.said().count(f"cannot be read: {name}") == 1
    assert load_progress(result.run.ost_path)[0].plan.left_out == [11]


def test_a_file_that_breaks_ends_a_run_with_what_it_has_learned(many: Any, monkeypatch: Any) -> None:
    bench = many()
    whole = bench.train(name="whole", data="stream", max_steps=160, held_out="none").run
    content = picture(bench, 11).read_bytes()
    more = {"data": "stream", "data_cache": 0, "max_steps": 160, "held_out": "none"}
    with monkeypatch.context() as patch, pytest.raises(TrainingError) as failed:
        breaking(patch, bench, 11, COUNT // 2 + 2)
        bench.train(name="run", **more)
    assert picture(bench, 11).name in failed.value.found
    run = RunFolder.open(bench.data / "run")
    assert run.read_state().state == "failed" and run.newest() is not None
    picture(bench, 11).write_bytes(content)
    assert_same_course(bench.resume(run).run, whole)


# -- what is slow ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "limit", "said"),
    [
        ((PictureSet, "read_ahead"), "disk", "The limit is the disk"),
        ((sources, "seen_planes"), "decoders", "The limit is the decoding"),
    ],
)
def test_what_steps_wait_for_is_said_once(
    many: Any, monkeypatch: Any, where: Any, limit: str, said: str
) -> None:
    bench = many()
    monkeypatch.setattr(stream, "WATCHED", 10)
    function = getattr(*where)

    def slowly(*arguments: Any) -> Any:
        time.sleep(0.03)
        return function(*arguments)

    monkeypatch.setattr(*where, slowly)
    run = bench.train(data="stream", data_threads=1, data_cache=0, max_steps=40).run
    assert bench.said().count(said) == 1
    assert run.read_state().data_limit == limit


def test_a_disk_that_does_not_answer_is_said(many: Any, monkeypatch: Any) -> None:
    bench = many()
    monkeypatch.setattr(stream, "SLOW_SECONDS", 0.2)
    read = PictureSet.read_ahead
    slept: list[int] = []

    def once(self: PictureSet, number: int) -> None:
        if self._side == "plate" and not slept:
            slept.append(number)
            time.sleep(1.0)
        read(self, number)

    monkeypatch.setattr(PictureSet, "read_ahead", once)
    assert bench.train(data="stream", data_threads=1).state == "finished"
    assert "Waiting for" in bench.said()


def test_a_network_of_pictures_is_applied_to_a_shot_whose_numbers_are_those_of_pictures(
    many: Any, make_shot: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """Frame 2 of the shot is not the second picture: nothing is read of what was learned from."""
    bench = many()
    run = bench.train(max_steps=2).run
    shot = make_shot(numbers=range(1, 4))
    monkeypatch.setattr(PictureSet, "read", lambda self, number: pytest.fail("a picture is read"))
    result = understudy.apply(run.path, shot.plate, str(tmp_path / "out" / "out.####.png"))
    assert list(result.written) == [1, 2, 3] and not result.failed
