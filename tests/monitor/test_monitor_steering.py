"""Starting, stopping, resuming and applying from the page, with the program's own processes."""

from __future__ import annotations

import os
import signal
import time

import pytest
from monitor_stage import add_run, menu, notified, row_of, shows, until

from understudy.runs import RunFolder
from understudy.runs.state import is_alive

pytestmark = pytest.mark.browser


def field(page, label):
    return page.locator(".us-large:visible").get_by_label(label, exact=True)


def open_form(page):
    page.get_by_role("button", name="New Training").click()
    page.locator(".us-large:visible").get_by_role("button", name="Start Training").wait_for()


def fill_pairs(page, stage):
    field(page, "Input").fill(stage.plate)
    field(page, "Ground Truth").fill(stage.truth)


def shown(page):
    """The addresses of what the viewers of the large dialogs show."""
    viewers = page.locator(".us-large .us-viewer").all()
    return " ".join(viewer.get_attribute("data-shown") or "" for viewer in viewers)


def test_the_form_has_the_settings_in_copycats_order_with_help_units_and_defaults(page):
    open_form(page)
    form = page.locator(".us-large:visible .us-form")
    text = form.inner_text()
    labels = [
        "Input",
        "Ground Truth",
        "Preview",
        "Frames",
        "Name",
        "Epochs",
        "Max Steps",
        "Time Limit",
        "Advanced",
    ]
    places = [form.get_by_text(label, exact=True).first.bounding_box()["y"] for label in labels]
    assert places == sorted(places)
    assert "A plate without ground truth" in text and "10m, 1h30m" in text
    assert not form.get_by_label("Crop Size").is_visible()
    form.get_by_text("Advanced", exact=True).click()
    form.get_by_label("Crop Size").wait_for()
    assert form.get_by_label("Crop Size").get_attribute("placeholder") == "256"


@pytest.mark.parametrize("held", [0, 700], ids=["quick", "slow"])
def test_a_path_completes_as_one_types_and_sequences_are_recognised(page, stage, held):
    """``held``: milliseconds that the button stays down; the offers stay open meanwhile."""
    open_form(page)
    field(page, "Input").click()
    field(page, "Input").press_sequentially(str(stage.footage) + "/pl")
    page.locator(".us-offer", has_text="plate").click(delay=held)
    page.locator(".us-offer", has_text="plate.####.png").click(delay=held)
    until(lambda: field(page, "Input").input_value() == stage.plate)


def test_a_path_outside_of_the_folders_is_refused_in_the_page(page, stage):
    open_form(page)
    field(page, "Input").fill("/etc/plate.####.png")
    field(page, "Ground Truth").fill(stage.truth)
    page.locator(".us-stage .us-empty", has_text="outside of the folders").wait_for()
    page.keyboard.press("Escape")


def test_the_pairs_show_with_a_wipe_and_the_total_steps_before_anything_starts(page, stage):
    open_form(page)
    fill_pairs(page, stage)
    page.locator(".us-chosen", has_text="3, 96 x 64").wait_for()
    until(lambda: "number=1001" in shown(page))
    large = page.locator(".us-large:visible")
    page.keyboard.press("Escape") if page.locator(".us-offers:visible").count() else None
    large.get_by_role("tab", name="Side by side").click()
    large.get_by_role("tab", name="Difference").click()
    until(lambda: "/api/footage/difference" in shown(page))
    field(page, "Epochs").fill("50")
    large.get_by_text("Advanced", exact=True).click()
    field(page, "Batch Size").fill("3")
    large.locator(".us-facts", has_text="50").wait_for()
    assert not any(path.name.startswith("Training_") for path in stage.data.iterdir())


def test_a_wrong_value_is_said_at_its_field(page, stage):
    open_form(page)
    fill_pairs(page, stage)
    page.locator(".us-large:visible").get_by_text("Advanced", exact=True).click()
    field(page, "Crop Size").fill("17")
    page.locator(".q-field--error", has_text="from 32 to 1024").wait_for()


def test_an_empty_frame_that_is_painted_is_said_at_its_field(page, stage):
    open_form(page)
    fill_pairs(page, stage)
    field(page, "Empty Frames").fill("1001")
    page.locator(".q-field--error", has_text="painted and empty").wait_for()


def test_pairs_in_the_wrong_order_are_noticed_before_the_training(page, stage):
    swapped = stage.footage / "swapped"
    swapped.mkdir(exist_ok=True)
    for one, other in ((1001, 1005), (1003, 1001), (1005, 1003)):
        (swapped / f"truth.{one}.png").write_bytes(
            (stage.footage / "truth" / f"truth.{other}.png").read_bytes()
        )
    open_form(page)
    field(page, "Input").fill(stage.plate)
    field(page, "Ground Truth").fill(str(swapped / "truth.####.png"))
    page.locator(".us-notes.warn", has_text="the ground truth is that of frame").wait_for()


