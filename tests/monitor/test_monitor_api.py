"""The routes: what they answer for good runs, damaged ones, and ones that go away."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.monitor.api.app import make_app
from understudy.monitor.api.events import event_stream
from understudy.monitor.app_state import AppState
from understudy.monitor.jobs.processes import Job
from understudy.runs import RunState
from understudy.runs.state import this_host

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient


def pixels_of(answer, tmp_path):
    assert answer.status_code == 200, answer.text
    path = tmp_path / "answer.png"
    path.write_bytes(answer.content)
    return np.asarray(oiio.ImageBuf(str(path)).get_pixels("uint8"))


def write_float_exr(path, value, size=(12, 8)):
    spec = oiio.ImageSpec(*size, 3, "float")
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    output.write_image(np.full((size[1], size[0], 3), value, np.float32))
    output.close()


def test_the_list_tells_how_every_run_is_doing_newest_first(api, make_run):
    now = time.time()
    make_run("old", created=now - 100)
    make_run("new", steps=50, state="failed", reason="out of memory", created=now)
    runs = api.get("/api/runs").json()["runs"]
    assert [run["name"] for run in runs] == ["new", "old"]
    assert runs[0]["state"] == "failed" and runs[0]["reason"] == "out of memory"
    assert (runs[0]["step"], runs[0]["loss"]) == (50, 1 / 50)
    assert runs[0]["steps_per_second"] is None and runs[0]["time_left"] is None


def test_a_run_that_trains_has_speed_and_time_left_and_one_whose_process_died_is_lost(api, make_run):
    alive = {"process": os.getpid(), "host": this_host(), "heartbeat": time.time()}
    make_run("alive", state="training", steps_per_second=4.0, time_left=10.0, **alive)
    make_run("dead", state="training", **{**alive, "process": 2**22 + 11})
    runs = {run["name"]: run for run in api.get("/api/runs").json()["runs"]}
    assert runs["alive"]["busy"] and runs["alive"]["steps_per_second"] == 4.0
    assert runs["dead"]["state"] == "stopped (lost)" and not runs["dead"]["busy"]


def damage_nothing(run):
    run.state_path.write_text('{"state": "training", "step": "many"}')


def damage_by_link(run):
    run.state_path.unlink()
    run.state_path.symlink_to("/etc/hostname")


def damage_all(run):
    for path in run.path.iterdir():
        path.write_bytes(os.urandom(200))


def damage_by_emptying(run):
    for path in run.path.iterdir():
        path.write_bytes(b"")


def damage_by_folders(run):
    run.summary_path.unlink()
    run.summary_path.mkdir()
    run.contact_path(100).unlink()
    run.contact_path(100).mkdir()


DAMAGES = [damage_nothing, damage_by_link, damage_all, damage_by_emptying, damage_by_folders]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_run_is_listed_or_left_out_and_never_breaks_the_answer(api, make_run, damage):
    make_run("good")
    run = make_run("bad")
    damage(run)
    assert "good" in [found["name"] for found in api.get("/api/runs").json()["runs"]]
    for path in ("", "/summary", "/advice", "/settings", "/log", "/contact-sheets/100"):
        assert api.get(f"/api/runs/bad{path}").status_code in (200, 404, 409, 422), path
    assert api.get("/api/curves?run=bad&run=good").status_code == 200


def test_a_folder_that_is_no_run_and_a_data_directory_that_goes_away_are_said(api, make_run, data):
    (data / "notes").mkdir()
    (data / "notes" / "readme.txt").write_text("hello")
    make_run("one")
    assert [run["name"] for run in api.get("/api/runs").json()["runs"]] == ["one"]
    data.rename(data.with_name("elsewhere"))
    answer = api.get("/api/runs").json()
    assert answer["runs"] == [] and "cannot be read" in answer["fault"]


def test_a_summary_is_thinned_to_what_is_asked_and_can_be_cut_to_a_span(api, make_run):
    run = make_run("long", steps=20_000)
    whole = api.get("/api/runs/long/summary?points=200").json()
    assert len(whole["step"]) <= 202 and whole["step"][0] == 1 and whole["step"][-1] == 20_000
    assert whole["steps"] == 20_000 and whole["smooth"]
    part = api.get("/api/runs/long/summary?from_step=500&to_step=520&points=200").json()
    assert part["step"] == list(range(499, 522))
    run.append_summary([{"step": 20_001, "loss": 0.7}])
    assert api.get("/api/runs/long/summary").json()["last_step"] == 20_001


def test_values_at_a_step_are_exact(api, make_run):
    make_run("long", steps=20_000)
    values = api.get("/api/curves/at?run=long&run=none&step=12345").json()["values"]
    assert values == [{"name": "long", "step": 12345, "loss": 1 / 12345, "held_out": None}]


def test_many_long_curves_fit_into_one_tick(api, make_run):
    text = "".join(f'{{"step":{s},"loss":{1 / s!r}}}\n' for s in range(1, 20_001))
    for index in range(20):
        make_run(f"run_{index:02d}", steps=1, sheets=0).summary_path.write_text(text)
    names = "&".join(f"run=run_{index:02d}" for index in range(20))
    answer = api.get(f"/api/curves?{names}&points=2000", headers={"accept-encoding": "identity"})
    assert len(answer.json()["curves"]) == 20
    assert len(answer.content) < 200_000


def test_files_of_a_run_can_be_fetched_and_nothing_else(api, make_run, data):
    run = make_run("one")
    (data / "secret").write_text("secret")
    assert api.get("/api/runs/one/files/settings.toml").content == run.settings_path.read_bytes()
    for name in ("..%2f..%2fsecret", "%2e%2e%2fsecret", "nothing.cat", "%00"):
        assert api.get(f"/api/runs/one/files/{name}").status_code == 404
    assert b"secret" not in api.get("/api/runs/..%2fruns/files/secret").content


def test_a_contact_sheet_comes_whole_by_column_and_as_difference(api, make_run, tmp_path):
    run = make_run("one")
    name = f"/api/runs/{run.name}/contact-sheets/100"
    whole = pixels_of(api.get(name), tmp_path)
    assert whole.shape == (88, 88, 3) and whole[10, 10, 0] == 60
    truth, output = (
        pixels_of(api.get(f"{name}?part={part}"), tmp_path) for part in ("ground_truth", "output")
    )
    assert truth.shape == output.shape == (88, 32, 3)
    assert (truth[10, 10, 0], output[10, 10, 0]) == (200, 60)
    difference = pixels_of(api.get(f"{name}?part=difference&gain=1"), tmp_path)
    assert difference[10, 10, 0] == 140 and difference[1, 1, 0] == 0
    assert pixels_of(api.get(f"{name}?part=difference&gain=1.5"), tmp_path)[10, 10, 0] == 210


def test_exposure_and_gamma_work_in_scene_linear_and_leave_black_black(api, make_run, tmp_path):
    make_run("one")
    name = "/api/runs/one/contact-sheets/100?part=output"
    plain, brighter, softer = (
        int(pixels_of(api.get(name + more), tmp_path)[10, 10, 0]) for more in ("", "&exposure=1", "&gamma=2")
    )
    linear = ((60 / 255 + 0.055) / 1.055) ** 2.4
    assert brighter == pytest.approx(255 * (1.055 * (2 * linear) ** (1 / 2.4) - 0.055), abs=1)
    assert plain == 60 and softer == pytest.approx(255 * (60 / 255) ** 0.5, abs=1)


def test_a_browser_that_has_the_picture_is_told_so(api, make_run):
    make_run("one")
    first = api.get("/api/runs/one/contact-sheets/100")
    again = api.get("/api/runs/one/contact-sheets/100", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b""


def test_float_previews_are_shown_in_their_own_colour_space(api, make_run, tmp_path):
    run = make_run("one")
    write_float_exr(run.preview_path(1000, 12, ".exr"), 0.18)
    shown = pixels_of(api.get("/api/runs/one/previews/1000/12"), tmp_path)
    assert shown[0, 0, 0] == 118  # scene-linear mid grey through the sRGB curve
    assert shown.shape == (8, 12, 3)
    up = pixels_of(api.get("/api/runs/one/previews/1000/12?exposure=2"), tmp_path)
    assert int(up[0, 0, 0]) == pytest.approx(220, abs=2)


def test_a_preview_is_compared_with_the_plate_it_was_made_from(api, make_run, make_shot, tmp_path, data):
    shot = make_shot(name="footage/shot", size=(48, 32))
    run = make_run("one")
    run.settings_path.write_text(
        f'input = ["{shot.plate}"]\nground_truth = ["{shot.truth}"]\ndata_directory = "{data}"\n'
        f'preview = "{shot.plate}"\n'
    )
    run.preview_path(1000, 1002).write_bytes(shot.truth_file(1002).read_bytes())
    name = "/api/runs/one/previews/1000/1002"
    plate, output, apart = (
        pixels_of(api.get(f"{name}?part={part}&gain=1"), tmp_path).astype(int)
        for part in ("plate", "output", "difference")
    )
    assert np.abs(np.abs(plate - output) - apart).max() <= 1 and apart.max() > 10


def test_a_plate_outside_of_the_folders_is_refused_in_words(api, make_run, make_shot):
    shot = make_shot(name="elsewhere")
    run = make_run("one")
    run.settings_path.write_text(f'input = ["{shot.plate}"]\nground_truth = ["x"]\ndata_directory = "x"\n')
    run.preview_path(1000, 1002).write_bytes(shot.truth_file(1002).read_bytes())
    answer = api.get("/api/runs/one/previews/1000/1002?part=plate")
    assert answer.status_code == 403
    assert "--footage" in answer.json()["error"]["remedy"]


def test_footage_is_shown_small_when_asked_and_refused_outside(api, make_shot, tmp_path):
    shot, other = make_shot(name="footage/shot", size=(64, 32)), make_shot(name="elsewhere")
    url = f"/api/footage/frame?spec={quote(shot.plate)}&number=1003"
    assert pixels_of(api.get(url), tmp_path).shape == (32, 64, 3)
    assert pixels_of(api.get(url + "&size=16"), tmp_path).shape == (8, 16, 3)
    assert api.get(f"/api/footage/frame?spec={quote(other.plate)}").status_code == 403
    assert api.get(f"/api/footage/frame?spec={quote(shot.plate)}&number=5").status_code == 422
    found = api.get(f"/api/footage/shot?spec={quote(shot.plate)}").json()
    assert found["frames"] == "1001-1005" and found["numbers"] == [1001, 1002, 1003, 1004, 1005]
    apart = api.get(
        f"/api/footage/difference?spec={quote(shot.plate)}&number=1003"
        f"&other={quote(shot.truth)}&other_number=1003&gain=4"
    )
    assert pixels_of(apart, tmp_path).max() > 0


def test_a_damaged_frame_is_an_answer_not_a_crash(api, make_shot):
    shot = make_shot(name="footage/shot")
    shot.plate_file(1002).write_bytes(shot.plate_file(1002).read_bytes()[:100])
    answer = api.get(f"/api/footage/frame?spec={quote(shot.plate)}&number=1002")
    assert answer.status_code == 422 and answer.json()["error"]["message"]


def test_the_pairs_are_told_before_anything_starts(api, make_shot, data):
    shot = make_shot(name="footage/shot", truth_numbers=(1001, 1003), size=(64, 48))
    settings = {"input": [shot.plate], "ground_truth": [shot.truth], "batch_size": "2", "epochs": "100"}
    report = api.post("/api/pairs", json={"settings": settings}).json()
    assert any(note.startswith("Colour: srgb, because") for note in report["notes"])
    assert [pair["input"] for pair in report["pairs"]] == [1001, 1003]
    assert report["shots"][0]["unmatched_input"] == "1002,1004-1005"
    assert (report["total_steps"], report["width"], report["height"]) == (100, 64, 48)
    assert list(data.iterdir()) == []


def test_empty_frames_count_as_pairs_and_wrong_ones_are_refused_before_anything_starts(api, make_shot):
    shot = make_shot(name="footage/shot", truth_numbers=(1001, 1003))
    settings = {"input": [shot.plate], "ground_truth": [shot.truth], "batch_size": "2", "epochs": "100"}
    report = api.post("/api/pairs", json={"settings": {**settings, "empty": "1004-1005"}}).json()
    assert report["total_steps"] == 200
    assert any(note.startswith("Empty, with nothing to matte") for note in report["notes"])
    refused = api.post("/api/pairs", json={"settings": {**settings, "empty": ["1003"]}})
    assert refused.status_code == 422 and "painted and empty" in refused.json()["error"]["message"]


def test_settings_may_come_in_the_tables_of_a_settings_file(api, make_shot):
    shot = make_shot(name="footage/shot", truth_numbers=(1001, 1003))
    tables = {
        "data": {"input": [shot.plate], "ground_truth": [shot.truth]},
        "schedule": {"batch_size": 2, "epochs": 100},
    }
    assert api.post("/api/pairs", json={"settings": tables}).json()["total_steps"] == 100
    error = api.post("/api/pairs", json={"settings": {"shedule": {"epochs": 100}}}).json()["error"]
    assert "Did you mean [schedule]?" in error["remedy"]


def test_a_wrong_setting_is_refused_with_its_name(api, make_shot):
    shot = make_shot(name="footage/shot")
    settings = {"input": [shot.plate], "ground_truth": [shot.truth], "crop_size": "17"}
    error = api.post("/api/pairs", json={"settings": settings}).json()["error"]
    assert "Crop Size" in error["where"] and "from 32 to 1024" in error["expected"]
    missing = api.post("/api/pairs", json={"settings": {}}).json()["error"]
    assert "Input" in missing["message"]


@pytest.fixture
def published(make_shot, tmp_path):
    """A shot of links out of the footage folder, and its ground truth inside. ``Settings`` by name."""
    shot, store = make_shot(name="footage/shot", size=(64, 48)), tmp_path / "store"
    store.mkdir()
    for number in shot.numbers:
        shot.plate_file(number).rename(store / f"plate.{number}.png")
        shot.plate_file(number).symlink_to(store / f"plate.{number}.png")
    return shot


def answers(api, shot, model, output):
    """The status of every route that reads footage, for a shot of links."""
    pair = {"input": [shot.plate], "ground_truth": [shot.truth]}
    others = {"preview": shot.plate, "extra": [shot.plate], "region": shot.plate}
    truth_pair = {"input": [shot.truth], "ground_truth": [shot.truth]}
    spec = quote(shot.plate)
    apply = {"model": model, "plate": shot.plate, "output": output}
    return {
        "look": api.get(f"/api/footage/shot?spec={spec}").status_code,
        "frame": api.get(f"/api/footage/frame?spec={spec}&number=1001").status_code,
        "difference": api.get(
            f"/api/footage/difference?spec={spec}&number=1001&other={quote(shot.truth)}&other_number=1001"
        ).status_code,
        "pairs": api.post("/api/pairs", json={"settings": pair}).status_code,
        "train": api.post("/api/runs", json={"settings": {**pair, "name": "linked"}}).status_code,
        "apply": api.post("/api/apply", json={"settings": apply}).status_code,
        **{
            name: api.post(
                "/api/runs", json={"settings": {**truth_pair, name: value, "name": name}}
            ).status_code
            for name, value in others.items()
        },
    }


def test_links_out_of_the_footage_are_refused_on_every_route_alike(
    api, app_state, published, make_run, tmp_path, monkeypatch
):
    make_run("one").best_path.write_bytes(b"")
    started = []
    monkeypatch.setattr(app_state.jobs, "start", lambda kind, *a, **named: started.append(kind))
    model, output = str(app_state.data_directory / "one"), str(tmp_path / "footage" / "out")
    assert set(answers(api, published, model, output).values()) == {403}
    assert started == []


def test_links_out_of_the_footage_are_followed_on_every_route_where_that_is_allowed(
    data, published, make_run, tmp_path, monkeypatch
):
    make_run("one").best_path.write_bytes(b"")
    app_state = AppState(data, [tmp_path / "footage"], follow_links=True)
    started = []

    def start(kind, *arguments, **named):
        started.append(kind)
        return Job(id="1", kind=kind, title="")

    monkeypatch.setattr(app_state.jobs, "start", start)
    with TestClient(make_app(app_state), base_url="http://127.0.0.1:8420") as api:
        found = answers(api, published, str(data / "one"), str(tmp_path / "footage" / "out"))
    assert {found.pop(name) for name in ("look", "frame", "difference", "pairs")} == {200}
    assert set(found.values()) == {202} and started == ["train", "apply", "train", "train", "train"]


@pytest.mark.parametrize("field", ["input", "ground_truth", "preview", "initial_weights", "extra", "region"])
def test_no_path_of_a_new_training_may_lead_outside(api, make_shot, field):
    shot, other = make_shot(name="footage/shot"), make_shot(name="elsewhere")
    settings = {"input": [shot.plate], "ground_truth": [shot.truth]}
    settings[field] = [other.plate] if field in ("input", "ground_truth", "extra") else other.plate
    answer = api.post("/api/runs", json={"settings": settings})
    assert answer.status_code == 403, answer.text
    assert api.get("/api/jobs").json() == []


def test_a_run_is_renamed_with_its_files_unless_it_trains_or_the_name_is_taken(api, make_run, data):
    make_run("old")
    make_run("taken")
    assert api.patch("/api/runs/old", json={"name": "taken"}).status_code == 409
    assert api.patch("/api/runs/old", json={"name": "../out"}).status_code == 409
    assert api.patch("/api/runs/old", json={"name": "new"}).json()["name"] == "new"
    assert (data / "new" / "new.summary").is_file() and not (data / "old").exists()


def test_deleting_frees_the_runs_files_and_leaves_what_is_not_its_own(api, make_run, data):
    run = make_run("one")
    (run.path / "notes.txt").write_text("mine")
    size = api.get("/api/runs/one").json()["size"]
    assert size == run.size() > 0
    assert str(size) in api.delete("/api/runs/one").json()["message"]
    assert [path.name for path in (data / "one").iterdir()] == ["notes.txt"]
    assert api.get("/api/runs/one").status_code == 404


def test_a_run_that_trains_is_not_deleted_and_stops_on_request(api, make_run):
    run = make_run("busy", state="training", process=os.getpid(), host=this_host(), heartbeat=time.time())
    assert api.delete("/api/runs/busy").status_code == 409
    assert api.patch("/api/runs/busy", json={"name": "x"}).status_code == 409
    assert api.post("/api/runs/busy/resume", json={}).status_code == 409
    assert api.post("/api/runs/busy/stop", json={}).status_code == 202
    assert run.stop_requested()


def test_a_run_without_progress_says_that_it_cannot_go_on(api, make_run):
    make_run("one")
    error = api.post("/api/runs/one/resume", json={}).json()["error"]
    assert "nothing to go on from" in error["message"]


@pytest.mark.parametrize("target", ["nuke", "torchscript", "onnx", "flame", "openvino"])
def test_an_export_is_started_with_flags_that_the_command_knows(
    api, app_state, make_run, data, monkeypatch, target
):
    import inspect

    from understudy.cli.export import command

    run, started = make_run("one"), []
    run.best_path.write_bytes(b"")
    monkeypatch.setattr(
        app_state.jobs, "start", lambda kind, arguments, **about: started.append((kind, arguments))
    )
    with pytest.raises(Exception, match="None"):  # nothing was started, so there is nothing to answer
        api.post("/api/runs/one/export", json={"target": target, "output": str(data / "exports")})
    ((kind, (model, *given)),) = started
    assert (kind, model) == ("export", str(run.path))
    assert {flag.split("=")[0][2:] for flag in given} <= set(inspect.signature(command).parameters)
    outside = api.post("/api/runs/one/export", json={"target": target, "output": "/etc/x"})
    assert outside.status_code == 403


def test_the_settings_of_a_run_come_back_for_a_new_one(api, make_run):
    make_run("one")
    assert api.get("/api/runs/one/settings").json() == {
        "input": ["plate.####.png"],
        "ground_truth": ["truth.####.png"],
    }


def test_the_settings_describe_themselves_for_the_form(api):
    infos = {info["name"]: info for info in api.get("/api/settings/train").json()}
    assert infos["crop_size"]["label"] == "Crop Size" and infos["crop_size"]["advanced"]
    assert (infos["crop_size"]["section"], infos["epochs"]["section"]) == ("augmentation", "schedule")
    assert infos["input"]["required"] and infos["input"]["kind"] == "shot"
    assert "mix" in {info["name"] for info in api.get("/api/settings/apply").json()}


def test_events_begin_with_every_run_and_end_when_asked_to(api, make_run):
    make_run("one")
    first, *_ = api.get("/api/events?seconds=0.1").text.split("\n\n")
    kind, data = first.splitlines()
    assert kind == "event: changes"
    assert [row["name"] for row in json.loads(data.removeprefix("data: "))["runs"]] == ["one"]


async def events_until(app_state, condition, change):
    """The events up to the one that fulfils ``condition``; ``change`` is called after the first."""
    watching = asyncio.create_task(app_state.watcher.watch())
    stream, found = event_stream(app_state, None), []
    async with asyncio.timeout(120):
        async for text in stream:
            if text.startswith("event: changes"):
                found.append(json.loads(text.partition("data: ")[2]))
                if len(found) == 1:
                    change()
                elif condition(found[-1]):
                    break
    watching.cancel()
    await stream.aclose()
    return found


def test_events_go_on_with_what_changes(app_state, make_run):
    run = make_run("one")
    reading = events_until(
        app_state,
        lambda changes: changes["curves"],
        lambda: run.append_summary([{"step": 201, "loss": 0.5}]),
    )
    # In a thread of its own: a browser that other tests drive may have a loop in this one.
    with ThreadPoolExecutor(1) as pool:
        *_, last = pool.submit(asyncio.run, reading).result()
    assert last["curves"] == ["one"] and last["runs"][0]["step"] == 201


def test_a_run_made_by_another_machine_appears_and_one_deleted_disappears(app_state, make_run):
    app_state.watcher.scan()
    run = make_run("one")
    assert [row.name for row in app_state.watcher.scan().runs] == ["one"]
    assert not app_state.watcher.scan()
    run.contact_path(300).write_bytes(b"")
    assert app_state.watcher.scan().pictures == ["one"]
    run.write_state(RunState(state="failed", reason="the disk is full"))
    assert app_state.watcher.scan().runs[0].reason == "the disk is full"
    run.delete()
    assert app_state.watcher.scan().removed == ["one"]


def test_every_route_is_described_and_every_refusal_has_the_same_shape(api):
    described = api.get("/openapi.json").json()["paths"]
    for path in (
        "/api/runs",
        "/api/runs/{name}",
        "/api/runs/{name}/files/{file}",
        "/api/runs/{name}/summary",
    ):
        assert path in described
    for url in ("/api/nothing", "/api/runs/none", "/api/curves", "/api/jobs/none"):
        error = api.get(url).json()["error"]
        assert set(error) == {"message", "expected", "found", "where", "remedy"} and error["message"]


def test_the_monitor_does_without_torch():
    code = "import sys, understudy.monitor.api.app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
