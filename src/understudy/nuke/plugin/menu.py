"""Nuke runs this when it has a window: the menu Understudy."""

from understudy_nuke import menu

import nuke

menu.install(nuke.menu("Nuke"))
