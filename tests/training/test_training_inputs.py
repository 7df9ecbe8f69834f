"""What is learned from: channels, regions, extra layers, odd pixels, several shots; and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from training_bench import held_out, losses

from understudy.colour import decode
from understudy.dataset.crops import Augmentation
from understudy.errors import ChannelError, ModelFileError, UnderstudyError
from understudy.inference.apply import apply
from understudy.network.model_file import load_model, read_header
from understudy.settings import ApplySettings
from understudy.training.distributed.shard import Shard
from understudy.training.prepare import make_job


def write_exr(
    path: Path, pixels: np.ndarray, names: tuple[str, ...], window: tuple[int, ...] | None = None
) -> str:
    """``pixels`` (H, W, C) as half EXR; ``window`` (x, y, full width, full height) puts them into a larger
    display window."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, count = pixels.shape
    spec = oiio.ImageSpec(width, height, count, "half")
    spec.channelnames = names
    if window:
        spec.x, spec.y, spec.full_width, spec.full_height = window
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec) and output.write_image(np.ascontiguousarray(pixels, np.float32))
    assert output.close()
    return str(path)


def read(path: Path) -> np.ndarray:
    image = oiio.ImageInput.open(str(path))
    pixels: np.ndarray = image.read_image("float")
    image.close()
    return pixels


# -- what is learned from -------------------------------------------------------------------------------


def test_alpha_is_learned_when_only_alpha_differs(make_bench: Any) -> None:
    bench = make_bench(suffix=".exr")
    for number in bench.shot.numbers:
        rgb = read(bench.shot.plate_file(number))
        alpha = (rgb[..., :1] > 0.9).astype(np.float32)
        write_exr(bench.shot.truth_file(number), np.concatenate([rgb, alpha], 2), ("R", "G", "B", "A"))
    header = read_header(bench.train(max_steps=3).best)
    assert (header.kind, header.output_channels, header.input_channels) == ("matte", ["A"], ["R", "G", "B"])


@pytest.mark.parametrize("plate_has_alpha", [True, False])
def test_alpha_is_learned_though_it_is_empty_on_the_first_painted_frame(
    make_bench: Any, plate_has_alpha: bool
) -> None:
    """The subject comes into the frame later."""
    bench = make_bench(suffix=".exr", effect="same")
    for number in bench.shot.numbers:
        rgb = read(bench.shot.plate_file(number))
        empty = np.zeros((32, 48, 1), np.float32)
        alpha = empty if number < 1003 else (rgb[..., :1] > 0.9).astype(np.float32)
        write_exr(bench.shot.truth_file(number), np.concatenate([rgb, alpha], 2), ("R", "G", "B", "A"))
        if plate_has_alpha:
            write_exr(bench.shot.plate_file(number), np.concatenate([rgb, empty], 2), ("R", "G", "B", "A"))
    data = bench.data_set()
    assert (data.kind, data.output_channels) == ("matte", ("A",))
    assert not any("nothing to learn" in note for note in data.notes)


def test_colours_are_learned_though_the_first_painted_frame_has_none_changed(make_bench: Any) -> None:
    """Its alpha differs from the plate's, but on other frames it is the colours that are painted."""
    bench = make_bench(suffix=".exr")
    for number in bench.shot.numbers:
        side = bench.shot.plate_file if number == 1001 else bench.shot.truth_file
        pixels = np.concatenate([read(side(number)), np.ones((32, 48, 1), np.float32)], 2)
        write_exr(bench.shot.truth_file(number), pixels, ("R", "G", "B", "A"))
    data = bench.data_set()
    assert (data.kind, data.output_channels) == ("image", ("R", "G", "B"))


def test_it_is_said_when_plate_and_ground_truth_are_the_same(make_bench: Any) -> None:
    bench = make_bench(effect="same")
    assert bench.train(max_steps=2).state == "finished"
    assert "the same in all pairs (R, G, B): there is nothing to learn" in bench.said()


def test_it_is_said_when_all_that_differs_lies_outside_the_region(make_bench: Any, tmp_path: Path) -> None:
    bench = make_bench(suffix=".exr", effect=tinted_on_the_right)
    left = write_region(tmp_path / "left.exr", np.s_[:, :24])
    assert "nothing to learn" in bench.data_set(region=left).notes[-1]
    assert "nothing to learn" not in "".join(bench.data_set().notes)


