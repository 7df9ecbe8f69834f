"""The README says nothing that is not there: commands, flags, files, settings and pictures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "README.md").read_text(encoding="utf-8")
JOINED = TEXT.replace("\\\n", " ")
COMMAND = re.compile(r"(?:^\s+|`)understudy ([a-z-]+)([^`#\n]*)", re.MULTILINE)


def _used_flags() -> dict[str, set[str]]:
    """Command -> the flags that the README gives it in examples."""
    used: dict[str, set[str]] = {}
    for match in COMMAND.finditer(JOINED):
        used.setdefault(match[1], set()).update(re.findall(r"--[a-z-]+", match[2]))
    return used


@pytest.mark.parametrize("command", sorted(_used_flags()))
def test_every_command_of_the_readme_exists_with_the_flags_it_is_given(command, capsys):
    from understudy.cli.main import run

    assert run([command, "--help"]) == 0
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert _used_flags()[command] <= known


def test_every_command_of_the_program_is_in_the_readme():
    from understudy.cli.main import commands

    assert {command.name for command in commands()} <= set(_used_flags())


def test_every_flag_in_a_table_is_a_setting_or_an_option_of_train():
    from understudy.settings import TrainSettings, settings_of

    known = {info.flag for info in settings_of(TrainSettings)} | {"--settings", "--json"}
    rows = [line for line in TEXT.splitlines() if line.startswith("| `--")]
    named = {flag for row in rows for flag in re.findall(r"--[a-z-]+", row.split(" | ")[0])}
    assert len(rows) >= 10
    assert named <= known


def test_every_link_of_the_readme_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in link]
    assert links
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


def test_the_pictures_of_the_readme_are_small_enough_to_look_at_on_any_line():
    for path in (REPOSITORY / "docs" / "pictures").iterdir():
        assert path.stat().st_size < 400_000, path.name
