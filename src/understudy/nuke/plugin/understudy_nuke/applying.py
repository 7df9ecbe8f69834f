"""A run applied to the selected Read in another process, with its last touch; the result becomes a Read."""

from __future__ import annotations

import os

from understudy_nuke import artist, frames, processes
from understudy_nuke.panels import ApplyPanel
from understudy_nuke.trouble import Trouble

import nuke


def apply_run():
    """Ask, start ``understudy apply``, and make a Read when it is done. None when the artist cancels."""
    plate = artist.selected_read()
    panel = ApplyPanel(plate)
    if not panel.showModalDialog():
        return None
    wish = panel.wish()
    words = arguments(wish, nuke.filename(plate))
    return processes.in_background(_finish, processes.start(words), wish, plate)


def arguments(wish, plate):
    """The command line for ``wish`` (as ApplyPanel gives it)."""
    if not wish["output"]:
        raise Trouble("Give an Output, such as /shots/010/out/out.####.exr.")
    words = ["apply", artist.run_or_model(wish["run"]), plate, wish["output"], "--json"]
    if wish["frames"]:
        words += ["--frames", wish["frames"]]
    if wish["like"]:
        words += ["--like", wish["like"]]
    return words + wish["touch"] + wish["told"]


def _finish(process, wish, plate):
    """Wait in the background, then make the Read in Nuke's main thread."""
    text = process.communicate()[0].decode("utf-8", "replace")
    if process.returncode:
        nuke.executeInMainThread(nuke.message, args=(processes.last_words(text),))
        return
    nuke.executeInMainThread(read_result, args=(wish, plate))


def read_result(wish, plate):
    """A Read of the frames that were made."""
    node = nuke.createNode("Read")
    node["file"].setValue(frames.as_knob_text(wish["output"].replace(os.sep, "/")))
    numbers = frames.parse(wish["frames"] or frames.suggested(plate))
    for name, number in (("first", numbers[0]), ("last", numbers[-1])):
        node[name].setValue(number)
    return node
