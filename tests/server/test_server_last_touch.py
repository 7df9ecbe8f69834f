"""The last touch through the server: by both doors, in its range, and what apply makes of it."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from understudy.finishing import finish_matte
from understudy.inference.model import load
from understudy.settings import FinishingSettings

sys.path.insert(0, str(Path(__file__).parent.parent / "export"))
from export_models import write_model

ASKED = {"clip_black": 0.45, "clip_white": 0.55, "despeckle": 3, "grow": 0.5, "soften": 0.75, "invert": True}


@pytest.fixture(scope="module")
def server(serve_long, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for kind in ("matte", "image"):
        write_model(folder / f"{kind}.cat", kind=kind)
    return serve_long(folder / "matte.cat", folder / "image.cat"), folder


@pytest.fixture
def photo():
    return np.random.default_rng(3).random((24, 31, 3), np.float32)


def kserve(server, model, pixels, **parameters):
    """One request in file values: float32 (height, width, channels)."""
    planes = pixels.transpose(2, 0, 1)[None]
    tensor = {"name": "input", "shape": planes.shape, "datatype": "FP32", "data": planes.ravel().tolist()}
    body = json.dumps({"inputs": [tensor], "parameters": parameters}).encode()
    address = f"{server.url}/v2/models/{model}/infer"
    request = urllib.request.Request(address, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        found = json.load(answer)["outputs"][0]
    return np.array(found["data"], np.float32).reshape(found["shape"])[0].transpose(1, 2, 0)


def plain(folder, kind, pixels):
    return load(str(folder / f"{kind}.cat"), engine="torch").infer(pixels)


def test_a_matte_is_finished_as_apply_finishes_it(server, photo):
    served, folder = server
    made = plain(folder, "matte", photo)[..., 0]
    assert np.allclose(kserve(served, "matte", photo)[..., 0], made, atol=1e-4)
    wanted = finish_matte(made, FinishingSettings(**ASKED))
    assert np.abs(wanted - made).max() > 0.1
    found = kserve(served, "matte", photo, **ASKED)[..., 0]
    assert np.allclose(
        found, wanted, atol=2e-3
    )  # clipping to a tenth of the range makes ten of each rounding
    half = kserve(served, "matte", photo, mix=0.5, **ASKED)[..., 0]
    assert np.allclose(half, wanted / 2, atol=1e-3)


def test_nukes_door_takes_the_same_knobs_and_brings_wild_values_into_their_range(server, photo):
    served, _ = server
    knobs = {model.name: model for model in served.models()}
    floats = {each.name: each.values[0] for each in knobs["matte"].float_options}
    assert {
        "clip_black": 0.0,
        "clip_white": 1.0,
        "grow": 0.0,
        "soften": 0.0,
        "gamma": 1.0,
        "edge": 0.0,
    }.items() <= (floats.items())
    assert [each.name for each in knobs["matte"].bool_options] == ["invert"]
    assert "despeckle" in [each.name for each in knobs["matte"].int_options]
    assert not [each for each in knobs["image"].float_options if each.name == "grow"]

    def infer(**options):
        image = served.infer("matte", photo, **options).message.r2.images[0]
        planes = np.frombuffer(image.image, "<f4").reshape(image.channels, image.height, image.width)
        return planes[0, ::-1]

    before, after = infer(), infer(invert=True, soften=0.75)
    wanted = finish_matte(np.ascontiguousarray(before), FinishingSettings(invert=True, soften=0.75))
    assert np.allclose(after, wanted, atol=1e-4)
    assert np.allclose(infer(grow=900.0), infer(grow=20.0))


def test_metadata_names_every_option_with_its_range(server):
    served, _ = server
    with urllib.request.urlopen(f"{served.url}/api/models", timeout=60) as answer:
        models = {each["name"]: each for each in json.load(answer)}
    grow = next(each for each in models["matte"]["options"] if each["name"] == "grow")
    assert (grow["type"], grow["default"], grow["minimum"], grow["maximum"]) == ("float", 0.0, -20, 20)
    grain = next(each for each in models["image"]["options"] if each["name"] == "grain")
    assert grain["choices"] == ["none", "match"]


@pytest.mark.parametrize(
    "parameters", [{"grow": 900}, {"clip_black": 0.9, "clip_white": 0.1}, {"grain": "match"}], ids=str
)
def test_what_cannot_be_is_refused_by_the_door_that_has_words(server, photo, parameters):
    with pytest.raises(urllib.error.HTTPError) as caught:
        kserve(server[0], "matte", photo, **parameters)
    assert caught.value.code == 400


def test_an_image_gets_grain_that_is_the_same_for_the_same_frame_and_another_for_the_next(server, photo):
    from understudy.server.models.last_touch import asked_of, finished

    noise = np.random.default_rng(1)
    model = load(str(server[1] / "image.cat"), engine="torch")
    frames = [np.float32(0.4) + 0.02 * noise.standard_normal((200, 200, 3), np.float32) for _ in range(2)]
    asked = asked_of({"grain": "match", "mix": 1.0})
    assert asked is not None and asked_of({"grain": "none"}) is None
    added = []
    for frame in frames:
        smooth = frame.copy()
        smooth[40:110, 40:110] = 0.4
        made = finished(model, frame, smooth, asked, 1.0)
        assert np.array_equal(made, finished(model, frame, smooth, asked, 1.0))
        patch = made[60:90, 60:90]
        assert 0.014 < patch.std() < 0.026
        added.append(patch)
    assert np.abs(np.corrcoef(added[0].ravel(), added[1].ravel())[0, 1]) < 0.1


def test_a_list_that_is_short_of_room_leaves_out_knobs_of_the_last_touch_before_it_leaves_out_models():
    from dataclasses import replace

    from understudy.models.description import ModelDescription
    from understudy.server.mlserver import fitting
    from understudy.server.models.last_touch import touch_options
    from understudy.server.models.network import OPTIONS
    from understudy.server.pictures import model_message
    from understudy.server.protocol import ONE_SEGMENT, info_answer

    options = (*OPTIONS, *touch_options("matte"))
    models = [
        ModelDescription(f"matte_of_a_shot_{n}", f"Matte of a shot {n}", options=options) for n in range(9)
    ]
    plain = [replace(model, options=OPTIONS) for model in models]
    assert fitting(plain) == (plain, [])
    chosen, left_out = fitting(models)
    assert [each.name for each in chosen] == [each.name for each in models] and not left_out
    with_knobs = [len(each.options) > len(OPTIONS) for each in chosen]
    assert with_knobs[0] and not with_knobs[-1]
    parts = info_answer([model_message(each) for each in chosen])
    assert sum(len(bytes(part)) for part in parts) <= ONE_SEGMENT
