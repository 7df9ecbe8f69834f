"""The panels: what to train, how it goes, what to correct. Knobs of Nuke only, no Qt of a version."""

from __future__ import annotations

import os
import threading

import nukescripts
from understudy_nuke import frames, told

import nuke

EVERY_SECONDS = 2.0
WIDTH = 480
CHANNELS = ("rgb", "alpha", "rgba")
SIZES = ("auto", "medium", "small", "large")


class TrainPanel(nukescripts.PythonPanel):
    """Asks for what ``understudy train`` needs. ``plate`` and ``truths`` are nodes: one painted version of
    the plate, or several mattes."""

    def __init__(self, plate, *truths):
        nukescripts.PythonPanel.__init__(self, "Understudy: train", "uk.understudy.train")
        self.plate, self.truths = plate, truths
        self.swap = nuke.Boolean_Knob("swap", "Swap Input and Ground Truth")
        self.frames = nuke.String_Knob("frames", "Frames with Ground Truth", frames.suggested(truths[0]))
        channels = CHANNELS if len(truths) == 1 else ("alpha", "rgb")
        self.channels = nuke.Enumeration_Knob("channels", "Channels to learn", list(channels))
        self.data_directory = nuke.File_Knob("data_directory", "Data Directory")
        self.run_name = nuke.String_Knob("run_name", "Name (by date when empty)", "")
        self.time_limit = nuke.String_Knob("time_limit", "Time limit", "10m")
        self.model_size = nuke.Enumeration_Knob("model_size", "Model Size", list(SIZES))
        self.initial_weights = nuke.String_Knob("initial_weights", "Initial Weights (name or file)", "none")
        self.which = nuke.Text_Knob("which", "", self.words())
        for knob in (self.which, self.swap, self.frames, self.channels, self.data_directory):
            self.addKnob(knob)
        for knob in (self.run_name, self.time_limit, self.model_size, self.initial_weights):
            self.addKnob(knob)

    def words(self):
        """Which node is taken for what."""
        plate, truths = self.sides()
        what = "Ground Truth" if len(truths) == 1 else "Mattes"
        return "Input: {}    {}: {}".format(plate.name(), what, ", ".join(node.name() for node in truths))

    def sides(self):
        """(Input, Ground Truths) as they are to be taken."""
        if self.swap.value() and len(self.truths) == 1:
            return self.truths[0], (self.plate,)
        return self.plate, self.truths

    def knobChanged(self, knob):
        """Nuke calls this."""
        if knob is self.swap:
            self.which.setValue(self.words())

    def wish(self):
        """All that was chosen."""
        plate, truths = self.sides()
        return {
            "input": plate,
            "ground_truth": truths,
            "frames": self.frames.value(),
            "channels": self.channels.value(),
            "data_directory": self.data_directory.value(),
            "name": self.run_name.value().strip(),
            "time_limit": self.time_limit.value().strip(),
            "model_size": self.model_size.value(),
            "initial_weights": self.initial_weights.value().strip(),
        }


class TrainedPanel(nukescripts.PythonPanel):
    """Asks for one of the networks that come trained: (name, what it is for)."""

    def __init__(self, networks):
        nukescripts.PythonPanel.__init__(self, "Understudy: trained networks", "uk.understudy.trained")
        words = [": ".join(filter(None, each)) for each in networks]
        self.network = nuke.Enumeration_Knob("network", "Network", words)
        self.addKnob(self.network)


class CorrectPanel(nukescripts.PythonPanel):
    """Asks for what ``understudy correct`` needs. ``painted`` is the node with the painted frames, ``counts``
    that whose alpha says where they count, or None."""

    def __init__(self, painted, counts):
        nukescripts.PythonPanel.__init__(self, "Understudy: correct", "uk.understudy.correct")
        where = f"where the alpha of {counts.name()} is white" if counts is not None else "everywhere"
        self.which = nuke.Text_Knob("which", "", f"Painted: {painted.name()}, counts {where}")
        self.run_folder = nuke.File_Knob("run_folder", "Run (its folder)")
        self.frames = nuke.String_Knob("frames", "Painted frames", frames.suggested(painted))
        self.channels = nuke.Enumeration_Knob("channels", "Channels that the run makes", list(CHANNELS))
        self.time_limit = nuke.String_Knob("time_limit", "Time limit", "20s")
        for knob in (self.which, self.run_folder, self.frames, self.channels, self.time_limit):
            self.addKnob(knob)

    def wish(self):
        """All that was chosen."""
        return {
            "run": self.run_folder.value(),
            "frames": self.frames.value(),
            "channels": self.channels.value(),
            "time_limit": self.time_limit.value().strip(),
        }


