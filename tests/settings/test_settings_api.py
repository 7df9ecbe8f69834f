"""``import understudy``: three functions, quick to import, with the settings as their arguments."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import understudy
from understudy.errors import SettingError
from understudy.settings import ApplySettings, TrainSettings


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the two jobs were called with, in place of their work."""
    calls: list[Any] = []
    for name, function in (("training.train", "train"), ("inference.apply", "apply")):
        module = ModuleType(f"understudy.{name}")
        setattr(
            module, function, lambda settings, report, stop=None, **_: calls.append((settings, report, stop))
        )
        monkeypatch.setitem(sys.modules, f"understudy.{name.partition('.')[0]}", ModuleType("room"))
        monkeypatch.setitem(sys.modules, f"understudy.{name}", module)
    return calls


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, understudy; print([n for n in ('torch', 'numpy', 'pydantic') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_train_takes_the_settings_as_arguments(calls: list[Any]) -> None:
    understudy.train(input="p", ground_truth=["t"], data_directory=Path("d"), time_limit="60s", stop="flag")
    settings, _, stop = calls[0]
    expected = TrainSettings(input="p", ground_truth="t", data_directory="d", time_limit=60)
    assert (settings, stop) == (expected, "flag")


def test_apply_takes_paths_and_the_settings_as_arguments(calls: list[Any]) -> None:
    understudy.apply(Path("run"), "p.####.exr", "o/", report=print, mix=0.5)
    assert calls == [(ApplySettings(model="run", plate="p.####.exr", output="o/", mix=0.5), print, None)]


def test_wrong_arguments_are_setting_errors(calls: list[Any]) -> None:
    with pytest.raises(SettingError, match="Did you mean crop_size"):
        understudy.train(input="p", ground_truth="t", data_directory="d", crop_sise=64)
    with pytest.raises(SettingError, match="Mix is out of range"):
        understudy.apply("m", "p", "o", mix=3)
    assert calls == []


def test_every_public_function_says_shapes_units_and_errors() -> None:
    for name in ("train", "apply", "load", "suggest"):
        text = inspect.getdoc(getattr(understudy, name)) or ""
        assert "Raises" in text and len(text) > 200
    assert "(height, width, channels)" in inspect.getdoc(understudy.load)  # type: ignore[operator]
