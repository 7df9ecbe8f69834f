"""Advice on a run, derived from its loss curve, its held-out scores and its pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel

from understudy.monitor.runs.curves import Curve
from understudy.monitor.runs.rows import RunRow

FEWEST = 40  # steps; below this there is no advice from the curve
FALLING = 0.03  # of the loss, from one quarter of the run to the next
SPIKES = 4.0
HIGHER_IS_BETTER = ("db", "psnr", "iou", "ssim")


class Advice(BaseModel):
    """One piece of advice. ``kind``: good (nothing to do), try (something to do), wait, warn."""

    kind: Literal["good", "try", "wait", "warn"]
    title: str
    text: str


@dataclass(frozen=True)
class Figures:
    """What is known of a run. ``to_paint``: the frames farthest from the painted ones; ``warnings``: what is
    wrong with its pairs; ``has_preview``: whether it has a preview, a plate frame without ground truth."""

    row: RunRow
    curve: Curve
    model_size: str = "medium"
    crop_size: int = 256
    to_paint: Sequence[int] = ()
    warnings: Sequence[str] = ()
    has_preview: bool = False


def advise(figures: Figures) -> list[Advice]:
    """The advice for a run, the most pressing first; never empty."""
    pressing = [*_state_advice(figures), *_pairs_advice(figures)]
    if len(figures.curve) < FEWEST:
        return [*pressing, _too_early(figures)]
    found = [*pressing, *_spike_advice(figures), *_held_out_advice(figures), *_trend_advice(figures)]
    return found + _preview_advice(figures)


def _too_early(figures: Figures) -> Advice:
    return Advice(
        kind="wait",
        title="Too early to say",
        text=f"{len(figures.curve)} steps are too few to read a curve from. Look at the contact sheet first: "
        "do input and ground truth show the same place, and only the wanted change?",
    )


def _state_advice(figures: Figures) -> list[Advice]:
    row = figures.row
    if row.state == "failed":
        text = f"{row.reason or 'No reason was written down.'} What was saved is kept."
        return [Advice(kind="warn", title="The training failed", text=text)]
    if row.state == "stopped (lost)":
        text = "A crash, a kill, or a machine that went off. Resume goes on from the last save."
        return [Advice(kind="warn", title="The process is gone", text=text)]
    if row.state == "damaged":
        return [Advice(kind="warn", title="This run cannot be read", text=row.reason)]
    return []


def _pairs_advice(figures: Figures) -> list[Advice]:
    text = " ".join(figures.warnings)
    return [Advice(kind="warn", title="Look at the pairs", text=text)] if text else []


def _quarters(curve: Curve) -> list[float]:
    """The typical loss of each quarter of the run."""
    parts = np.array_split(curve.losses, 4)
    return [float(np.nanmedian(part)) if np.isfinite(part).any() else float("nan") for part in parts]


def change(curve: Curve) -> float:
    """The relative change of the loss from the third quarter to the last; negative when it falls."""
    *_, before, now = _quarters(curve)
    return (now - before) / before if before > 0 else 0.0


def _spike_advice(figures: Figures) -> list[Advice]:
    if not np.isfinite(figures.curve.losses[-10:]).any():
        text = "The last losses are no numbers. Lower the Learning Rate, or set Precision to float32."
        return [Advice(kind="warn", title="The training has come apart", text=text)]
    if change(figures.curve) > 0.25:
        text = (
            "The loss rises. Stop, and start again with a lower Learning Rate, or from an earlier checkpoint."
        )
        return [Advice(kind="warn", title="Getting worse", text=text)]
    return []


def _trend_advice(figures: Figures) -> list[Advice]:
    moved, busy = change(figures.curve), figures.row.busy
    if moved > 0.25:
        return []
    if moved < -FALLING:
        how = f"The loss still falls: {-moved:.0%} lower in the last quarter than in the one before. "
        if busy:
            return [Advice(kind="wait", title="Still falling", text=how + "Let it go on.")]
        return [
            Advice(kind="try", title="Still falling", text=how + "Resume it with more Epochs or more time.")
        ]
    larger = _larger(figures)
    text = (
        "The loss is flat. If the result looks right, it is done: apply it. "
        f"If the output on the contact sheet is still wrong, more steps will not help; {larger}."
    )
    return [Advice(kind="good", title="Flat", text=text)]


def _larger(figures: Figures) -> str:
    sizes = {"small": "medium", "medium": "large"}
    choices = []
    if figures.model_size in sizes:
        choices.append(f"Model Size {sizes[figures.model_size]}")
    if figures.crop_size < 512:
        choices.append(f"Crop Size {figures.crop_size * 2}")
    return "try " + " or ".join(choices) if choices else "look at the pairs instead"


def _held_out_advice(figures: Figures) -> list[Advice]:
    """Overfitting: the training loss falls while the held-out score gets worse."""
    curve, best = figures.curve, figures.row.held_out
    if len(curve.held_out) < 3:
        return []
    values = curve.held_out if not _higher_is_better(best.metric if best else "") else -curve.held_out
    top = int(np.argmin(values))
    since = len(values) - 1 - top
    span = float(np.ptp(values)) or 1.0
    worse = (values[-1] - values[top]) / span
    if since < max(2, len(values) // 4) or worse < 0.05 or change(curve) > 0:
        return []
    step = int(curve.held_out_steps[top])
    text = (
        f"The pairs are learned ever better, the held-out frame was best at step {step} and has become worse "
        f"since. More steps will not help, more pairs will{_which(figures.to_paint)}. Until then use the "
        "best checkpoint: that is what Apply takes."
    )
    return [Advice(kind="try", title="Paint more frames", text=text)]


def _higher_is_better(metric: str) -> bool:
    return any(word in metric.lower() for word in HIGHER_IS_BETTER)


def _which(frames: Sequence[int]) -> str:
    if not frames:
        return ""
    return f": the frames farthest from those painted are {', '.join(map(str, frames))}"


def _preview_advice(figures: Figures) -> list[Advice]:
    if not figures.has_preview or not figures.row.previews or change(figures.curve) > 0:
        return []
    text = (
        "If the preview is wrong although curve and contact sheet are good, the plate has something that no "
        "pair shows: defocus, another framing, a shadow. Paint one of those frames"
        f"{_example(figures.to_paint)}, or fake the difference on pairs that you have: blur, crop or darken "
        "plate and ground truth alike."
    )
    return [Advice(kind="try", title="When the preview is wrong", text=text)]


def _example(frames: Sequence[int]) -> str:
    return f" ({frames[len(frames) // 2]}, for example)" if frames else ""
