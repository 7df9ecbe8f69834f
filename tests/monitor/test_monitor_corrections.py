"""What an artist says to a run through the API: strokes, frames that are right or empty, taking it back."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

import understudy
from understudy.monitor.jobs import processes
from understudy.monitor.shot import suggestions
from understudy.runs import RunFolder
from understudy.runs.presence import Presence
from understudy.runs.state import this_host


def planes(path):
    return np.asarray(oiio.ImageBuf(str(path)).get_pixels("float"))


@pytest.fixture
def started(monkeypatch):
    """The commands that would have been started, with the pictures of corrections that were there by then."""
    commands = []

    class Ended:
        pid = 2**22 + 5

        def poll(self):
            return None

    def spawn(command, cwd, folder):
        files = {path.name: planes(path) for path in Path(command[4]).glob("corrections/*/*.exr")}
        commands.append((command[3:], files))
        return Ended()

    monkeypatch.setattr(processes, "_spawn", spawn)
    return commands


@pytest.fixture
def trained(make_shot, data):
    """A run of two steps on a shot of six frames, two of them painted."""

    def train(effect="grade", suffix=".png"):
        shot = make_shot(
            "footage/shot", range(1001, 1007), (1001, 1004), (64, 48), suffix=suffix, effect=effect
        )
        settings = {"max_steps": 2, "model_size": "small", "crop_size": 64, "batch_size": 1, "name": "sky"}
        understudy.train(input=shot.plate, ground_truth=shot.truth, data_directory=str(data), **settings)
        return shot

    return train


def strokes(tool="reveal", frame=1002, **changes):
    stroke = {"tool": tool, "points": [[20, 20, 1], [40, 20, 1]], "size": 12, "hardness": 1, **changes}
    return {"version": 1, "frame": frame, "strokes": [stroke]}


def test_strokes_become_floats_in_the_plates_own_values_and_start_the_command(trained, api, started):
    shot = trained(suffix=".exr")
    answer = api.post("/api/runs/sky/corrections", json={"strokes": [strokes()], "accept": "1005-1006"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["job"]["kind"] == "correct" and answer.json()["ids"] == ["0001", "0002"]
    command, files = started[0]
    assert command[0] == "correct" and command[1].endswith("/sky")
    assert command[2:] == ["--wait=10m", "--json"]
    assert files["truth.1005.exr"].shape == (48, 64, 3) and "mask.1005.exr" not in files
    truth, mask = files["truth.1002.exr"], files["mask.1002.exr"][..., 0]
    plate = planes(shot.plate_file(1002))
    assert mask[20, 30] == 1 and mask[40, 30] == 0
    assert np.array_equal(truth[mask == 1], plate[mask == 1])
    understudy.apply(api.app.state.app_state.run("sky").newest(), shot.plate, shot.folder / "out.####.exr")
    applied = planes(shot.folder / "out.1002.exr")
    assert np.abs(truth - applied)[mask == 0].max() < 2e-3  # half floats in the file that apply writes


def test_each_shot_of_a_run_is_shown_and_corrected_by_its_index(make_shot, data, api, started):
    shots = [
        make_shot(f"footage/{name}", range(1001, 1001 + count), (1001, 1002), (64, 48))
        for name, count in (("one", 4), ("two", 6))
    ]
    understudy.train(
        input=[each.plate for each in shots],
        ground_truth=[each.truth for each in shots],
        data_directory=str(data),
        **{"max_steps": 2, "model_size": "small", "crop_size": 64, "batch_size": 1, "name": "sky"},
    )
    found = api.get("/api/runs/sky/shot?shot=1").json()
    assert found["shots"] == [each.plate for each in shots] and found["shot"] == 1
    assert found["frames"] == list(range(1001, 1007)) and found["plate"] == shots[1].plate
    assert len(api.get("/api/runs/sky/shot").json()["frames"]) == 4
    for part in ("plate", "result", "truth"):
        assert api.get(f"/api/runs/sky/frames/1002/{part}.png?shot=1").status_code == 200
    assert api.get("/api/runs/sky/frames/1006/plate.png").status_code == 404
    said = {"strokes": [strokes(frame=1006)], "accept": "1004-1005", "empty": "1003", "shot": 1}
    assert api.post("/api/runs/sky/corrections", json=said).json()["ids"] == ["0001", "0002", "0003"]
    kept = api.get("/api/runs/sky/corrections").json()
    assert [(each["kind"], each["frames"], each["shot"]) for each in kept] == [
        ("strokes", [1006], 1),
        ("accept", [1004, 1005], 1),
        ("empty", [1003], 1),
    ]
    assert api.get("/api/runs/sky/shot?shot=1").json()["corrected"] == [1003, 1004, 1005, 1006]
    assert api.get("/api/runs/sky/shot").json()["corrected"] == []
    answer = api.get("/api/runs/sky/shot?shot=2")
    assert answer.status_code == 404 and "no shot 2" in answer.json()["error"]["message"]


def test_a_run_that_trains_takes_strokes_up_by_itself(trained, api, started, data):
    trained()
    run = RunFolder.open(data / "sky")
    alive = {"process": os.getpid(), "host": this_host(), "heartbeat": time.time()}
    run.write_state(run.read_state().model_copy(update={"state": "training", **alive}))
    answer = api.post("/api/runs/sky/corrections", json={"strokes": [strokes()]})
    assert answer.json() == {"ids": ["0001"], "job": None} and not started
    assert api.get("/api/runs/sky/corrections").json()[0]["frames"] == [1002]


def test_who_begins_to_paint_has_the_run_kept_open_once(trained, api, started, data):
    trained()
    job = api.post("/api/runs/sky/teacher", json={}).json()["job"]
    assert started[0][0][2:] == ["--wait=10m", "--json"]
    assert api.post("/api/runs/sky/teacher", json={}).json()["job"]["id"] == job["id"], "it is coming"
    answer = api.post("/api/runs/sky/corrections", json={"strokes": [strokes()]}).json()
    assert answer["job"]["id"] == job["id"] and len(started) == 1
    with Presence(RunFolder.open(data / "sky")):
        assert api.post("/api/runs/sky/teacher", json={}).json() == {"job": None}
        answer = api.post("/api/runs/sky/corrections", json={"accept": "1005"}).json()
        assert answer["ids"] == ["0002"] and answer["job"]["id"] == job["id"] and len(started) == 1


def test_an_8_bit_plate_is_revealed_to_the_code_value(trained, api, started):
    shot = trained()
    assert api.post("/api/runs/sky/corrections", json={"strokes": [strokes()]}).status_code == 202
    files = started[0][1]
    where = files["mask.1002.exr"][..., 0] == 1
    codes = np.asarray(oiio.ImageBuf(str(shot.plate_file(1002))).get_pixels("uint8"))
    assert np.array_equal(np.round(files["truth.1002.exr"] * 255)[where], codes[where])


def test_a_matte_is_painted_between_0_and_1_in_the_one_channel_of_the_network(trained, api, started):
    trained(effect="matte")
    body = {"strokes": [strokes("add"), strokes("remove", 1003), strokes("edge", 1005)]}
    assert api.post("/api/runs/sky/corrections", json=body).status_code == 202
    files = started[0][1]
    assert files["truth.1002.exr"].shape == (48, 64, 1)
    assert files["truth.1002.exr"][20, 30, 0] == 1 and files["truth.1003.exr"][20, 30, 0] == 0
    assert sorted(files) == [f"{part}.{n}.exr" for part in ("mask", "truth") for n in (1002, 1003, 1005)]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 422, "nothing to correct"),
        ({"strokes": [strokes("add")]}, 422, "not for an image"),
        ({"strokes": [strokes(frame=2000)]}, 404, "no frame 2000"),
        ({"strokes": [strokes("clone", from_frame=2000)]}, 404, "no frame 2000"),
        ({"strokes": [strokes(size=-1)]}, 422, "does not fit"),
        ({"accept": "1001-1010"}, 422, "not all of these frames"),
        ({"empty": "everything"}, 422, "range cannot be read"),
        ({"accept": "1001", "shell": "rm"}, 422, "does not fit"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_left(trained, api, started, data, body, status, says):
    trained()
    answer = api.post("/api/runs/sky/corrections", json=body)
    assert answer.status_code == status and says in answer.json()["error"]["message"]
    folder = data / processes.FOLDER
    assert not started and not (folder.exists() and list(folder.iterdir()))
    assert api.get("/api/runs/sky/corrections").json() == []


def test_corrections_are_listed_and_taken_back_by_their_number(trained, api, started, data):
    trained()
    folder = data / "sky" / "corrections" / "0001"
    folder.mkdir(parents=True)
    toml = 'version = 1\nkind = "empty"\nframes = "1002-1003"\nauthor = "ann"\nchanged = 1.0\n'
    (folder / "correction.toml").write_text(toml)
    found = api.get("/api/runs/sky/corrections").json()
    assert found[0]["id"] == "0001" and found[0]["frames"] == [1002, 1003] and not found[0]["undone"]
    assert api.get("/api/runs/sky/shot").json()["corrected"] == [1002, 1003]
    assert api.delete("/api/runs/sky/corrections/0001").status_code == 202
    assert "--undo=1" in started[0][0]
    assert api.delete("/api/runs/sky/corrections/0002").status_code == 404
    assert api.delete("/api/runs/sky/corrections/x1").status_code == 422
    (folder / "correction.toml").write_text(toml + "undone = true\n")
    assert "undone already" in api.delete("/api/runs/sky/corrections/0001").json()["error"]["message"]


def test_suggestions_are_made_in_the_background_and_once_for_each_network(trained, api, monkeypatch):
    trained()
    asked = []
    answer = {"frames": [{"frame": 1006, "score": 1.0}], "all": [], "cuts": []}

    def run(shot):
        asked.append(Path(shot.plate.spec).name)
        return answer

    monkeypatch.setattr(suggestions, "_run", run)
    assert api.get("/api/runs/sky/suggestions").status_code == 202
    for _ in range(100):
        found = api.get("/api/runs/sky/suggestions")
        if found.status_code == 200:
            break
        time.sleep(0.05)
    assert found.json() == answer and api.get("/api/runs/sky/suggestions").json() == answer
    assert asked == ["plate.####.png"]


@pytest.mark.slow
def test_the_suggestions_for_a_run_come_with_the_error_that_is_expected_of_its_frames(trained, api):
    trained()
    until = time.monotonic() + 300
    while (found := api.get("/api/runs/sky/suggestions")).status_code == 202 and time.monotonic() < until:
        time.sleep(0.2)
    every = found.json()["all"]
    assert len(every) == len(api.get("/api/runs/sky/shot").json()["frames"])
    assert all(each["expected_error"] >= 0 for each in every)


@pytest.mark.slow
def test_a_run_learns_the_strokes_that_were_posted_and_its_results_change(trained, api, data):
    trained(effect="matte")
    run = RunFolder.open(data / "sky")
    tag = api.get("/api/runs/sky/shot").json()["checkpoint_tag"]
    before = api.get("/api/runs/sky/frames/1002/result.png").content
    job = api.post("/api/runs/sky/corrections", json={"strokes": [strokes("add")]}).json()["job"]["id"]
    until = time.monotonic() + 60
    while api.get("/api/runs/sky/shot").json()["checkpoint_tag"] == tag and time.monotonic() < until:
        assert api.get(f"/api/jobs/{job}").json()["state"] == "running", api.get(f"/api/jobs/{job}").json()
        time.sleep(0.1)
    assert api.get("/api/runs/sky/frames/1002/result.png").content != before
    api.post(f"/api/jobs/{job}/stop")
    while api.get(f"/api/jobs/{job}").json()["state"] == "running" and time.monotonic() < until:
        time.sleep(0.1)
    assert not run.is_busy()
