"""A training of U-2-Net: on whole frames and crops of them, gone on with, begun from another, and applied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from training_bench import StopAt, weights

from understudy.cli.cards import model_card
from understudy.errors import ModelFileError, SettingError
from understudy.export.export import ExportSettings, export
from understudy.frames import open_shot, seen_planes
from understudy.inference.choose import ConversionError
from understudy.inference.model import load
from understudy.network.model_file import load_model, read_header
from understudy.network.nested import NESTED_SIZES, NestedSize
from understudy.network.resampling import resample_to
from understudy.runs.summary import read
from understudy.settings import TrainSettings
from understudy.training.checkpoints.progress_file import load_progress
from understudy.training.distributed.shard import Shard
from understudy.training.plan import Plan
from understudy.training.prepare import make_job

TINY = NestedSize(((2, 4),) * 6, ((2, 4),) * 5, 5000)
NESTED: dict[str, Any] = {
    "architecture": "u2netp",
    "model_size": "auto",
    "network_size": 64,
    "whole_share": 0.5,
    "max_steps": 6,
    "held_out": "none",
}


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NESTED_SIZES, "u2netp", TINY)


@pytest.fixture
def mattes(make_bench: Any) -> Any:
    return make_bench(effect="matte", size=(80, 48))


def test_a_run_takes_the_same_course_and_its_file_gives_mattes_of_the_frames_size(mattes: Any) -> None:
    whole = mattes.train(**NESTED, name="whole").run
    stopped = mattes.train(**NESTED, name="stopped", stop=StopAt(4)).run
    resumed = mattes.resume(stopped).run
    one, two = weights(whole), weights(resumed)
    different = [name for name in one if not torch.equal(one[name], two[name])]
    assert not different and len(one) == len(two)
    assert [row["loss"] for row in read(whole.summary_path)] == [
        row["loss"] for row in read(resumed.summary_path)
    ]
    header = read_header(whole.best_path)
    assert (header.architecture["size"], header.architecture["whole"]) == ("u2netp", 64)
    plan = load_progress(whole.ost_path)[0].plan
    assert plan.loss == "bce+structure+jaccard" and (plan.size, plan.whole) == ("u2netp", 64)
    model = load(str(whole.path))
    plate = frame_of(mattes)
    matte = model.infer(plate)
    assert matte.shape == (48, 80, 1) and 0 <= matte.min() <= matte.max() <= 1
    part = model.infer(plate, region=model_window(10, 5, 30, 20))
    assert np.allclose(part[5:25, 10:40], matte[5:25, 10:40], atol=1e-6) and not part[30:].any()
    assert "each frame whole, as 64 x 64 pixels" in model_card(whole.best_path).values()
    with pytest.raises(ConversionError):
        load(str(whole.path), engine="openvino")


def frame_of(bench: Any, number: int = 1001) -> np.ndarray:
    """float32 (height, width, 3)"""
    return seen_planes(open_shot(bench.shot.plate).read(number), ("R", "G", "B"))


def model_window(x: int, y: int, width: int, height: int) -> Any:
    from understudy.frames import Window

    return Window(x, y, width, height)


def test_half_of_the_steps_are_taken_on_whole_frames_dealt_like_cards(mattes: Any) -> None:
    job = make_job(mattes.settings(**NESTED, vary="never"), Shard())
    plan, crops = job.plan, job.learner.crops
    job.plan.totals.append((0, 6))
    draws = [job.learner._draw(step) for step in range(1, 13)]
    assert [draw.whole for draw in draws] == [False, True] * 6
    assert {draw.crop for draw in draws if draw.whole} == {(64, 64)}
    batch = crops.batch(*draws[1])
    assert batch.input.shape == (2, 3, 64, 64) and batch.truth.shape == (2, 1, 64, 64)
    frames = [resample_to(_planes(frame_of(mattes, number)), 64, 64)[0] for number in range(1001, 1006)]
    for shown in batch.input:
        either = [frame for each in frames for frame in (each, each.flip(-1))]
        assert min(float((shown - frame).abs().max()) for frame in either) < 1e-5
    places = [plan.drawn_before(step) for step in (2, 4, 6)]
    assert places == [0, 2, 4]


def _planes(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None]


def test_without_whole_frames_the_steps_are_as_they_always_were() -> None:
    usual = {"batch_size": 2, "crop": (64, 64), "size": "small", "precision": "float32", "threads": 1}
    plan = Plan(**usual, device="cpu", seed=0, small=32)
    assert [plan.drawn_before(step) for step in range(1, 8)] == [0, 8, 0, 16, 24, 2, 32]
    assert not any(plan.is_whole(step) for step in range(1, 8))


SLOW = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.mark.parametrize("host", ["torchscript", pytest.param("onnx", marks=SLOW)])
def test_images_are_learned_as_they_are_and_exported(make_bench: Any, tmp_path: Any, host: str) -> None:
    if host == "onnx":
        pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    bench = make_bench(size=(80, 48))
    run = bench.train(architecture="u2netp", model_size="auto", max_steps=3).run
    header = read_header(run.best_path)
    assert header.architecture.get("whole", 0) == 0 and header.stride == 32
    plate = frame_of(bench)
    assert load(str(run.path)).infer(plate).shape == plate.shape
    made = export(ExportSettings(str(run.path), host, tmp_path / "out", full=False))
    assert made.difference < 1e-3


def test_a_network_that_sees_frames_whole_is_exported_and_tried_on_its_own_plate(
    mattes: Any, tmp_path: Any
) -> None:
    run = mattes.train(**{**NESTED, "max_steps": 2}).run
    made = export(ExportSettings(str(run.path), "nuke", tmp_path / "out"))
    assert (80, 48) in {(each.width, each.height) for each in made.comparisons}
    assert made.difference < 1e-4


def test_a_run_begins_from_another(mattes: Any, make_shot: Any) -> None:
    first = mattes.train(**{**NESTED, "max_steps": 4}).run
    ours = make_job(mattes.settings(**NESTED, initial_weights=str(first.best_path)), Shard())
    theirs = load_model(first.best_path)[1]
    state = ours.learner.network.state_dict()
    assert not [name for name, tensor in theirs.state_dict().items() if not torch.equal(tensor, state[name])]
    with pytest.raises(ModelFileError) as error:
        make_job(mattes.settings(initial_weights=str(first.best_path)), Shard())
    assert "--architecture u2netp" in error.value.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"architecture": "u2net", "model_size": "large"},
        {"architecture": "u2net", "coarse_view": 4},
        {"network_size": 320, "coarse_view": 4},
        {"network_size": 100},
        {"whole_share": 0.5},
        {"architecture": "u3net"},
    ],
)
def test_what_does_not_go_together_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        TrainSettings(input="a", ground_truth="b", data_directory="c", **wrong)


def test_a_plain_network_may_see_frames_whole_too(mattes: Any) -> None:
    run = mattes.train(network_size=64, max_steps=2).run
    header = read_header(run.best_path)
    assert (header.architecture["size"], header.architecture["whole"]) == ("small", 64)
    with pytest.raises(SettingError):
        mattes.train(network_size=64, agreement=0.5)


def test_corrections_of_whole_frames_are_learned(mattes: Any) -> None:
    from understudy.dataset.packing import Further, pack_beside

    job = make_job(mattes.settings(**NESTED), Shard())
    pair = job.data.pairs[0]
    further = Further(job.make_material(None, pair))
    packed = pack_beside(job.packed, [further], {})
    assert packed.whole is not None and len(packed.whole.sizes) == len(packed.sizes) == 6
    silenced = pack_beside(job.packed, [], {0: further.material.weight * 0})
    assert silenced.whole is not None
    assert not silenced.whole.pixels[: 64 * 64, -1].any() and silenced.whole.pixels[64 * 64 :, -1].all()


def test_the_rate_of_nested_stages_is_lower_unless_it_is_named(mattes: Any) -> None:
    def planned(**changes: Any) -> tuple[float, tuple[str, ...]]:
        job = make_job(mattes.settings(**{**NESTED, **changes}), Shard(), torch.device("cpu"))
        return job.plan.rate, job.notes

    rate, notes = planned()
    assert rate == 0.004 and any("Learning rate 0.004" in note for note in notes)
    assert planned(learning_rate=0.01)[0] == 0.01
    assert planned(architecture="unet", network_size="auto", whole_share="auto")[0] == 0.012
