"""The blocks that a network's doubts about a frame are told by."""

from __future__ import annotations

BLOCKS = (16, 10)
"""Columns and rows of a frame."""
