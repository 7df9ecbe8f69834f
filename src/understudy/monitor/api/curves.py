"""/api/curves and /api/runs/{name}/summary: the loss against the step, downsampled for display."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel

from understudy.colour.overlay import hex_of
from understudy.errors import UnderstudyError
from understudy.monitor.api.common import AppStateDep, RunName, error_responses
from understudy.monitor.app_state import AppState
from understudy.monitor.runs.curves import Curve
from understudy.monitor.runs.downsampling import downsample, four_digits, smooth

router = APIRouter(tags=["curves"])
MOST_RUNS = 50
BUDGET = 5600  # points of the plain curves in one answer, all runs together; below 200 kB in JSON
FEWEST = 60

MetricName = Annotated[
    str, Query(max_length=200, description="Of validation: this figure, where the run has it.")
]
TermName = Annotated[str, Query(max_length=200, description="This term of the loss, where the run has it.")]
FromStep = Annotated[int | None, Query(ge=0, le=10**15, description="First step; none: from the start.")]
ToStep = Annotated[int | None, Query(ge=0, le=10**15, description="Last step; none: to the end.")]
Points = Annotated[int, Query(ge=4, le=20_000, description="About how many points.")]
Smoothness = Annotated[float, Query(ge=0, le=1)]


class MatteCurve(BaseModel):
    """The scores of one of several mattes, at the steps of ``held_out_step``, and the colour of the matte."""

    name: str
    colour: str
    held_out: list[float | None]


class CurveResponse(BaseModel):
    """``step`` and ``loss`` keep every peak and dip; ``smooth_step`` and ``smooth`` are the smoothed curve;
    ``held_out_step`` and ``held_out`` the scores on the held-out pair, ``held_out_of`` those of each of
    several mattes; ``metrics`` what else is measured there, and ``terms`` what the loss consists of, each of
    which can be asked for in their place; ``checkpoints`` the steps of the .cat files. ``last_step`` and
    ``steps`` are of the whole run."""

    name: str
    step: list[int] = []
    loss: list[float | None] = []
    smooth_step: list[int] = []
    smooth: list[float | None] = []
    held_out_step: list[int] = []
    held_out: list[float | None] = []
    held_out_of: list[MatteCurve] = []
    metric: str = ""
    metrics: list[str] = []
    terms: list[str] = []
    checkpoints: list[int] = []
    best_step: int | None = None
    steps: int = 0
    last_step: int = 0


class Curves(BaseModel):
    curves: list[CurveResponse]


@router.get("/api/runs/{name}/summary", responses=error_responses(404))
def summary(
    app_state: AppStateDep,
    name: RunName,
    from_step: FromStep = None,
    to_step: ToStep = None,
    points: Points = 2000,
    smoothness: Smoothness = 0.6,
    metric: MetricName = "",
    term: TermName = "",
) -> CurveResponse:
    """The curve of one run."""
    return curve_response(app_state, name, (from_step, to_step), points, smoothness, (metric, term))


@router.get("/api/curves", responses=error_responses())
def curves(
    app_state: AppStateDep,
    run: Annotated[list[str], Query(max_length=MOST_RUNS, description="Names of runs.")],
    from_step: FromStep = None,
    to_step: ToStep = None,
    points: Points = 2000,
    smoothness: Smoothness = 0.6,
    metric: MetricName = "",
    term: TermName = "",
) -> Curves:
    """The curves of several runs, together small enough for one tick; runs that are gone are left out."""
    each = min(points, max(FEWEST, BUDGET // max(1, len(run))))
    found = []
    for name in dict.fromkeys(run):
        try:
            span = from_step, to_step
            found.append(curve_response(app_state, name, span, each, smoothness, (metric, term)))
        except UnderstudyError:
            continue
    return Curves(curves=found)


def curve_response(
    app_state: AppState,
    name: str,
    span: tuple[int | None, int | None],
    points: int,
    smoothness: float,
    chosen: tuple[str, str] = ("", ""),
) -> CurveResponse:
    """The part of a curve between two steps, in about ``points`` points. ``chosen``: a figure of validation,
    and a term of the loss, that are shown instead where the run has them."""
    run = app_state.run(name)
    curve = app_state.curves.read(run.summary_path)
    metrics, terms = list(curve.figures), list(curve.parts)
    metric, curve = _chosen(curve, *chosen)
    inside = _inside(curve.steps, span)
    steps, losses = curve.steps[inside], curve.losses[inside]
    kept = downsample(losses, points)
    state = run.read_state()
    answer = CurveResponse(name=name, steps=len(curve), last_step=curve.last_step)
    answer.step, answer.loss = steps[kept].tolist(), four_digits(losses[kept])
    answer.smooth_step, answer.smooth = _smoothed(curve, inside, points // 3, smoothness)
    _add_held_out(answer, curve, span, points // 3)
    answer.checkpoints = _few([step for step, _ in run.checkpoints()])
    if state.best_held_out is not None:
        answer.metric, answer.best_step = state.best_held_out.metric[:40], state.best_held_out.step
    answer.metric, answer.metrics, answer.terms = metric[:40] or answer.metric, metrics, terms
    return answer


def _chosen(curve: Curve, metric: str, term: str) -> tuple[str, Curve]:
    """The curve with a figure in the place of that which chooses the best, and a term in the place of the
    loss; the name of the figure, where it is another one."""
    shown = ""
    if metric in curve.figures:
        shown, curve = metric, replace(curve, held_out=curve.figures[metric], held_out_of={})
    if term in curve.parts:
        curve = replace(curve, steps=curve.part_steps, losses=curve.parts[term])
    return shown, curve


def _inside(steps: np.ndarray, span: tuple[int | None, int | None]) -> slice:
    """The steps in the span, and one more on each side, so that lines leave the picture."""
    low = 0 if span[0] is None else max(0, int(np.searchsorted(steps, span[0], "left")) - 1)
    high = len(steps) if span[1] is None else int(np.searchsorted(steps, span[1], "right")) + 1
    return slice(low, max(low, high))


def _smoothed(
    curve: Curve, inside: slice, points: int, smoothness: float
) -> tuple[list[int], list[float | None]]:
    if smoothness <= 0:
        return [], []
    values = smooth(curve.losses, smoothness)[inside]
    steps = curve.steps[inside]
    kept = downsample(values, max(points, FEWEST // 2))
    return steps[kept].tolist(), four_digits(values[kept])


def _add_held_out(
    answer: CurveResponse, curve: Curve, span: tuple[int | None, int | None], points: int
) -> None:
    inside = _inside(curve.held_out_steps, span)
    steps, values = curve.held_out_steps[inside], curve.held_out[inside]
    kept = downsample(values, points)
    answer.held_out_step, answer.held_out = steps[kept].tolist(), four_digits(values[kept])
    answer.held_out_of = [
        MatteCurve(name=name, colour=hex_of(index), held_out=four_digits(each[inside][kept]))
        for index, (name, each) in enumerate(curve.held_out_of.items())
    ]


def _few(steps: list[int], most: int = 100) -> list[int]:
    """Marks on the graph: evenly fewer when there are too many."""
    return steps if len(steps) <= most else steps[:: -(-len(steps) // most)] + steps[-1:]


class ValueAt(BaseModel):
    """The exact values of one run at the step nearest to the one asked for."""

    name: str
    step: int
    loss: float | None = None
    held_out: float | None = None


class ValuesAt(BaseModel):
    values: list[ValueAt]


@router.get("/api/curves/at", responses=error_responses())
def values_at(
    app_state: AppStateDep,
    run: Annotated[list[str], Query(max_length=MOST_RUNS)],
    step: Annotated[int, Query(ge=0, le=10**15)],
) -> ValuesAt:
    """What the curves of several runs are at a step, exactly; runs without that step are left out."""
    found = []
    for name in dict.fromkeys(run):
        try:
            curve = app_state.curves.read(app_state.run(name).summary_path)
        except UnderstudyError:
            continue
        if len(curve) and curve.steps[0] <= step <= curve.last_step:
            found.append(_value_at(name, curve, step))
    return ValuesAt(values=found)


def _value_at(name: str, curve: Curve, step: int) -> ValueAt:
    at = _nearest(curve.steps, step)
    loss = float(curve.losses[at])
    value = ValueAt(name=name, step=int(curve.steps[at]), loss=loss if np.isfinite(loss) else None)
    if len(curve.held_out_steps):
        value.held_out = float(curve.held_out[_nearest(curve.held_out_steps, step)])
    return value


def _nearest(steps: np.ndarray, step: int) -> int:
    return int(np.abs(steps - step).argmin())
