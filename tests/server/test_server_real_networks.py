"""Trained networks in a real server: the same values as understudy.load, and a run that still learns."""

from __future__ import annotations

import json
import threading
import urllib.request

import numpy as np
import pytest

import understudy
from understudy.client import Client
from understudy.colour import LINEAR, PLAIN, SRGB
from understudy.colour.scene_linear import linear_to_srgb, srgb_to_linear

pytest.importorskip("understudy.network.model_file")


def save_cat(path, offset=0.0, colour=SRGB, kind="image", seed=0, beside=()):
    """A small network: what comes in plus ``offset`` in network values, plus a little of an untrained
    U-Net. ``beside``: name and offset of the frames about the plate's own that it sees.
    """
    import torch

    from understudy.network.effect import Architecture, EffectNetwork
    from understudy.network.model_file import ExtraInput, ModelHeader, save_model

    torch.manual_seed(seed)
    matte = kind == "matte"
    shape = Architecture(
        3 + 3 * len(beside),
        1 if matte else 3,
        "small",
        kind,
        "identity" if matte else "linear",
        not matte,
        0 if matte else 3,
        plate=3,
        beside=len(beside),
    )
    network = EffectNetwork(shape)
    with torch.no_grad():
        if not matte:
            network.fit_weights[0] = offset
        for weights in network.unet.parameters():
            if weights.ndim == 4 and not weights.any():
                weights.normal_(0, 0.01)
    header = ModelHeader(
        kind=kind,
        input_channels=["R", "G", "B"],
        output_channels=["A"] if matte else ["R", "G", "B"],
        extra=[ExtraInput(name=n, channels=list("RGB"), colour=colour, offset=o) for n, o in beside],
        colour_in=colour,
        colour_out=PLAIN if matte else colour,
        architecture=shape.to_dict(),
        stride=network.stride,
        reach=network.reach,
    )
    save_model(path, header, network)
    return path


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder of networks."""
    folder = tmp_path_factory.mktemp("shelf")
    save_cat(folder / "graded.cat", 0.1)
    save_cat(folder / "linear.cat", 0.05, LINEAR)
    save_cat(folder / "matte.cat", kind="matte")
    save_cat(folder / "deblur.cat", 0.1, beside=(("before", -1), ("after", 1)))
    whole = (folder / "graded.cat").read_bytes()
    (folder / "damaged.cat").write_bytes(whole[: len(whole) // 2])
    (folder / "alien.cat").write_bytes(b"a file of another program")
    return folder


@pytest.fixture(scope="module")
def server(serve_long, shelf):
    return serve_long(shelf, "--devices", "cpu")


@pytest.fixture(scope="module")
def plate():
    return np.random.default_rng(2).random((70, 90, 3), np.float32)


def test_frames_before_and_after_are_inputs_of_their_own(server, shelf, plate):
    client = Client(server.url)
    (told,) = (each for each in client.list_models() if each["name"] == "deblur")
    assert [each["name"] for each in told["inputs"]] == ["input", "before", "after"]
    before, after = np.roll(plate, 2, axis=1), np.roll(plate, -2, axis=1)
    wanted = understudy.load(shelf / "deblur.cat", devices="cpu")(np.concatenate([plate, before, after], 2))
    assert np.allclose(np.asarray(client.infer("deblur", [plate, before, after])[0]), wanted, atol=1e-4)
    swapped = np.asarray(client.infer("deblur", [plate, after, before])[0])
    assert not np.allclose(swapped, wanted, atol=1e-3)


def test_both_doors_give_what_load_gives(server, shelf, plate):
    model = understudy.load(shelf / "graded.cat", devices="cpu")
    wanted = model(plate)
    assert not np.allclose(wanted, plate, atol=0.05)
    over_http = np.asarray(Client(server.url).infer("graded", [plate])[0])
    assert np.allclose(over_http, wanted, atol=1e-4)
    over_nuke = server.infer("graded", srgb_to_linear(plate)).picture()
    assert np.allclose(linear_to_srgb(over_nuke), wanted, atol=1e-3)
    linear = np.asarray(Client(server.url).infer("graded", [srgb_to_linear(plate)], space="scene-linear")[0])
    assert np.allclose(linear, over_nuke, atol=1e-3)


def test_scene_linear_networks_keep_values_above_one(server, shelf, plate):
    bright = plate * 20
    wanted = understudy.load(shelf / "linear.cat", devices="cpu")(bright)
    assert np.allclose(server.infer("linear", bright).picture(), wanted, rtol=1e-3, atol=1e-3)
    assert wanted.max() > 10


def test_a_matte_comes_back_in_r_g_and_b(server, plate):
    result = server.infer("matte", plate).picture()
    assert result.shape == plate.shape
    assert np.array_equal(result[..., 0], result[..., 1]) and np.array_equal(result[..., 0], result[..., 2])
    assert result.min() >= 0 and result.max() <= 1


def test_mix_and_tile_size_are_knobs_of_every_network(server, plate):
    model = next(each for each in server.models() if each.name == "graded")
    assert [each.name for each in model.float_options] == ["mix", "stabilise"]
    assert [each.name for each in model.int_options] == ["tile_size"]
    assert np.allclose(server.infer("graded", plate, mix=0.0).picture(), plate, atol=1e-4)
    whole = server.infer("graded", plate).picture()
    assert np.allclose(server.infer("graded", plate, tile_size=32).picture(), whole, atol=2e-3)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (33, 1), (17, 23)])
def test_any_size_goes_through(server, size):
    assert server.infer("graded", np.full((*size, 3), 0.5, np.float32)).picture().shape == (*size, 3)


def test_a_nan_keeps_to_its_pixel(server, plate):
    broken = plate.copy()
    broken[10, 20] = np.nan
    result = server.infer("graded", broken).picture()
    assert np.isnan(result).any(axis=2).sum() == 1 and np.isnan(result[10, 20]).all()


def test_a_network_that_is_asked_much_goes_over_to_a_faster_engine(tmp_path, monkeypatch, until):
    import io

    from understudy.server.log import ServerLog
    from understudy.server.models import network as module

    pytest.importorskip("openvino")
    monkeypatch.setattr(module, "WORTH_CONVERTING", 5000)
    monkeypatch.setattr(module.Network, "_load", _load_as(module.Network._load))
    written = io.StringIO()
    network = module.Network(save_cat(tmp_path / "busy.cat", 0.1), ServerLog(written))
    frame = np.random.default_rng(0).random((64, 64, 3), np.float32)
    before = network.infer([frame], {}, "cpu")[0]
    network.infer([frame], {}, "cpu")
    until(lambda: "goes on with a faster engine" in written.getvalue(), 60)
    assert network.on("cpu").engine.name == "openvino"
    assert np.abs(network.infer([frame], {}, "cpu")[0] - before).max() < 0.02


def _load_as(load):
    return lambda self, device, megapixels: load(self, device, 1000.0 if megapixels else 0.0)


def test_damaged_and_alien_files_disturb_nobody(server, plate):
    assert server.infer("alien", plate).error and server.infer("damaged", plate).error
    for answer in (server.infer("alien", plate), server.infer("damaged", plate)):
        assert "/" not in answer.error
    assert not server.infer("graded", plate).error
    models = json.load(urllib.request.urlopen(server.url + "/api/models"))
    assert {each["name"]: each["state"] for each in models}["alien"] == "failed"


def test_requests_that_waited_together_are_answered_each_for_itself(server, shelf):
    from concurrent.futures import ThreadPoolExecutor

    plates = [np.random.default_rng(n).random((40, 40, 3), np.float32) for n in range(12)]
    alone = [server.infer("graded", plate).picture() for plate in plates]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda plate: server.infer("graded", plate).picture(), plates))
    for one, other in zip(alone, together, strict=True):
        assert np.allclose(one, other, atol=1e-3)


def test_a_run_is_served_while_it_learns_and_no_request_is_dropped(serve, until, tmp_path, plate):
    from understudy.runs.folder import RunFolder
    from understudy.runs.state import RunState

    run = RunFolder.create(tmp_path, "Training_live")
    run.write_state(RunState(state="training"))
    server = serve(run.path, "--devices", "cpu")
    assert "no checkpoint yet" in server.infer("Training_live", plate).error
    save_cat(run.cat_path(0), 0.0, LINEAR)
    until(lambda: not server.infer("Training_live", plate).error)
    answers, stop = [], threading.Event()

    def scrub():
        while not stop.is_set():
            answers.append(server.infer("Training_live", plate))

    artist = threading.Thread(target=scrub)
    artist.start()
    until(lambda: answers)
    for step in (100, 200, 300):
        save_cat(run.cat_path(step), step / 2000, LINEAR)
        server.wait_for("a run serves a new checkpoint", step=step)
    answered = len(answers)
    until(lambda: len(answers) > answered + 1)  # the first of them may have been under way
    stop.set()
    artist.join()
    assert not [each.error for each in answers if each.error]
    levels = [float(each.picture().mean()) for each in answers]
    assert levels == sorted(levels) and levels[-1] > levels[0] + 0.05
    models = json.load(urllib.request.urlopen(server.url + "/api/models"))
    assert (models[0]["version"], models[0]["state"]) == ("300", "ready")