def test_it_is_said_when_all_mattes_are_empty(make_bench: Any) -> None:
    bench = make_bench(effect=lambda pixels: pixels[..., :1] * 0)
    assert "The matte is empty in all pairs" in bench.data_set().notes[-1]


# -- mattes as they come --------------------------------------------------------------------------------


def square(pixels: np.ndarray) -> np.ndarray:
    return (pixels[..., :1] > 0.9).astype(np.float32)


def in_three(matte: np.ndarray) -> np.ndarray:
    return np.repeat(matte, 3, 2)


def paint(bench: Any, make: Callable[[np.ndarray], np.ndarray], suffix: str, kind: str) -> dict[str, str]:
    """Truths that ``make`` makes of the plates, codes of integer files or floats, and where they are."""
    for number in bench.shot.numbers:
        planes = make(read(bench.shot.plate_file(number)))
        path = bench.shot.folder / f"m.{number:04d}{suffix}"
        height, width, count = planes.shape
        output = oiio.ImageOutput.create(str(path))
        assert output.open(str(path), oiio.ImageSpec(width, height, count, kind))
        assert output.write_image(planes.astype("float32" if kind == "float" else kind)) and output.close()
    return {"ground_truth": str(bench.shot.folder / f"m.####{suffix}")}


WHITES = {
    "a label image": (".png", "uint8", 1),
    "8 bits in 16": (".png", "uint16", 255),
    "a label image in 16 bits": (".tif", "uint16", 1),
    "floats to 255": (".exr", "float", 255),
    "a label image as floats": (".exr", "float", 1 / 255),
}


@pytest.mark.parametrize("case", WHITES)
@pytest.mark.parametrize("count", [1, 3])
def test_a_matte_whose_white_is_not_1_is_learned_as_white_and_it_is_said(
    make_bench: Any, case: str, count: int
) -> None:
    bench = make_bench()
    suffix, kind, white = WHITES[case]
    truth = paint(bench, lambda pixels: np.repeat(square(pixels), count, 2) * white, suffix, kind)
    data = bench.data_set(**truth)
    assert data.kind == "matte"
    for number, pair in zip(bench.shot.numbers, data.pairs, strict=True):
        assert np.allclose(pair.truth, square(read(bench.shot.plate_file(number))), atol=1e-3)
    assert any("matte's white is" in note and "scaled to 1" in note for note in data.notes)


def test_a_usual_matte_is_taken_without_a_word_on_its_white(make_bench: Any) -> None:
    data = make_bench(effect="matte").data_set()
    assert data.kind == "matte" and not any("white" in note or "largest" in note for note in data.notes)


def test_a_dark_matte_that_is_no_known_white_is_taken_as_it_is_and_said(make_bench: Any) -> None:
    bench = make_bench()
    data = bench.data_set(**paint(bench, lambda pixels: square(pixels) * 7, ".png", "uint8"))
    assert max(pair.truth.max() for pair in data.pairs) == pytest.approx(7 / 255)
    assert any("largest value is 0.0275, taken as it is" in note for note in data.notes)


def test_a_matte_that_is_white_everywhere_is_said(make_bench: Any) -> None:
    bench = make_bench(effect=lambda pixels: pixels[..., :1] * 0 + 1)
    assert "white everywhere in all pairs" in bench.data_set().notes[-1]


def test_a_matte_in_red_green_and_blue_alike_leaves_the_colours_of_the_plate(make_bench: Any) -> None:
    bench = make_bench()
    truth = paint(bench, lambda pixels: in_three(square(pixels)) * 255, ".png", "uint8")
    header = read_header(bench.train(**truth, max_steps=3).best)
    assert (header.kind, header.output_channels) == ("matte", ["A"])
    assert "taken as a matte" in bench.said() and "--ground-truth-channels rgb" in bench.said()
    data = bench.data_set(**truth, ground_truth_channels="rgb")
    assert data.kind == "image", "as asked"


def test_a_plate_without_its_colours_is_a_picture_and_no_matte(make_bench: Any) -> None:
    bench = make_bench(effect=lambda pixels: in_three(pixels.mean(2, keepdims=True)))
    data = bench.data_set()
    assert data.kind == "image" and not any("matte" in note for note in data.notes)


