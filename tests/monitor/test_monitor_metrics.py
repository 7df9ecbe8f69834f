"""Figures of validation and terms of the loss, in the place of the curves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from monitor_stage import shows, until

from understudy.runs import RunFolder


def measured(run: RunFolder) -> RunFolder:
    """300 more steps, whose loss has two terms, and a validation after every hundred."""
    rows: list[dict[str, Any]] = []
    for step in range(201, 501):
        row = {"step": step, "loss": 3.0, "lr": 1e-3, "time": step * 0.1, "parts": {"l1": 1.0, "l2": 2.0}}
        if step % 100 == 0:
            row |= {"held_out": 0.5, "validation": {"IoU": 0.5, "MAE": step / 1000}}
        rows.append(row)
    run.append_summary(rows)
    return run


def test_a_figure_and_a_term_are_served_in_the_place_of_the_curves(
    api: Any, make_run: Callable[..., RunFolder]
) -> None:
    measured(make_run("sky"))
    plain = api.get("/api/runs/sky/summary").json()
    assert (plain["metrics"], plain["terms"]) == (["IoU", "MAE"], ["l1", "l2"])
    assert plain["held_out"] == [0.5, 0.5, 0.5] and plain["steps"] == 500
    chosen = api.get("/api/runs/sky/summary?metric=MAE&term=l2").json()
    assert (chosen["metric"], chosen["held_out"]) == ("MAE", [0.3, 0.4, 0.5])
    assert set(chosen["loss"]) == {2.0} and min(chosen["step"]) == 201
    other = api.get("/api/curves?run=sky&metric=dB&term=bce").json()["curves"][0]
    assert other["held_out"] == [0.5, 0.5, 0.5] and other["steps"] == 500


def test_damaged_figures_do_no_harm(api: Any, make_run: Callable[..., RunFolder]) -> None:
    run = make_run("sky")
    run.append_summary(
        [
            {"step": 201, "loss": 1.0, "parts": "none", "held_out": 1.0, "validation": [1]},
            {"step": 202, "loss": 1.0, "parts": {"l1": "x"}, "held_out": 1.0, "validation": {"IoU": None}},
        ]
    )
    answer = api.get("/api/runs/sky/summary?metric=IoU&term=l1")
    assert answer.status_code == 200 and answer.json()["held_out"] == [None, None]


@pytest.mark.browser
def test_the_page_offers_the_figures_that_a_run_has(
    start_monitor: Callable[..., Any],
    open_page: Callable[..., Any],
    make_run: Callable[..., RunFolder],
    data: Path,
) -> None:
    measured(make_run("sky"))
    page = open_page(start_monitor(data).url)
    page.locator('.ag-row[row-id="sky"] [col-id="name"]').click()
    shows(page, "/runs/sky/contact-sheets/200")
    page.get_by_label("Figure of validation").click()
    page.get_by_role("option", name="MAE").click()
    until(lambda: page.evaluate("document.querySelector('.us-graph').dataset.metric") == "MAE")
    with page.expect_response(lambda r: "term=l2" in r.url):
        page.get_by_label("Term of the loss").click()
        page.get_by_role("option", name="l2").click()
    assert page.complaints == []
