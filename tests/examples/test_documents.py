"""README and docs say nothing that is not there: commands, flags, files, settings and pictures."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from understudy.cli.main import COMMANDS

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "README.md").read_text(encoding="utf-8")
JOINED = TEXT.replace("\\\n", " ")
PLACES = ("*.md", "docs/*.md", "docs/*/*.md", "examples/*/*.md", "benchmarks/*.md")
DOCUMENTS = sorted(path for pattern in PLACES for path in REPOSITORY.glob(pattern))
EACH = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix()
)
FOREIGN_FLAGS = {"--rdzv-backend", "--rdzv-endpoint", "--nproc-per-node", "--nnodes", "--max-restarts"}
GROUPS = {command.name.split()[0] for command in COMMANDS if " " in command.name}
COMMAND = re.compile(r"(?:^\s+|`)understudy ([a-z-]+)([^`#\n]*)", re.MULTILINE)


def _used_flags() -> dict[str, set[str]]:
    """Command -> the flags that the README gives it in examples."""
    used: dict[str, set[str]] = {}
    for match in COMMAND.finditer(JOINED):
        second = match[2].split()[0] if match[1] in GROUPS else ""
        name = f"{match[1]} {second}".strip()
        used.setdefault(name, set()).update(re.findall(r"--[a-z-]+", match[2]))
    return used


@pytest.mark.parametrize("command", sorted(_used_flags()))
def test_every_command_of_the_readme_exists_with_the_flags_it_is_given(command, capsys):
    from understudy.cli.main import run

    assert run([*command.split(), "--help"]) == 0
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


@EACH
def test_every_link_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)\)", text) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


@EACH
def test_every_file_of_the_source_that_is_named_is_there(document: Path) -> None:
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", document.read_text(encoding="utf-8")))
    roots = (REPOSITORY / "src" / "understudy", REPOSITORY / "src", REPOSITORY)
    assert [
        name
        for name in named - {"models/my_look/model.py"}
        if not any((root / name).is_file() for root in roots)
    ] == []


@EACH
def test_every_flag_that_is_named_is_one_of_some_command(document: Path, flags: set[str]) -> None:
    text = document.read_text(encoding="utf-8")
    text = re.sub(r"^.*\b(?:pip|torchrun|git|pytest|ray start|podman)\b.*$", "", text, flags=re.MULTILINE)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - FOREIGN_FLAGS <= flags


@pytest.fixture(scope="module")
def flags() -> set[str]:
    """Every flag of the program, and of the scripts beside it."""
    from understudy.cli.main import commands, run

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for command in commands():
            run([*command.name.split(), "--help"])
    folders = ("benchmarks", "examples/*", "tools", "zoo", "tests/*")
    scripts = [path for folder in folders for path in REPOSITORY.glob(f"{folder}/*.py")]
    texts = [said.getvalue(), *(path.read_text(encoding="utf-8") for path in scripts)]
    return {"--help", *re.findall(r"--[a-z][a-z-]+", "\n".join(texts))}


def test_the_pictures_of_the_readme_are_small_enough_to_look_at_on_any_line():
    for path in (REPOSITORY / "docs" / "pictures").iterdir():
        assert path.stat().st_size < 400_000, path.name