def test_a_soft_grey_picture_is_taken_as_one_and_it_is_said_how_it_becomes_a_matte(make_bench: Any) -> None:
    def soft(pixels: np.ndarray) -> np.ndarray:
        y, x = np.mgrid[:32, :48]
        return in_three((0.5 + 0.4 * np.sin(x * y / 60.0))[..., None].astype(np.float32))

    data = make_bench(effect=soft).data_set()
    assert data.kind == "image"
    assert any("grey" in note and "--ground-truth-channels R" in note for note in data.notes)


WITH_ALPHA: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "cut out": lambda pixels: np.concatenate([pixels * square(pixels), square(pixels)], 2) * 255,
    "a code brighter": lambda pixels: np.concatenate(
        [np.minimum(pixels * 255 + 1, 255), square(pixels) * 255], 2
    ),
    "graded": lambda pixels: np.concatenate([pixels * 200, square(pixels) * 255], 2),
    "opaque": lambda pixels: np.concatenate([pixels, pixels[..., :1] * 0 + 1], 2) * 255,
}


@pytest.mark.parametrize(
    ("case", "kind", "said"),
    [
        ("cut out", "matte", "cut out by its alpha: the alpha is taken as a matte"),
        ("a code brighter", "matte", "A out (matte)"),
        ("graded", "image", "alpha is painted too, and is not learned (--ground-truth-channels alpha"),
        ("opaque", "image", "the same in all pairs"),
    ],
)
def test_an_alpha_that_is_painted_is_learned_or_it_is_said_that_it_is_not(
    make_bench: Any, case: str, kind: str, said: str
) -> None:
    bench = make_bench()
    data = bench.data_set(**paint(bench, WITH_ALPHA[case], ".png", "uint8"))
    assert data.kind == kind and said in " ".join(data.notes)


@pytest.mark.parametrize("case", ["8 bits in 16", "opaque"])
def test_a_region_is_taken_as_a_mask_is(make_bench: Any, tmp_path: Path, case: str) -> None:
    bench = make_bench()
    right = np.zeros((32, 48, 4 if case == "opaque" else 1))
    right[:, 24:] = 255
    right[..., 3:] = 255
    kind = "uint8" if case == "opaque" else "uint16"
    output = oiio.ImageOutput.create(str(tmp_path / "region.png"))
    assert output.open(str(tmp_path / "region.png"), oiio.ImageSpec(48, 32, right.shape[2], kind))
    assert output.write_image(right.astype(kind)) and output.close()
    data = bench.data_set(region=str(tmp_path / "region.png"))
    assert all((pair.weight[:, 24:] == 1).all() and (pair.weight[:, :24] == 0).all() for pair in data.pairs)
    assert any("region's" in note for note in data.notes)


def test_named_channels_are_learned(make_bench: Any) -> None:
    bench = make_bench(suffix=".exr")
    header = read_header(bench.train(max_steps=3, input_channels="G,B", ground_truth_channels="G,B").best)
    assert (header.kind, header.input_channels, header.output_channels) == ("image", ["G", "B"], ["G", "B"])


@pytest.fixture
def with_hint(make_bench: Any) -> Any:
    """A shot whose truth is the plate plus a hint layer that the plate does not show."""
    bench = make_bench(suffix=".exr", effect="same")
    for number in bench.shot.numbers:
        hint = np.random.default_rng(number).uniform(0, 0.5, (32, 48, 1)).astype(np.float32)
        write_exr(bench.shot.folder / "hint" / f"hint.{number:04d}.exr", hint, ("Y",))
        plate = read(bench.shot.plate_file(number))
        write_exr(bench.shot.truth_file(number), plate + hint, ("R", "G", "B"))
    bench.hint = str(bench.shot.folder / "hint" / "hint.####.exr")
    return bench


def test_extra_layers_are_learned_from(with_hint: Any) -> None:
    usual = {"max_steps": 60, "batch_size": 4, "held_out": "none", "learning_rate": 0.03}
    alone = with_hint.train(**usual).run.read_summary()[-10:]
    result = with_hint.train(extra=with_hint.hint, **usual)
    detecting_lost_workers = result.run.read_summary()[-10:]
    assert sum(row["loss"] for row in detecting_lost_workers) < 0.6 * sum(row["loss"] for row in alone)
    header = read_header(result.best)
    assert [(e.name, e.channels) for e in header.extra] == [("hint.####.exr", ["Y"])]


