"""What changes in the data directory is seen soon, also among many runs."""

from __future__ import annotations

import time

from understudy.monitor.runs.watcher import SECONDS


def test_a_change_among_many_runs_is_seen_within_two_seconds(app_state, make_run):
    """The pause between two scans, and the CPU time of a scan, which a busy machine does not change."""
    runs = [make_run(f"run_{number:02d}", steps=1000) for number in range(40)]
    app_state.watcher.scan()
    runs[7].append_summary([{"step": 1001, "loss": 0.5}])
    began = time.thread_time()
    changes = app_state.watcher.scan()
    assert changes.curves == ["run_07"]
    assert SECONDS + time.thread_time() - began < 2.0
