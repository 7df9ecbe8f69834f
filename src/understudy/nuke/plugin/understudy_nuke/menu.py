"""The menu, and what each of its items does. Errors are shown in words, never as a traceback."""

from __future__ import annotations

import functools

from understudy_nuke import applying, artist, farm, nodes, processes, training
from understudy_nuke.trouble import Trouble

import nuke

ICON = "understudy.png"


def install(main_menu):
    """Add the menu Understudy."""
    menu = main_menu.addMenu("Understudy", icon=ICON)
    menu.addCommand("Train from selected Input and Ground Truth", told(training.train_from_selection))
    menu.addCommand("Suggest frames", told(artist.suggest_frames))
    menu.addCommand("Correct", told(artist.correct_run))
    menu.addCommand("Apply run to selected Read", told(applying.apply_run))
    menu.addCommand("Train on the farm", told(farm.train_on_farm))
    menu.addCommand("Apply on the farm", told(farm.apply_on_farm))
    menu.addCommand("Create Inference from run", told(nodes.inference_from_run))
    menu.addCommand("Create MLClient from run", told(nodes.mlclient_from_run))
    menu.addCommand("Create Inference from trained network", told(nodes.inference_from_trained))
    menu.addCommand("Create MLClient from trained networks", told(nodes.mlclient_from_trained))
    menu.addSeparator()
    menu.addCommand("Open monitor", told(processes.open_monitor))
    return menu


def told(function):
    """``function`` with its troubles shown to the artist."""

    @functools.wraps(function)
    def wrapped():
        try:
            return function()
        except Trouble as trouble:
            nuke.message(str(trouble))

    return wrapped
