"""Several mattes in one run: given by name or as layers, learned together, each by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch

from understudy.dataset.crops import Augmentation, CropSource
from understudy.dataset.packing import Material, pack, shares_of_mattes
from understudy.errors import ChannelError, PairingError, SettingError, SizeError
from understudy.frames import open_shot
from understudy.frames.matte_names import are_mattes, matte_channels, matte_labels
from understudy.inference.apply import apply
from understudy.network.losses import make_loss
from understudy.network.model_file import read_header
from understudy.settings import ApplySettings, TrainSettings
from understudy.training.events import Message

SIZE = (48, 32)
NUMBERS = (1001, 1002, 1003, 1004)
LAYERS = ("hero.A", "car.A")


def hero(number: int) -> np.ndarray:
    """float32 (height, width): a square on the left."""
    matte = np.zeros(SIZE[::-1], np.float32)
    matte[8:20, number % 10 : 12 + number % 10] = 1
    return matte


def car(number: int) -> np.ndarray:
    """A small one on the right."""
    matte = np.zeros(SIZE[::-1], np.float32)
    matte[20:26, 36:42] = 0.75
    return matte


def save(path: Path, planes: dict[str, np.ndarray], kind: str = "float") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = next(iter(planes.values())).shape
    spec = oiio.ImageSpec(width, height, len(planes), kind)
    spec.channelnames = tuple(planes)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    assert output.write_image(np.ascontiguousarray(np.stack(list(planes.values()), 2))) and output.close()
    return path


class Mattes:
    """A plate of four frames, and the mattes of a hero and a car as shots of their own."""

    def __init__(self, bench: Any, folder: Path) -> None:
        self.bench, self.folder = bench, folder

    def shot(self, name: str, of: Any, numbers: Any = NUMBERS, channel: str = "A", white: float = 1) -> str:
        for number in numbers:
            save(self.folder / name / f"{name}.{number}.exr", {channel: of(number) * np.float32(white)})
        return str(self.folder / name / f"{name}.####.exr")

    def named(self, heroes: Any = NUMBERS, cars: Any = NUMBERS) -> dict[str, Any]:
        truths = [f"hero={self.shot('hero', hero, heroes)}", f"car={self.shot('car', car, cars)}"]
        return {"ground_truth": truths}

    def layered(self, heroes: Any = NUMBERS, cars: Any = NUMBERS) -> dict[str, Any]:
        """One multi-layer EXR; a frame has the layers that are painted on it."""
        for number in sorted({*heroes, *cars}):
            planes = {"hero.A": hero(number)} if number in heroes else {}
            planes |= {"car.A": car(number)} if number in cars else {}
            save(self.folder / "layered" / f"layered.{number}.exr", planes)
        spec = str(self.folder / "layered" / "layered.####.exr")
        return {"ground_truth": spec, "ground_truth_channels": "hero.A,car.A"}


@pytest.fixture
def mattes(make_bench: Any, tmp_path: Path) -> Mattes:
    return Mattes(make_bench(numbers=NUMBERS, suffix=".exr"), tmp_path / "mattes")


# -- how they are given -------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["named", "layered"])
def test_mattes_by_name_and_layers_of_one_file_are_the_same_data(mattes: Mattes, way: str) -> None:
    data = mattes.bench.data_set(**getattr(mattes, way)())
    assert (data.kind, data.output_channels) == ("matte", LAYERS)
    for pair in data.pairs:
        np.testing.assert_array_equal(pair.truth, np.stack([hero(pair.number), car(pair.number)], 2))
        assert pair.weight.shape == pair.truth.shape and pair.weight.all()


@pytest.mark.parametrize("way", ["named", "layered"])
def test_a_frame_counts_for_the_mattes_that_are_painted_on_it(mattes: Mattes, way: str) -> None:
    data = mattes.bench.data_set(**getattr(mattes, way)(heroes=(1001, 1002, 1003), cars=(1003, 1004)))
    counts = {pair.number: tuple(pair.weight.all((0, 1))) for pair in data.pairs}
    assert counts == {1001: (True, False), 1002: (True, False), 1003: (True, True), 1004: (False, True)}
    assert not any(pair.weight[..., index].any() for pair in data.pairs for index in (0, 1)
                   if not counts[pair.number][index])  # fmt: skip
    said = " ".join(data.notes)
    assert "hero on 1001-1003; car on 1003-1004" in said and "NaN" not in said


def test_parts_of_one_file_are_mattes_too(mattes: Mattes) -> None:
    for number in NUMBERS:
        path = mattes.folder / f"parts.{number}.exr"
        path.parent.mkdir(exist_ok=True)
        specs = []
        for name in ("hero", "car"):
            spec = oiio.ImageSpec(*SIZE, 1, "half")
            spec.channelnames = ("A",)
            spec.attribute("name", name)
            spec.attribute("oiio:subimagename", name)
            specs.append(spec)
        output = oiio.ImageOutput.create(str(path))
        assert output.open(str(path), specs) and output.write_image(hero(number)[..., None])
        assert output.open(str(path), specs[1], "AppendSubimage")
        assert output.write_image(car(number)[..., None]) and output.close()
    spec = str(mattes.folder / "parts.####.exr")
    data = mattes.bench.data_set(ground_truth=spec, ground_truth_channels="hero.A,car.A")
    assert (data.kind, data.output_channels) == ("matte", LAYERS)
    np.testing.assert_array_equal(data.pairs[0].truth[..., 1], car(1001))


def test_each_matte_has_its_own_white_and_its_own_channel(mattes: Mattes) -> None:
    one = mattes.shot("hero", hero, white=255)
    for number in NUMBERS:
        planes = {"R": car(number) * 0, "G": car(number), "B": car(number) * 0}
        save(mattes.folder / "ids" / f"ids.{number}.exr", planes)
    other = str(mattes.folder / "ids" / "ids.####.exr")
    truths = {"hero": one, "car": other}
    data = mattes.bench.data_set(ground_truth=truths, ground_truth_channels="A,G")
    np.testing.assert_array_equal(data.pairs[0].truth, np.stack([hero(1001), car(1001)], 2))
    with pytest.raises(ChannelError, match="which channel is which"):
        mattes.bench.data_set(ground_truth=truths, ground_truth_channels="A,G,B")


def test_of_several_plates_each_has_its_own_mattes(mattes: Mattes, make_shot: Any) -> None:
    other = make_shot(name="other", numbers=NUMBERS, suffix=".exr")
    both = [mattes.bench.shot.plate, other.plate]
    first = mattes.named()["ground_truth"]
    data = mattes.bench.data_set(input=both, ground_truth=[*first, first[0], "car=none"])
    counts = [tuple(pair.weight.any((0, 1))) for pair in data.pairs]
    assert counts == [(True, True)] * 4 + [(True, False)] * 4
    with pytest.raises(SettingError, match="named alike"):
        mattes.bench.settings(input=both, ground_truth=first)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda m: {"ground_truth": [*m.named()["ground_truth"], "plain.exr"]}, SettingError, "named alike"),
        (lambda m: m.named(cars=(1,)), PairingError, "car is painted on no frame"),
        (lambda m: {"ground_truth": ["hero=none"]}, PairingError, "no ground truth at all"),
        (
            lambda m: {**m.layered(), "ground_truth_channels": "hero.A,boat.A"},
            ChannelError,
            "does not have the wanted channels",
        ),
    ],
)
def test_mattes_that_make_no_sense_are_refused_before_anything_is_written(
    mattes: Mattes, change: Any, error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        mattes.bench.train(**change(mattes))
    assert not list(mattes.bench.data.glob("*"))


def test_mattes_of_other_sizes_are_refused_by_the_name_of_their_file(mattes: Mattes) -> None:
    truths = mattes.named()["ground_truth"]
    spec = oiio.ImageSpec(16, 16, 1, "float")
    spec.channelnames = ("A",)
    path = str(mattes.folder / "car" / "car.1002.exr")
    output = oiio.ImageOutput.create(path)
    assert output.open(path, spec) and output.write_image(np.ones((16, 16, 1), np.float32)) and output.close()
    with pytest.raises(SizeError) as caught:
        mattes.bench.data_set(ground_truth=truths)
    assert "car.1002.exr" in caught.value.text


@pytest.mark.parametrize(
    ("channels", "several"),
    [
        (("hero.A", "car.A"), True),
        (("hero:A", "car:A"), True),
        (("hero.R", "car.R"), True),
        (("mask.hero", "mask.car"), True),
        (("R", "G", "B"), False),
        (("R", "G", "B", "A"), False),
        (("id.R", "id.G"), False),
        (("forward.u", "backward.u"), False),
        (("hero.A",), False),
    ],
)
def test_channels_are_mattes_by_their_names(channels: tuple[str, ...], several: bool) -> None:
    assert are_mattes(channels) is several


def test_results_are_called_by_layer_and_said_in_short() -> None:
    given = ("hero:A", "car.R", "mask.dog", "plain", "main:cat.A")
    assert matte_channels(given) == ("hero.A", "car.A", "mask.dog", "plain.A", "cat.A")
    assert matte_labels(matte_channels(given)) == ("hero", "car", "dog", "plain", "cat")
    assert matte_labels(("one.hero", "two.hero")) == ("one.hero", "two.hero")


def test_paths_keep_their_names_in_the_settings_of_a_run() -> None:
    settings = TrainSettings(
        input="plate.####.exr", ground_truth={"hero": "a/h.exr", "car": "none"}, data_directory="runs"
    )
    assert settings.anchored(Path("/shots")).data.ground_truth == ("hero=/shots/a/h.exr", "car=none")


# -- each by itself -----------------------------------------------------------------------------------------


def test_what_is_not_painted_says_nothing_to_the_network() -> None:
    loss = make_loss("auto", "matte")
    answer = torch.randn(2, 2, 16, 16, requires_grad=True)
    weight = torch.ones(2, 2, 16, 16)
    weight[0, 1] = 0
    loss(answer, (torch.rand(2, 2, 16, 16) > 0.5).float(), weight).backward()
    assert answer.grad is not None and not answer.grad[0, 1].any()
    assert all(answer.grad[i, k].abs().sum() > 0 for i, k in ((0, 0), (1, 0), (1, 1)))


@pytest.mark.parametrize("terms", ["edges+jaccard", "bce+dice", "l1+gradient"])
def test_the_loss_of_two_mattes_is_the_mean_of_their_own(terms: str) -> None:
    torch.manual_seed(0)
    loss, answer = make_loss(terms, "matte"), torch.randn(3, 2, 32, 32)
    truth, weight = (torch.rand(3, 2, 32, 32) > 0.7).float(), torch.rand(3, 2, 32, 32)
    alone = [loss(*(each[:, k : k + 1] for each in (answer, truth, weight))) for k in (0, 1)]
    assert float(loss(answer, truth, weight)) == pytest.approx(float(sum(alone)) / 2, rel=1e-4)


def test_a_small_matte_draws_as_many_crops_as_a_large_one() -> None:
    truth = torch.zeros(64, 64, 2)
    truth[:32, :, 0], truth[40:48, 40:48, 1] = 1, 1
    weight = torch.ones_like(truth)
    material = Material(
        torch.rand(64, 64, 3), truth, torch.zeros(64, 64, 0), weight, shares_of_mattes(truth, weight)
    )
    packed = pack([material], [(64, 64)])
    drawn = packed.changes[0]
    assert float(drawn[:4].sum()) == pytest.approx(float(drawn[5:6].sum()), rel=1e-3)


def test_pasted_subjects_bring_all_their_mattes_and_no_guess() -> None:
    """What comes from another frame is as it is there, plate and mattes, and unknown where that is."""
    plates = [torch.full((32, 32, 3), value) for value in (0.2, 0.8)]
    mattes = torch.zeros(32, 32, 2)
    mattes[:, :16, 0], mattes[:, 16:, 1] = 1, 1
    known = torch.ones(32, 32, 2)
    known[..., 1] = 0
    materials = [
        Material(plates[0], torch.zeros(32, 32, 2), torch.zeros(32, 32, 0), torch.ones(32, 32, 2)),
        Material(plates[1], mattes, torch.zeros(32, 32, 0), known),
    ]
    source = CropSource(pack(materials, [(32, 32)] * 2), torch.device("cpu"), (32, 32), 1, 0.0)
    batch = source.batch(1, range(8), [0, 1], Augmentation(mirror=False, paste=1.0), 8)
    over = batch.input[:, :1] > 0.5
    for crop in range(8):
        pasted = over[crop, 0]
        if bool(pasted.all()) or not bool(pasted.any()):
            continue
        assert torch.equal(batch.truth[crop, 0][pasted], torch.ones(int(pasted.sum())))
        assert not batch.weight[crop, 1][pasted].any() and batch.weight[crop, 1][~pasted].all()
        break
    else:
        pytest.fail("nothing was pasted")


# -- a run, and what it gives -------------------------------------------------------------------------------


@pytest.fixture
def trained(mattes: Mattes) -> Any:
    return mattes.bench.train(**mattes.named(heroes=(1001, 1002, 1003, 1004), cars=(1001, 1003, 1004)))


def run_apply(trained: Any, mattes: Mattes, **changes: Any) -> Any:
    output = str(mattes.folder / "out" / "out.####.exr")
    given = {"model": str(trained.run.path), "plate": mattes.bench.shot.plate, "output": output}
    return apply(ApplySettings(**{**given, **changes}))


def test_both_come_out_as_layers_of_one_file_beside_the_plate(trained: Any, mattes: Mattes) -> None:
    header = read_header(trained.best)
    assert (header.kind, tuple(header.output_channels)) == ("matte", LAYERS)
    result = run_apply(trained, mattes, painted="network")
    assert len(result.written) == 4
    plate = open_shot(mattes.bench.shot.plate).read(1002)
    found = open_shot(str(mattes.folder / "out" / "out.####.exr")).read(1002)
    assert set(found.channels) == {"R", "G", "B", *LAYERS}
    for name in plate.channels:
        assert np.array_equal(found.stored(name), plate.stored(name))
    values = found.planes(LAYERS)
    assert values.min() >= 0 and values.max() <= 1 and np.ptp(values[..., 0] - values[..., 1]) > 0


def test_painted_mattes_come_out_as_painted_and_the_others_as_the_network_has_them(
    trained: Any, mattes: Mattes
) -> None:
    run_apply(trained, mattes)
    kept = open_shot(str(mattes.folder / "out" / "out.####.exr")).read(1002).planes(LAYERS)
    run_apply(trained, mattes, painted="network", overwrite=True)
    made = open_shot(str(mattes.folder / "out" / "out.####.exr")).read(1002).planes(LAYERS)
    assert np.array_equal(kept[..., 0], hero(1002)) and not np.array_equal(made[..., 0], hero(1002))
    assert np.array_equal(kept[..., 1], made[..., 1])


def test_every_last_touch_is_done_to_each(trained: Any, mattes: Mattes) -> None:
    run_apply(trained, mattes, painted="network")
    spec = str(mattes.folder / "out" / "out.####.exr")
    plain = open_shot(spec).read(1001).planes(LAYERS)
    run_apply(trained, mattes, painted="network", invert=True, overwrite=True, confidence=True)
    frame = open_shot(spec).read(1001)
    np.testing.assert_allclose(frame.planes(LAYERS), 1 - plain, atol=1e-3)
    assert frame.planes(("confidence",)).min() >= 0
    with pytest.raises(SettingError, match="one matte only"):
        run_apply(trained, mattes, premultiply=True, overwrite=True)


@pytest.mark.parametrize("name", ["out.####.png", "out.mov", "out.####.tif"])
def test_files_without_layers_are_refused_in_words(trained: Any, mattes: Mattes, name: str) -> None:
    with pytest.raises(SettingError) as caught:
        run_apply(trained, mattes, output=str(mattes.folder / "other" / name))
    assert "hero.A, car.A" in caught.value.text and ".exr" in caught.value.text
    assert not (mattes.folder / "other").exists()


def test_each_matte_is_judged_by_its_name(mattes: Mattes) -> None:
    result = mattes.bench.train(max_steps=20, **mattes.named())
    rows = [row["held_out_of"] for row in result.run.read_summary() if "held_out_of" in row]
    assert rows and all(set(row) == {"hero", "car"} for row in rows)
    best = result.run.read_state().best_held_out
    assert best is not None and set(best.values) == {"hero", "car"}
    assert best.value == pytest.approx(sum(best.values.values()) / 2, abs=1e-3)
    assert any("IoU on frame" in each.text and "hero" in each.text for each in mattes.bench.of(Message))


def test_a_stopped_run_of_several_mattes_goes_on(mattes: Mattes) -> None:
    from training_bench import StopAt, assert_same_course

    given = mattes.named(cars=(1001, 1003))
    whole = mattes.bench.train(name="whole", **given)
    stopped = mattes.bench.train(name="stopped", stop=StopAt(6), **given)
    mattes.bench.resume(stopped.run)
    assert_same_course(whole.run, stopped.run)


def test_empty_frames_are_empty_for_all_of_them(mattes: Mattes) -> None:
    data = mattes.bench.data_set(empty="1004", **mattes.named((1001, 1002), (1001, 1002)))
    (empty,) = [pair for pair in data.pairs if pair.empty]
    assert empty.truth.shape == (32, 48, 2) and not empty.truth.any() and empty.weight.all()


def test_together_they_are_learned_about_as_well_as_apart(make_bench: Any, tmp_path: Path) -> None:
    """At the same steps, by a network of a few thousand weights: a small matte and a large one."""
    effects = {"one": lambda p: p[..., 0] > 0.9, "two": lambda p: p[..., 2] > 0.6}
    bench = make_bench(numbers=NUMBERS, suffix=".exr", size=(64, 64))
    made = {}
    for name, effect in effects.items():
        for number in NUMBERS:
            plate = open_shot(bench.shot.plate).read(number).planes(("R", "G", "B"))
            save(tmp_path / name / f"{name}.{number}.exr", {"A": effect(plate).astype(np.float32)})
        made[name] = str(tmp_path / name / f"{name}.####.exr")
    how: dict[str, Any] = {"max_steps": 80, "held_out": 1003, "vary": "never"}
    both = bench.train(ground_truth=made, name="both", **how).run.read_state().best_held_out
    apart = [
        bench.train(ground_truth=spec, name=name, **how).run.read_state().best_held_out.value
        for name, spec in made.items()
    ]
    assert both.value >= np.mean(apart) - 0.1, (both.values, apart)
