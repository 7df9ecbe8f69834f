"""Runs a task of understudy for Deadline 10. Belongs into custom/plugins/Understudy of the repository.

The words of the command line stand in the plug-in's info of the job as Word0, Word1 ...; <FRAMES> in one of
them is the frames of the task.
"""

from Deadline.Plugins import DeadlinePlugin, PluginType
from Deadline.Scripting import FileUtils, RepositoryUtils

FRAMES = "<FRAMES>"


def GetDeadlinePlugin():
    """Deadline calls this for the plug-in."""
    return UnderstudyPlugin()


def CleanupDeadlinePlugin(plugin):
    """Deadline calls this when it is done with it."""
    plugin.clean_up()


class UnderstudyPlugin(DeadlinePlugin):
    """One process for each task; what it prints says how far it is, and what failed."""

    def __init__(self):
        super().__init__()
        self.InitializeProcessCallback += self.initialize
        self.RenderExecutableCallback += self.executable
        self.RenderArgumentCallback += self.argument

    def clean_up(self):
        """Let go of what Deadline holds."""
        for handler in self.StdoutHandlers:
            del handler.HandleCallback
        del self.InitializeProcessCallback
        del self.RenderExecutableCallback
        del self.RenderArgumentCallback

    def initialize(self):
        """One process, several frames, and what is read of its output."""
        self.PluginType = PluginType.Simple
        self.SingleFramesOnly = False
        self.StdoutHandling = True
        self.AddStdoutHandlerCallback(r"^Progress: ([0-9.]+)%").HandleCallback += self.on_progress
        self.AddStdoutHandlerCallback(r"^Status: (.*)").HandleCallback += self.on_status
        self.AddStdoutHandlerCallback(r"^Error: (.*)").HandleCallback += self.on_error

    def executable(self):
        """The program: the one that the repository is set up with, else the one that the job names."""
        chosen = self.GetConfigEntryWithDefault("Understudy_Executable", "").strip()
        named = self.GetPluginInfoEntryWithDefault("Program", "understudy")
        if not chosen:
            return named
        found = FileUtils.SearchFileList(chosen)
        if not found:
            self.FailRender("None of these is on this machine: " + chosen)
        return found

    def argument(self):
        """The words of the job, with this task's frames, quoted."""
        count = int(self.GetPluginInfoEntryWithDefault("Words", "0"))
        words = [self.GetPluginInfoEntry("Word" + str(number)) for number in range(count)]
        return " ".join(quoted(mapped(word.replace(FRAMES, self.frames()))) for word in words)

    def frames(self):
        """Those of this task."""
        first, last = self.GetStartFrame(), self.GetEndFrame()
        return str(first) if first == last else f"{first}-{last}"

    def on_progress(self):
        """Progress: 42.0%"""
        self.SetProgress(float(self.GetRegexMatch(1)))

    def on_status(self):
        """Status: frame 1004"""
        self.SetStatusMessage(self.GetRegexMatch(1))

    def on_error(self):
        """Error: what went wrong"""
        self.FailRender(self.GetRegexMatch(1))


def mapped(word):
    """A word with its path as this machine has it."""
    flag, sign, value = word.partition("=")
    return flag + sign + RepositoryUtils.CheckPathMapping(value) if sign else word


def quoted(word):
    """A word as one argument, whatever is in it."""
    end = len(word) - len(word.rstrip("\\"))
    return '"' + word.replace('"', '\\"') + "\\" * end + '"'
