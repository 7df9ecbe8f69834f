"""The page in a real browser, on real runs, with a training process going on while it looks."""

from __future__ import annotations

import json
import os
import shutil
import time
import urllib.error

import pytest
from monitor_stage import (
    add_run,
    cell,
    cells,
    graph,
    graph_has,
    make_sheet,
    menu,
    notified,
    row_of,
    shows,
    until,
    viewer,
    wait_for,
    write,
    zoomed,
)

from understudy.runs import RunFolder

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def live(stage):
    """A training that goes on while the page is looked at."""
    stage.train("live", time_limit="30m", preview=stage.plate)


# -- the runs table ----------------------------------------------------------------------------------------


def test_the_table_tells_state_step_loss_held_out_size_and_pairs_of_every_run(page, stage):
    assert cells(page, "name")[-3:] == ["sky", "sea", "sand"]
    assert row_of(page, "sky").inner_text().split("\n")[1:4] == ["finished", "400 / 400", "0.0125"]
    assert cell(page, "sky", "best").inner_text() == "24 dB"
    assert cell(page, "sea", "state").inner_text() == "stopped"
    assert cell(page, "sand", "state").locator("span").get_attribute("title") == "The disk is full."
    assert (
        cell(page, "sea", "model_size").inner_text() == "small"
        and cell(page, "sea", "pairs").inner_text() == "5"
    )
    assert cell(page, "live", "state").inner_text() in ("starting", "training")


def test_the_table_sorts_by_a_click_on_a_heading_and_filters_as_one_types(page):
    page.locator(".ag-header-cell[col-id=loss]").click()
    until(lambda: [n for n in cells(page, "name") if n != "live"] == ["sand", "sky", "sea"])
    page.get_by_label("Filter the runs").fill("sk")
    until(lambda: cells(page, "name") == ["sky"])


def test_a_tick_shows_and_hides_a_curve(page):
    graph_has(page, curves="4")
    cell(page, "sea", "shown").locator("input").click()
    graph_has(page, curves="3")
    cell(page, "sea", "shown").locator("input").click()
    graph_has(page, curves="4")


def test_several_runs_are_selected_and_the_menu_means_all_of_them(page):
    graph_has(page, curves="4")
    row_of(page, "sea").locator('[col-id="name"]').click()
    row_of(page, "sand").locator('[col-id="name"]').click(modifiers=["Control"])
    menu(page, "sand", "Hide Curve")
    graph_has(page, curves="2")
    menu(page, "sea", "Show Curve")
    graph_has(page, curves="4")


def test_a_click_on_a_row_shows_its_contact_sheet_and_advice(page):
    row_of(page, "sand").locator('[col-id="name"]').click()
    shows(page, "/runs/sand/")
    page.locator(".us-advice", has_text="The training failed").wait_for()
    page.locator(".us-advice", has_text="The disk is full.").wait_for()


def test_a_double_click_renames_a_run_and_its_files(page, stage):
    add_run(stage.data, "draft", steps=20)
    row_of(page, "draft").wait_for()
    cell(page, "draft", "name").dblclick()
    page.keyboard.press("Control+a")
    page.keyboard.type("final")
    page.keyboard.press("Enter")
    row_of(page, "final").wait_for()
    assert (stage.data / "final" / "final.summary").is_file()
    row_of(page, "draft").wait_for(state="detached")


def test_a_name_that_is_refused_is_said_and_the_old_one_stays(page):
    cell(page, "sea", "name").dblclick()
    page.keyboard.press("Control+a")
    page.keyboard.type("sky")
    page.keyboard.press("Enter")
    notified(page, "sky exists already")
    until(lambda: "sea" in cells(page, "name"))


def test_deleting_asks_first_and_says_how_much_is_freed(page, stage):
    add_run(stage.data, "old", steps=30)
    row_of(page, "old").wait_for()
    menu(page, "old", "Delete …")
    dialog = page.locator(".us-dialog")
    assert (
        "Delete old?" in dialog.inner_text()
        and "frees" in dialog.inner_text()
        and "kB" in dialog.inner_text()
    )
    dialog.get_by_role("button", name="Cancel").click()
    assert (stage.data / "old").is_dir()
    dialog.wait_for(state="detached")
    menu(page, "old", "Delete …")
    page.locator(".us-dialog").get_by_role("button", name="Delete").click()
    row_of(page, "old").wait_for(state="detached")
    assert not (stage.data / "old").exists()


def test_a_run_that_trains_is_not_deleted_and_the_page_says_why(page, stage):
    until(lambda: stage.row("live")["busy"])
    menu(page, "live", "Delete …")
    page.locator(".us-dialog").get_by_role("button", name="Delete").click()
    notified(page, "is being trained and cannot be deleted")
    assert (stage.data / "live").is_dir()


def test_the_path_of_a_run_is_copied(stage, open_page):
    page = open_page(stage.url, permissions=["clipboard-read", "clipboard-write"])
    row_of(page, "sky").wait_for()
    menu(page, "sky", "Copy Path")
    notified(page, "Copied")
    assert page.evaluate("navigator.clipboard.readText()") == str(stage.data / "sky")


