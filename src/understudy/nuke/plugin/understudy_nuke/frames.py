"""Which frames, and their rendering to files that understudy reads."""

from __future__ import annotations

import os
import re

from understudy_nuke.trouble import Trouble

import nuke

PART = re.compile(r"(-?\d+)(?:-(-?\d+)(?:x(\d+))?)?\Z")
MOST = 10000


def parse(text):
    """ "1001-1005x2, 1010" -> [1001, 1003, 1005, 1010]. Trouble when it is nothing like that."""
    found = set()
    for word in text.replace(",", " ").split():
        match = PART.match(word)
        if not match:
            raise Trouble(f"These are no frames: {word}\nWrite them as 1001-1100x5,1180.")
        first = int(match.group(1))
        last = int(match.group(2)) if match.group(2) is not None else first
        step = int(match.group(3) or 1)
        if step < 1 or abs(last - first) // max(step, 1) > MOST:
            raise Trouble(f"These are too many frames: {word}")
        found.update(range(min(first, last), max(first, last) + 1, step))
    if not found:
        raise Trouble("Give at least one frame, such as 1001,1050,1100.")
    return sorted(found)


def suggested(node):
    """Frames to begin with: those of a Read, else the one that is shown."""
    if node.Class() == "Read":
        return "{}-{}".format(int(node["first"].value()), int(node["last"].value()))
    return str(int(nuke.frame()))


def pattern(folder, side):
    """Where the frames of one side lie."""
    return "{}/{}.####.exr".format(folder.replace("\\", "/"), side)


def render(node, frames, folder, side, channels):
    """Render frames of ``node`` to EXR, in the working space. Returns their pattern."""
    if not os.path.isdir(folder):
        os.makedirs(folder)
    path = pattern(folder, side)
    nuke.Undo.disable()
    write = None
    try:
        write = nuke.nodes.Write(inputs=[node])
        settings = (
            ("file", as_knob_text(path)),
            ("file_type", "exr"),
            ("datatype", "32 bit float"),
            ("raw", True),
            ("channels", channels),
        )
        for name, value in settings:
            write[name].setValue(value)
        for frame in frames:
            nuke.execute(write, frame, frame, 1)
    except RuntimeError as error:
        raise Trouble(f"{node.name()} could not be rendered: {error}") from error
    finally:
        if write is not None:
            nuke.delete(write)
        nuke.Undo.enable()
    return path


def as_knob_text(path):
    """A path for a file knob, which would run what stands in brackets: taken as it is written."""
    return "".join("\\" + c if c in "\\[]$" else c for c in path)
