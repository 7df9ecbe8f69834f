"""The card of a shot: what its frames are, which networks made them, and how steady they are."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from understudy.artist.steady import PLATE, RESULT, TRUTH, Steady, looked_at, measure_steadiness
from understudy.cli.screen import Screen
from understudy.frames import Shot, format_numbers, open_shot
from understudy.inference.provenance import networks_of
from understudy.runs.stop import StopFlag

Card = dict[str, Any]
HARDLY = 0.005
"""Below this a change rounds to 0.00: it is none."""
NAMES = {RESULT: "Result", TRUTH: "Ground truth", PLATE: "Plate"}


def shot_card(spec: str, plate: str | None, truth: str | None, channels: str | None, screen: Screen) -> Card:
    """What there is to say about a shot; ``screen`` shows how far the measuring is."""
    given = {RESULT: spec, TRUTH: truth, PLATE: plate}
    with ExitStack() as stack, StopFlag(ends_process=True) as stop:
        shots = {name: stack.enter_context(open_shot(each)) for name, each in given.items() if each}

        def done(number: int, done: int, total: int) -> None:
            screen.advance(done, total, f"frame {number}")

        card = _about(shots[RESULT])
        if len(shots[RESULT].numbers) > 1 or len(shots) > 1:
            found = measure_steadiness(shots, channels, done, stop)
            card |= steady_lines(found, _of_what(shots[RESULT], channels))
        return card


def _about(shot: Shot) -> Card:
    frame = shot.read(shot.numbers[0])
    window = frame.display_window
    lines = {
        "Shot": shot.spec,
        "Kind": "movie" if shot.is_movie else "frames",
        "Frames": f"{len(shot.numbers)}: {format_numbers(shot.numbers)}",
        "Missing": format_numbers(shot.missing) if shot.missing else "",
        "Size": f"{window.width} x {window.height}",
        "Channels": ", ".join(frame.channels),
        "Bits": str(frame.bits),
        "Networks": [_made(network, numbers) for network, numbers in networks_of(shot).items()],
    }
    return {name: value for name, value in lines.items() if value}


def _of_what(shot: Shot, channels: str | None) -> str:
    """The channels that are measured, and, where nobody chose them, how to have others."""
    frame = shot.read(shot.numbers[0])
    names = looked_at(frame, channels)
    left = [name for name in frame.channels if name not in names]
    hint = f" (others, such as {left[-1]}, by --channels)" if left and channels is None else ""
    return ", ".join(names) + hint


def _made(network: str, numbers: tuple[int, ...]) -> str:
    return f"{network or 'none that is known'}: {format_numbers(numbers)}"


def steady_lines(found: Steady, of: str) -> Card:
    """The change along the motion ``of`` some channels, by shot, with the frames where it is largest."""
    if not found.means:
        return {"Change along the motion": "not known: no frame follows on another whose motion can be found"}
    lines: Card = {
        "In": "8-bit code values, from each frame to the next",
        "Of": of,
        "Motion of": f"the {found.guide}",
    }
    for name, words in NAMES.items():
        if name in found.means:
            lines[words] = f"{found.means[name]:.2f}"
    lines["Largest"] = _largest(found)
    return {"Change along the motion": lines, **({"Notes": [*found.notes]} if found.notes else {})}


def _largest(found: Steady) -> str:
    """Where the result changes most beyond what the plate, or the truth, does."""
    beside = next((name for name in (TRUTH, PLATE) if name in found.means), None)
    over = {step.number: _excess(step.along_motion, beside) for step in found.steps}
    least = HARDLY if beside else 0.0
    known = sorted((n for n, value in over.items() if value >= least), key=lambda n: -over[n])
    said = ", ".join(f"frame {number} ({over[number]:+.2f})" for number in known[:3])
    return said or f"no frame changes more than the {beside}"


def _excess(change: Mapping[str, float], beside: str | None) -> float:
    return change[RESULT] - (change[beside] if beside else 0.0)
