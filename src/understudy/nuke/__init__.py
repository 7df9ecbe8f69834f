"""What goes into Nuke's plug-in path. ``plugin`` is copied there as it is and runs in Nuke's own Python."""
