"""Our own networks served: colour, mattes, channels, options, memory, and runs that still learn.

The networks here are stand-ins: what is tested is what the server does around them.
"""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path

import numpy as np
import pytest

from understudy.colour import LINEAR, PLAIN, SRGB
from understudy.colour.scene_linear import linear_to_srgb, srgb_to_linear
from understudy.errors import DeviceError, ModelFileError, RequestError
from understudy.models.opening import describe
from understudy.network.model_file import ExtraInput, ModelHeader
from understudy.server.log import ServerLog
from understudy.server.models.network import CatModel, RunModel
from understudy.server.models.served import Answer, Call
from understudy.server.protocol import parse_request
from understudy.server.session import answer_of, call_of


class StandIn:
    """A loaded network that multiplies by two and adds its gain, without any weights."""

    def __init__(self, description, device):
        self.description, self.device = description, device
        self.gain = description.provenance["gain"]
        self.asked = []

    def infer(self, pixels, mix=1.0, tile_size="auto"):
        self.asked.append((pixels.shape, mix, tile_size))
        if self.device == "full":
            raise DeviceError("There is not enough memory for the network.")
        out = pixels[..., : len(self.description.output_channels)]
        return out if self.description.kind == "matte" else out * 2 + self.gain

    def tile_for(self, height, width):
        return (64, 64)


@pytest.fixture
def networks(monkeypatch):
    """Files that are JSON, read as headers and loaded by stand-ins. Returns the loaded models by device."""
    loaded = {}

    def read_header(path):
        try:
            values = json.loads(path.read_text())
        except ValueError as error:
            raise ModelFileError("This is not a network.") from error
        spaces = {"srgb": SRGB, "linear": LINEAR}
        names = {"RGB": ["R", "G", "B"], "RGBA": ["R", "G", "B", "A"], "A": ["A"]}
        kind, colour = values.get("kind", "image"), spaces[values.get("space", "srgb")]
        return ModelHeader(
            kind=kind,
            input_channels=names[values.get("into", "RGB")],
            output_channels=names[values.get("out", "RGB")],
            extra=[ExtraInput(name=name, channels=[name], colour=PLAIN) for name in values.get("extra", [])],
            colour_in=colour,
            colour_out=PLAIN if kind == "matte" else colour,
            architecture={},
            stride=1,
            reach=0,
            provenance={"gain": values.get("gain", 0.0)},
        )

    def load(spec, devices, **options):
        loaded[devices] = StandIn(describe(Path(spec)), devices)
        return loaded[devices]

    monkeypatch.setattr("understudy.network.model_file.read_header", read_header)
    monkeypatch.setattr("understudy.inference.model.load", load)
    return loaded


@pytest.fixture
def log():
    return ServerLog(io.StringIO())


def cat(tmp_path, name="look.cat", **values):
    path = tmp_path / name
    path.write_text(json.dumps(values))
    return path


def planes(channels=3, seed=0):
    return np.random.default_rng(seed).normal(0.4, 0.6, (channels, 5, 7)).astype(np.float32)


def ask(model, *pictures, linear=True, **options):
    return model.run([Call(list(pictures), model.description.read_options(options, True), {}, linear)])[
        0
    ].pictures[0]


def test_scene_linear_goes_to_the_space_the_network_learned_in_and_back(networks, tmp_path, log):
    model = CatModel(cat(tmp_path, space="srgb"), "cpu", log)
    given = planes()
    assert np.allclose(ask(model, given), srgb_to_linear(linear_to_srgb(given) * 2), atol=1e-5)
    assert np.allclose(ask(model, given, linear=False), given * 2, atol=1e-6)
    model = CatModel(cat(tmp_path, space="linear"), "cpu", log)
    assert np.allclose(ask(model, given), given * 2, atol=1e-6)


def test_alpha_is_no_light_and_is_not_converted(networks, tmp_path, log):
    model = CatModel(cat(tmp_path, into="RGBA", out="RGBA"), "cpu", log)
    given = planes(4)
    result = ask(model, given)
    assert np.allclose(result[3], given[3] * 2, atol=1e-6)
    assert np.allclose(result[:3], srgb_to_linear(linear_to_srgb(given[:3]) * 2), atol=1e-5)


def test_a_matte_comes_back_as_it_is_repeated_in_r_g_and_b(
    networks, tmp_path, log, pb, make_request, picture
):
    model = CatModel(cat(tmp_path, kind="matte", out="A"), "cpu", log)
    request = parse_request(make_request("look", np.abs(picture)).SerializeToString()).r2
    call = call_of(model.description, request)
    raw = b"".join(bytes(part) for part in answer_of(model.description, model.run([call])[0], call))
    image = pb.RespondWrapper.FromString(raw[12:]).r2.images[0]
    assert image.channels == 3
    found = np.frombuffer(image.image, "<f4").reshape(3, 12, 17)[:, ::-1]
    wanted = linear_to_srgb(np.abs(picture[..., 0]))
    assert all(np.allclose(plane, wanted, atol=1e-5) for plane in found)


