"""The frames before and after as further inputs: when they are taken, and that they come in the same way
wherever frames are read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from training_bench import Bench, StopAt, assert_same_course, losses

from understudy.dataset.pairs import load_data_set
from understudy.dataset.temporal import Trial
from understudy.errors import SettingError
from understudy.inference.apply import apply
from understudy.network.model_file import read_header
from understudy.settings import ApplySettings
from understudy.training.distributed.shard import Shard
from understudy.training.prepare import make_job

SIZE = (72, 48)
FRAMES = range(1001, 1016)
PAINTED = (1001, 1004, 1007, 1010, 1013, 1015)


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, count = pixels.shape
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), oiio.ImageSpec(width, height, count, "half"))
    assert output.write_image(np.ascontiguousarray(pixels, np.float32)) and output.close()


def sharp(number: int) -> np.ndarray:
    """A texture that passes by, three pixels in each frame."""
    width, height = SIZE
    wide = np.random.default_rng(1).random((height, width + 100, 3)).astype(np.float32)
    wide = (wide + np.roll(wide, 1, 1) + np.roll(wide, 1, 0)) / 3
    at = (number - 1000) * 3
    return wide[:, at : at + width]


@pytest.fixture
def blurred(make_bench: Any) -> Bench:
    """A shot whose frames are each the mean of three, and whose truth is the middle one."""
    bench: Bench = make_bench(suffix=".exr", numbers=FRAMES, truth_numbers=PAINTED, size=SIZE)
    for number in FRAMES:
        write(bench.shot.plate_file(number), (sharp(number - 1) + sharp(number) + sharp(number + 1)) / 3)
    for number in PAINTED:
        write(bench.shot.truth_file(number), sharp(number))
    return bench


def offsets(bench_or_path: Any) -> list[int]:
    return [extra.offset for extra in read_header(bench_or_path).extra]


def pixels_of(folder: Path) -> dict[str, np.ndarray]:
    found = {}
    for path in sorted(folder.glob("*.exr")):
        image = oiio.ImageInput.open(str(path))
        found[path.name] = image.read_image("float")
        image.close()
    return found


def apply_to(bench: Bench, model: Path, out: str, **changes: Any) -> dict[str, np.ndarray]:
    folder = bench.data / out
    settings = {"model": model, "plate": bench.shot.plate, "output": str(folder / "o.####.exr"), **changes}
    settings.setdefault("painted", "network")
    assert not apply(ApplySettings(**settings)).failed
    return pixels_of(folder)


# -- when they are taken --------------------------------------------------------------------------------


def test_frames_that_tell_more_are_taken_and_that_is_said(blurred: Bench) -> None:
    usual = {"max_steps": 200, "batch_size": 4, "held_out": "none", "learning_rate": 0.04}
    result = blurred.train(**usual)
    assert "The 2 frames before and after each one tell more of this effect" in blurred.said()
    assert offsets(result.best) == [-1, 1, -2, 2]
    with_them = np.mean([loss for _, loss, _ in losses(result.run)[-30:]])
    alone = blurred.train(**usual, neighbours=0)
    assert offsets(alone.best) == [] and "before and after" not in blurred.said()
    assert with_them < 0.95 * np.mean([loss for _, loss, _ in losses(alone.run)[-30:]])


def test_a_grade_needs_none(make_bench: Any) -> None:
    assert make_bench().data_set().reach == 0


def test_a_matte_takes_them_only_when_they_are_wished_for(make_bench: Any) -> None:
    bench = make_bench(effect="matte")
    assert bench.data_set().reach == 0
    assert offsets(bench.train(max_steps=3, neighbours=1).best) == [-1, 1]


def test_a_wish_that_cannot_be_met_is_refused(blurred: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "painted_only"
    folder.mkdir()
    for number in PAINTED:
        shutil.copy(blurred.shot.plate_file(number), folder)
    settings = blurred.settings(input=str(folder), neighbours=1)
    with pytest.raises(SettingError, match="No painted frame has a frame before or after it") as caught:
        load_data_set(settings.data, settings.colour)
    assert caught.value.where == "--neighbours 1" and "whole shot" in caught.value.expected
    assert load_data_set(settings.data.replace(neighbours="auto"), settings.colour).reach == 0


def test_initial_weights_say_how_many(blurred: Bench) -> None:
    first = blurred.train(max_steps=3, neighbours=1)
    assert offsets(blurred.train(max_steps=3, initial_weights=str(first.best)).best) == [-1, 1]
    alone = blurred.train(max_steps=3, neighbours=0)
    assert offsets(blurred.train(max_steps=3, initial_weights=str(alone.best)).best) == []


# -- a run goes on with what it was begun with ----------------------------------------------------------


def test_a_run_that_goes_on_ends_as_one_that_was_not_stopped(blurred: Bench) -> None:
    whole = blurred.train()
    stopped = blurred.train(stop=StopAt(5))
    assert stopped.state == "stopped"
    assert_same_course(blurred.resume(stopped.run).run, whole.run)


def test_a_run_from_before_there_were_neighbours_goes_on_without(
    blurred: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Trial, "reach", lambda self: 0)
        stopped = blurred.train(stop=StopAt(5))
    assert blurred.data_set().reach == 2, "the trial finds them now"
    result = blurred.resume(stopped.run)
    assert result.state == "finished" and offsets(result.best) == []


def test_other_frames_beside_the_painted_ones_are_noticed(blurred: Bench) -> None:
    stopped = blurred.train(stop=StopAt(5))
    write(blurred.shot.plate_file(1005), np.zeros((SIZE[1], SIZE[0], 3), np.float32))
    from understudy.errors import RunError

    with pytest.raises(RunError):
        blurred.resume(stopped.run)


# -- they come in the same way wherever frames are read -------------------------------------------------


def test_a_pair_holds_the_plate_then_the_frames_about_it(blurred: Bench) -> None:
    data = blurred.data_set(neighbours=2)
    encoded = {pair.number: data.complete(index, pair).input for index, pair in enumerate(data.pairs)}
    middle, after = encoded[1004], encoded[1007]
    assert middle.shape[2] == 15 and [e.name for e in data.layers.extras] == [
        "before",
        "after",
        "before_2",
        "after_2",
    ]
    whole = blurred.data_set(ground_truth=blurred.shot.plate, neighbours=0)
    plates = {pair.number: pair.input for pair in whole.pairs}
    for place, offset in enumerate((0, -1, 1, -2, 2)):
        assert np.array_equal(middle[..., 3 * place : 3 * place + 3], plates[1004 + offset])
        assert np.array_equal(after[..., 3 * place : 3 * place + 3], plates[1007 + offset])
    assert np.array_equal(encoded[1001][..., 3:6], plates[1001]), (
        "the first frame stands in for what is not there"
    )
    assert np.array_equal(encoded[1015][..., 12:], plates[1015])


def test_a_part_of_the_frames_is_made_as_the_whole_is(blurred: Bench) -> None:
    model = blurred.train(max_steps=20).best
    whole = apply_to(blurred, model, "whole")
    some = apply_to(blurred, model, "some", frames="1005,1009")
    assert list(some) == ["o.1005.exr", "o.1009.exr"] and len(whole) == len(FRAMES)
    for name, values in some.items():
        assert np.array_equal(values, whole[name])


def test_the_frames_about_it_change_a_frame(blurred: Bench) -> None:
    model = blurred.train(max_steps=60, learning_rate=0.03, held_out="none").best
    before = apply_to(blurred, model, "before")
    write(blurred.shot.plate_file(1006), sharp(1003))
    after = apply_to(blurred, model, "after")
    changed = [name for name in before if not np.array_equal(before[name], after[name])]
    assert changed == [f"o.{number}.exr" for number in range(1004, 1009)]


def test_a_damaged_frame_costs_no_other_one(blurred: Bench) -> None:
    model = blurred.train(max_steps=3).best
    blurred.shot.plate_file(1006).write_bytes(b"no picture")
    folder = blurred.data / "made"
    settings = ApplySettings(model=str(model), plate=blurred.shot.plate, output=str(folder / "o.####.exr"))
    result = apply(settings)
    assert [number for number, _ in result.failed] == [1006]
    assert len(result.written) == len(FRAMES) - 1


def test_a_single_frame_is_made_and_it_is_said_that_others_are_lacking(blurred: Bench) -> None:
    model = blurred.train(max_steps=3).best
    alone = blurred.data / "alone.exr"
    shutil.copy(blurred.shot.plate_file(1006), alone)
    events: list[Any] = []
    settings = ApplySettings(model=str(model), plate=str(alone), output=str(blurred.data / "one.exr"))
    assert apply(settings, events.append).written
    notes = [note for event in events for note in getattr(event, "notes", ())]
    assert any("the plate has none" in note for note in notes)


def test_previews_are_made_of_them_too(blurred: Bench) -> None:
    result = blurred.train(max_steps=5, preview=blurred.shot.plate)
    assert len(list(result.run.path.glob("*preview*.png"))) == 3


def test_the_range_of_the_frames_about_it_is_the_plates(blurred: Bench) -> None:
    network = make_job(blurred.settings(), Shard()).learner.network
    low = network.get_buffer("low").reshape(5, 3)
    assert (low == low[0]).all() and network.architecture.beside == 4 and network.architecture.plate == 3
