"""Networks that are told what is meant, in the page: clicks on a frame, seen live, done by the job."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import OpenImageIO as oiio
import pytest
from monitor_stage import picture, until, write

from understudy.frames import open_shot, read_provenance
from understudy.monitor.page.clicks import clicked, marks, told_by

pytest.importorskip("onnxruntime")
sys.path.insert(0, str(Path(__file__).parent.parent / "export"))
from prompted_networks import bring_in_sam, enlarged, low_res


def test_a_click_comes_and_a_click_on_it_takes_it_away() -> None:
    one = clicked("", {"x": 10.5, "y": 20, "near": 3, "subject": True})
    assert one == "10.5,20,1"
    two = clicked(one, {"x": 30, "y": 20, "near": 3, "subject": False})
    assert two == "10.5,20,1;30,20,0"
    assert clicked(two, {"x": 11.5, "y": 21, "near": 3, "subject": False}) == "30,20,0"
    assert clicked("nonsense", {"x": 1, "y": 2, "near": 3, "subject": True}) == "1,2,1"
    for nothing in (
        {},
        {"x": "a", "y": 1, "near": 1, "subject": True},
        {"x": float("nan"), "y": 1, "near": 1},
    ):
        assert clicked(two, nothing) == two
    assert marks(told_by({"points": two, "box": "9,8,1,2"})) == {
        "points": [[10.5, 20.0, 1], [30.0, 20.0, 0]],
        "box": [1.0, 2.0, 9.0, 8.0],
    }


def look(api, folder, tmp_path, **query):
    values = {"model": str(folder / "sam.onnx"), "plate": str(folder / "plate.####.png"), "number": 1001}
    answer = api.get("/api/touch/frame.png", params={**values, **query})
    if answer.status_code != 200:
        return answer.status_code, answer.text
    path = tmp_path / "answer.png"
    path.write_bytes(answer.content)
    return np.asarray(oiio.ImageBuf(str(path)).get_pixels("float"))


def test_what_is_shown_is_what_the_points_mean_and_what_they_cannot_is_said(api, tmp_path) -> None:
    folder = tmp_path / "footage"
    write(folder / "plate.1001.png", np.full((48, 64, 3), 51, np.uint8))
    bring_in_sam(folder)
    plate = look(api, folder, tmp_path, how="plate")
    assert np.array_equal(look(api, folder, tmp_path, how="overlay"), plate)  # nothing is told yet
    made = look(api, folder, tmp_path, points="64,48,1")
    grey = np.full((48, 64, 3), 51 / 255)
    assert np.abs(made - enlarged(low_res(grey, 160), 48, 64)[..., None]).max() < 1 / 255
    other = look(api, folder, tmp_path, points="64,48,1", box="0,0,10,10")
    assert np.abs(other - enlarged(low_res(grey, 160 + 90), 48, 64)[..., None]).max() < 1 / 255
    shown = look(api, folder, tmp_path, how="overlay", points="64,48,1")
    assert np.abs(shown - plate).max() > 0.05
    for query, words in (
        ({}, "has to be told"),
        ({"points": "x"}, "cannot be read"),
        ({"points": "65,1,1"}, "outside the frame"),
        ({"box": "1,1,1,1"}, "no pixels"),
    ):
        status, text = look(api, folder, tmp_path, **query)
        assert status in (409, 422) and words in text


def test_the_command_that_is_copied_holds_the_points(app_state, tmp_path) -> None:
    folder = tmp_path / "footage"
    write(folder / "plate.1001.png", picture(1))
    bring_in_sam(folder)
    values = {
        "model": str(folder / "sam.onnx"),
        "plate": str(folder / "plate.####.png"),
        "points": "1,2,1;3,4,0",
    }
    line = app_state.commands.apply_command({**values, "output": str(folder / "a b" / "out.####.exr")})
    words = shlex.split(line)
    assert words[:2] == ["understudy", "apply"]
    assert "--points=1,2,1;3,4,0" in words and f"--output={folder / 'a b' / 'out.####.exr'}" in words


# -- the page ----------------------------------------------------------------------------------------------


def dialog(page):
    return page.locator(".us-large:visible")


def field(page, label):
    return dialog(page).get_by_label(label, exact=True)


def asked(page):
    """The points of the picture that is in sight; None where there is none."""
    address = page.locator(".us-touch .us-viewer").get_attribute("data-shown") or ""
    query = parse_qs(urlsplit(address.split(" ")[-1]).query)
    return query.get("points", [""])[0] if address else None


@pytest.mark.browser
def test_clicks_on_the_frame_are_points_seen_live_and_done_by_the_job(page, stage) -> None:
    model = bring_in_sam(stage.footage)
    page.locator(".us-head").get_by_role("button", name="Apply", exact=True).first.click()
    field(page, "Model File").fill(str(model))
    field(page, "Input").fill(stage.plate)
    dialog(page).get_by_role("button", name="Last Touch", exact=True).click()
    dialog(page).get_by_role("tab", name="Points").wait_for()
    dialog(page).get_by_role("tab", name="Points").click()
    until(lambda: asked(page) == "")
    canvas = page.locator(".us-touch .us-stage").bounding_box()
    middle = canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2
    page.mouse.click(*middle)
    plate = open_shot(stage.plate)
    window = plate.read(plate.numbers[0]).display_window
    until(lambda: (asked(page) or "").endswith(",1"))
    x, y, _ = map(float, asked(page).split(","))
    assert abs(x - window.width / 2) < 2 and abs(y - window.height / 2) < 2
    page.keyboard.down("Shift")
    page.mouse.click(middle[0] + 60, middle[1] - 40)
    page.keyboard.up("Shift")
    until(lambda: (asked(page) or "").endswith(",0"))
    right, above, _ = map(float, asked(page).split(";")[1].split(","))
    assert right > x and above < y
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 80, middle[1] + 10, steps=4)  # this pans, and is no click
    page.mouse.up()
    assert asked(page).count(";") == 1
    dialog(page).get_by_role("button", name="Fit").first.click()
    page.mouse.click(middle[0] + 60, middle[1] - 40)  # on it: it goes
    until(lambda: (asked(page) or "").count(";") == 0)
    told = asked(page)

    output = stage.footage / "told" / "out.####.exr"
    field(page, "Output").fill(str(output))
    dialog(page).get_by_role("button", name="Copy Command").click()
    page.get_by_text(f"--points={told}").first.wait_for()
    page.locator(".us-large:visible .us-foot").get_by_role("button", name="Apply", exact=True).click()
    page.locator(".us-job", has_text="finished").first.wait_for(timeout=240_000)
    first = plate.numbers[0]
    assert read_provenance(open_shot(str(output)).path(first))["points"] == told