def test_channels_beyond_three_and_extra_inputs_come_as_further_inputs(
    networks, tmp_path, log, make_request, picture
):
    from understudy.server.pictures import model_message

    model = CatModel(cat(tmp_path, into="RGBA", out="RGBA", extra=["depth"]), "cpu", log)
    ports = [(port.name, port.channels) for port in model_message(model.description).inputs]
    assert ports == [("input", 3), ("input_2", 1), ("depth", 1)]
    alpha, depth = picture + 1, picture + 2
    call = call_of(
        model.description, parse_request(make_request("x", picture, alpha, depth).SerializeToString()).r2
    )
    assert [each.shape[0] for each in call.pictures] == [4, 1]
    assert np.array_equal(call.pictures[0][3], alpha[..., 0])
    assert np.array_equal(call.pictures[1][0], depth[..., 0])
    with pytest.raises(RequestError, match="wants 3 images"):
        call_of(model.description, parse_request(make_request("x", picture).SerializeToString()).r2)


def test_mix_and_tile_size_reach_the_network(networks, tmp_path, log):
    model = CatModel(cat(tmp_path), "cpu", log)
    assert [(each.name, each.kind, each.default) for each in model.description.options] == [
        ("mix", "float", 1.0),
        ("tile_size", "int", 0),
        ("grain", "string", "none"),
        ("stabilise", "float", 0.0),
        ("sequence", "string", ""),
    ]
    ask(model, planes(), mix=0.25, tile_size=128)
    ask(model, planes())
    assert networks["cpu"].asked == [((5, 7, 3), 0.25, 128), ((5, 7, 3), 1.0, "auto")]


def test_out_of_memory_on_the_device_goes_on_with_the_cpu_and_says_so(networks, tmp_path):
    from understudy.server.models.network import Network

    written = io.StringIO()
    network = Network(cat(tmp_path, gain=1.0), ServerLog(written))
    frame = np.ones((4, 4, 3), np.float32)
    assert np.allclose(network.infer([frame], {}, "full")[0], 3.0)
    assert "going on with the CPU" in written.getvalue()


def make_run(tmp_path, *steps):
    from understudy.runs.folder import RunFolder
    from understudy.runs.state import RunState

    run = RunFolder.create(tmp_path, "Training_x")
    run.write_state(RunState(state="training"))
    for step in steps:
        checkpoint(run, step)
    return run


def checkpoint(run, step):
    run.cat_path(step).write_text(json.dumps({"gain": float(step), "space": "linear"}))


def test_a_run_without_a_checkpoint_is_listed_and_says_that_it_waits(networks, tmp_path, log):
    run = make_run(tmp_path)
    model = RunModel(run.path, "cpu", log)
    assert model.state == "waiting"
    with pytest.raises(Exception, match="no checkpoint yet"):
        ask(model, planes())
    checkpoint(run, 100)
    model.refresh()
    assert model.state == "ready" and model.description.version == "100"
    assert np.allclose(ask(model, planes()), planes() * 2 + 100, atol=1e-4)


def test_a_run_goes_over_to_its_newest_checkpoint_while_it_is_asked(networks, tmp_path, log):
    run = make_run(tmp_path, 1)
    model = RunModel(run.path, "cpu", log)
    answers, stop = [], threading.Event()

    def keep_asking():
        while not stop.is_set():
            answers.append(float(ask(model, planes() * 0)[0, 0, 0]))

    thread = threading.Thread(target=keep_asking)
    thread.start()
    for step in range(2, 12):
        checkpoint(run, step)
        model.refresh()
    stop.set()
    thread.join()
    answers.append(float(ask(model, planes() * 0)[0, 0, 0]))
    assert answers == sorted(answers)
    assert answers[-1] == 11


def test_a_version_of_a_run_that_was_never_there_is_unknown_and_one_that_was_served_is_not(
    networks, tmp_path, log
):
    from understudy.server.models.served import UnknownModel
    from understudy.server.refusals import checked

    run = make_run(tmp_path, 1)
    model = RunModel(run.path, "cpu", log)
    checkpoint(run, 2)
    model.refresh()
    for version in ("", "1", "2"):
        assert checked(model, version) is model
    for version in ("3", "0 ", "latest", "-1"):
        with pytest.raises(UnknownModel):
            checked(model, version)


def test_a_damaged_checkpoint_leaves_the_one_before_in_service(networks, tmp_path, log):
    run = make_run(tmp_path, 1)
    model = RunModel(run.path, "cpu", log)
    run.cat_path(2).write_text("rubbish")
    model.refresh()
    model.refresh()
    assert model.description.version == "1"
    assert log._stream.getvalue().count("could not be loaded") == 1
    assert isinstance(model.run([Call([planes()], model.description.read_options({}, True))])[0], Answer)
