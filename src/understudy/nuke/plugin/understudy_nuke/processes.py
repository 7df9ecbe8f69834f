"""Starting ``understudy``: always a process of its own, never within Nuke."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import webbrowser

from understudy_nuke.trouble import Trouble

import nuke

SETTINGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "settings.json")
VARIABLE = "UNDERSTUDY"
# Nuke sets these for itself; another Python would load Nuke's libraries and end.
NUKES_OWN = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "QT_PLUGIN_PATH", "OCIO")
ADDRESS = re.compile(r"https?://\S+")


def command():
    """The words that start understudy: of the environment, of the plug-in's settings, or of the path."""
    told = os.environ.get(VARIABLE)
    if told:
        return [told]
    try:
        with open(SETTINGS, encoding="utf-8") as file:
            words = json.load(file)["command"]
        if isinstance(words, list) and words and shutil.which(words[0]):
            return [str(word) for word in words]
    except (OSError, ValueError, KeyError):
        pass
    found = shutil.which("understudy")
    if found:
        return [found]
    raise Trouble(
        "The program understudy was not found.\n"
        "Name it in the environment variable UNDERSTUDY, or write this plug-in anew: understudy nuke-plugin"
    )


def environment():
    """This environment without what Nuke set for itself."""
    kept = {name: value for name, value in os.environ.items() if name not in NUKES_OWN}
    kept["PYTHONUTF8"] = "1"
    kept["PYTHONUNBUFFERED"] = "1"
    return kept


def start(arguments, log=None):
    """Start understudy and come back at once. Its output goes into the file ``log``, or to a pipe."""
    more = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x08000000}
    words = command() + [str(each) for each in arguments]
    if log is None:
        return subprocess.Popen(
            words,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **more,
        )
    with open(log, "wb") as file:
        return subprocess.Popen(
            words, env=environment(), stdin=subprocess.DEVNULL, stdout=file, stderr=file, **more
        )


def in_background(function, *arguments):
    """Call ``function`` in a thread, so that Nuke goes on."""
    thread = threading.Thread(target=function, args=arguments, name="understudy")
    thread.daemon = True
    thread.start()
    return thread


def last_words(text):
    """The end of a program's output, for a message: what it refused, or its last lines."""
    lines = [line for line in text.splitlines() if line.strip()]
    for line in reversed(lines):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("message"):
            parts = [event.get(name) for name in ("message", "expected", "found", "where", "remedy")]
            return "\n".join(str(part) for part in parts if part)
    return "\n".join(lines[-6:]) or "It ended without a word."


def open_monitor():
    """Start the monitor on a data directory, and open its page as soon as it says where it is."""
    folder = nuke.getFilename("Data Directory", None)
    if not folder:
        return None
    process = start(["monitor", folder, "--port", "0"])
    in_background(_open_page, process)
    return process


def _open_page(process):
    said = []
    for raw in process.stdout:
        line = raw.decode("utf-8", "replace")
        said.append(line)
        found = ADDRESS.search(line)
        if found:
            webbrowser.open(found.group(0))
            break
    else:
        nuke.executeInMainThread(nuke.message, args=(last_words("".join(said)),))
    for _ in process.stdout:
        pass  # keep reading: a full pipe would stop it


def python_version():
    """Of Nuke's own Python, for the log."""
    return ".".join(str(each) for each in sys.version_info[:3])
