"""Finished frames: where they go, that they appear whole or not at all, and who made them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from understudy.errors import SequenceError, SettingError, WriteError
from understudy.frames import (
    Frame,
    Shot,
    open_shot,
    open_sink,
    read_image_file,
    read_provenance,
    write_image_file,
)

Make = Callable[..., Path]


@pytest.fixture
def plate(make_image: Make, tmp_path: Path, rgb: dict[str, str]) -> Shot:
    for number in (1001, 1002, 1003):
        make_image(f"in/plate_v2.{number}.exr", rgb, seed=number)
    return open_shot(str(tmp_path / "in" / "plate_v2.####.exr"))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("out/a.####.exr", "out/a.1001.exr"),
        ("out/a.%06d.png", "out/a.001001.png"),
        ("deep/er/folder", "deep/er/folder/plate_v2.1001.exr"),
        ("folder/", "folder/plate_v2.1001.exr"),
    ],
)
def test_a_frame_goes_where_the_spec_says_and_folders_are_made(
    plate: Shot, tmp_path: Path, spec: str, expected: str
) -> None:
    sink = open_sink(os.path.join(tmp_path, spec), like=plate)
    assert not sink.exists(1001)
    assert sink.write(1001, plate.read(1001)) == tmp_path / expected
    assert (tmp_path / expected).is_file()
    assert sink.exists(1001) and not sink.exists(1002)
    assert sink.written == (tmp_path / expected,)


def test_opening_a_sink_writes_nothing(plate: Shot, tmp_path: Path) -> None:
    before = names_in(tmp_path)
    open_sink(str(tmp_path / "new" / "a.####.exr"), like=plate).close()
    assert names_in(tmp_path) == before


def test_one_file_takes_one_frame(plate: Shot, tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match="####"):
        open_sink(str(tmp_path / "out.exr"), like=plate)
    sink = open_sink(str(tmp_path / "out.exr"), like=plate, numbers=[1002])
    assert sink.write(1002, plate.read(1002)) == tmp_path / "out.exr"


def test_a_still_keeps_its_name_in_another_folder(
    make_image: Make, tmp_path: Path, rgb: dict[str, str]
) -> None:
    still = open_shot(str(make_image("photo [1].exr", rgb)))
    assert open_sink(str(tmp_path / "out"), like=still).path(1) == tmp_path / "out" / "photo [1].exr"


@pytest.mark.parametrize(
    "spec", ["in/plate_v2.####.exr", "in", "in/../in/plate_v2.@@@@.exr", "link/plate_v2.####.exr"]
)
def test_the_plate_is_never_written_over(plate: Shot, tmp_path: Path, spec: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(SequenceError, match="plate"):
        open_sink(str(tmp_path / spec), like=plate, overwrite=True)


@pytest.mark.parametrize("spec", ["", "out.####.gif", "a\0b", "out.####.mov", "out.mkv"])
def test_an_output_that_cannot_be_is_refused_before_anything_is_written(
    plate: Shot, tmp_path: Path, spec: str
) -> None:
    with pytest.raises(SequenceError):
        open_sink(str(tmp_path / spec) if spec else spec, like=plate)


@pytest.mark.parametrize("options", [{"depth": "8"}, {"compression": "h264"}, {"depth": "fine"}])
def test_a_depth_or_compression_that_is_not_there_is_refused_before_anything_is_written(
    plate: Shot, tmp_path: Path, options: dict[str, str]
) -> None:
    with pytest.raises(SettingError):
        open_sink(str(tmp_path / "a.####.exr"), like=plate, **options)


def test_notes_are_collected_once(plate: Shot, tmp_path: Path) -> None:
    with open_sink(str(tmp_path / "a.####.png"), like=plate) as sink:
        for number in plate.numbers:
            sink.write(number, plate.read(number))
    assert len(sink.notes) == 1 and "16 bits" in sink.notes[0]


def test_many_threads_write_the_frames_that_one_would(plate: Shot, tmp_path: Path) -> None:
    sink = open_sink(str(tmp_path / "out" / "a.####.exr"), like=plate)
    started = threading.Barrier(3)

    def work(number: int) -> None:
        started.wait(10)
        sink.write(number, plate.read(number))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, plate.numbers))
    assert len(sink.written) == 3
    for number in plate.numbers:
        assert (
            read_image_file(sink.path(number)).planes("RGB").tobytes()
            == plate.read(number).planes("RGB").tobytes()
        )


@pytest.mark.parametrize("suffix", ["exr", "png", "tif", "dpx", "hdr", "jpg", "tga"])
def test_who_made_a_frame_is_found_again_in_every_format(plate: Shot, tmp_path: Path, suffix: str) -> None:
    made = {"model": "0123abcd", "understudy:settings": "mix=1"}
    sink = open_sink(str(tmp_path / "out" / f"a.####.{suffix}"), like=plate, provenance=made)
    path = sink.write(1001, plate.read(1001))
    assert read_provenance(path) == sink.provenance(1001) == {"model": "0123abcd", "settings": "mix=1"}
    assert sink.provenance(1002) == {}
    visible = [name for name in names_in(tmp_path / "out") if not name.startswith(".")]
    assert visible == [path.name]


@pytest.mark.parametrize("suffix", ["exr", "tif"])
def test_a_frame_of_somebody_else_has_no_maker(plate: Shot, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    write_image_file(path, plate.read(1001), provenance={"model": "ours"})
    write_image_file(path, plate.read(1002))
    assert read_provenance(path) == {}


def test_another_programs_file_of_the_same_name_is_not_taken_for_ours(plate: Shot, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write_image_file(path, plate.read(1001), provenance={"model": "ours"})
    path.write_bytes(path.read_bytes() + b"\0")
    assert read_provenance(path) == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"bytes": 1}', b'{"made": 3}', b"\xff\xfe", b"null"])
def test_a_damaged_note_of_the_maker_is_no_maker_and_no_error(
    plate: Shot, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "a.tif"
    write_image_file(path, plate.read(1001), provenance={"model": "ours"})
    next((tmp_path / ".understudy").iterdir()).write_bytes(content)
    assert read_provenance(path) == {}


def test_the_maker_of_what_is_not_there_or_no_image_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "a.exr").write_bytes(b"v/1\x01garbage")
    assert read_provenance(tmp_path / "a.exr") == read_provenance(tmp_path / "none.exr") == {}


def test_a_folder_that_cannot_be_made_is_a_write_error(plate: Shot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    sink = open_sink(str(tmp_path / "file" / "a.####.exr"), like=plate)
    with pytest.raises(WriteError) as refused:
        sink.write(1001, plate.read(1001))
    assert refused.value.exit_code == 1
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.parametrize("suffix", ["exr", "png", "tif"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    plate: Shot, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out" / f"a.{suffix}"
    write_image_file(path, plate.read(1001))
    before = path.read_bytes()

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(WriteError, match="No space left"):
        write_image_file(path, plate.read(1002))
    assert path.read_bytes() == before
    assert names_in(tmp_path / "out") == [path.name]


FILL_THE_DISK = """
import resource, sys
from pathlib import Path
from understudy.errors import WriteError
from understudy.frames import open_shot, open_sink
plate = open_shot(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
for suffix in ("exr", "tif", "png", "jpg", "dpx", "hdr", "tga", "mov", "mxf", "mp4"):
    name = f"a.{suffix}" if suffix in ("mov", "mxf", "mp4") else f"a.####.{suffix}"
    try:
        with open_sink(str(Path(sys.argv[2], suffix, name)), like=plate) as sink:
            for number in plate.numbers:
                sink.write(number, plate.read(number))
        print(suffix, "wrote")
    except WriteError as error:
        print(suffix, "refused")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are a POSIX thing")
def test_a_disk_that_fills_up_is_an_error_and_leaves_nothing_half_written(
    make_image: Make, tmp_path: Path
) -> None:
    """Some writers of the library do not notice, and one ends the process, so this runs in another one."""
    pytest.importorskip("av")
    make_image("in/p.0001.exr", dict.fromkeys("RGB", "half"), size=(400, 300))
    command = [
        sys.executable,
        "-c",
        FILL_THE_DISK,
        str(tmp_path / "in" / "p.####.exr"),
        str(tmp_path / "out"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    suffixes = ("exr", "tif", "png", "jpg", "dpx", "hdr", "tga", "mov", "mxf", "mp4")
    assert done.stdout.split() == [word for suffix in suffixes for word in (suffix, "refused")]
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


def test_a_frame_of_another_shot_is_not_in_this_one(plate: Shot) -> None:
    with pytest.raises(SequenceError, match="1001-1003"):
        plate.read(7)


def test_a_killed_writers_hidden_file_is_not_a_frame(plate: Shot, tmp_path: Path) -> None:
    (tmp_path / "in" / ".plate_v2.1004.tmp-1-abc.exr").write_bytes(b"half")
    assert open_shot(str(tmp_path / "in")).numbers == plate.numbers


@pytest.mark.parametrize("name", ["a?b=c.exr", "é 日本.exr", "a b[1].exr", "a.b.c.png"])
def test_any_name_can_be_written_and_read(plate: Shot, tmp_path: Path, name: str) -> None:
    path = tmp_path / "out" / name
    write_image_file(path, plate.read(1001), provenance={"model": "m"})
    assert names_in(tmp_path / "out") == [name]
    assert read_image_file(path).planes("RGB").shape == (9, 12, 3)
    assert read_provenance(path) == {"model": "m"}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("ending", ["exr", "png", "tif", "jpg"])
def test_a_name_that_is_no_utf_8_keeps_its_bytes(plate: Shot, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a\udcff.{ending}"
    write_image_file(path, plate.read(1001), provenance={"model": "m", "mask": "\udcff.exr"})
    assert os.fsencode(path.name) in os.listdir(os.fsencode(tmp_path))
    assert read_provenance(path)["model"] == "m"
    assert read_image_file(path).display_window == plate.read(1001).display_window


def test_a_single_pixel_is_a_frame(make_image: Make, tmp_path: Path, rgb: dict[str, str]) -> None:
    shot = open_shot(str(make_image("dot.exr", rgb, size=(1, 1))))
    frame: Frame = shot.read(1).with_planes("RGB", np.full((1, 1, 3), 0.5, np.float32))
    path = open_sink(str(tmp_path / "out"), like=shot).write(1, frame)
    assert np.array_equal(read_image_file(path).planes("RGB"), np.full((1, 1, 3), 0.5))
