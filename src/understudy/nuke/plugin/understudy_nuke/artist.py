"""Which frames to paint, marked on a Read; and painted frames that correct a run."""

from __future__ import annotations

import json
import os
import re
import time

from understudy_nuke import frames, processes
from understudy_nuke.panels import CorrectPanel
from understudy_nuke.trouble import Trouble

import nuke

KNOB, LABEL = "understudy_suggested", "Suggested frames"
INPUT = re.compile(r"""^input\s*=\s*\[\s*["']([^"'\n]*)["']""", re.MULTILINE)
NO_NODES = ("Viewer", "BackdropNode", "StickyNote")


def suggest_frames():
    """Ask ``understudy suggest`` about the selected Read, and about a run where one is named; then mark the
    frames."""
    read = selected_read()
    words = ["suggest", nuke.filename(read), "--json", "--frames", frames.suggested(read)]
    run = nuke.getFilename("A run that has learned from some of the frames (Cancel: none has yet)", None)
    if run:
        words += ["--run", run_folder(run)]
    return processes.in_background(_mark, read, processes.start(words))


def selected_read():
    """The one Read that is selected."""
    nodes = nuke.selectedNodes()
    if len(nodes) != 1 or nodes[0].Class() != "Read":
        raise Trouble("Select one Read: the plate of the whole shot.")
    return nodes[0]


def run_folder(path):
    """The folder of a run."""
    folder = path.rstrip("/\\")
    if not os.path.isfile(os.path.join(folder, "state.json")):
        raise Trouble(f"This is no run: {path}\nGive the folder that training made.")
    return folder


def run_or_model(path):
    """A model file as it is, else the folder of a run."""
    return path if os.path.isfile(path) else run_folder(path)


def _mark(read, process):
    """Wait in the background, then mark the frames in Nuke's main thread."""
    text = process.communicate()[0].decode("utf-8", "replace")
    found = None if process.returncode else suggested(text)
    if found is None:
        nuke.executeInMainThread(nuke.message, args=(processes.last_words(text),))
        return
    nuke.executeInMainThread(mark, args=(read, found))


def suggested(text):
    """The frames that the output of ``understudy suggest --json`` names, best first; None without them."""
    for line in reversed(text.splitlines()):
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and isinstance(said.get("frames"), list):
            return said["frames"]
    return None


def mark(read, found):
    """Keys on a knob of the Read, at each of the frames, which the timeline shows; and say which they are."""
    if not found:
        nuke.message("There is nothing to suggest: every frame is painted, or looks like one that is.")
        return
    knob = read.knob(KNOB)
    if knob is None:
        knob = nuke.Double_Knob(KNOB, LABEL)
        read.addKnob(knob)
    knob.clearAnimated()
    knob.setAnimated()
    for each in found:
        knob.setValueAt(float(each.get("score") or 0.0), int(each["frame"]))
    lines = ["{}: {}".format(each["frame"], each.get("reason", "")) for each in found]
    nuke.message("Paint these frames, the best first:\n" + "\n".join(lines))


def correct_run():
    """Ask, render, and hand the painted frames to ``understudy correct``. None when the artist cancels."""
    painted, counts = selected_painted()
    panel = CorrectPanel(painted, counts)
    if not panel.showModalDialog():
        return None
    wish = panel.wish()
    folder = os.path.join(run_folder(wish["run"]) + "_frames", time.strftime("correct_%y%m%d_%H%M%S"))
    words = correction(wish, painted, counts, folder)
    log = os.path.join(folder, "correct.log")
    return processes.in_background(_tell, processes.start(words, log), log)


def selected_painted():
    """(node of the painted frames, node whose alpha says where they count, or None): in the order in which
    they were selected."""
    nodes = [node for node in nuke.selectedNodes() if node.Class() not in NO_NODES]
    if len(nodes) not in (1, 2):
        raise Trouble(
            "Select the painted node; and, where only parts of its frames count, a second one whose alpha is "
            f"white there.\n{len(nodes)} are selected."
        )
    # Nuke hands the last selected node over first.
    return nodes[-1], (nodes[0] if len(nodes) == 2 else None)


def correction(wish, painted, counts, folder):
    """Render what ``wish`` (as CorrectPanel gives it) names; the command line."""
    numbers = frames.parse(wish["frames"])
    truth = frames.render(painted, numbers, folder, "truth", wish["channels"])
    words = ["correct", wish["run"].rstrip("/\\"), "--ground-truth", truth, *colour(wish["run"])]
    if counts is not None:
        words += ["--strokes", frames.render(counts, numbers, folder, "strokes", "alpha")]
    if wish["time_limit"]:
        words += ["--time-limit", wish["time_limit"]]
    return [*words, "--json"]


def colour(run):
    """What the rendered frames hold, where the plate's files do not hold the like: they are in Nuke's working
    space, scene-linear, and files other than EXR mostly are not."""
    if plate_of(run).lower().endswith(".exr"):
        return []
    knob = nuke.root().knob("workingSpaceLUT")
    space = knob.value() if knob is not None else ""
    return ["--ground-truth-colour", space if space not in ("", "None") else "linear"]


def plate_of(run):
    """The first plate that a run learned from, as settings.toml names it; empty where it does not."""
    try:
        with open(os.path.join(run_folder(run), "settings.toml"), encoding="utf-8") as file:
            found = INPUT.search(file.read())
    except OSError:
        return ""
    return found.group(1) if found else ""


def _tell(process, log):
    """Wait in the background, then say how it went."""
    process.wait()
    with open(log, "rb") as file:
        text = file.read().decode("utf-8", "replace")
    words = "The run has learned the correction." if not process.returncode else processes.last_words(text)
    nuke.executeInMainThread(nuke.message, args=(words,))
