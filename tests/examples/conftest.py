"""The demo's files are scripts, not a package: tests find them as the demo itself does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo"
sys.path.insert(0, str(DEMO))


@pytest.fixture(scope="session")
def stage():
    """The demo's set; building it takes a second."""
    from scene import Set

    return Set()
