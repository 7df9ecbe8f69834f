"""Runs that an older version made, copied to where a test may go on with them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from understudy.network.unet import SIZES

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "training")]
from small_networks import SMALL  # noqa: E402

OLD_RUNS = HERE.parent / "data" / "old_runs"


@pytest.fixture
def tiny_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old runs have networks of a few thousand weights, which called themselves small."""
    monkeypatch.setitem(SIZES, "small", SMALL)


@pytest.fixture(params=sorted(path.name for path in OLD_RUNS.iterdir()))
def shots(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """All that a version left behind, where its files say that it is: they name their folder ``/shots``."""
    folder = tmp_path / "shots"
    shutil.copytree(OLD_RUNS / request.param, folder)
    for settings in folder.glob("runs/*/settings.toml"):
        text = settings.read_text(encoding="utf-8")
        assert '"/shots/' in text
        settings.write_text(text.replace('"/shots/', f'"{folder.as_posix()}/'), encoding="utf-8")
    return folder
