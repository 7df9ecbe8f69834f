"""The first look at the page: quick, whole at every size, and with words where there is nothing to see."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from monitor_stage import add_run, graph_has, row_of, until, zoomed

from understudy.runs import RunFolder, RunState

OUTSIDE = """() => [...document.querySelectorAll('.us-page *')].filter(e => {
    const box = e.getBoundingClientRect();
    const clipped = e.closest('.ag-root-wrapper, .us-advice');
    return !clipped && box.width && (box.right > innerWidth + 1 || box.bottom > innerHeight + 1);
}).map(e => e.className)"""


@pytest.mark.browser
def test_nothing_overflows_at_any_size_and_every_asset_comes_from_this_machine(
    data, start_monitor, open_page
):
    for index in range(3):
        add_run(data, f"a_run_with_quite_a_long_name_for_its_effect_{index}", steps=100)
    monitor = start_monitor(data)
    for width, height in ((1280, 720), (1440, 900), (2560, 1440), (3840, 2160)):
        page = open_page(monitor.url, width, height)
        page.wait_for_selector(".ag-row")
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        last = page.locator('.ag-header-cell[col-id="pairs"]').bounding_box()
        table = page.locator(".us-table").bounding_box()
        assert width < 1400 or last["x"] + last["width"] <= table["x"] + table["width"] + 1
        assert page.complaints == []  # requests to other hosts among them


def add_long_runs(data, count, steps):
    noise = np.random.default_rng(1).lognormal(-3, 1, steps)
    text = "".join(f'{{"step":{s},"loss":{v!r},"lr":0.001}}\n' for s, v in enumerate(noise.tolist(), 1))
    for index in range(count):
        run = RunFolder.create(data, f"run_{index:02d}")
        run.summary_path.write_text(text)
        run.write_state(RunState(state="finished", step=steps, total=steps, created=float(index)))


def work_of(process):
    """Seconds of CPU time that a process has taken: the same on a machine that is busy with other things."""
    ticks = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def work_of_page(session):
    """The same for the page: its scripts, its layout and its painting."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in metrics}["TaskDuration"]


@pytest.mark.browser
@pytest.mark.skipif(sys.platform != "linux", reason="the CPU time of the monitor is read from /proc")
def test_twenty_runs_of_a_hundred_thousand_steps_are_two_seconds_of_work(data, start_monitor, open_page):
    add_long_runs(data, 20, 100_000)
    monitor = start_monitor(data)
    page = open_page(monitor.url)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = work_of(monitor.process.pid), work_of_page(session)
    page.reload()
    page.wait_for_function("document.querySelector('.us-graph')?.dataset.curves >= 8")
    page.wait_for_selector(".ag-row")
    after = work_of(monitor.process.pid), work_of_page(session)
    work = [now - then for now, then in zip(after, before, strict=True)]
    assert sum(work) < 2.0, work
    row_of(page, "run_19").locator('[col-id="name"]').click()
    page.keyboard.press("Control+a")
    row_of(page, "run_19").locator('[col-id="name"]').click(button="right")
    page.get_by_text("Show Curve", exact=True).click()
    graph_has(page, curves="20")
    with page.expect_response(lambda r: "/api/curves?" in r.url) as answer:
        page.keyboard.press("r")
    assert answer.value.url.count("run=") == 20 and len(answer.value.body()) < 200_000
    page.get_by_label("Zoom X in").click()
    zoomed(page, "span")


@pytest.mark.browser
def test_an_empty_data_directory_says_what_to_do(data, start_monitor, open_page):
    page = open_page(start_monitor(data).url)
    page.get_by_text("Start one with New Training").wait_for()
    page.get_by_text("The loss of each run shows here").wait_for()
    page.get_by_text("Contact sheets and previews show here").wait_for()
    page.get_by_text("Choose a run to read its figures.").wait_for()
    page.get_by_role("button", name="New Training").click()
    page.get_by_text("Name the plate and its ground truth on the left.").wait_for()
    add_run(data, "first", steps=100)
    page.keyboard.press("Escape")
    row_of(page, "first").wait_for()
    assert page.complaints == []


@pytest.mark.browser
def test_a_data_directory_that_goes_away_and_a_monitor_that_dies_are_said(data, start_monitor, open_page):
    add_run(data, "one", steps=100)
    monitor = start_monitor(data)
    page = open_page(monitor.url)
    row_of(page, "one").wait_for()
    data.rename(data.with_name("gone"))
    page.get_by_text("The data directory cannot be read").wait_for()
    data.with_name("gone").rename(data)
    row_of(page, "one").wait_for()
    monitor.process.kill()
    page.locator("#popup", has_text="onnection lost").wait_for()


@pytest.mark.browser
def test_a_browser_with_the_token_gets_in_and_one_without_does_not(data, start_monitor, open_page):
    add_run(data, "one", steps=100)
    token = "a-token-for-the-farm"
    monitor = start_monitor(data, wait=False, arguments=("--token", token))
    monitor.wait(headers={"authorization": f"Bearer {token}"})
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(monitor.url)
    page = open_page(f"{monitor.url}/?token={token}")
    row_of(page, "one").wait_for()
    assert "token" not in page.url
    until(lambda: page.evaluate("document.querySelector('.us-viewer').dataset.shown"))
    assert page.complaints == []
    monitor.process.send_signal(signal.SIGINT)
    said = monitor.process.communicate(timeout=120)[0]
    assert f"?token={token}" in said and str(data) in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--footage", "/nowhere/at/all"], "There is no such folder."),
        (["--token", "short"], "The token is too weak."),
        (["--host", "203.0.113.7"], "The monitor cannot listen there."),
        (["--port", "99999"], "port"),
        (["--root-path", "//elsewhere"], "--root-path"),
        (["--colour", "pink"], "--colour"),
    ],
)
def test_what_cannot_be_served_is_refused_before_it_begins(data, arguments, words):
    command = [sys.executable, "-m", "understudy", "monitor", str(data), "--port", "0", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=os.environ, check=False)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
