"""Corrections of a run, as they lie in its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.errors import RunError
from understudy.runs import RunFolder
from understudy.runs.corrections import active_corrections, first_file, read_corrections
from understudy.toml_text import to_toml


def put(run: Path, number: int, text: str, *pictures: str) -> Path:
    folder = run / "corrections" / f"{number:04d}"
    folder.mkdir(parents=True)
    (folder / "correction.toml").write_text(text)
    for name in pictures:
        (folder / name).write_bytes(b"exr")
    return folder


def test_corrections_are_read_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    put(tmp_path, 2, to_toml(first_file("empty", "1010-1012", undone=True).model_dump()))
    put(
        tmp_path,
        1,
        to_toml(first_file("strokes", "7", author="Ann").model_dump()),
        "truth.7.exr",
        "mask.7.exr",
    )
    first, second = read_corrections(tmp_path)
    assert (first.id, first.kind, first.frames, first.author) == (1, "strokes", (7,), "Ann")
    assert (second.frames, second.undone) == ((1010, 1011, 1012), True)
    assert active_corrections(tmp_path) == (first,)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kind = 3\nframes = '1'\n", "kind"),
        ("kind = 'empty'\nframes = 'x'\n", ""),
        ("kind = 'empty'\nframes = '1'\nversion = 9\n", "version"),
        ("kind = 'accept'\nframes = '1'\n", "truth.1.exr is missing"),
        ("no toml", ""),
    ],
)
def test_a_damaged_correction_is_refused_in_words(tmp_path: Path, text: str, found: str) -> None:
    put(tmp_path, 1, text)
    with pytest.raises(RunError, match="cannot be used") as caught:
        read_corrections(tmp_path)
    assert found in caught.value.found


def test_what_has_no_number_for_a_name_is_no_correction(tmp_path: Path) -> None:
    (tmp_path / "corrections" / ".tmp-12").mkdir(parents=True)
    (tmp_path / "corrections" / "0001").symlink_to(tmp_path)
    assert read_corrections(tmp_path) == ()


def test_deleting_a_run_deletes_its_corrections(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "taught")
    put(run.path, 1, to_toml(first_file("accept", "1").model_dump()), "truth.1.exr")
    run.delete()
    assert not run.path.exists()