def start(page, stage, name, **values):
    open_form(page)
    fill_pairs(page, stage)
    field(page, "Name").fill(name)
    if "Time Limit" in values:
        field(page, "Time Limit").fill(values.pop("Time Limit"))
    page.locator(".us-large:visible").get_by_text("Advanced", exact=True).click()
    for label, value in {"Batch Size": "2", "Crop Size": "32", "Devices": "cpu", **values}.items():
        field(page, label).fill(value)
    field(page, "Model Size").click()
    page.get_by_role("option", name="small").click()
    page.get_by_role("button", name="Start Training").click()
    row_of(page, name).wait_for()


def read_state(stage, name):
    return RunFolder.open(stage.data / name).read_state()


def test_a_training_started_stopped_resumed_and_given_another_limit_from_the_page(page, stage):
    start(page, stage, "ours", **{"Time Limit": "30m", "Contact Sheet Interval": "10"})
    shows(page, "/runs/ours/contact-sheets/")
    assert 'name = "ours"' in (stage.data / "ours" / "settings.toml").read_text()
    menu(page, "ours", "Stop and Keep")
    notified(page, "stop after the step")
    until(lambda: stage.row("ours")["state"] == "stopped")
    step = stage.row("ours")["step"]
    assert stage.row("ours")["checkpoint_steps"][-1] == step > 0

    menu(page, "ours", "Resume …")
    page.locator(".us-dialog").get_by_role("button", name="Resume").click()
    until(lambda: stage.row("ours")["busy"] and stage.row("ours")["step"] > step)

    menu(page, "ours", "Change the Limit …")
    page.locator(".us-dialog").get_by_label("Max Steps").fill("100000")
    page.locator(".us-dialog").get_by_role("button", name="Change").click()
    until(lambda: stage.row("ours")["total"] == 100_000)
    process = next(job["process"] for job in stage.call("GET", "/api/jobs") if job["run"] == "ours")

    stage.monitor.close()  # what trains goes on without the monitor
    step = read_state(stage, "ours").step
    until(lambda: read_state(stage, "ours").step > step)
    assert is_alive(process)
    stage.restart()
    page.goto(stage.url)
    row_of(page, "ours").wait_for()
    assert stage.row("ours")["busy"]
    menu(page, "ours", "Stop and Keep")
    until(lambda: stage.row("ours")["state"] == "stopped")
    page.complaints.clear()


def test_a_result_is_made_and_played_against_the_plate(page, stage):
    until(lambda: stage.row("ours")["state"] == "stopped")
    row_of(page, "ours").locator('[col-id="name"]').click()
    menu(page, "ours", "Apply to a Plate …")
    assert field(page, "Model File").input_value() == str(stage.data / "ours")
    field(page, "Input").fill(stage.plate)
    field(page, "Output").fill(str(stage.footage / "result" / "result.####.png"))
    page.locator(".us-large:visible .us-foot").get_by_role("button", name="Apply").click()
    page.locator(".us-job", has_text="finished, 6 of 6").wait_for(timeout=240_000)
    assert len(list((stage.footage / "result").iterdir())) == 6
    until(lambda: "result.%23%23%23%23.png" in shown(page) and "number=1001" in shown(page))
    page.keyboard.press(" ")
    until(lambda: "number=1004" in shown(page))
    page.keyboard.press(" ")


def test_an_apply_that_is_refused_says_why_in_the_page(page, stage):
    row_of(page, "sky").locator('[col-id="name"]').click()
    page.locator(".us-head").get_by_role("button", name="Apply", exact=True).first.click()
    field(page, "Input").fill(stage.plate)
    field(page, "Output").fill(str(stage.footage / "never"))
    page.locator(".us-large:visible .us-foot").get_by_role("button", name="Apply").click()
    page.locator(".us-notes.bad", has_text="has no checkpoint yet").wait_for()


def test_the_settings_of_a_run_are_duplicated_into_a_new_one(page, stage):
    menu(page, "sky", "Duplicate into a New Training …")
    until(lambda: field(page, "Input").input_value() == stage.plate)
    assert field(page, "Crop Size").input_value() == "64"
    assert field(page, "Name").input_value() == ""


def test_a_training_that_is_refused_after_its_start_is_said_in_the_page(page, stage):
    stage.train("refused", devices="cuda:77")
    notified(page, "refused failed")
    assert not (stage.data / "refused").exists()


def test_a_killed_training_is_shown_as_lost(page, stage):
    run = add_run(stage.data, "lost", steps=50, state="training", process=os.getpid(), heartbeat=time.time())
    from understudy.runs.state import this_host

    state = run.read_state()
    child = os.fork()
    if child == 0:
        time.sleep(280)
        os._exit(0)
    run.write_state(state.model_copy(update={"process": child, "host": this_host()}))
    until(lambda: "training" in row_of(page, "lost").inner_text())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    until(lambda: "stopped (lost)" in row_of(page, "lost").inner_text())
    run.delete()
