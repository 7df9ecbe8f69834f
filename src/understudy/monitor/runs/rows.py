"""One run as a row of the table."""

from __future__ import annotations

import math

from pydantic import BaseModel

from understudy.monitor.runs.curves import Curve
from understudy.runs import RunFolder, RunState
from understudy.runs.state import is_fresh

UNKNOWN = 1 << 40  # Total Steps before the speed is known


class HeldOut(BaseModel):
    """The best score on the held-out pair; ``values``: that of each of several mattes, by its name."""

    step: int
    metric: str = ""
    value: float | None = None
    frame: int | None = None
    values: dict[str, float] = {}


class RunRow(BaseModel):
    """How a run is doing. ``state``: starting, training, stopped, stopped (lost), finished, failed, damaged.

    Times are unix seconds; ``total`` is 0 while it is not known; ``steps_per_second`` and ``time_left`` are
    there only while it trains.
    ``pace`` is the last known speed.
    ``contact_sheets``, ``previews``, ``validation_sheets``, ``stages`` and ``checkpoints`` count files.
    """

    name: str
    state: str
    reason: str = ""
    busy: bool = False
    step: int = 0
    total: int = 0
    loss: float | None = None
    held_out: HeldOut | None = None
    steps_per_second: float | None = None
    time_left: float | None = None
    model_size: str = ""
    pairs: int = 0
    batch_size: int | None = None
    pace: float | None = None
    created: float = 0.0
    updated: float = 0.0
    host: str = ""
    contact_sheets: int = 0
    previews: int = 0
    validation_sheets: int = 0
    stages: int = 0
    checkpoints: int = 0
    last_checkpoint: int = 0


def row_of(run: RunFolder, state: RunState, written: float, curve: Curve) -> RunRow:
    """The row of ``run``. ``written``: the modification time of its state.json, in unix seconds."""
    busy = is_fresh(state, written)
    saved = run.checkpoints()
    lost = state.state in ("starting", "training") and not busy
    row = RunRow(
        name=run.name,
        state="stopped (lost)" if lost else state.state,
        reason="the process that trained it is gone; resume goes on" if lost else state.reason[:500],
        busy=busy,
        step=_whole(max(state.step, curve.last_step)),
        total=_whole(state.total) if state.total < UNKNOWN else 0,
        loss=_finite(curve.last_loss if len(curve) else state.loss),
        model_size=state.model_size[:40],
        pairs=_whole(state.pairs),
        batch_size=_batch(state),
        pace=_finite(state.steps_per_second),
        created=_finite(state.created) or 0.0,
        updated=_finite(state.updated) or 0.0,
        host=state.host[:200],
        contact_sheets=len(run.contact_sheets()),
        previews=len(run.previews()),
        validation_sheets=len(run.validation_sheets()),
        stages=len(run.stage_sheets()),
        checkpoints=len(saved),
        last_checkpoint=saved[-1][0] if saved else 0,
    )
    best = state.best_held_out
    if best is not None:
        row.held_out = HeldOut(
            step=_whole(best.step),
            metric=best.metric[:40],
            value=_finite(best.value),
            frame=best.frame,
            values={name[:200]: value for name, value in best.values.items() if math.isfinite(value)},
        )
    if busy:
        row.steps_per_second, row.time_left = _finite(state.steps_per_second), _finite(state.time_left)
    return row


def _batch(state: RunState) -> int | None:
    size = state.plan.get("batch_size")
    return _whole(size) if isinstance(size, int) and not isinstance(size, bool) else None


def _whole(value: int) -> int:
    """A count that any reader of JSON can hold."""
    return min(max(value, 0), 2**53)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
