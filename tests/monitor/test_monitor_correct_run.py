"""The tab Correct on a real run: Chromium paints with the mouse, and the run that is taught changes."""

from __future__ import annotations

import importlib.util
import time

import pytest
from monitor_stage import until

import understudy

pytestmark = pytest.mark.browser
CORRECTS = importlib.util.find_spec("understudy.cli.correct") is not None


@pytest.fixture
def correct(make_shot, data, start_monitor, open_page):
    """The tab on a run of a few steps, over a shot of which two frames are painted: (page, shot)."""
    shot = make_shot("footage/shot", range(1001, 1007), (1001, 1004), (64, 48), suffix=".png", effect="grade")
    values = {"max_steps": 4, "model_size": "small", "crop_size": 64, "batch_size": 1, "name": "sky"}
    understudy.train(input=shot.plate, ground_truth=shot.truth, data_directory=str(data), **values)
    monitor = start_monitor(data, data.parent / "footage")
    page = open_page(monitor.url)
    page.wait_for_selector('.ag-row[row-id="sky"]')
    page.get_by_role("tab", name="Correct").click()
    page.wait_for_selector(".us-correct[data-shown^='1001@']")
    return page, shot


def middle(page):
    """[r, g, b] in the middle of the frame, as the browser shows it."""
    page.mouse.move(5, 5)
    return page.evaluate(
        """async () => {
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const c = document.querySelector(".us-easel canvas");
          return [...c.getContext("2d").getImageData(c.width / 2, c.height / 2, 1, 1).data].slice(0, 3);
        }"""
    )


def paint(page):
    box = page.locator(".us-easel").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 60, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 10, steps=8)
    page.mouse.up()


def test_a_real_run_shows_its_frames_and_what_is_painted(correct):
    page, _ = correct
    assert page.locator(".us-cell").count() == 6
    assert page.locator(".us-cell.painted").count() == 2
    until(lambda: page.locator(".us-cell img").count() == 6)
    page.get_by_role("button", name="Paint").click()
    page.get_by_label("Colour").fill("#ff0000")
    paint(page)
    until(lambda: middle(page) == [255, 0, 0])
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".us-correct[data-shown^='1002@']")
    assert middle(page) != [255, 0, 0]


@pytest.mark.slow
@pytest.mark.skipif(not CORRECTS, reason="there is no understudy correct")
def test_what_the_mouse_paints_teaches_the_run_and_the_result_changes(correct):
    page, _ = correct
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".us-correct[data-shown^='1002@']")
    before, shown = middle(page), page.locator(".us-correct").get_attribute("data-shown")
    page.get_by_role("button", name="Paint").click()
    page.get_by_label("Colour").fill("#ff0000")
    paint(page)
    page.get_by_role("button", name="Save and teach").click()
    began = time.monotonic()
    page.get_by_text("Saved. The run is being taught").wait_for()
    page.locator(".us-cell.corrected[data-frame='1002']").wait_for()
    until(lambda: page.locator(".us-correct").get_attribute("data-shown") != shown)
    assert time.monotonic() - began < 110
    until(lambda: middle(page)[0] > before[0] + 20)
