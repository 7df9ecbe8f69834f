"""Stages and validation sheets on the page: their pictures, and a slider between two stages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from monitor_stage import read_png, shows, until, viewer

from understudy.runs import RunFolder
from understudy.training.contact_sheet import GAP, make_sheet, write_png
from understudy.training.stage_sheet import make_stage_sheet

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def flat(value: int) -> np.ndarray:
    return np.full((40, 60, 3), value, np.uint8)


def with_stages(run: RunFolder) -> RunFolder:
    """Two pictures at two stages: 60 is the picture, the result grows with the step, the matte is 250."""
    strips: dict[int, dict[int, np.ndarray]] = {1: {}, 2: {}}
    for step in (100, 200):
        for picture in (1, 2):
            strip = make_sheet([(flat(60), flat(step // 2 + picture), flat(250))])
            strips[picture][step] = strip
            write_png(run.stage_path(step, picture), strip)
        write_png(run.stage_sheet_path(step), make_stage_sheet(strips, matte=True))
        write_png(run.validation_path(step), make_sheet([(flat(10), flat(200), flat(100))]))
    return run


@pytest.fixture
def run(make_run: Callable[..., RunFolder]) -> RunFolder:
    return with_stages(make_run("sky"))


@pytest.mark.parametrize(("part", "value"), [("picture", 60), ("result", 102), ("mask", 250)])
def test_each_part_of_a_picture_at_a_stage_is_served(
    api: Any, run: RunFolder, tmp_path: Path, part: str, value: int
) -> None:
    answer = api.get(f"/api/runs/sky/stages/200/2?part={part}")
    assert answer.status_code == 200
    pixels = read_png(answer.content, tmp_path)
    assert pixels.shape[:2] == (40 + 2 * GAP, 60 + 2 * GAP) and (pixels[20, 30] == value).all()


def test_sheets_of_stages_and_of_validation_are_served(api: Any, run: RunFolder) -> None:
    for path in ("stages/200", "stages/100/1?part=strip", "validation-sheets/100?part=difference"):
        answer = api.get(f"/api/runs/sky/{path}")
        assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    for path in ("stages/300", "stages/200/3", "validation-sheets/7"):
        assert api.get(f"/api/runs/sky/{path}").status_code == 404
    assert api.get("/api/runs/sky/stages/200/0").status_code == 422


def test_a_run_tells_its_stages(api: Any, run: RunFolder) -> None:
    details = api.get("/api/runs/sky").json()
    assert details["validation_steps"] == [100, 200] and details["stages"] == 2
    assert {"step": 200, "picture": 2} in details["stage_list"] and len(details["stage_list"]) == 4


@pytest.mark.browser
def test_two_stages_are_compared_with_a_slider(
    start_monitor: Callable[..., Any],
    open_page: Callable[..., Any],
    make_run: Callable[..., RunFolder],
    data: Path,
) -> None:
    with_stages(make_run("sky"))
    page = open_page(start_monitor(data).url)
    page.locator('.ag-row[row-id="sky"] [col-id="name"]').click()
    shows(page, "/runs/sky/contact-sheets/200")
    page.get_by_role("button", name="Stages", exact=True).click()
    shows(page, "/stages/200/1?part=result")
    shows(page, "/stages/100/1?part=result")
    assert page.locator(".us-name").all_inner_texts() == ["First stage", "This stage"]
    box = page.locator(".us-stage").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + 200, steps=4)
    page.mouse.up()
    until(lambda: float(viewer(page, "wipe")) > 0.52)
    page.get_by_role("tab", name="Sheet").first.click()
    shows(page, "/runs/sky/stages/200")
    page.get_by_role("button", name="Validation", exact=True).click()
    shows(page, "/validation-sheets/200")
    page.get_by_role("button", name="Stages", exact=True).click()
    assert page.complaints == []
