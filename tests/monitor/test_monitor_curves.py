"""Summaries are read once and then only on; what is damaged in them is passed over."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.monitor.runs.curves import CurveStore
from understudy.runs import summary


def rows(first, last, **more):
    return [{"step": step, "loss": 1.0 / step, "time": step * 0.5, **more} for step in range(first, last + 1)]


def test_steps_added_to_the_file_are_added_to_the_curve(tmp_path):
    path, store = tmp_path / "a.summary", CurveStore()
    summary.append(path, rows(1, 100))
    first = store.read(path)
    summary.append(path, rows(101, 150))
    second = store.read(path)
    assert (len(first), len(second)) == (100, 150)
    assert second.losses[149] == pytest.approx(1 / 150)
    assert first.version != second.version
    assert store.read(path).version == second.version


def test_a_half_written_last_line_counts_when_it_is_whole(tmp_path):
    path, store = tmp_path / "a.summary", CurveStore()
    path.write_bytes(b'{"step":1,"loss":0.5}\n{"step":2,"lo')
    assert store.read(path).last_step == 1
    with path.open("ab") as file:
        file.write(b'ss":0.25}\n')
    assert store.read(path).losses.tolist() == [0.5, 0.25]


def test_a_file_cut_back_by_a_resumed_run_is_read_anew(tmp_path):
    path, store = tmp_path / "a.summary", CurveStore()
    summary.append(path, rows(1, 100))
    store.read(path)
    summary.truncate(path, 60)
    summary.append(path, rows(61, 200, held_out=3.0))
    curve = store.read(path)
    assert np.array_equal(curve.steps, np.arange(1, 201))
    assert curve.held_out_steps[0] == 61


def test_a_step_that_comes_twice_counts_as_it_came_last(tmp_path):
    path, store = tmp_path / "a.summary", CurveStore()
    summary.append(path, rows(1, 10))
    store.read(path)
    summary.append(path, [{"step": 8, "loss": 7.0}, {"step": 9, "loss": 8.0}])
    curve = store.read(path)
    assert curve.steps.tolist() == list(range(1, 11))
    assert curve.losses[7] == 7.0


DAMAGE = [
    b"\x00\xff\xfe",
    b"[1,2]",
    b'"text"',
    b"null",
    b'{"loss":1}',
    b'{"step":"x"}',
    b'{"step":1e999}',
    b"{" * 5000,
]


@pytest.mark.parametrize("line", DAMAGE, ids=lambda line: repr(line[:12]))
def test_a_damaged_line_costs_only_itself(tmp_path, line):
    path = tmp_path / "a.summary"
    path.write_bytes(b'{"step":1,"loss":0.5}\n' + line + b'\n{"step":3,"loss":0.25}\n')
    assert CurveStore().read(path).steps.tolist() == [1, 3]


def test_a_loss_that_is_no_number_leaves_a_hole(tmp_path):
    path = tmp_path / "a.summary"
    lines = [
        {"step": 1, "loss": None},
        {"step": 2, "loss": "x"},
        {"step": 3, "loss": [1]},
        {"step": 4, "loss": 1},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    curve = CurveStore().read(path)
    assert np.isnan(curve.losses[:3]).all() and curve.losses[3] == 1.0


@given(st.binary(max_size=400))
def test_no_content_of_a_summary_raises(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("s") / "a.summary"
    path.write_bytes(content)
    curve = CurveStore().read(path)
    assert len(curve.steps) == len(curve.losses)


def test_a_summary_that_is_a_link_or_went_away_is_an_empty_curve(tmp_path):
    path, store = tmp_path / "a.summary", CurveStore()
    summary.append(tmp_path / "elsewhere", rows(1, 5))
    path.symlink_to(tmp_path / "elsewhere")
    assert len(store.read(path)) == 0
    path.unlink()
    summary.append(path, rows(1, 5))
    assert len(store.read(path)) == 5
    os.unlink(path)
    assert len(store.read(path)) == 0
