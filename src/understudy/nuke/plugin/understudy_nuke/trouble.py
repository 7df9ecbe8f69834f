"""What goes wrong in a way that the artist can mend."""


class Trouble(Exception):
    """One sentence or two for the artist."""