# -- the graph ---------------------------------------------------------------------------------------------


def test_the_graph_zooms_by_button_wheel_and_drag_and_comes_back(page):
    wait_for(page, "document.querySelector('.us-graph').dataset.points > 0")
    box = page.locator(".us-graph canvas").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_label("Zoom X in").click()
    zoomed(page, "span")
    first = graph(page, "span")
    page.mouse.move(*middle)
    page.mouse.wheel(0, -300)
    until(lambda: graph(page, "span") != first)
    page.get_by_label("Zoom Y in").click()
    zoomed(page, "range")
    page.get_by_label("Reset").click()
    graph_has(page, span="", range="")
    page.mouse.move(box["x"] + 150, middle[1] - 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 350, middle[1] + 60, steps=5)
    page.mouse.up()
    zoomed(page, "span")
    zoomed(page, "range")
    page.mouse.dblclick(*middle)
    graph_has(page, span="")
    page.mouse.move(*middle)
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 300)
    page.keyboard.up("Shift")
    zoomed(page, "range")


def test_zoomed_in_the_curve_is_fetched_in_more_detail(page, stage):
    add_run(stage.data, "long", steps=30_000)
    row_of(page, "long").wait_for()
    with page.expect_response(lambda r: "/api/curves?" in r.url and "from_step" in r.url) as answer:
        page.get_by_label("Zoom X in").click()
    steps = next(curve["step"] for curve in answer.value.json()["curves"] if curve["name"] == "long")
    assert len(steps) > 50 and steps[-1] < 30_000
    RunFolder.open(stage.data / "long").delete()
    row_of(page, "long").wait_for(state="detached")


def test_hovering_tells_exact_values(page):
    wait_for(page, "document.querySelector('.us-graph').dataset.points > 0")
    box = page.locator(".us-graph canvas").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 150)
    hover = page.locator(".us-hover")
    hover.wait_for()
    step = int(hover.locator(".us-hover-step").inner_text().split()[1].replace(",", ""))
    row = hover.locator(".us-hover-row", has_text="sky").inner_text().split("\n")
    assert float(row[1]) == pytest.approx(1 / step + 0.01, rel=1e-5)


def test_log_scale_smoothness_and_the_original_curve_can_be_chosen(page):
    wait_for(page, "document.querySelector('.us-graph').dataset.points > 0")
    before = page.locator(".us-graph").screenshot()
    page.get_by_role("switch", name="Original").click()
    until(lambda: page.locator(".us-graph").screenshot() != before)
    page.get_by_role("switch", name="Log Scale").click()
    graph_has(page, log="true")
    box = page.get_by_role("slider", name="Smoothness").bounding_box()
    box = page.locator(".us-range .q-slider").bounding_box()
    with page.expect_response(lambda r: "smoothness=0.9" in r.url or "smoothness=1" in r.url):
        page.mouse.click(box["x"] + box["width"] - 1, box["y"] + box["height"] / 2)


# -- contact sheets and previews ---------------------------------------------------------------------------


def choose_sky(page):
    row_of(page, "sky").locator('[col-id="name"]').click()
    shows(page, "/runs/sky/contact-sheets/400")


def test_the_newest_sheet_shows_and_the_slider_goes_back_through_the_run(page):
    choose_sky(page)
    slider = page.get_by_label("Which picture").first
    slider.fill("0")
    shows(page, "/contact-sheets/100")
    assert page.locator(".us-label").first.inner_text() == "Step 100"


def test_pan_and_zoom_stay_put_from_one_sheet_to_the_next(page):
    choose_sky(page)
    box = page.locator(".us-stage").first.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 150)
    page.mouse.wheel(0, -500)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 190, steps=4)
    page.mouse.up()
    until(lambda: float(viewer(page, "zoom") or 1) > 1.5)
    zoom, centre = viewer(page, "zoom"), viewer(page, "centre")
    page.keyboard.press("ArrowLeft")
    shows(page, "/contact-sheets/300")
    assert (viewer(page, "zoom"), viewer(page, "centre")) == (zoom, centre)
    page.get_by_role("button", name="Fit").first.click()
    until(lambda: viewer(page, "zoom") == "1.000")


def test_a_wipe_between_output_and_ground_truth_is_dragged(page):
    choose_sky(page)
    page.get_by_role("tab", name="Wipe").first.click()
    shows(page, "part=ground_truth")
    wait_for(page, "document.querySelector('.us-viewer').dataset.wipe === '0.500'")
    assert page.locator(".us-name").all_inner_texts() == ["Ground Truth", "Output"]
    box = page.locator(".us-stage").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 40, box["y"] + 200, steps=4)
    page.mouse.up()
    until(lambda: float(viewer(page, "wipe")) > 0.55)


def test_the_difference_is_amplified_by_the_gain_and_exposure_reaches_the_picture(page):
    choose_sky(page)
    page.get_by_role("tab", name="Difference").first.click()
    shows(page, "gain=4")
    page.get_by_role("slider", name="Gain").first.fill("3")
    shows(page, "gain=8")
    page.get_by_role("slider", name="Exposure").first.fill("1.5")
    shows(page, "exposure=1.5")
    page.get_by_role("slider", name="Gamma").first.fill("2")
    shows(page, "gamma=2")


