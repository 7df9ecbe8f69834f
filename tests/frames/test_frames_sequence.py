"""What a spec names: patterns, ranges, folders, single files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.errors import SequenceError
from understudy.frames import format_numbers, open_shot, parse_frame_range
from understudy.frames.sequence import find_files, parse_pattern


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")


def numbers(spec: str | Path) -> tuple[int, ...]:
    return tuple(find_files(str(spec)).files)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1001", (1001,)),
        ("1001-1004", (1001, 1002, 1003, 1004)),
        ("1001-1020x5,1180", (1001, 1006, 1011, 1016, 1180)),
        ("-3--1", (-3, -2, -1)),
        ("-2-1", (-2, -1, 0, 1)),
        ("5, 3,3-4", (3, 4, 5)),
        ("4-1", (1, 2, 3, 4)),
    ],
)
def test_a_frame_range_reads_as_compositors_write_it(text: str, expected: tuple[int, ...]) -> None:
    assert parse_frame_range(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "abc",
        "1-",
        "1-5 7",
        "1-5x0",
        "1..5",
        "1-99999999",
        "1-999999999999999999999",
        "1,,2",
        "1e3",
        "1.5",
    ],
)
def test_anything_else_is_refused_as_a_range(text: str) -> None:
    with pytest.raises(SequenceError):
        parse_frame_range(text)


@given(st.sets(st.integers(-2000, 2000), min_size=1, max_size=30))
def test_a_printed_range_reads_back_as_the_same_frames(frames: set[int]) -> None:
    assert parse_frame_range(format_numbers(frames)) == tuple(sorted(frames))


@given(st.text(max_size=40))
def test_no_text_breaks_the_range_or_the_pattern_reader(text: str) -> None:
    for reader in (parse_frame_range, find_files):
        try:
            reader(text)
        except SequenceError:
            continue


@pytest.mark.parametrize("mark", ["####", "@@@@", "%04d", "$F4", "#", "%d", "@"])
def test_every_way_of_writing_a_pattern_finds_the_same_frames(mark: str, tmp_path: Path) -> None:
    touch(tmp_path, "plate.1001.exr", "plate.1002.exr", "plate.1004.exr", "plate.exr", "other.1003.exr")
    found = find_files(str(tmp_path / f"plate.{mark}.exr"))
    assert tuple(found.files) == (1001, 1002, 1004)
    assert found.missing == (1003,)


def test_a_pattern_writes_with_its_own_padding(tmp_path: Path) -> None:
    for mark, name in (
        ("####", "a.0007.exr"),
        ("%03d", "a.007.exr"),
        ("#", "a.7.exr"),
        ("$F6", "a.000007.exr"),
    ):
        pattern = parse_pattern(str(tmp_path / f"a.{mark}.exr"))
        assert pattern is not None and pattern.path(7).name == name


def test_negative_numbers_and_other_paddings_belong_to_the_sequence(tmp_path: Path) -> None:
    touch(tmp_path, "p.-002.exr", "p.-1.exr", "p.0000.exr", "p.7.exr", "p.12345.exr")
    assert numbers(tmp_path / "p.####.exr") == (-2, -1, 0, 7, 12345)


def test_of_two_files_with_one_number_the_one_with_the_patterns_padding_is_read(tmp_path: Path) -> None:
    touch(tmp_path, "p.1.exr", "p.0001.exr", "p.001.exr")
    assert find_files(str(tmp_path / "p.####.exr")).files[1].name == "p.0001.exr"
    assert find_files(str(tmp_path / "p.###.exr")).files[1].name == "p.001.exr"


def test_an_extension_in_another_case_belongs_to_the_sequence(tmp_path: Path) -> None:
    touch(tmp_path, "p.1001.EXR", "p.1002.exr", "p.1003.Exr")
    assert numbers(tmp_path / "p.####.exr") == (1001, 1002, 1003)
    assert numbers(tmp_path) == (1001, 1002, 1003)


def test_the_letters_before_the_number_must_match_exactly(tmp_path: Path) -> None:
    touch(tmp_path, "P.1001.exr", "p.1002.exr")
    assert numbers(tmp_path / "p.####.exr") == (1002,)


@pytest.mark.parametrize("spec", ["p.1002-1003####.exr", "p.####.exr 1002-1003", "p.1002-1003#.exr"])
def test_a_range_in_the_pattern_clips_the_sequence(spec: str, tmp_path: Path) -> None:
    touch(tmp_path, *(f"p.{number}.exr" for number in range(1001, 1006)))
    assert numbers(tmp_path / spec) == (1002, 1003)


def test_frames_restricts_the_shot_and_names_what_is_not_there(tmp_path: Path) -> None:
    touch(tmp_path, *(f"p.{number}.exr" for number in (1001, 1002, 1004)))
    shot = open_shot(str(tmp_path / "p.####.exr"), frames="1002-1005")
    assert shot.numbers == (1002, 1004)
    assert shot.missing == (1003, 1005)
    with pytest.raises(SequenceError, match="1001-1002,1004"):
        open_shot(str(tmp_path / "p.####.exr"), frames="7-9")


@pytest.mark.parametrize(
    "name",
    [
        "my plate [v2].exr",
        "a#b.exr",
        "photo@2x.png",
        "take%04d.exr",
        "50%done.png",
        "2024.01.02.exr",
        "7.exr",
    ],
)
def test_a_file_that_exists_is_one_file_whatever_its_name(name: str, tmp_path: Path) -> None:
    touch(tmp_path, name, "take0001.exr", "50.png")
    found = find_files(str(tmp_path / name))
    assert [path.name for path in found.files.values()] == [name]
    assert found.pattern is None


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("plate.1012.exr", 1012),
        ("plate_0012.exr", 12),
        ("plate.-5.exr", -5),
        ("shot_v003.exr", 1),
        ("photo.png", 1),
    ],
)
def test_a_single_file_has_the_number_before_its_extension_or_else_1(
    name: str, number: int, tmp_path: Path
) -> None:
    touch(tmp_path, name, "plate.1013.exr")
    assert numbers(tmp_path / name) == (number,)


def test_a_folder_is_the_one_sequence_in_it(tmp_path: Path) -> None:
    touch(tmp_path / "shot", "p_1001.exr", "p_1003.exr", ".p_1002.exr", "notes.txt", "thumbs.db")
    found = find_files(str(tmp_path / "shot"))
    assert tuple(found.files) == (1001, 1003)
    assert found.missing == (1002,)


@pytest.mark.parametrize("other", ["q.1001.exr", "still.png", "cut.mov", "p.1001.png"])
def test_a_folder_with_several_shots_is_refused_by_naming_them(other: str, tmp_path: Path) -> None:
    touch(tmp_path, "p.1001.exr", "p.1002.exr", other)
    with pytest.raises(SequenceError) as refused:
        find_files(str(tmp_path))
    assert "p.####.exr" in refused.value.found
    assert other.replace("1001", "####") in refused.value.found


@pytest.mark.parametrize(
    "spec", ["", "nothing.exr", "p.####.exr", "no/folder/p.####.exr", "empty", "a\0b.exr"]
)
def test_what_is_not_there_is_refused_by_name(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SequenceError):
        open_shot(spec)


def test_a_folder_of_unpadded_numbers_is_written_without_padding(tmp_path: Path) -> None:
    touch(tmp_path, "p.8.exr", "p.9.exr", "p.10.exr")
    pattern = find_files(str(tmp_path)).pattern
    assert pattern is not None and [pattern.path(at).name for at in (9, 10)] == ["p.9.exr", "p.10.exr"]


def test_only_the_file_name_may_hold_a_pattern(tmp_path: Path) -> None:
    touch(tmp_path / "shot#2@studio", "p.1001.exr")
    assert numbers(tmp_path / "shot#2@studio" / "p.####.exr") == (1001,)
    assert numbers(tmp_path / "shot#2@studio" / "p.1001.exr") == (1001,)


def test_a_gap_of_a_billion_frames_costs_nothing(tmp_path: Path) -> None:
    touch(tmp_path, "p.1.exr", "p.999999999999.exr")
    found = find_files(str(tmp_path / "p.#.exr"))
    assert len(found.files) == 2 and found.missing == ()


def test_a_name_with_too_many_digits_is_a_still(tmp_path: Path) -> None:
    touch(tmp_path, "scan_20261120123456789.png")
    assert numbers(tmp_path) == (1,)


def test_the_current_folder_needs_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "p.1001.exr")
    monkeypatch.chdir(tmp_path)
    assert numbers("p.####.exr") == numbers(".") == numbers("p.1001.exr") == (1001,)


def test_the_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "shots").mkdir()
    with pytest.raises(SequenceError) as caught:
        find_files(str(tmp_path / "shots" / "sh010" / "plate" / "p.####.exr"))
    assert caught.value.found == f"no folder {tmp_path / 'shots' / 'sh010'}"
    (tmp_path / "shots" / "sh020").symlink_to(tmp_path / "store")
    with pytest.raises(SequenceError) as caught:
        find_files(str(tmp_path / "shots" / "sh020" / "p.####.exr"))
    assert caught.value.found.endswith(f"a link to {tmp_path / 'store'}, which is not there")
    with pytest.raises(SequenceError) as caught:
        find_files(str(tmp_path / "shots" / "p.####.exr"))
    assert caught.value.found == "none"


def test_a_broken_link_belongs_to_its_sequence(tmp_path: Path) -> None:
    touch(tmp_path, "p.1001.exr", "p.1002.exr")
    (tmp_path / "p.1003.exr").symlink_to(tmp_path / "gone.exr")
    assert numbers(tmp_path / "p.####.exr") == numbers(tmp_path) == (1001, 1002, 1003)
