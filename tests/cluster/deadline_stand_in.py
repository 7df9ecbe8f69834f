"""A small stand-in for the Python of Deadline 10: as much of it as the plug-in uses, and what a Worker does.

It follows the public documentation of Deadline's scripting, not a real Deadline.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any


class Callback(list):
    """What Deadline's callbacks are to a plug-in: functions are added with +=."""

    def __iadd__(self, function: Any) -> Callback:  # type: ignore[override, misc]
        self.append(function)
        return self


class Handler:
    def __init__(self, pattern: str) -> None:
        self.pattern, self.HandleCallback = re.compile(pattern), Callback()


class Failed(Exception):
    """The task has failed."""


class DeadlinePlugin:
    """The base of plug-ins. ``info``: the plug-in's info of the job; ``config``: that of the repository."""

    info: Mapping[str, str] = {}
    config: Mapping[str, str] = {}
    first = last = 0

    def __init__(self) -> None:
        self.InitializeProcessCallback = Callback()
        self.RenderExecutableCallback = Callback()
        self.RenderArgumentCallback = Callback()
        self.StdoutHandlers: list[Handler] = []
        self.progress: list[float] = []
        self.status: list[str] = []
        self.match: re.Match[str] | None = None

    def AddStdoutHandlerCallback(self, pattern: str) -> Handler:
        self.StdoutHandlers.append(Handler(pattern))
        return self.StdoutHandlers[-1]

    def GetConfigEntryWithDefault(self, name: str, default: str) -> str:
        return self.config.get(name, default)

    def GetPluginInfoEntry(self, name: str) -> str:
        return self.info[name]

    def GetPluginInfoEntryWithDefault(self, name: str, default: str) -> str:
        return self.info.get(name, default)

    def GetStartFrame(self) -> int:
        return self.first

    def GetEndFrame(self) -> int:
        return self.last

    def GetRegexMatch(self, group: int) -> str:
        assert self.match
        return self.match[group]

    def SetProgress(self, percent: float) -> None:
        self.progress.append(percent)

    def SetStatusMessage(self, text: str) -> None:
        self.status.append(text)

    def FailRender(self, reason: str) -> None:
        raise Failed(reason)


def modules(mapped: Callable[[str], str]) -> dict[str, ModuleType]:
    """The modules that a plug-in imports; ``mapped`` is the repository's path mapping."""
    package, plugins, scripting = map(ModuleType, ("Deadline", "Deadline.Plugins", "Deadline.Scripting"))
    plugins.DeadlinePlugin = DeadlinePlugin  # type: ignore[attr-defined]
    plugins.PluginType = SimpleNamespace(Simple="simple")  # type: ignore[attr-defined]
    scripting.FileUtils = SimpleNamespace(SearchFileList=_first_there)  # type: ignore[attr-defined]
    scripting.RepositoryUtils = SimpleNamespace(CheckPathMapping=mapped)  # type: ignore[attr-defined]
    return {each.__name__: each for each in (package, plugins, scripting)}


def _first_there(listed: str) -> str:
    return next((each for each in listed.split(";") if Path(each).is_file()), "")


def render(plugin: DeadlinePlugin, environment: Mapping[str, str], cwd: Path) -> str:
    """Run the task as a Worker does; what it printed. Failed as there."""
    for function in plugin.InitializeProcessCallback:
        function()
    (executable,) = (function() for function in plugin.RenderExecutableCallback)
    (argument,) = (function() for function in plugin.RenderArgumentCallback)
    done = subprocess.run(
        [executable, *shlex.split(argument)],
        cwd=cwd,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    for line in done.stdout.splitlines():
        _handle(plugin, line)
    if done.returncode:
        raise Failed(f"exit code {done.returncode}")
    return done.stdout


def _handle(plugin: DeadlinePlugin, line: str) -> None:
    for handler in plugin.StdoutHandlers:
        plugin.match = handler.pattern.search(line)
        if plugin.match:
            for function in handler.HandleCallback:
                function()