def test_previews_are_wiped_against_the_plate(page):
    choose_sky(page)
    page.get_by_role("button", name="Preview", exact=True).click()
    shows(page, "/previews/400/1003")
    page.get_by_role("tab", name="Wipe").first.click()
    shows(page, "part=plate")


def test_space_plays_arrows_step_and_r_refreshes(page):
    choose_sky(page)
    page.keyboard.press(" ")
    shows(page, "/contact-sheets/200")
    page.keyboard.press(" ")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("l")
    graph_has(page, log="true")
    with page.expect_response(lambda r: "/api/curves?" in r.url):
        page.keyboard.press("r")


def test_a_picture_that_cannot_be_shown_says_why(page, stage):
    run = add_run(stage.data, "torn", steps=100)
    run.contact_path(100).write_bytes(run.contact_path(100).read_bytes()[:200])
    row_of(page, "torn").locator('[col-id="name"]').click()
    page.locator(".us-stage .us-empty", has_text="torn_contact_0000100.png").wait_for()
    run.delete()
    row_of(page, "torn").wait_for(state="detached")
    page.complaints = [text for text in page.complaints if "422" not in text]


# -- live --------------------------------------------------------------------------------------------------


def test_curves_and_sheets_follow_the_files(page, stage):
    choose_sky(page)
    run = RunFolder.open(stage.data / "sky")
    last = len(run.read_summary())
    run.append_summary([{"step": last + 500, "loss": 0.5}])
    write(run.contact_path(last + 500), make_sheet(900))
    wait_for(page, f"Number(document.querySelector('.us-graph').dataset.last) >= {last + 500}")
    shows(page, f"/contact-sheets/{last + 500}")
    assert cell(page, "sky", "loss").inner_text() == "0.5"
    run.truncate_summary(last)
    run.contact_path(last + 500).unlink()


def test_a_run_of_another_machine_appears_and_one_deleted_elsewhere_disappears(page, stage):
    run = add_run(stage.data, "farm", steps=60, created=time.time() - 50)
    row_of(page, "farm").wait_for()
    row_of(page, "farm").locator('[col-id="name"]').click()
    shutil.rmtree(run.path)
    row_of(page, "farm").wait_for(state="detached")
    page.get_by_text("Understudy", exact=True).wait_for()


def answered(page):
    """Wait until the monitor has handled what was done in the page so far, and its answers are here."""
    log = graph(page, "log")
    page.keyboard.press("l")
    graph_has(page, log="false" if log == "true" else "true")


def test_without_live_updates_nothing_moves_until_it_is_asked_for(page, stage):
    page.get_by_role("switch", name="Live Updates").click()
    answered(page)
    run = add_run(stage.data, "quiet", steps=60)
    assert "quiet" in [row["name"] for row in stage.call("GET", "/api/runs")["runs"]]  # the monitor knows it
    answered(page)
    assert row_of(page, "quiet").count() == 0
    page.keyboard.press("r")
    row_of(page, "quiet").wait_for()
    run.delete()
    page.get_by_role("switch", name="Live Updates").click()
    row_of(page, "quiet").wait_for(state="detached")


def test_damaged_folders_are_shown_as_text_and_break_nothing(page, stage):
    evil = stage.data / "<img src=x onerror=document.title='broken'>"
    evil.mkdir()
    (evil / "state.json").write_bytes(b"\xff\x00{")
    odd = add_run(stage.data, "odd", steps=50)
    odd.summary_path.write_bytes(os.urandom(5000))
    odd.contact_path(100).write_bytes(b"")
    row_of(page, "odd").wait_for()
    page.locator(".us-namecell", has_text="<img src=x").wait_for()
    page.locator(".us-namecell", has_text="<img src=x").click()
    page.locator(".us-advice", has_text="cannot be read").wait_for()
    row_of(page, "odd").locator('[col-id="name"]').click()
    assert page.title() == "Understudy"
    shutil.rmtree(evil)
    shutil.rmtree(odd.path)
    row_of(page, "odd").wait_for(state="detached")
    page.complaints = [text for text in page.complaints if "404" not in text and "422" not in text]


def test_what_the_api_does_not_have_is_refused_in_json_and_not_with_the_page(stage):
    for path in ("/api/nothing", "/api/runs/sky/nothing", "/api/"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            stage.call("GET", path)
        assert caught.value.code == 404, path
        assert "openapi.json" in json.load(caught.value)["error"]["remedy"], path


def test_a_training_that_goes_on_is_followed(page, stage):
    row_of(page, "live").locator('[col-id="name"]').click()
    shows(page, "/runs/live/contact-sheets/")
    step = stage.row("live")["step"]
    until(lambda: cell(page, "live", "state").inner_text() == "training")
    until(lambda: int(cell(page, "live", "step").inner_text().split(" ")[0].replace(",", "")) > step)
    until(lambda: cell(page, "live", "steps_per_second").inner_text() != "–")
    until(lambda: cell(page, "live", "time_left").inner_text() != "–")
