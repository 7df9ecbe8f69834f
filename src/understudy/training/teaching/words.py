"""What is said of corrections while a run learns them."""

from __future__ import annotations

from collections.abc import Mapping

from understudy.durations import duration_text
from understudy.frames import format_numbers
from understudy.training.teaching.lessons import Due
from understudy.training.teaching.material import Outcome


def say_begun(due: Due, alone: bool) -> str:
    """That a lesson begins, and what it is about."""
    long = f"{due.steps} steps" if due.steps else duration_text(due.seconds)
    time = f"for {long}" if alone else f"the run takes {long} longer"
    parts = []
    if due.undone is not None:
        parts.append(f"Correction {due.undone.id} is undone")
    if due.new:
        frames = sorted({number for each in due.new for number in each.frames})
        numbers = ", ".join(str(each.id) for each in due.new)
        parts.append(f"Learning correction {numbers} (frames {format_numbers(tuple(frames))}): {time}")
    return "; ".join(parts) + "."


def say_graded(graded: Mapping[int, float]) -> str:
    """That frames have a grade of their own, by how much at most, in network values."""
    frames, most = format_numbers(tuple(sorted(graded))), 255 * max(graded.values())
    return (
        "The pairs differ in overall colour from frame to frame, and so do the corrected frames "
        f"{frames} (by up to {most:.0f} code values): the run learns what is painted there without that."
    )


def say_outcome(outcome: Outcome, matte: bool) -> str:
    """How a lesson has gone."""
    right = f"{outcome.right:.1%} of the corrected place is right now ({outcome.before:.1%} before)"
    if outcome.decibels is not None:
        before, now = outcome.decibels
        right = f"The corrected place is {now:.1f} dB from its truth now ({before:.1f} dB before)"
    how = "changed its matte" if matte else "changed by more than 2 code values"
    return f"{right}; of the other frames none {how} on more than {outcome.moved:.2%} of its pixels."
