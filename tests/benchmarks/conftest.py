"""The benchmarks are scripts, not a package: tests find them as they find each other."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

NUMBERS = tuple(range(1001, 1009))
"""The frames of a case that ``make_case`` makes."""


@pytest.fixture
def make_case(make_shot, tmp_path):
    """A function that makes a case folder from a synthetic shot; the folder that holds it."""

    def make(name="case", known=None, **shot) -> Path:
        made = make_shot(name=f"shot_{name}", **{"numbers": NUMBERS, "effect": "grade", **shot})
        folder = tmp_path / "cases" / name
        folder.mkdir(parents=True)
        shutil.copytree(made.folder / "plate", folder / "input")
        shutil.copytree(made.folder / "truth", folder / "groundtruth")
        if known is not None:
            (folder / "case.json").write_text(json.dumps(known))
        return folder.parent

    return make
