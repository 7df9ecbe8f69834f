"""Strokes of a brush as data -> the float truth of a frame, and where it counts."""