def test_a_still_serves_as_an_extra_layer_of_every_frame(with_hint: Any) -> None:
    still = with_hint.hint.replace("####", "1001")
    assert with_hint.train(extra=still, max_steps=2, preview=with_hint.shot.plate).state == "finished"


def write_region(path: Path, inside: Any = np.s_[:, 24:], value: float = 1.0) -> str:
    """A region of the bench's size that is ``value`` ``inside``: by default the right half."""
    region = np.zeros((32, 48, 1), np.float32)
    region[inside] = value
    return write_exr(path, region, ("A",))


def tinted_on_the_right(pixels: np.ndarray) -> np.ndarray:
    """What an artist paints who looks at the right half alone."""
    painted = pixels.copy()
    painted[:, 24:] *= np.float32([0.8, 0.6, 0.4])
    return painted


@pytest.mark.parametrize("value", [1.0, 0.25])
def test_outside_the_region_nothing_is_learned(make_bench: Any, tmp_path: Path, value: float) -> None:
    """The same things stand inside, where they are changed, and outside, where nobody has painted."""
    bench = make_bench(suffix=".exr", effect=tinted_on_the_right)
    region = write_region(tmp_path / "region.exr", value=value)
    job = make_job(bench.settings(region=region), Shard())
    assert job.learner.network.architecture.fit in ("linear", "cubic"), "and where it stands says nothing"
    batch = job.learner.crops.batch(1, range(20), list(range(5)), Augmentation(mirror=False), 20)
    inside = (batch.weight > 0).expand_as(batch.base)
    assert set(batch.weight.unique().tolist()) == {0.0, value}
    error = (batch.base - batch.truth).abs()
    assert error[inside].max() < 0.02 < error[~inside].mean()
    result = bench.train(region=region, max_steps=60)
    assert result.state == "finished" and result.run.read_summary()[-1]["loss"] < 0.02


@pytest.fixture
def with_depth(make_bench: Any) -> Any:
    """A shot whose truth is a depth: some 500 on the right, and next to nothing, unpainted, on the left."""

    def near_on_the_left(pixels: np.ndarray) -> np.ndarray:
        depth = 500 + 100 * pixels[..., :1]
        depth[:, :24] = 1e-3
        return depth

    bench = make_bench(suffix=".exr", effect=near_on_the_left)
    for number in bench.shot.numbers:
        write_exr(bench.shot.truth_file(number), read(bench.shot.truth_file(number)), ("depth.Z",))
    return bench


def test_the_ground_truth_is_left_as_it_is_outside_the_region(with_depth: Any, tmp_path: Path) -> None:
    """Where it is no colour of the plate, nothing of the plate may stand in for it."""
    region = write_region(tmp_path / "region.exr")
    data = with_depth.data_set(region=region, ground_truth_channels="depth.Z")
    for number, pair in zip(with_depth.shot.numbers, data.pairs, strict=True):
        truth = read(with_depth.shot.truth_file(number))
        assert np.allclose(decode(pair.truth, data.colour_out), truth, rtol=1e-4, atol=1e-3)
        assert pair.weight[:, :24].max() == 0 and pair.weight[:, 24:].min() == 1


def test_raw_values_outside_the_region_do_not_stretch_their_range(with_depth: Any, tmp_path: Path) -> None:
    region = write_region(tmp_path / "region.exr")
    data = with_depth.data_set(region=region, ground_truth_channels="depth.Z")
    assert data.colour_out.space == "raw"
    assert data.colour_out.offset > 499 and data.colour_out.scale < 101 and data.colour_out.k == 0


def test_what_is_painted_outside_the_region_has_no_say(make_bench: Any, tmp_path: Path) -> None:
    def scribbled(pixels: np.ndarray) -> np.ndarray:
        painted = tinted_on_the_right(pixels)
        painted[:, :24] = np.random.default_rng(3).random((32, 24, 3)) * 5
        return painted

    region = write_region(tmp_path / "region.exr")
    courses = []
    for name, effect in (("clean", tinted_on_the_right), ("scribbled", scribbled)):
        run = make_bench(name=name, suffix=".exr", effect=effect).train(name=name, region=region).run
        courses.append((losses(run), held_out(run)))
    assert courses[0] == courses[1] and courses[0][1]


