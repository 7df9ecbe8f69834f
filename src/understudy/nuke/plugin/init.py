"""Nuke runs this at every start, with and without its window. The plug-in needs nothing here."""
