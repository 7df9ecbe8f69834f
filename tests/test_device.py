"""What is known of the machine: how much memory there is, and what running out of it looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy import device as machine

GIGABYTE = 1 << 30


def container(folder: Path, limit: str, current: int, stat: str | None) -> Path:
    """A folder that says what a container's does."""
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{current}\n")
    if stat is not None:
        (folder / "memory.stat").write_text(stat)
    return folder


def stat_of(inactive: int) -> str:
    return f"anon 5\nfile {inactive + 7}\ninactive_anon 3\ninactive_file {inactive}\nactive_file 7\n"


@pytest.mark.parametrize(
    ("current", "stat", "free"),
    [
        (9 * GIGABYTE, stat_of(6 * GIGABYTE), 7 * GIGABYTE),
        (10 * GIGABYTE, stat_of(0), 0),
        (11 * GIGABYTE, stat_of(0), 0),
        (1 * GIGABYTE, stat_of(3 * GIGABYTE), 10 * GIGABYTE),
        (4 * GIGABYTE, None, 6 * GIGABYTE),
        (4 * GIGABYTE, "inactive_file\n", 6 * GIGABYTE),
        (4 * GIGABYTE, "inactive_file many\n", 6 * GIGABYTE),
    ],
    ids=["files kept", "full", "over", "told at two moments", "no statistics", "no number", "a word"],
)
def test_files_that_a_container_keeps_are_not_taken_for_used_memory(
    tmp_path: Path, current: int, stat: str | None, free: int
) -> None:
    assert machine._available_in_group(container(tmp_path, str(10 * GIGABYTE), current, stat)) == free


def test_a_container_without_a_limit_or_without_a_word_has_none(tmp_path: Path) -> None:
    assert machine._available_in_group(tmp_path) == machine.NO_LIMIT
    assert machine._available_in_group(container(tmp_path, "max", 5, stat_of(1))) == machine.NO_LIMIT