def test_outside_the_region_nothing_is_changed_when_it_is_the_mask_too(
    make_bench: Any, tmp_path: Path
) -> None:
    bench = make_bench(suffix=".exr", effect=tinted_on_the_right)
    region = write_region(tmp_path / "region.exr")
    best = bench.train(region=region).best
    out = tmp_path / "out.exr"
    plate = bench.shot.plate_file(1002)
    apply(ApplySettings(model=best, plate=str(plate), output=str(out), mask=region, devices="cpu"))
    assert np.array_equal(read(out)[:, :24], read(plate)[:, :24])
    assert not np.allclose(read(out)[:, 24:], read(plate)[:, 24:], atol=0.05)


def test_a_frame_whose_region_is_empty_is_not_used(bench: Any, tmp_path: Path) -> None:
    for number in bench.shot.numbers:
        write_region(tmp_path / f"region.{number}.exr", value=float(number != 1003))
    result = bench.train(region=str(tmp_path / "region.####.exr"), held_out=1002)
    assert result.state == "finished" and result.run.read_state().pairs == 4
    assert "Not used, as they have no values to learn from in the region: frames 1003" in bench.said()


def test_pixels_without_values_have_no_say_in_the_colour_fit(make_bench: Any) -> None:
    """What nobody painted is very bright: neither the range of the inputs nor the fit may know of it."""
    bench = make_bench(suffix=".exr")
    for number in bench.shot.numbers:
        plate, truth = read(bench.shot.plate_file(number)), read(bench.shot.truth_file(number))
        plate[4:9, 10:20], truth[4:9, 10:20] = 60.0, np.nan
        write_exr(bench.shot.plate_file(number), plate, ("R", "G", "B"))
        write_exr(bench.shot.truth_file(number), truth, ("R", "G", "B"))
    network = make_job(bench.settings(), Shard()).learner.network
    assert network.high.max() < 1.2


def test_a_matte_is_learned_inside_a_region_alone(make_bench: Any, tmp_path: Path) -> None:
    bench = make_bench(effect="matte")
    assert bench.train(region=write_region(tmp_path / "region.exr"), max_steps=6).state == "finished"


@pytest.mark.parametrize("side", ["plate", "truth"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -1e30])
def test_odd_pixels_poison_nothing(make_bench: Any, side: str, value: float) -> None:
    bench = make_bench(suffix=".exr")
    path = getattr(bench.shot, f"{side}_file")(1002)
    pixels = read(path)
    pixels[4:9, 10:20] = value
    write_exr(path, pixels, ("R", "G", "B"))
    pair = bench.data_set().pairs[1]
    assert np.isfinite(pair.input).all() and np.isfinite(pair.truth).all()
    assert pair.weight[4:9, 10:20].max() == 0 and pair.weight.sum() == 32 * 48 - 50
    result = bench.train()
    assert result.state == "finished" and all(row["loss"] < 1 for row in result.run.read_summary())
    assert "Not learned from, as they are NaN, Inf or beyond 1e+30: 50 pixels of frames 1002" in bench.said()


@pytest.mark.parametrize("far", [1e30, np.inf])
def test_pixels_whose_depth_is_no_value_are_learned_from_where_the_depth_only_goes_in(
    make_bench: Any, far: float
) -> None:
    bench = make_bench(suffix=".exr")
    for number in bench.shot.numbers:
        rgb = read(bench.shot.plate_file(number))
        depth = np.full((32, 48, 1), far, np.float32)
        depth[:, :10] = 7.0
        write_exr(bench.shot.plate_file(number), np.concatenate([rgb, depth], 2), ("R", "G", "B", "Z"))
    data = bench.data_set(input_channels="rgb,Z")
    assert all((pair.weight == 1).all() for pair in data.pairs)
    assert np.isfinite(np.stack([pair.input for pair in data.pairs])).all()
    assert not any("Not learned from" in note for note in data.notes)


def motion(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., :2] * 8 - 4


