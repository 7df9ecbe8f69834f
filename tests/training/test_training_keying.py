"""A keyer as a start: a training from one goes on as a keyer, on a few frames that were put right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from training_bench import Bench, StopAt, assert_same_course

import understudy
from understudy.artist.correct import correct
from understudy.colour.scene_linear import linear_to_srgb
from understudy.errors import ChannelError, ModelFileError, SettingError, UnderstudyError
from understudy.export.export import ExportSettings, export
from understudy.frames import read_image_file
from understudy.inference.model import load
from understudy.network.effect import Architecture
from understudy.network.keying import CLEAN, KeyingNetwork
from understudy.network.model_file import build_network, load_model, read_header, save_model
from understudy.network.unet import SIZES
from understudy.server.models.batch import infer_together
from understudy.settings import CorrectSettings
from understudy.training.distributed.shard import Shard
from understudy.training.features import feature_term
from understudy.training.prepare import Job, make_job

Trained = Callable[..., Path]
LAYERS = ("foreground.R", "foreground.G", "foreground.B", "alpha")
PAINTED, FRAMES = (2, 5, 8), 9
REAL = SIZES["small"]
HEIGHT, WIDTH = 96, 144
SCREEN, CLOTH, TAPE = np.float32([[0.06, 0.5, 0.09], [0.4, 0.3, 0.25], [0.2, 0.2, 0.2]])
PATCH = np.float32([0.1, 0.36, 0.12])

pytestmark = pytest.mark.usefixtures("elsewhere")


@dataclass(frozen=True)
class Shot:
    """As ``Bench`` takes one."""

    plate: str
    truth: str


def light(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The plate, the alpha and the straight foreground of a frame: a body with a patch of the screen's own
    colour goes across an uneven screen with a grey cross."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    screen = SCREEN * (0.7 + 0.5 * x / WIDTH)[..., None]
    cross = (abs(x - 30) < 3) & (abs(y - 20) < 9) | (abs(y - 20) < 3) & (abs(x - 30) < 9)
    screen = np.where(cross[..., None], TAPE, screen)
    from_middle = np.hypot(x - (30 + 9 * number), y - 50)
    alpha = np.clip((26 - from_middle) / 2 + 0.5, 0, 1)[..., None]
    patch = np.clip(9.5 - from_middle, 0, 1)[..., None]
    foreground = (CLOTH * (1 - patch) + PATCH * patch) * (0.8 + 0.2 * np.sin(x / 4))[..., None]
    return alpha * foreground + (1 - alpha) * screen, alpha, foreground


def write(path: Path, planes: np.ndarray, names: tuple[str, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = "uint8" if path.suffix == ".png" else "float"
    spec = oiio.ImageSpec(planes.shape[1], planes.shape[0], planes.shape[2], kind)
    spec.channelnames = names
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec) and output.write_image(np.ascontiguousarray(planes, np.float32))
    output.close()


def write_frame(folder: Path, number: int, ending: str, truths: tuple[int, ...]) -> None:
    plate, alpha, foreground = light(number)
    if ending == ".png":
        plate, foreground = linear_to_srgb(plate), linear_to_srgb(foreground)
    write(folder / f"plate.{number:04d}{ending}", plate, ("R", "G", "B"))
    if number in truths:
        write(folder / f"alpha.{number:04d}{ending}", alpha, ("Y",))
        write(folder / f"straight.{number:04d}{ending}", np.dstack([foreground, alpha]), ("R", "G", "B", "A"))
        rgba = np.dstack([foreground * alpha, alpha])
        write(folder / f"premultiplied.{number:04d}{ending}", rgba, ("R", "G", "B", "A"))


@pytest.fixture
def make_keyed(tmp_path: Path, zoo: Trained) -> Callable[..., Bench]:
    """``make_keyed(truth, ending)``: a bench on the shot. ``keying`` is a keyer that has learned nothing."""
    header = {"adapts": True, "output_channels": list(LAYERS)}
    file = zoo("keying", header=header, outputs=4, same_channels=False, screen=True)
    torch.manual_seed(2)
    save_model(file, read_header(file), build_network(read_header(file), file))

    def make(truth: str = "alpha", ending: str = ".exr") -> Bench:
        folder = tmp_path / "shot"
        for number in range(1, FRAMES + 1):
            write_frame(folder, number, ending, PAINTED)
        shot = Shot(str(folder / f"plate.####{ending}"), str(folder / f"{truth}.####{ending}"))
        return KeyedBench(shot, tmp_path / "runs")

    return make


class KeyedBench(Bench):
    def settings(self, **changes: Any) -> Any:
        usual = {"initial_weights": "keying", "crop_size": 64, "model_size": "auto"}
        return super().settings(**{**usual, **changes})


def begun(bench: Bench, **changes: Any) -> Job:
    return make_job(bench.settings(**changes), Shard())


def alpha_of(model: str, number: int, ending: str = ".exr") -> np.ndarray:
    """What a network makes of the alpha of a frame."""
    network = understudy.load(model, scene_linear=ending == ".exr")
    plate = light(number)[0]
    made = network(plate if ending == ".exr" else linear_to_srgb(plate))
    return made[..., -1]


def error(model: str) -> float:
    unseen = [number for number in range(1, FRAMES + 1) if number not in PAINTED]
    return float(np.mean([np.abs(alpha_of(model, n) - light(n)[1][..., 0]).mean() for n in unseen]))


# -- what a crop knows ---------------------------------------------------------------------------------------


def test_a_crop_is_answered_as_its_place_in_the_whole_frame_is() -> None:
    network = make_network("image")
    frame = torch.from_numpy(linear_to_srgb(light(5)[0]).transpose(2, 0, 1).copy())[None]
    given = torch.cat([frame, network.clean_plate(frame)], 1)
    with torch.no_grad():
        whole, alone = network.remainder(frame), network.remainder(frame[..., 32:64, 48:96])
        crop = network.answer(given[..., 16:80, 32:112])[..., 16:48, 16:64]
    place = whole[..., 32:64, 48:96]
    assert torch.allclose(crop, place, atol=2e-3)
    assert not torch.allclose(alone, place, atol=0.05)  # nothing but foreground, and no screen


def make_network(kind: str) -> KeyingNetwork:
    outputs, fitted = (4, 3) if kind == "image" else (1, 0)
    shape = Architecture(
        3, outputs, "small", kind, same_channels=False, fit_inputs=fitted, plate=3, screen=True
    )
    torch.manual_seed(1)
    network = KeyingNetwork(shape)
    with torch.no_grad():
        network.unet.head.weight.normal_(0, 0.01)  # type: ignore[union-attr, operator]
    return network.eval()


def test_a_frame_of_any_size_has_a_clean_plate_behind_what_stands_before_it() -> None:
    plate = light(5)[0][:91, :137]
    x = torch.from_numpy(linear_to_srgb(plate).transpose(2, 0, 1).copy())[None]
    clean = make_network("image").clean_plate(x)
    assert clean.shape == (1, CLEAN, 91, 137)
    found = clean[0, :3, 50, 75].numpy()
    wanted = linear_to_srgb(SCREEN * np.float32(0.7 + 0.5 * 75 / WIDTH))
    assert np.allclose(found, wanted, atol=0.03) and (clean[:, 4:] == 1).all()


def test_crops_are_drawn_where_the_key_alone_is_wrong(make_keyed: Any) -> None:
    job = begun(make_keyed("alpha"))
    assert job.packed is not None and job.plan.focus is not None and job.plan.focus > 0.3
    cells = job.packed.changes[0]
    number = PAINTED[0]
    patch, cross = cells[6, (30 + 9 * number) // 8], cells[2, 3]
    assert min(patch, cross) > 10 * cells[-2:].mean() and job.packed.parts[0] == 3 + CLEAN


# -- what is learned -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("truth", ["alpha", "straight"])
def test_a_few_frames_teach_the_keyer_what_it_did_not_know(make_keyed: Any, truth: str) -> None:
    bench = make_keyed(truth)
    asked = {"unmix": "off" if truth == "alpha" else "straight", "max_steps": 80, "held_out": "none"}
    taught = error(str(bench.train(**asked, name="from_keyer").run.path))
    alone = error("keying")
    nothing = bench.train(**{**asked, "unmix": "off"}, name="none", initial_weights="none", **alphas(bench))
    assert taught < 0.7 * alone and taught < 0.7 * error(str(nothing.run.path)), (taught, alone)


def alphas(bench: Bench) -> dict[str, Any]:
    """The same truth as an alpha alone, which a training from nothing learns best."""
    return {"ground_truth": bench.shot.truth.replace("straight", "alpha"), "model_size": "small"}


def test_an_alpha_alone_makes_a_keyer_of_an_alpha_alone(make_keyed: Any, tmp_path: Path) -> None:
    bench = make_keyed("alpha")
    run = bench.train(name="run").run
    header = read_header(run.best_or_newest())
    assert header.kind == "matte" and header.architecture["screen"] and len(header.output_channels) == 1
    assert "Starting from a key by the screen's colour" in bench.said() and "say --unmix" in bench.said()
    network = load_model(run.best_or_newest())[1]
    assert isinstance(network, KeyingNetwork)
    output = tmp_path / "out" / "o.####.exr"
    result = understudy.apply(str(run.path), bench.shot.plate, str(output))
    assert result.written == tuple(range(1, FRAMES + 1)) and not result.failed
    painted, made = (read_image_file(tmp_path / "out" / f"o.{n:04d}.exr") for n in (2, 3))
    channel = (set(made.channels) - {"R", "G", "B"}).pop()
    assert np.allclose(painted.planes((channel,)), light(2)[1], atol=1e-3)
    wanted = alpha_of(str(run.path), 3)
    assert np.allclose(made.planes((channel,))[..., 0], wanted, atol=2e-3)


@pytest.mark.parametrize(("truth", "ending"), [("straight", ".png"), ("premultiplied", ".exr")])
def test_alpha_and_colours_make_a_keyer_of_both(
    make_keyed: Any, tmp_path: Path, truth: str, ending: str
) -> None:
    bench = make_keyed(truth, ending)
    run = bench.train(name="run", unmix=truth).run
    header = read_header(run.best_or_newest())
    assert header.kind == "image" and tuple(header.output_channels) == LAYERS
    pair = begun(bench, unmix=truth).data.pairs[0]
    _, alpha, foreground = light(pair.number)
    assert np.allclose(pair.truth[..., 3], alpha[..., 0], atol=1 / 255)  # an alpha goes through no curve
    assert pair.weight.shape == (HEIGHT, WIDTH, 4) and (pair.weight[..., 3] == 1).all()
    assert not pair.weight[alpha[..., 0] == 0, :3].any()
    output = str(tmp_path / "out" / "o.####.exr")
    result = understudy.apply(str(run.path), bench.shot.plate, output)
    assert not result.failed
    painted = read_image_file(tmp_path / "out" / f"o.{pair.number:04d}.exr").planes(LAYERS)
    assert np.allclose(painted[..., 3], alpha[..., 0], atol=1 / 255)
    body = alpha[..., 0] == 1
    wanted = foreground if ending == ".exr" else linear_to_srgb(foreground)
    assert np.allclose(painted[body, :3], wanted[body], atol=2 / 255)
    made = read_image_file(tmp_path / "out" / "o.0003.exr").planes(LAYERS)
    assert np.abs(made[..., 3] - light(3)[1][..., 0]).mean() < 0.1 and made[..., 3].max() == 1


def test_it_goes_on_as_a_keyer_without_its_start(make_keyed: Any, tmp_path: Path) -> None:
    bench = make_keyed("straight")
    run = bench.train(name="run", unmix="straight", max_steps=5).run
    (tmp_path / "trained" / "keying.cat").unlink()
    assert bench.resume(run, max_steps=9).step == 9
    assert read_header(run.best_or_newest()).architecture["screen"]


def test_a_stopped_training_takes_the_same_course(make_keyed: Any) -> None:
    bench = make_keyed("alpha")
    whole = bench.train(name="whole", max_steps=8).run
    stopped = bench.train(name="stopped", max_steps=8, stop=StopAt(4)).run
    assert_same_course(bench.resume(stopped).run, whole)


@pytest.mark.slow
def test_two_processes_learn_what_one_does(
    make_keyed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SIZES, "small", REAL)  # the other process knows the real sizes only
    bench = make_keyed("straight")
    network, file = make_network("image"), tmp_path / "trained" / "keying.cat"
    sizes = {"stride": network.stride, "reach": network.reach}
    save_model(file, read_header(file).model_copy(update=sizes), network)
    asked = {"unmix": "straight", "max_steps": 4, "held_out": "none", "initial_weights": str(file)}
    one, two = (
        bench.train(**asked, name=name, devices=devices).run
        for name, devices in (("one", "cpu"), ("two", "cpu:2"))
    )
    assert "2 devices" in bench.said()
    losses = [[row["loss"] for row in run.read_summary()] for run in (one, two)]
    assert np.allclose(*losses, rtol=1e-3)


def test_a_run_from_a_keyer_is_a_start_for_another_of_either_kind(make_keyed: Any) -> None:
    bench = make_keyed("straight")
    run = bench.train(name="one", **alphas(bench)).run
    start = load_model(run.best_or_newest())[1]
    network = begun(bench, unmix="straight", initial_weights=str(run.path)).learner.network
    own, theirs = network.unet.state_dict(), start.unet.state_dict()
    assert network.architecture.outputs == 4
    assert own.keys() == theirs.keys() and all(torch.equal(own[name], theirs[name]) for name in own)


@pytest.mark.parametrize("truth", ["alpha", "straight"])
def test_pairs_that_are_streamed_and_colours_that_are_varied_give_the_same_screen(
    make_keyed: Any, truth: str
) -> None:
    bench = make_keyed(truth)
    asked: dict[str, Any] = {"unmix": "off" if truth == "alpha" else "straight"}
    job = begun(bench, **asked, data="stream", gain_probability=1.0, gain_range="1.5,2")
    job.learner.step(1)
    batch = job.learner._take(job.learner._draw(2))
    screen = batch.input[:, 3:6][(batch.truth[:, -1:] == 0).expand(-1, 3, -1, -1)]
    plate = batch.input[:, :3][(batch.truth[:, -1:] == 0).expand(-1, 3, -1, -1)]
    assert (screen - plate).abs().median() < 0.01


def test_it_is_validated_by_pairs_of_their_own_and_drawn(make_keyed: Any) -> None:
    bench = make_keyed("straight")
    own = {"validation_input": bench.shot.plate, "validation_ground_truth": bench.shot.truth}
    asked = {"unmix": "straight", "contact_sheet_interval": 4, "preview": bench.shot.plate}
    run = bench.train(name="run", max_steps=4, stages="2", **asked, **own).run
    assert list(run.path.glob("*contact*.png")) and list(run.path.glob("*preview*.png"))
    assert "dB" in bench.said() and run.best_path.is_file()


@pytest.mark.parametrize("truth", ["alpha", "straight"])
def test_what_was_put_right_later_is_learned(make_keyed: Any, tmp_path: Path, truth: str) -> None:
    bench = make_keyed(truth)
    unmix = "off" if truth == "alpha" else "straight"
    run = bench.train(name="run", unmix=unmix).run
    write_frame(tmp_path / "later", 4, ".exr", (4,))
    given = {"ground_truth": str(tmp_path / "later" / f"{truth}.####.exr"), "max_steps": 6}
    result = correct(CorrectSettings(run=str(run.path), **given), bench.events.append, None)
    assert result.state == "finished" and result.run.read_state().step == 18
    outcome = str(tmp_path / "out" / "o.####.exr")
    understudy.apply(str(run.path), bench.shot.plate, outcome)
    made = read_image_file(tmp_path / "out" / "o.0004.exr")
    name = "alpha" if truth == "straight" else (set(made.channels) - {"R", "G", "B"}).pop()
    assert np.allclose(made.planes((name,)), light(4)[1], atol=1e-3)


# -- where else its network goes -----------------------------------------------------------------------------


@pytest.mark.parametrize("truth", ["alpha", "straight"])
def test_the_server_and_files_for_hosts_give_what_apply_gives(
    make_keyed: Any, tmp_path: Path, truth: str
) -> None:
    bench = make_keyed(truth)
    run = bench.train(name="run", unmix="off" if truth == "alpha" else "straight").run
    model = load(str(run.path), devices="cpu", engine="torch", precision="float32")
    frames = [light(number)[0] for number in (3, 4)]
    for made, frame in zip(infer_together(model, frames, {}), frames, strict=True):
        assert np.allclose(made, model.infer(frame), atol=1e-4)
        assert made[..., -1].min() == 0 and made[..., -1].max() == 1
    found = export(ExportSettings(str(run.path), "nuke", tmp_path / "out", full=False))
    assert found.difference <= 1e-4


# -- what cannot be ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        {"extra": ("plate.####.exr",)},
        {"neighbours": 1},
        {"coarse_view": 2},
        {"network_size": 64},
        {"architecture": "u2netp"},
        {"agreement": 0.5},
    ],
)
def test_what_a_keyer_cannot_have_is_refused_before_anything_is_written(
    make_keyed: Any, asked: dict[str, Any]
) -> None:
    bench = make_keyed("alpha")
    with pytest.raises(SettingError, match="A training from a keyer") as caught:
        bench.train(**asked)
    assert next(iter(asked)).replace("_", "-") in caught.value.found
    assert not bench.data.exists()


def test_colours_without_an_alpha_are_refused_with_what_to_say(make_keyed: Any) -> None:
    bench = make_keyed("straight")
    with pytest.raises(ChannelError, match="A keyer learns an alpha") as caught:
        bench.train()
    assert "--unmix straight" in caught.value.remedy and not bench.data.exists()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"colour": "raw"}, "A keyer works on light"),
        ({"loss": "edges"}, "There is no such loss"),
        ({"loss": "composite"}, "There is no such loss"),
        ({"model_size": "large"}, "The initial weights do not fit"),
        ({"input_channels": "R,G"}, "A keyer sees red, green and blue"),
    ],
)
def test_other_settings_that_do_not_fit_are_refused(
    make_keyed: Any, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(UnderstudyError, match=said):
        make_keyed("alpha").train(**asked)


def test_a_keyer_is_no_judge_of_how_alike_pictures_are(make_keyed: Any) -> None:
    make_keyed("alpha")
    with pytest.raises(ModelFileError, match="cannot tell how alike"):
        feature_term("keying", 3, torch.device("cpu"))
