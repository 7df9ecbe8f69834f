"""A data directory with runs, footage, a monitor over them, and what tests of the page ask of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import urllib.request
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from understudy.runs import RunFolder, RunState

STEPS = 400


def write(path, pixels):
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], 3, "uint8")
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    output.write_image(np.ascontiguousarray(pixels, np.uint8))
    output.close()


def picture(seed, width=96, height=64, shift=0):
    y, x = np.mgrid[:height, :width]
    rng = np.random.default_rng(seed)
    base = 110 + 60 * np.sin((x + shift) / 9 + seed) + 40 * np.cos(y / 7)
    return np.clip(
        np.stack([base, base * 0.9, 200 - base / 2], -1) + rng.normal(0, 4, (height, width, 1)), 0, 255
    )


def make_sheet(step):
    sheet = np.full((76, 76, 3), 30, np.uint8)
    for row in range(3):
        for column, value in enumerate((60, 200, min(200, 60 + step // 4))):
            sheet[4 + row * 24 : 24 + row * 24, 4 + column * 24 : 24 + column * 24] = value
    return sheet


def add_run(data, name, steps=STEPS, scale=1.0, created=0.0, **state):
    run = RunFolder.create(data, name)
    rows = [
        {"step": s, "loss": scale / s + scale * 0.01, "lr": 1e-3, "time": s * 0.1}
        for s in range(1, steps + 1)
    ]
    for row in rows[39::40]:
        row["held_out"] = 20 + row["step"] / 100
    run.append_summary(rows)
    for step in range(100, steps + 1, 100):
        write(run.contact_path(step), make_sheet(step))
    values = {"state": "finished", "step": steps, "total": steps, "model_size": "small", "pairs": 5}
    best = {"step": steps, "metric": "dB", "value": 24.0, "frame": 1003}
    run.write_state(RunState(**{**values, "created": created, "best_held_out": best, **state}))
    return run


class Stage:
    """A data directory with some runs, footage beside it, a monitor, and a training that goes on."""

    def __init__(self, root: Path, monitor_class) -> None:
        self.data, self.footage = root / "runs", root / "footage"
        self.data.mkdir()
        for side in ("plate", "truth"):
            (self.footage / side).mkdir(parents=True)
        for number in range(1001, 1007):
            plate = picture(number, shift=number * 2)
            write(self.footage / "plate" / f"plate.{number}.png", plate)
            if number in (1001, 1003, 1005):
                write(
                    self.footage / "truth" / f"truth.{number}.png", np.clip(plate * [1.2, 1.0, 0.7], 0, 255)
                )
        self.plate = str(self.footage / "plate" / "plate.####.png")
        self.truth = str(self.footage / "truth" / "truth.####.png")
        self._add_runs()
        self._monitor_class = monitor_class
        self.restart()

    def restart(self):
        self.monitor = self._monitor_class(self.data, self.footage)
        self.monitor.wait()
        self.url = self.monitor.url

    def _add_runs(self):
        sky = add_run(self.data, "sky", created=300.0)
        paths = f'input = ["{self.plate}"]\nground_truth = ["{self.truth}"]\n'
        settings = f'{paths}crop_size = 64\npreview = "{self.plate}"\n'
        sky.settings_path.write_text(settings + f'data_directory = "{self.data}"\n')
        for step in (200, 400):
            write(sky.preview_path(step, 1003), picture(1003, shift=2006) * 0.8)
        add_run(self.data, "sea", scale=2.0, created=200.0, state="stopped", total=2 * STEPS)
        add_run(self.data, "sand", scale=0.5, created=100.0, state="failed", reason="The disk is full.")

    def call(self, method, path, **body):
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=json.dumps(body).encode() if method != "GET" else None,
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def train(self, name, **settings):
        values = {
            "input": [self.plate],
            "ground_truth": [self.truth],
            "name": name,
            "model_size": "small",
            "crop_size": 32,
            "batch_size": 2,
            "devices": "cpu",
            "contact_sheet_interval": 20,
            "checkpoint_interval": 40,
            **settings,
        }
        return self.call("POST", "/api/runs", settings=values)

    def row(self, name):
        return self.call("GET", f"/api/runs/{name}")

    def end_jobs(self):
        for job in self.call("GET", "/api/jobs"):
            if job["state"] == "running":
                with contextlib.suppress(ProcessLookupError):
                    os.kill(job["process"], signal.SIGKILL)


def until(condition, seconds=120.0):
    """Wait until ``condition()`` is true and return its value. ``seconds`` are for a machine that is busy:
    only a test that fails takes so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"it did not happen within {seconds:.0f} seconds")


def cells(page, column):
    """The texts of a column from top to bottom; read at once, as cells come and go while one looks."""
    placed = page.eval_on_selector_all(
        f'.ag-center-cols-container .ag-cell[col-id="{column}"]',
        "cells => cells.map(cell => [cell.getBoundingClientRect().y, cell.innerText])",
    )
    return [text for _, text in sorted(placed)]


def row_of(page, name):
    return page.locator(f'.ag-center-cols-container .ag-row[row-id="{name}"]')


def cell(page, name, column):
    return page.locator(f'.ag-row[row-id="{name}"] .ag-cell[col-id="{column}"]')


def graph(page, key):
    return page.evaluate(f"document.querySelector('.us-graph').dataset.{key}")


def viewer(page, key):
    return page.evaluate(f"document.querySelector('.us-column .us-viewer').dataset.{key} || ''")


def menu(page, name, words):
    row_of(page, name).locator('[col-id="name"]').click(button="right")
    page.get_by_text(words, exact=True).click()


def notified(page, words):
    page.locator(".q-notification", has_text=words).first.wait_for()


def wait_for(page, expression):
    page.wait_for_function(expression)


def shows(page, text):
    """Wait until the large viewer of the page shows a picture whose address has ``text`` in it."""
    page.wait_for_function(
        "text => document.querySelector('.us-column .us-viewer').dataset.shown?.includes(text)", arg=text
    )


def graph_has(page, **values):
    """Wait until the graph says this of itself: curves="4", span="" (all of it), range=""."""
    for name, value in values.items():
        page.wait_for_function(
            "([name, value]) => (document.querySelector('.us-graph').dataset[name] ?? '') === value",
            arg=[name, value],
        )


def zoomed(page, name):
    """Wait until the graph shows a part only: of its span or its range."""
    page.wait_for_function("name => document.querySelector('.us-graph').dataset[name]", arg=name)


def read_png(data: bytes, tmp_path: Path) -> np.ndarray:
    """The uint8 pixels of PNG bytes."""
    path = tmp_path / "answer.png"
    path.write_bytes(data)
    found = oiio.ImageInput.open(str(path))
    assert found, oiio.geterror()
    pixels = found.read_image("uint8")
    found.close()
    return np.asarray(pixels)