def make_motion(bench: Any) -> str:
    """A ground truth of motion vectors for each frame of a shot, in EXR; where they are."""
    for number in bench.shot.numbers:
        made = motion(read(bench.shot.plate_file(number)))
        write_exr(bench.shot.folder / "uv" / f"uv.{number:04d}.exr", made, ("forward.u", "forward.v"))
    return str(bench.shot.folder / "uv" / "uv.####.exr")


def test_what_a_network_makes_that_the_plate_lacks_is_written_as_new_channels(
    make_bench: Any, tmp_path: Path
) -> None:
    bench = make_bench(suffix=".exr")
    truth = make_motion(bench)
    best = bench.train(ground_truth=truth, ground_truth_channels="forward", max_steps=20).best
    out = tmp_path / "out.exr"
    plate = str(bench.shot.plate_file(1002))
    apply(ApplySettings(model=best, plate=plate, output=str(out), devices="cpu"))
    image = oiio.ImageInput.open(str(out))
    assert image.spec().channelnames == ("R", "G", "B", "forward.u", "forward.v")
    image.close()
    wanted = motion(read(Path(plate)))
    assert np.abs(read(out)[..., 3:] - wanted).mean() < 0.3 * np.abs(wanted).mean()


def test_a_plate_whose_files_have_no_room_for_what_is_learned_is_refused(make_bench: Any) -> None:
    bench = make_bench(suffix=".png")
    with pytest.raises(ChannelError) as caught:
        bench.train(ground_truth=make_motion(bench), ground_truth_channels="forward")
    assert "forward.u, forward.v" in caught.value.found and "EXR" in caught.value.remedy
    assert not bench.data.exists()


def test_a_pair_of_nothing_but_odd_pixels_is_survived(make_bench: Any) -> None:
    bench = make_bench(suffix=".exr")
    write_exr(bench.shot.plate_file(1002), np.full((32, 48, 3), np.nan, np.float32), ("R", "G", "B"))
    result = bench.train()
    assert result.state == "finished" and "back to step" not in bench.said()


def test_data_windows_may_differ(make_bench: Any) -> None:
    """The compositing program crops what it writes: the truth of one pair is only a patch of it."""
    bench = make_bench(suffix=".exr")
    truth = read(bench.shot.truth_file(1002))
    write_exr(bench.shot.truth_file(1002), truth[8:20, 10:30], ("R", "G", "B"), (10, 8, 48, 32))
    plate = read(bench.shot.plate_file(1003))
    larger = np.pad(plate, ((4, 4), (4, 4), (0, 0)), mode="edge")
    write_exr(bench.shot.plate_file(1003), larger, ("R", "G", "B"), (-4, -4, 48, 32))
    pairs = bench.data_set().pairs
    whole = make_bench(name="whole", suffix=".exr")
    expected = whole.data_set().pairs
    assert np.array_equal(pairs[1].truth[8:20, 10:30], expected[1].truth[8:20, 10:30])
    assert np.array_equal(pairs[2].input, expected[2].input)
    assert bench.train(max_steps=3).state == "finished"


def test_several_shots_of_different_size_are_one_data_set(make_bench: Any) -> None:
    small, large = make_bench(name="small"), make_bench(name="large", size=(80, 64))
    both = {
        "input": (small.shot.plate, large.shot.plate),
        "ground_truth": (small.shot.truth, large.shot.truth),
    }
    result = small.train(**both, crop_size=64)
    assert result.state == "finished" and result.run.read_state().pairs == 10
    assert len(read_header(result.best).provenance["pairs"]) == 10
    assert "Crop Size is 32 x 32" in small.said()


def test_only_painted_frames_are_pairs_and_what_has_no_plate_is_named(make_bench: Any) -> None:
    bench = make_bench(numbers=range(1001, 1009), truth_numbers=[1002, 1005])
    shutil.copy(bench.shot.truth_file(1005), bench.shot.truth_file(1020))
    assert bench.train(max_steps=6).run.read_state().pairs == 2
    assert "1020" in bench.said()


def test_frames_choose_the_pairs(bench: Any) -> None:
    assert bench.train(frames="1001-1004x3", max_steps=3).run.read_state().pairs == 2


