"""One damaged packet costs the frames that refer to it, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.errors import FrameError
from understudy.frames import open_shot
from understudy.frames.movie_index import MovieIndex, PacketEntry

av = pytest.importorskip("av")

WHOLE_FRAMES = [
    ("a.mov", {"encoder": "prores_ks", "pixel_format": "yuv422p10le", "count": 40}),
    ("a.mov", {"encoder": "png", "pixel_format": "rgb24", "count": 40}),
    (
        "a.mxf",
        {
            "encoder": "dnxhd",
            "pixel_format": "yuv422p",
            "count": 40,
            "size": (256, 128),
            "options": {"profile": "dnxhr_sq"},
        },
    ),
]
LONG_GROUPS: list[tuple[str, dict[str, Any]]] = [
    ("a.mp4", {"encoder": "libx264", "count": 40}),
    (
        "a.mp4",
        {
            "encoder": "libx265",
            "count": 40,
            "options": {"x265-params": "log-level=none:keyint=12:min-keyint=12:open-gop=1"},
        },
    ),
    ("a.mov", {"encoder": "mpeg4", "count": 40}),
]


def pictures(path: Path) -> dict[int, np.ndarray | None]:
    """The frames that come, in order; None for those that do not."""
    shot, found = open_shot(str(path)), {}
    for number in shot.numbers:
        try:
            found[number] = shot.read(number).planes("RGB")
        except FrameError:
            found[number] = None
    return found


def damaged(path: Path, at: int, kept: float = 0.5) -> tuple[Path, int]:
    """A copy in which zeros take all of the packet ``at``, in order of decoding, but its first share; and the
    number of the frame that it held."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        times = sorted(packet.pts for packet in packets)
        start, size, time = packets[at].pos, packets[at].size, packets[at].pts
    data = bytearray(path.read_bytes())
    begin = int(size * kept)
    data[start + begin : start + size] = bytes(size - begin)
    broken = path.with_name(f"broken{path.suffix}")
    broken.write_bytes(data)
    return broken, times.index(time) + 1


@pytest.mark.parametrize(("name", "how"), WHOLE_FRAMES)
@pytest.mark.parametrize("at", [0, 4, 30])
def test_where_every_frame_stands_alone_a_damaged_one_costs_itself_only(
    tmp_path: Path, film: Any, name: str, how: dict[str, Any], at: int
) -> None:
    path = film(**how).write(tmp_path / name)
    broken, number = damaged(path, at, kept=0.2)
    whole, found = pictures(path), pictures(broken)
    assert [each for each, pixels in found.items() if pixels is None] == [number]
    for each, pixels in found.items():
        assert pixels is None or np.array_equal(pixels, whole[each]), each


@pytest.mark.parametrize(("name", "how"), LONG_GROUPS)
@pytest.mark.parametrize("at", [1, 13, 17])
def test_frames_that_refer_to_a_damaged_one_fail_and_all_others_come_whole(
    tmp_path: Path, film: Any, name: str, how: dict[str, Any], at: int
) -> None:
    path = film(**how).write(tmp_path / name)
    broken, number = damaged(path, at, kept=0.0)
    whole, found = pictures(path), pictures(broken)
    lost = [each for each, pixels in found.items() if pixels is None]
    assert number in lost and len(lost) <= 13
    for each, pixels in found.items():
        assert pixels is None or np.array_equal(pixels, whole[each]), each


def test_a_frame_shown_before_the_damaged_one_that_it_refers_to_is_not_handed_out(
    tmp_path: Path, film: Any
) -> None:
    path = film(count=12).write(tmp_path / "a.mp4")
    broken, number = damaged(path, 1)
    assert number > 2, "the second packet holds a later frame"
    with pytest.raises(FrameError, match=f"refers to frame {number}"):
        open_shot(str(broken)).read(2)


def test_frames_of_a_damaged_movie_come_in_any_order(tmp_path: Path, film: Any) -> None:
    path = film(count=40).write(tmp_path / "a.mp4")
    whole = pictures(path)
    broken, _ = damaged(path, 17)
    found = pictures(broken)
    shot = open_shot(str(broken))
    for number in (39, 2, 30, 16, 1, 40, 25, 12, 26):
        if found[number] is None:
            with pytest.raises(FrameError):
                shot.read(number)
        else:
            assert np.array_equal(shot.read(number).planes("RGB"), whole[number]), number


def index_of(*packets: tuple[int, bool]) -> MovieIndex:
    return MovieIndex([PacketEntry(time, at, key) for at, (time, key) in enumerate(packets)], 100)


def test_what_leads_a_key_is_lost_with_the_group_before_it_and_costs_no_other_group() -> None:
    # shown 0 1 2 3 4 5 6 7: two groups, the second one's key is shown after two frames that lead it
    index = index_of(
        (0, True), (2, False), (1, False), (5, True), (3, False), (4, False), (7, False), (6, False)
    )
    assert sorted(index.cost_of(2, unreferenced=False)) == [1, 2, 3, 4]
    assert sorted(index.cost_of(3, unreferenced=False)) == [3, 4]
    assert sorted(index.cost_of(5, unreferenced=False)) == [3, 4, 5, 6, 7]
    assert index.cost_of(1, unreferenced=True) == [1]
    assert index.key_for(4).time == 0 and index.key_for(6).time == 5
    assert index.safe_at(1) == 2 and index.safe_at(6) == 7
