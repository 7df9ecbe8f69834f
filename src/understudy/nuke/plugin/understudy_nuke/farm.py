"""Train and apply on a render farm: ``understudy farm`` writes the job, and hands it over if asked to."""

from __future__ import annotations

import json
import os
import time

import nukescripts
from understudy_nuke import applying, artist, processes, training
from understudy_nuke.panels import ApplyPanel, TrainPanel

import nuke

FARMS = ("openjd", "deadline", "opencue")


class FarmPanel(nukescripts.PythonPanel):
    """Asks for what ``understudy farm`` needs; of a training, which is one task, not how it is cut."""

    def __init__(self, is_training):
        nukescripts.PythonPanel.__init__(self, "Understudy: farm", "uk.understudy.farm")
        self.is_training = is_training
        self.farm = nuke.Enumeration_Knob("farm", "Farm", list(FARMS))
        self.frames_per_task = nuke.String_Knob("frames_per_task", "Frames per task", "auto")
        self.group = nuke.String_Knob("group", "Group or tag (any when empty)", "")
        self.needs_gpu = nuke.Boolean_Knob("needs_gpu", "Needs a GPU")
        self.submit = nuke.Boolean_Knob("submit", "Hand it over to the farm")
        cut = [] if is_training else [self.frames_per_task]
        for knob in [self.farm, *cut, self.group, self.needs_gpu, self.submit]:
            self.addKnob(knob)

    def words(self):
        """The options."""
        words = ["--to", self.farm.value()]
        if not self.is_training:
            words += ["--frames-per-task", self.frames_per_task.value().strip() or "auto"]
        if self.group.value().strip():
            words += ["--group", self.group.value().strip()]
        switches = (("--needs-gpu", self.needs_gpu), ("--submit", self.submit))
        return words + [flag for flag, knob in switches if knob.value()]


def train_on_farm():
    """Ask, render what is to be learned here, and write the job. None when the artist cancels."""
    panel = TrainPanel(*training.selected())
    if not panel.showModalDialog():
        return None
    farm = FarmPanel(is_training=True)
    if not farm.showModalDialog():
        return None
    wish = panel.wish()
    name, words = training.rendered(wish)
    folder = os.path.join(wish["data_directory"], name + "_farm")
    return _write(["farm", *words, *farm.words(), "--job-folder", folder])


def apply_on_farm():
    """Ask, and write the job. None when the artist cancels."""
    plate = artist.selected_read()
    panel = ApplyPanel(plate)
    if not panel.showModalDialog():
        return None
    farm = FarmPanel(is_training=False)
    if not farm.showModalDialog():
        return None
    wish = panel.wish()
    words = applying.arguments(wish, nuke.filename(plate))
    jobs = os.path.join(os.path.dirname(wish["output"]), "understudy_farm")
    folder = os.path.join(jobs, time.strftime("%y%m%d_%H%M%S"))
    return _write(["farm", *words, *farm.words(), "--job-folder", folder])


def _write(words):
    """Start the command, and tell what it has written once it has."""
    return processes.in_background(_tell, processes.start(words))


def _tell(process):
    text = process.communicate()[0].decode("utf-8", "replace")
    words = processes.last_words(text) if process.returncode else told(text)
    nuke.executeInMainThread(nuke.message, args=(words,))


def told(text):
    """What was written and what is to be done with it, from the command's output; its last words where it
    says nothing of that."""
    for line in reversed(text.splitlines()):
        try:
            job = json.loads(line)
        except ValueError:
            continue
        if isinstance(job, dict) and job.get("event") == "sent_job":
            return _words(job)
    return processes.last_words(text)


def _words(job):
    tasks = "1 task" if job["tasks"] == 1 else "{} tasks".format(job["tasks"])
    lines = ["{}: {}, in {}".format(job["name"], tasks, job["folder"]), *job["notes"]]
    if job["submitted"] is not None:
        return "\n".join([*lines, "The farm has it: " + " ".join(job["submitted"])])
    return "\n".join([*lines, "To hand it over:", *job["by_hand"]])
