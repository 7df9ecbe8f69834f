"""Train from selected Input and Ground Truth: render the chosen frames, then train in another process."""

from __future__ import annotations

import glob
import json
import os
import re
import time

from understudy_nuke import frames, processes
from understudy_nuke.panels import ProgressPanel, TrainPanel
from understudy_nuke.trouble import Trouble

import nuke

ENDED = ("stopped", "finished", "failed")


def train_from_selection():
    """Ask, render, start; the panel that comes back shows how it goes. None when the artist cancels."""
    panel = TrainPanel(*selected())
    if not panel.showModalDialog():
        return None
    wish = panel.wish()
    training = start(wish)
    progress = ProgressPanel(training)
    progress.show()
    progress.watch()
    return progress


def selected():
    """(Input, Ground Truth): the selected nodes, the one selected first first. More than two: the plate, and
    a matte each."""
    nodes = [
        node for node in nuke.selectedNodes() if node.Class() not in ("Viewer", "BackdropNode", "StickyNote")
    ]
    if len(nodes) < 2:
        raise Trouble(
            "Select two nodes: first the plate (Input), then its painted version (Ground Truth); or the "
            f"plate and several mattes, which get the names of their nodes.\n{len(nodes)} are selected."
        )
    # Nuke hands the last selected node over first.
    return tuple(reversed(nodes))


def start(wish):
    """Render both sides of ``wish`` (as TrainPanel gives it) and start the training."""
    name, words = rendered(wish)
    training = Training(wish["data_directory"], name)
    training.start(words)
    return training


def rendered(wish):
    """Render both sides of ``wish``; the name of the run, and the command line that trains it."""
    if not wish["data_directory"]:
        raise Trouble("Give a Data Directory: the folder for this run.")
    numbers = frames.parse(wish["frames"])
    name = wish["name"] or time.strftime("Training_%y%m%d_%H%M%S")
    folder = os.path.join(wish["data_directory"], name + "_frames")
    plate = frames.render(wish["input"], numbers, folder, "input", "rgb")
    truth = [
        matte + frames.render(node, numbers, folder, side, wish["channels"])
        for matte, side, node in sides(wish["ground_truth"])
    ]
    return name, arguments(wish, plate, truth, name)


def sides(truths):
    """For each painted node what stands before its path, and what its files are called: nothing of one, the
    name of the matte of several."""
    if len(truths) == 1:
        return [("", "ground_truth", truths[0])]
    names = [re.sub(r"\W", "_", node.name()) for node in truths]
    names = [name if name[:1].isalpha() else "matte_" + name for name in names]
    if len(set(names)) < len(names):
        raise Trouble("Two of the mattes have one name: rename their nodes.\n" + ", ".join(names))
    return [(name + "=", "ground_truth_" + name, truths[at]) for at, name in enumerate(names)]


def arguments(wish, plate, truths, name):
    """The command line of the training."""
    words = ["train", "--input", plate]
    for truth in truths:
        words += ["--ground-truth", truth]
    words += ["--data-directory", wish["data_directory"], "--name", name, "--json"]
    if wish["channels"] == "alpha":
        words += ["--ground-truth-channels", "alpha"]
    for name in ("time_limit", "model_size", "initial_weights"):
        if wish.get(name):
            words += ["--" + name.replace("_", "-"), wish[name]]
    return words


class Training:
    """A run that another process trains. All that is known of it is read from its folder."""

    def __init__(self, data_directory, name):
        self.name = name
        self.folder = os.path.join(data_directory, name)
        self.log = os.path.join(data_directory, name + "_frames", "train.log")
        self.process = None

    def start(self, words):
        """Start it and come back at once."""
        self.process = processes.start(words, self.log)

    def state(self):
        """What state.json says, and ``trouble`` when the process ended without one."""
        try:
            with open(os.path.join(self.folder, "state.json"), encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):
            found = {}
        ended = self.process is not None and self.process.poll() is not None
        if ended and found.get("state") not in ENDED:
            found["state"], found["trouble"] = "failed", self.last_words()
        return found

    def ended(self):
        """Whether it is over, one way or another."""
        return self.state().get("state") in ENDED

    def last_words(self):
        """The end of the log."""
        try:
            with open(self.log, "rb") as file:
                return processes.last_words(file.read().decode("utf-8", "replace"))
        except OSError:
            return "It ended without a word."

    def contact_sheet(self):
        """The newest contact sheet, or None."""
        found = glob.glob(os.path.join(glob.escape(self.folder), "*_contact_*.png"))
        return max(found, key=os.path.getmtime) if found else None

    def stop(self):
        """Ask it to stop after its step; everything is kept."""
        return processes.start(["stop", self.folder], self.log + ".stop")

    def line(self):
        """How it goes, in one line."""
        state = self.state()
        if state.get("trouble"):
            return "failed: " + state["trouble"]
        words = [state.get("state", "starting")]
        if state.get("total"):
            words.append("step {} of {}".format(state.get("step", 0), state["total"]))
        if state.get("loss") is not None:
            words.append("loss {:.4g}".format(state["loss"]))
        if state.get("time_left") and state.get("state") == "training":
            words.append("{:.0f} s left".format(state["time_left"]))
        return ", ".join(words)