def test_frames_that_are_asked_for_and_that_nobody_painted_are_said(bench: Any) -> None:
    assert any("has no 1077" in note for note in bench.data_set(frames="1001-1003,1077").notes)
    assert not any("has no" in note for note in bench.data_set(frames="1001-1003").notes)


def test_one_pixel_is_enough_of_a_frame(make_bench: Any) -> None:
    bench = make_bench(size=(1, 1))
    assert bench.train(max_steps=5).state == "finished"


@pytest.mark.parametrize("names", [("red", "green", "blue"), ("Beauty.R", "Beauty.G", "Beauty.B")])
def test_frames_that_call_their_colours_otherwise_than_the_first_are_learned_from_alike(
    make_bench: Any, names: tuple[str, ...]
) -> None:
    bench = make_bench(suffix=".exr")
    before = bench.data_set()
    for file in (bench.shot.plate_file(1002), bench.shot.truth_file(1003)):
        write_exr(file, read(file), names)
    after = bench.data_set()
    assert [pair.hash for pair in after.pairs] == [pair.hash for pair in before.pairs]


def test_a_single_pair_is_enough(bench: Any) -> None:
    assert bench.train(frames="1003").state == "finished"


def shaded(strength: float) -> Callable[[np.ndarray], np.ndarray]:
    """Darker towards the edges of the frame."""
    y, x = np.mgrid[-1:1:32j, -1:1:48j].astype(np.float32)
    return lambda pixels: pixels * (1 - strength * (x * x + y * y)[..., None] / 2)


@pytest.mark.parametrize("first", ["placed", "linear"])
def test_initial_weights_serve_though_the_colour_fit_is_of_another_kind(make_bench: Any, first: str) -> None:
    """One that changes over the frame is a further input of the network; what it knows stays known."""
    benches = {
        "linear": make_bench(name="linear", suffix=".exr", effect=lambda pixels: pixels * np.float32(1.3)),
        "placed": make_bench(name="placed", suffix=".exr", effect=shaded(0.6)),
    }
    best = benches[first].train(name="first").best
    second = next(kind for kind in benches if kind != first)
    ours = load_model(best)[1]
    started = make_job(benches[second].settings(initial_weights=best), Shard()).learner.network
    assert (ours.architecture.fit == "placed") == (first == "placed")
    assert (started.architecture.fit == "placed") == (second == "placed")
    inputs = ours.architecture.inputs * 4
    there, here = (network.unet.stem.weight.detach() for network in (ours, started))
    assert torch.equal(there[:, :inputs], here[:, :inputs]) and not here[:, inputs:].any()
    assert torch.equal(ours.unet.head.weight, started.unet.head.weight)
    assert benches[second].train(initial_weights=best, max_steps=2).state == "finished"


def test_it_is_said_what_initial_weights_do_not_fit_in(bench: Any) -> None:
    best = bench.train(max_steps=1).best
    with pytest.raises(ModelFileError) as caught:
        bench.train(
            initial_weights=best, ground_truth_channels="R", input_channels="R,G", model_size="medium"
        )
    error = caught.value
    assert error.expected == "a medium network, 2 channels of the plate"
    assert error.found == "a small network, 3 channels of the plate"
    assert "--model-size small (or auto) and 3 channels" in error.remedy


# -- what is refused ------------------------------------------------------------------------------------

Spoil = Callable[[Any, Path], dict[str, Any]]


def _other_size(bench: Any, tmp_path: Path) -> dict[str, Any]:
    write_exr(tmp_path / "x.1001.exr", np.zeros((8, 8, 3), np.float32), ("R", "G", "B"))
    return {"ground_truth": str(tmp_path / "x.####.exr")}


def _truncated(bench: Any, tmp_path: Path) -> dict[str, Any]:
    path = bench.shot.plate_file(1003)
    path.write_bytes(path.read_bytes()[:60])
    return {}


def _folder_is_a_file(bench: Any, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "file").write_text("")
    return {"data_directory": tmp_path / "file" / "runs"}


def _weights_of_another_kind(bench: Any, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "x.cat").write_bytes(b"CAT1" + bytes(5000))
    return {"initial_weights": str(tmp_path / "x.cat")}


def _weights_of_another_size(bench: Any, tmp_path: Path) -> dict[str, Any]:
    other = bench.train(data_directory=tmp_path / "other", max_steps=1).best
    return {"initial_weights": str(other), "model_size": "medium"}


