"""Frames on which there is nothing to matte, or nothing to change: pairs that cost no painting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from training_bench import StopAt

from understudy.errors import ChannelError, SettingError, UnderstudyError
from understudy.network.model_file import read_header
from understudy.settings import TrainSettings
from understudy.training.distributed.shard import Shard
from understudy.training.events import Planned
from understudy.training.prepare import make_job

NUMBERS = range(1001, 1013)
EMPTY = (1009, 1010)


@pytest.fixture(params=["matte", "grade"])
def part_painted(request: Any, make_bench: Any) -> Any:
    """A plate of twelve frames, of which the first four are painted."""
    return make_bench(numbers=NUMBERS, truth_numbers=range(1001, 1005), effect=request.param)


def job_of(bench: Any, **changes: Any) -> Any:
    return make_job(bench.settings(**changes), Shard(), torch.device("cpu"))


def numbers_of(data: Any, empty: bool) -> tuple[int, ...]:
    return tuple(pair.number for pair in data.pairs if pair.empty == empty)


def write_mask(path: Path, white: bool) -> None:
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), oiio.ImageSpec(48, 32, 1, "uint8"))
    assert output.write_image(np.full((32, 48, 1), float(white), np.float32)) and output.close()


# -- what they are --------------------------------------------------------------------------------------


def test_the_truth_of_an_empty_frame_is_black_or_the_plate_itself(part_painted: Any) -> None:
    data = part_painted.data_set(empty="1009-1010")
    assert (numbers_of(data, False), numbers_of(data, True)) == ((1001, 1002, 1003, 1004), EMPTY)
    for pair in data.pairs[4:]:
        wanted = np.zeros_like(pair.truth) if data.kind == "matte" else pair.input[..., :3]
        np.testing.assert_array_equal(pair.truth, wanted)
        assert pair.weight.all()


def test_empty_frames_leave_every_decision_to_the_painted_ones(part_painted: Any) -> None:
    without, with_empty = job_of(part_painted), job_of(part_painted, empty="1009-1010")
    one, other = without.data, with_empty.data
    assert (one.colour_in, one.colour_out, one.layers) == (other.colour_in, other.colour_out, other.layers)
    assert with_empty.plan.held_out == without.plan.held_out
    assert with_empty.plan.focus == without.plan.focus
    weights = without.learner.network.state_dict()
    fits = {name: values for name, values in with_empty.learner.network.state_dict().items()}
    shared = [name for name in weights if "fit" in name or "low" in name or "high" in name]
    assert shared
    assert all(torch.equal(weights[name], fits[name]) for name in shared)


def test_an_odd_white_is_found_beside_empty_frames(make_bench: Any) -> None:
    bench = make_bench(
        numbers=NUMBERS,
        truth_numbers=range(1001, 1003),
        suffix=".exr",
        effect=lambda pixels: (pixels[..., :1] > 0.5) * np.float32(255),
    )
    data = bench.data_set(empty="1009")
    assert data.kind == "matte"
    assert {float(pair.truth.max()) for pair in data.painted} == {1.0}


def test_no_more_are_taken_than_are_painted_and_the_start_says_which(part_painted: Any) -> None:
    part_painted.train(empty="1005-1012")
    (started,) = part_painted.of(Planned)
    said = " ".join(started.notes)
    assert "Empty, with nothing to matte or to change" in said
    assert "1005-1012; of these 1005,1007,1010,1012 are learned from" in said, said


def test_the_network_says_which_pairs_were_empty(part_painted: Any) -> None:
    pairs = read_header(part_painted.train(empty="1009-1010").best).provenance["pairs"]
    assert tuple(pair["frame"] for pair in pairs if pair.get("empty")) == EMPTY


def test_of_several_plates_each_has_its_own(make_bench: Any, make_shot: Any) -> None:
    bench = make_bench(effect="matte", truth_numbers=(1001, 1002))
    other = make_shot(name="other", effect="matte", truth_numbers=(1001, 1002))
    both: dict[str, Any] = {
        "input": [bench.shot.plate, other.plate],
        "ground_truth": [bench.shot.truth, other.truth],
    }
    data = bench.data_set(empty=["none", "1003-1004"], **both)
    assert [str(s.plate.spec) for s in data.sources if s.empty] == [other.plate] * 2
    with pytest.raises(SettingError, match="each plate"):
        bench.settings(empty="1003", **both)


@pytest.mark.parametrize("given", ["1009-1010", EMPTY, [EMPTY], ["1009,1010"]])
def test_frames_may_be_given_as_a_range_or_as_numbers(given: Any) -> None:
    empty = TrainSettings(
        input="p.####.exr", ground_truth="t.####.exr", data_directory="runs", empty=given
    ).data.empty
    assert empty in (("1009-1010",), ("1009,1010",))


# -- a run that goes on ---------------------------------------------------------------------------------


def test_a_stopped_training_with_empty_frames_goes_on(part_painted: Any) -> None:
    stopped = part_painted.train(stop=StopAt(6), empty="1009-1010")
    assert part_painted.resume(stopped.run).step == 12


def test_empty_frames_change_the_digest_and_none_leave_it(part_painted: Any) -> None:
    plain, none = job_of(part_painted), job_of(part_painted, empty="none")
    assert none.digest == plain.digest
    assert job_of(part_painted, empty="1009").digest != plain.digest


# -- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("empty", "words"),
    [
        ("1004-1006", "painted and empty at once"),
        ("1012-1014", "plate has no such frames"),
        ("many", "range"),
    ],
)
def test_frames_that_cannot_be_empty_are_refused(part_painted: Any, empty: str, words: str) -> None:
    with pytest.raises(UnderstudyError, match=words) as caught:
        part_painted.train(empty=empty)
    assert caught.value.exit_code == 2
    assert not part_painted.data.exists() or not any(part_painted.data.iterdir())


def test_an_empty_frame_cannot_be_held_out(part_painted: Any) -> None:
    with pytest.raises(SettingError, match="held-out"):
        part_painted.train(empty="1009-1010", held_out=1009)


def test_pairs_of_which_only_empty_ones_count_are_refused(make_bench: Any, tmp_path: Path) -> None:
    bench = make_bench(effect="matte", truth_numbers=(1001, 1002))
    for number in bench.shot.numbers:
        write_mask(tmp_path / f"mask.{number}.png", white=number > 1002)
    with pytest.raises(UnderstudyError, match="nothing to learn from"):
        bench.data_set(empty="1003-1004", region=str(tmp_path / "mask.####.png"))


def test_an_effect_of_new_channels_has_no_empty_frames(make_bench: Any) -> None:
    bench = make_bench(suffix=".exr", truth_numbers=(1001, 1002))
    with pytest.raises(ChannelError, match="Empty frames tell nothing"):
        bench.data_set(empty="1003", input_channels="R", ground_truth_channels="G,B")
