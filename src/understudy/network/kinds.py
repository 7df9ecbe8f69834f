"""The kinds of networks that are neither of pictures nor of mattes, as a .cat calls them."""

MOTION = "motion"
"""Where the pixels of one frame are in another."""