NUMBERS = (
    ("clip_black", "Matte: Clip Black", 0.0),
    ("clip_white", "Matte: Clip White", 1.0),
    ("despeckle", "Matte: Despeckle (pixels)", 0.0),
    ("grow", "Matte: Grow / Shrink (pixels)", 0.0),
    ("soften", "Matte: Soften (pixels)", 0.0),
    ("gamma", "Matte: Gamma", 1.0),
    ("edge", "Matte: Edge Only (pixels)", 0.0),
)
SWITCHES = (("invert", "Matte: Invert"), ("premultiply", "Matte: Premultiply"))
WHOLE = ("despeckle",)


class ApplyPanel(nukescripts.PythonPanel):
    """Asks for what ``understudy apply`` needs, and for the last touch, which does nothing as it comes."""

    def __init__(self, plate):
        nukescripts.PythonPanel.__init__(self, "Understudy: apply", "uk.understudy.apply")
        self.which = nuke.Text_Knob("which", "", f"Plate: {plate.name()}")
        self.run_folder = nuke.File_Knob("run_folder", "Run (its folder), or a model file")
        self.output = nuke.File_Knob("output", "Output, such as out/out.####.exr")
        self.frames = nuke.String_Knob("frames", "Frames", frames.suggested(plate))
        self.like = nuke.File_Knob("like", "As this result was made")
        self.numbers = {name: nuke.Double_Knob(name, label) for name, label, _ in NUMBERS}
        for name, _, default in NUMBERS:
            self.numbers[name].setValue(default)
        self.switches = {name: nuke.Boolean_Knob(name, label) for name, label in SWITCHES}
        self.motion_blur = nuke.String_Knob(
            "motion_blur", "Matte: Motion Blur (none, auto, or a shutter such as 0.5)", "none"
        )
        self.grain = nuke.Enumeration_Knob("grain", "Image: Grain", ["none", "match"])
        self.subject = nuke.XY_Knob("subject", "Told: a point of the subject")
        self.not_subject = nuke.XY_Knob("not_subject", "Told: a point of what it is not")
        self.box = nuke.BBox_Knob("box", "Told: a box around it")
        self.height = plate.height()
        knobs = [self.which, self.run_folder, self.output, self.frames, self.like]
        more = [self.motion_blur, self.grain, self.subject, self.not_subject, self.box]
        for knob in knobs + list(self.numbers.values()) + list(self.switches.values()) + more:
            self.addKnob(knob)

    def wish(self):
        """All that was chosen; ``touch`` as flags."""
        return {
            "run": self.run_folder.value(),
            "output": self.output.value(),
            "frames": self.frames.value().strip(),
            "like": self.like.value(),
            "touch": self.touch(),
            "told": told.flags(self.subject.value(), self.not_subject.value(), self.box.value(), self.height),
        }

    def touch(self):
        """The flags of the last touch; none for what does nothing."""
        words = []
        for name, _, default in NUMBERS:
            value = float(self.numbers[name].value())
            if value != default:
                text = str(round(value)) if name in WHOLE else f"{value:.6g}"
                words.append("--{}={}".format(name.replace("_", "-"), text))
        words += [f"--{name}" for name, _ in SWITCHES if self.switches[name].value()]
        if self.motion_blur.value().strip() not in ("", "none"):
            words.append("--motion-blur=" + self.motion_blur.value().strip())
        if self.grain.value() != "none":
            words.append("--grain=" + self.grain.value())
        return words


class ProgressPanel(nukescripts.PythonPanel):
    """Shows one training: its state, its newest contact sheet, and a button to stop it."""

    def __init__(self, training):
        nukescripts.PythonPanel.__init__(self, "Understudy: " + training.name, "uk.understudy.progress")
        self.training = training
        self.shown = None
        self.state = nuke.Text_Knob("state", "", "starting")
        self.picture = nuke.Text_Knob("picture", "", "")
        self.stop_button = nuke.PyScript_Knob("stop", "Stop")
        for knob in (self.state, self.picture, self.stop_button):
            self.addKnob(knob)

    def knobChanged(self, knob):
        """Nuke calls this."""
        if knob is self.stop_button:
            self.training.stop()
            self.state.setValue("stops after its step")

    def update(self):
        """Show what there is now. In Nuke's main thread."""
        self.state.setValue(self.training.line())
        sheet = self.training.contact_sheet()
        if sheet and sheet != self.shown:
            self.shown = sheet
            self.picture.setValue(picture(sheet))

    def watch(self):
        """Look again every few seconds until it is over, from a thread; Nuke goes on meanwhile."""
        self.over = threading.Event()
        thread = threading.Thread(target=self._look, name="understudy panel")
        thread.daemon = True
        thread.start()
        return thread

    def _look(self):
        ended = False
        while not ended and not self.over.wait(EVERY_SECONDS):
            ended = self.training.ended()
            nuke.executeInMainThread(self.update)


def picture(path):
    """A picture as the text of a knob."""
    plain = os.path.abspath(path).replace("\\", "/")
    for character, code in (("&", "&amp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;")):
        plain = plain.replace(character, code)
    return f'<img src="{plain}" width="{WIDTH}">'
