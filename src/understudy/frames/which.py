"""What was taken of a file in which several parts or layers could be meant."""

from __future__ import annotations

from pathlib import Path

from understudy.errors import ChannelError
from understudy.frames.channels import resolve_channels
from understudy.frames.frame import Frame, Part, part_label

MOST = 8
COLOURS = ({"r", "g", "b"}, {"red", "green", "blue"})


def say_which(frame: Frame, spec: str) -> tuple[str, ...]:
    """Sentences on a frame of the shot ``spec`` that has several parts, or colours in several layers: which
    are taken, and what else there is. None where only one can be meant."""
    name = Path(spec).name
    return (*say_parts(frame, name), *_layers(frame, name))


def say_parts(frame: Frame, name: str, remedy: str = "--part names another") -> tuple[str, ...]:
    """A sentence on which of its parts is taken of what is called ``name``; none where there is but one."""
    if len(frame.parts) < 2:
        return ()
    taken = part_label(frame.part, frame.selected)
    others = [_described(part, index) for index, part in enumerate(frame.parts) if part is not frame.part]
    mine = _described(frame.part, frame.selected)
    return (
        f"{name} has {len(frame.parts)} parts: {mine} is taken, in every frame by the name {taken}; there is "
        f"also {listed(others)} ({remedy}).",
    )


def _described(part: Part, index: int) -> str:
    window = part.data_window
    channels = listed(list(part.channels), "")
    return f"{part_label(part, index)} ({channels}, {window.width} x {window.height})"


def say_taken(frame: Frame, name: str, taken: tuple[str, ...]) -> tuple[str, ...]:
    """Sentences on a layer that goes in beside the plate, called ``name``: of which part, and which of its
    channels, are ``taken``, and what is left. None where that is all there is."""
    parts = say_parts(frame, f"The {name}", "another one has to be a file of its own")
    rest = [each for each in frame.part.channels if each not in taken]
    if not rest:
        return parts
    verb = "is" if len(taken) == 1 else "are"
    return (*parts, f"Of the {name} {listed(list(taken))} {verb} taken, and not {listed(rest)}.")


def _layers(frame: Frame, name: str) -> tuple[str, ...]:
    """Only layers of colours: a depth is not taken for a picture."""
    layers: dict[str, set[str]] = {}
    for channel in frame.part.channels:
        layer, _, short = channel.rpartition(".")
        layers.setdefault(layer, set()).add(short.lower())
    coloured = [layer for layer, names in layers.items() if any(each <= names for each in COLOURS)]
    try:
        taken = resolve_channels(frame, None, "rgb")
    except ChannelError:
        return ()
    others = [layer for layer in coloured if layer and layer != taken[0].rpartition(".")[0]]
    if not others:
        return ()
    return (
        f"{name} has colours in several layers: {', '.join(taken)} are taken unless channels are asked for; "
        f"there is also {listed(others)} (--input-channels names another).",
    )


def listed(names: list[str], last: str = "and ") -> str:
    """Names in a sentence, the first few where there are many."""
    if len(names) > MOST:
        return f"{', '.join(names[:MOST])} and {len(names) - MOST} more"
    return (
        ", ".join(names[:-1]) + f", {last}{names[-1]}" if len(names) > 2 else f" {last}".join(names) or "none"
    )