def _small_region(bench: Any, tmp_path: Path) -> dict[str, Any]:
    return {"region": write_exr(tmp_path / "r.exr", np.ones((8, 8, 1), np.float32), ("A",))}


def _empty_region(bench: Any, tmp_path: Path) -> dict[str, Any]:
    return {"region": write_region(tmp_path / "r.exr", value=0.0)}


def _small_extra(bench: Any, tmp_path: Path) -> dict[str, Any]:
    return {"extra": write_exr(tmp_path / "e.exr", np.ones((8, 8, 1), np.float32), ("Z",))}


REFUSED: dict[str, tuple[Spoil, str]] = {
    "no plate": (lambda b, t: {"input": str(t / "none.####.png")}, "none"),
    "no truth": (lambda b, t: {"ground_truth": str(t / "none.png")}, "none"),
    "no pairs": (lambda b, t: {"frames": "1-5"}, "1-5|pairs|frames"),
    "no such channel": (lambda b, t: {"input_channels": "depth.Z"}, "depth.Z"),
    "no such truth channel": (lambda b, t: {"ground_truth_channels": "alpha"}, "alpha|A"),
    "another size": (_other_size, "8 x 8"),
    "a truncated frame": (_truncated, "1003"),
    "no such loss": (lambda b, t: {"loss": "l7"}, "l7"),
    "no such device": (lambda b, t: {"devices": "cuda:77"}, "device"),
    "an absurd device": (lambda b, t: {"devices": "toaster"}, "toaster"),
    "too many processes": (lambda b, t: {"devices": "cpu:1000"}, "cpu:1000"),
    "no such colour space": (lambda b, t: {"colour": "plaid"}, "plaid"),
    "a frame to hold out that is none": (lambda b, t: {"held_out": 7}, "7"),
    "a data directory in a file": (_folder_is_a_file, "folder|directory"),
    "a name with a slash": (lambda b, t: {"name": "../out"}, "name"),
    "no initial weights": (lambda b, t: {"initial_weights": str(t / "no.cat")}, "no.cat"),
    "initial weights of another program": (_weights_of_another_kind, "x.cat"),
    "initial weights that do not fit": (_weights_of_another_size, "do not fit"),
    "a region of another size": (_small_region, "8 x 8"),
    "a region that is empty everywhere": (_empty_region, "The region is empty on every pair"),
    "an extra layer of another size": (_small_extra, "8 x 8"),
    "an extra layer that is not there": (lambda b, t: {"extra": str(t / "e.####.exr")}, "e\\."),
    "a preview that is not there": (lambda b, t: {"preview": str(t / "p.####.exr")}, "p\\."),
    "a part that is not there": (lambda b, t: {"part": "beauty"}, "beauty"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_and_leaves_nothing_behind(bench: Any, tmp_path: Path, case: str) -> None:
    spoil, words = REFUSED[case]
    changes = spoil(bench, tmp_path)
    with pytest.raises(UnderstudyError) as caught:
        bench.train(**changes)
    error = caught.value
    assert error.exit_code == 2
    assert any(word.replace("\\", "") in error.text for word in words.split("|")), error.text
    assert error.message.endswith(".") and (error.remedy or error.expected)
    assert not bench.data.exists()


def test_a_name_that_exists_is_refused(bench: Any) -> None:
    run = bench.train(name="comp", max_steps=2).run
    before = sorted(path.name for path in run.path.iterdir())
    with pytest.raises(UnderstudyError, match="exists already"):
        bench.train(name="comp", max_steps=2)
    assert sorted(path.name for path in run.path.iterdir()) == before


def test_frames_of_one_pixel_are_learned_from(make_bench: Any) -> None:
    bench = make_bench(suffix=".exr")
    for number in bench.shot.numbers:
        write_exr(
            bench.shot.plate_file(number), np.full((1, 1, 3), 0.1 * number % 1, np.float32), ("R", "G", "B")
        )
    for number in bench.shot.truth_numbers:
        write_exr(
            bench.shot.truth_file(number), np.full((1, 1, 3), 0.05 * number % 1, np.float32), ("R", "G", "B")
        )
    assert bench.train(max_steps=20, held_out="auto").best is not None
