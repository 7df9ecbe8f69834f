"""Which version this is, and where it was found, for rooms that need no more of the program than that."""

from __future__ import annotations

from pathlib import Path

__version__ = "0.2.0"
SOURCE = Path(__file__).resolve().parents[1]
"""The folder that has to be on Python's path in a process that is to find this very package."""
