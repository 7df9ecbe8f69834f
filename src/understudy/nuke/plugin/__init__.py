"""The plug-in's files. This one is not copied; the others must be good for Python 3.7 and import no more
than Nuke and the standard library."""
