"""The last touch in the page: seen live on a frame, and done to the frames that the page has made."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import OpenImageIO as oiio
import pytest
from monitor_stage import picture, until, write

import understudy
from understudy.finishing import finish_matte
from understudy.frames import open_shot, read_provenance
from understudy.settings import FinishingSettings

sys.path.insert(0, str(Path(__file__).parent.parent / "export"))
from export_models import write_model

ASKED = {"clip_black": 0.4, "clip_white": 0.6, "grow": 1.5, "soften": 1.0, "invert": True}


@pytest.fixture
def footage(tmp_path):
    """A plate of two frames, and networks that nobody trained: matte.cat and image.cat."""
    folder = tmp_path / "footage"
    folder.mkdir(exist_ok=True)
    for number in (1001, 1002):
        write(folder / f"plate.{number}.png", picture(number))
    for kind in ("matte", "image"):
        write_model(folder / f"{kind}.cat", kind=kind)
    return folder


def look(api, footage, tmp_path, model="matte.cat", **query):
    values = {"model": str(footage / model), "plate": str(footage / "plate.####.png"), "number": 1001}
    answer = api.get("/api/touch/frame.png", params={**values, **query})
    assert answer.status_code == 200, answer.text
    path = tmp_path / "answer.png"
    path.write_bytes(answer.content)
    return np.asarray(oiio.ImageBuf(str(path)).get_pixels("uint8"))


@pytest.mark.parametrize("more", [{}, {"motion_blur": 0.8}], ids=["edges", "motion"])
def test_what_is_shown_is_what_apply_writes(footage, api, tmp_path, more):
    asked = {**ASKED, **more}
    shown = look(api, footage, tmp_path, touch=json.dumps(asked))
    plate, output = footage / "plate.####.png", tmp_path / "out.####.exr"
    understudy.apply(
        footage / "matte.cat", plate, output, frames="1001", engine="torch", precision="float32", **asked
    )
    made = open_shot(str(output)).read(1001).planes(("A",))
    assert np.abs(shown / 255 - made).max() <= 0.6 / 255
    before = look(api, footage, tmp_path)
    assert np.abs(before.astype(int) - shown).max() > 3


def test_a_matte_is_shown_over_black_white_and_a_checkerboard(footage, api, tmp_path):
    everything = json.dumps({"clip_black": 0, "clip_white": 0.01})
    plate = look(api, footage, tmp_path, how="plate", touch=everything)
    nothing = json.dumps({"clip_black": 0.99})
    grounds = {
        how: look(api, footage, tmp_path, how=how, touch=nothing) for how in ("black", "checker", "white")
    }
    assert not grounds["black"].any() and grounds["white"].min() == 255
    assert np.unique(grounds["checker"]).size == 2
    for how in grounds:
        over = look(api, footage, tmp_path, how=how, touch=everything)
        assert np.abs(over.astype(int) - plate).mean() < 2


def test_a_slider_costs_its_own_step_and_those_after_it(footage, app_state):
    matte, done = np.random.default_rng(1).random((40, 60), np.float32), []
    shop = app_state.last_touch
    keep = shop._kept
    shop._kept = lambda key, make: keep(key, lambda: done.append(key[-1][0]) or make())
    for soften in (1.0, 2.0):
        asked = FinishingSettings(clip_black=0.2, grow=1, soften=soften, invert=True)
        found = shop._finished(("frame",), matte, asked)
        assert np.array_equal(found, finish_matte(matte, asked))
    assert done == ["clip", "grow", "soften", "invert", "soften", "invert"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"touch": '{"grow": 900}'}, "--grow"),
        ({"touch": '{"shrink": 1}'}, "shrink"),
        ({"touch": "[1]"}, "JSON object"),
        ({"touch": "{" * 900}, "JSON object"),
        ({"touch": '{"clip_black": 0.9, "clip_white": 0.1}'}, "--clip-black"),
        ({"touch": '{"grain": "match"}'}, "--grain"),
        ({"number": 7}, "no such frame"),
        ({"plate": "/etc/passwd"}, "outside"),
        ({"model": "/etc/passwd"}, "outside"),
    ],
    ids=str,
)
def test_what_cannot_be_shown_is_refused_in_words(footage, api, query, words):
    values = {"model": str(footage / "matte.cat"), "plate": str(footage / "plate.####.png"), "number": 1001}
    answer = api.get("/api/touch/frame.png", params={**values, **query})
    assert answer.status_code in (403, 404, 422) and words in answer.text


def test_how_a_result_was_made_is_told_and_only_within_the_folders(footage, api, tmp_path):
    output = footage / "out.####.exr"
    understudy.apply(footage / "matte.cat", footage / "plate.####.png", output, mix=0.5, **ASKED)
    found = api.get("/api/touch/like", params={"result": str(output)}).json()
    assert {**ASKED, "mix": 0.5}.items() <= found["settings"].items() and "clip black 0.4" in found["notes"][
        0
    ]
    assert api.get("/api/touch/like", params={"result": "/etc/passwd"}).status_code == 403
    assert api.get("/api/touch/like", params={"result": str(footage / "plate.####.png")}).status_code == 422


# -- the page ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def staged(stage):
    for kind in ("matte", "image"):
        write_model(stage.footage / f"{kind}.cat", kind=kind)
    return stage


def dialog(page):
    return page.locator(".us-large:visible")


def field(page, label):
    return dialog(page).get_by_label(label, exact=True)


def switch(page, words):
    return dialog(page).locator(".us-touch-switch", has_text=words)


def row(page, words):
    return dialog(page).locator(".us-touch-row", has_text=words)


def asked(page):
    """The last touch of the picture that is in sight; None where there is none."""
    address = page.locator(".us-touch .us-viewer").get_attribute("data-shown") or ""
    query = parse_qs(urlsplit(address.split(" ")[-1]).query)
    return json.loads(query["touch"][0]) if "touch" in query else {} if address else None


def open_touch(page, stage, model="matte"):
    page.locator(".us-head").get_by_role("button", name="Apply", exact=True).first.click()
    field(page, "Model File").fill(str(stage.footage / f"{model}.cat"))
    field(page, "Input").fill(stage.plate)
    dialog(page).get_by_role("button", name="Last Touch", exact=True).click()
    until(lambda: asked(page) == {})


@pytest.mark.browser
def test_what_is_set_is_seen_live_and_is_what_the_job_does(page, staged):
    open_touch(page, staged)
    assert "Last touch: none" in dialog(page).inner_text()
    field(page, "Grow / Shrink, number").fill("1.5")
    switch(page, "Invert").click()
    until(lambda: asked(page) == {"grow": 1.5, "invert": True})
    assert "Last touch: grow / shrink 1.5, invert" in dialog(page).inner_text()
    box = row(page, "Soften").locator(".q-slider__track-container").bounding_box()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + box["height"] / 2)
    until(lambda: 4 < (asked(page) or {}).get("soften", 0) < 6)
    field(page, "Soften, number").fill("1.2")
    until(lambda: asked(page) == {"grow": 1.5, "soften": 1.2, "invert": True})
    field(page, "Motion Blur").click()
    page.get_by_role("option", name="shutter").click()
    until(lambda: (asked(page) or {}).get("motion_blur") == 0.5)
    row(page, "Motion Blur").locator(".us-touch-name").dblclick()
    until(lambda: asked(page) == {"grow": 1.5, "soften": 1.2, "invert": True})
    dialog(page).get_by_role("tab", name="Over Checker").click()
    until(lambda: "how=checker" in page.locator(".us-touch .us-viewer").get_attribute("data-shown"))

    output = staged.footage / "touched" / "out.####.exr"
    field(page, "Output").fill(str(output))
    page.locator(".us-large:visible .us-foot").get_by_role("button", name="Apply").click()
    page.locator(".us-job", has_text="finished, 6 of 6").first.wait_for(timeout=240_000)
    made = read_provenance(open_shot(str(output)).path(1001))
    assert json.loads(made["finishing"]) == {"grow": 1.5, "soften": 1.2, "invert": True}


@pytest.mark.browser
def test_another_results_touch_is_taken_over_with_its_mix_and_reset_takes_it_away(page, staged):
    output = staged.footage / "liked" / "out.####.exr"
    values = {"mix": 0.5, "frames": "1001", "despeckle": 40, "gamma": 1.3}
    understudy.apply(staged.footage / "matte.cat", staged.plate, output, **values)
    open_touch(page, staged)
    field(page, "Take over from").fill(str(output))
    dialog(page).get_by_role("button", name="Take over", exact=True).click()
    until(lambda: asked(page) == {"despeckle": 40, "gamma": 1.3})
    assert field(page, "Mix").input_value() == "0.5"
    dialog(page).get_by_role("button", name="Reset", exact=True).click()
    until(lambda: asked(page) == {})
    assert "Last touch: none" in dialog(page).inner_text()


@pytest.mark.browser
def test_images_have_grain_and_no_edges(page, staged):
    open_touch(page, staged, "image")
    until(lambda: not switch(page, "Invert").is_visible())
    switch(page, "Grain").click()
    until(lambda: asked(page) == {"grain": "match"})


@pytest.mark.browser
def test_who_zooms_in_sees_the_frames_own_pixels(page, staged):
    open_touch(page, staged)
    viewer = page.locator(".us-touch .us-viewer")
    assert "size=1280" in viewer.get_attribute("data-shown")
    page.locator(".us-touch .us-stage").hover()
    page.mouse.wheel(0, -600)
    until(lambda: "size=" not in viewer.get_attribute("data-shown"))
    page.locator(".us-touch .us-viewer").get_by_role("button", name="Fit").click()
    until(lambda: "size=1280" in viewer.get_attribute("data-shown"))
