"""Frames made by all the machines of a Ray cluster."""
