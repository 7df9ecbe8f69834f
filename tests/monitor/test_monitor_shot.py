"""A run's shot as pictures: plate, result, difference and what was painted, computed when asked for."""

from __future__ import annotations

import os
import shutil
import threading
import time

import numpy as np
import OpenImageIO as oiio
import pytest

import understudy
from understudy.monitor.shot import results as results_module
from understudy.monitor.shot.results import MOST_WAITING, Results
from understudy.runs import RunFolder


def pixels_of(answer, tmp_path):
    assert answer.status_code == 200, answer.text
    path = tmp_path / "answer.png"
    path.write_bytes(answer.content)
    return np.asarray(oiio.ImageBuf(str(path)).get_pixels("uint8"))


def read(path):
    return np.asarray(oiio.ImageBuf(str(path)).get_pixels("uint8"))


@pytest.fixture
def trained(make_shot, data, tmp_path):
    """A run of a few steps on a graded shot of which two frames are painted, within the allowed folders."""

    def train(effect="grade", suffix=".png", **settings):
        shot = make_shot(
            "footage/shot", range(1001, 1007), (1001, 1004), (64, 48), suffix=suffix, effect=effect
        )
        values = {"max_steps": 2, "model_size": "small", "crop_size": 64, "batch_size": 1, "name": "sky"}
        result = understudy.train(
            input=shot.plate, ground_truth=shot.truth, data_directory=str(data), **{**values, **settings}
        )
        return result.run, shot

    return train


def test_the_shot_of_a_run_is_listed_with_what_is_painted(trained, api):
    _, shot = trained()
    found = api.get("/api/runs/sky/shot").json()
    assert found["frames"] == list(range(1001, 1007)) and found["painted"] == [1001, 1004]
    assert (found["kind"], found["width"], found["height"]) == ("image", 64, 48)
    assert found["checkpoint"] == 2 and found["plate"] == shot.plate


def test_a_frame_is_shown_as_it_is_as_it_becomes_and_as_it_was_painted(trained, api, tmp_path):
    run, shot = trained()
    plate = pixels_of(api.get("/api/runs/sky/frames/1004/plate.png"), tmp_path)
    assert np.array_equal(plate, read(shot.plate_file(1004)))
    truth = pixels_of(api.get("/api/runs/sky/frames/1004/truth.png"), tmp_path)
    assert np.array_equal(truth, read(shot.truth_file(1004)))
    result = pixels_of(api.get("/api/runs/sky/frames/1004/result.png"), tmp_path)
    understudy.apply(
        run.newest(), shot.plate, tmp_path / "out.####.png", frames="1004-1004", painted="network"
    )
    applied = read(tmp_path / "out.1004.png")
    assert np.abs(result.astype(int) - applied).max() <= 1  # halves round either way
    difference = pixels_of(api.get("/api/runs/sky/frames/1004/difference.png"), tmp_path)
    assert np.abs(difference.astype(int) - np.abs(applied.astype(int) - truth)).max() <= 1


def test_a_corrected_frame_shows_what_it_was_corrected_with(trained, api, tmp_path):
    run, shot = trained()
    folder = run.path / "corrections" / "0001"
    folder.mkdir(parents=True)
    oiio.ImageBuf(shot.truth_file(1001).as_posix()).write(str(folder / "truth.1002.exr"), "float")
    (folder / "correction.toml").write_text('version = 1\nkind = "ground-truth"\nframes = "1002"\n')
    assert api.get("/api/runs/sky/shot").json()["corrected"] == [1002]
    shown = pixels_of(api.get("/api/runs/sky/frames/1002/truth.png"), tmp_path)
    assert np.abs(shown.astype(int) - read(shot.truth_file(1001))).max() <= 1


def test_what_is_not_there_is_said_in_words(trained, api):
    trained()
    answer = api.get("/api/runs/sky/frames/1002/truth.png")
    assert answer.status_code == 404 and "1002 was not painted" in answer.json()["error"]["message"]
    assert api.get("/api/runs/sky/frames/2000/plate.png").status_code == 404
    assert api.get("/api/runs/sky/frames/1001/secret.png").status_code == 422
    assert api.get("/api/runs/none/shot").status_code == 404


def test_a_matte_is_shown_as_grey(trained, api, tmp_path):
    trained(effect="matte")
    assert api.get("/api/runs/sky/shot").json()["kind"] == "matte"
    result = pixels_of(api.get("/api/runs/sky/frames/1002/result.png"), tmp_path)
    assert np.array_equal(result[..., 0], result[..., 2])
    answer = api.get("/api/runs/sky/frames/1002/difference.png")
    assert answer.status_code == 404 and "no matte to compare" in answer.json()["error"]["message"]


def test_thumbnails_are_small_and_of_jpegs_no_more_is_decoded_than_they_need(trained, api, tmp_path):
    trained(suffix=".jpg")
    small = pixels_of(api.get("/api/runs/sky/frames/1003/plate.png?width=16"), tmp_path)
    assert small.shape == (12, 16, 3)
    whole = pixels_of(api.get("/api/runs/sky/frames/1003/plate.png"), tmp_path).astype(float)
    mean = whole.reshape(12, 4, 16, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - mean).max() <= 3


def test_a_picture_the_browser_has_is_not_made_again_until_the_network_changes(trained, api):
    run, _ = trained()
    url = "/api/runs/sky/frames/1003/result.png"
    first = api.get(url)
    tag = {"if-none-match": first.headers["etag"]}
    assert api.get(url, headers=tag).status_code == 304
    later = time.time() + 5
    os.utime(run.newest(), (later, later))
    assert api.get(url, headers=tag).status_code == 200


def test_a_shot_outside_of_the_allowed_folders_is_not_shown(trained, api, tmp_path):
    run, shot = trained()
    outside = tmp_path / "elsewhere"
    shutil.move(shot.folder / "plate", outside)
    text = run.settings_path.read_text().replace(str(shot.folder / "plate"), str(outside))
    run.settings_path.write_text(text)
    assert api.get("/api/runs/sky/shot").status_code == 403
    assert api.get("/api/runs/sky/frames/1001/plate.png").status_code == 403


def test_results_come_the_last_requested_first_and_a_flood_is_refused(trained, app_state, monkeypatch):
    trained()
    run = RunFolder.open(app_state.data_directory / "sky")
    shot = app_state.shots.of(run)
    began, go, order = threading.Event(), threading.Event(), []

    def compute(self, wanted, number):
        began.set()
        go.wait(30)
        order.append(number)
        raise OSError("no picture here")

    monkeypatch.setattr(Results, "_compute", compute)
    monkeypatch.setattr(Results, "key", lambda self, shot, number: (None, (number,)))
    monkeypatch.setattr(results_module, "_key", lambda wanted, number: (number,))
    results = Results(app_state.allowed)
    futures = {0: results.request(shot, 0)}
    assert began.wait(30)
    futures |= {number: results.request(shot, number) for number in range(1, MOST_WAITING + 3)}
    again = results.request(shot, 5)
    assert again is futures[5]
    go.set()
    refused = [number for number, future in futures.items() if "Too many" in str(future.exception(30))]
    assert refused == [1, 2]
    assert order[:3] == [0, 5, MOST_WAITING + 2]
