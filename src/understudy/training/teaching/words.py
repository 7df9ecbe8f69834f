"""What is said of corrections while a run learns them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from understudy.durations import duration_text
from understudy.frames import format_numbers
from understudy.training.teaching.due import Due
from understudy.training.teaching.lesson import Lesson
from understudy.training.teaching.material import Outcome

STAYS = (
    "The run goes on from the weights that it has, without what is undone: it has learned for itself since, "
    "or what it knew before is not kept any more."
)
RIGHT = 0.9
"""The share of a corrected place that has to be right, for it to be called so."""
GAIN, LOST = 1.0, 0.1
"""By how many decibels the corrected place of an image has to come nearer to its truth, and may go away."""
UNSEEN = 60.0
"""Decibels: from here on what a place is off is a quarter of a code value, which no one sees."""


def say_begun(due: Due, lesson: Lesson) -> str:
    """That a lesson begins, and what it is about."""
    long = f"{due.steps} steps" if due.steps else duration_text(due.seconds)
    time = f"for {long}" if lesson.alone else f"the run takes {long} longer"
    parts = []
    if due.undone is not None:
        parts.append(f"Correction {due.undone.id} is undone")
    told = [each for each in due.active if each.id in lesson.new]
    if told:
        frames = sorted({number for each in told for number in each.frames})
        numbers = ", ".join(str(each.id) for each in told)
        parts.append(f"Learning correction {numbers} (frames {format_numbers(tuple(frames))}): {time}")
    return "; ".join(parts) + "."


def say_graded(graded: Mapping[int, float]) -> str:
    """That frames have a grade of their own, by how much at most, in network values."""
    frames, most = format_numbers(tuple(sorted(graded))), 255 * max(graded.values())
    return (
        "The pairs differ in overall colour from frame to frame, and so do the corrected frames "
        f"{frames} (by up to {most:.0f} code values): the run learns what is painted there without that."
    )


def say_changed(changed: Mapping[int, Sequence[int]]) -> str:
    """That the plate is another one by now; ``changed``: frames, by the correction."""
    parts = [f"{format_numbers(tuple(frames))} (correction {number})" for number, frames in changed.items()]
    return (
        f"Warning: the plate has changed since these frames were corrected: {', '.join(parts)}. What was "
        "painted may not fit it any more: paint it anew, and take the old correction back with --undo."
    )


def say_fault(corrections: Sequence[int], outcome: Outcome, matte: bool) -> str:
    """What has gone wrong in a lesson; "" where it has gone well."""
    if _is_worse(outcome):
        take_back = " or ".join(f"--undo {number}" for number in corrections)
        return (
            "Warning: the corrected place is worse than before, so something else speaks against it. Look at "
            f"the frame; paint more of it, or further frames like it, or take it back ({take_back})."
        )
    if outcome.right < RIGHT and (matte or _gained(outcome) < GAIN):
        return (
            "Warning: the corrected place is not right yet. Give it longer (--time-limit 60s), or paint the "
            "same on further frames."
        )
    return ""


def _is_worse(outcome: Outcome) -> bool:
    if outcome.decibels is not None:
        return _gained(outcome) < -LOST and outcome.decibels[1] < UNSEEN
    return outcome.right < outcome.before


def _gained(outcome: Outcome) -> float:
    before, now = outcome.decibels or (0.0, 0.0)
    return now - before


def say_outcome(outcome: Outcome, matte: bool) -> str:
    """How a lesson has gone."""
    right = f"{outcome.right:.1%} of the corrected place is right now ({outcome.before:.1%} before)"
    if outcome.decibels is not None:
        before, now = outcome.decibels
        right = f"The corrected place is {now:.1f} dB from its truth now ({before:.1f} dB before)"
    how = "changed its matte" if matte else "changed by more than 2 code values"
    return f"{right}; of the other frames none {how} on more than {outcome.moved:.2%} of its pixels."
