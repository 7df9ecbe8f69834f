"""The frames before and after a frame: which stands in where there is none, and that each is read once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.errors import FrameError
from understudy.frames import Frame, Neighbours, Shot, Window, open_shot

RGB = ("R", "G", "B")


def write(folder: Path, number: int, size: tuple[int, int] = (6, 4), window: tuple[int, ...] = ()) -> Path:
    """A frame that is as bright as its number says; ``window``: x, y, full width, full height."""
    path = folder / f"plate.{number:04d}.exr"
    spec = oiio.ImageSpec(*size, 3, "float")
    if window:
        spec.x, spec.y, spec.full_width, spec.full_height = window
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    assert output.write_image(np.full((size[1], size[0], 3), number / 100, np.float32)) and output.close()
    return path


def shot_of(folder: Path, numbers: list[int]) -> Shot:
    for number in numbers:
        write(folder, number)
    return open_shot(str(folder / "plate.####.exr"))


def about(shot: Shot, number: int, *offsets: int) -> list[int]:
    """The numbers of the frames that come out at ``offsets``."""
    planes = list(Neighbours(shot).about(shot.read(number), RGB, offsets))
    assert all(each.shape == (4, 6, 3) for each in planes)
    return [round(float(each.mean()) * 100) for each in planes]


def test_the_frames_before_and_after_come_in_the_order_that_was_asked_for(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, [1, 2, 3, 4, 5])
    assert about(shot, 3, -1, 1, -2, 2) == [2, 4, 1, 5]


@pytest.mark.parametrize(
    ("number", "found"),
    [(1, [1, 2, 1, 3]), (2, [1, 3, 1, 3]), (3, [2, 3, 1, 5]), (5, [5, 6, 3, 6]), (6, [5, 6, 5, 6])],
)
def test_the_nearest_on_that_side_stands_in_and_in_the_end_the_frame_itself(
    tmp_path: Path, number: int, found: list[int]
) -> None:
    shot = shot_of(tmp_path, [1, 2, 3, 5, 6])
    assert about(shot, number, -1, 1, -2, 2) == found


def test_a_damaged_frame_stands_in_for_nothing(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, [1, 2, 3, 4])
    (tmp_path / "plate.0002.exr").write_bytes(b"no picture")
    assert about(shot, 3, -1, -2) == [3, 1]
    with pytest.raises(FrameError):
        Neighbours(shot).read(2)


def test_a_frame_of_another_size_or_without_the_channels_stands_in_for_nothing(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, [1, 2, 3])
    write(tmp_path, 2, size=(8, 4))
    assert about(shot, 3, -1, -2) == [3, 1]
    (plane,) = Neighbours(shot).about(shot.read(3), ("R",), [-2])
    assert plane.shape == (4, 6, 1)


def test_a_data_window_that_moves_lies_where_it_belongs(tmp_path: Path) -> None:
    write(tmp_path, 1, size=(2, 2), window=(1, 1, 6, 4))
    write(tmp_path, 2, size=(6, 4))
    shot = open_shot(str(tmp_path / "plate.####.exr"))
    (plane,) = Neighbours(shot).about(shot.read(2), ("R",), [-1])
    assert np.count_nonzero(plane) == 4 and plane[1:3, 1:3].all()
    (plane,) = Neighbours(shot).about(shot.read(2), ("R",), [-1], Window(1, 1, 3, 3))
    assert np.count_nonzero(plane) == 4 and plane[:2, :2].all()


class Counting(Shot):
    """Counts how often each frame is read, and can fail the first time."""

    def __init__(self, shot: Shot, seconds: float = 0.0, fails: int = 0) -> None:
        self.shot, self.numbers, self.spec = shot, shot.numbers, shot.spec
        self.reads: list[int] = []
        self.seconds, self.fails = seconds, fails
        self.lock = threading.Lock()

    name = property(lambda self: self.shot.name)
    extension = property(lambda self: self.shot.extension)
    frame_rate = property(lambda self: None)

    def path(self, number: int) -> Path:
        return self.shot.path(number)

    def read(self, number: int) -> Frame:
        with self.lock:
            self.reads.append(number)
            self.fails -= 1
            if self.fails >= 0:
                raise FrameError("not now")
        time.sleep(self.seconds)
        return self.shot.read(number)

    def close(self) -> None:
        self.shot.close()


def test_a_shot_is_read_once_though_every_frame_is_asked_for_five_times(tmp_path: Path) -> None:
    counting = Counting(shot_of(tmp_path, list(range(1, 13))), seconds=0.002)
    neighbours = Neighbours(counting, kept=8)

    def work(number: int) -> list[int]:
        planes = neighbours.about(neighbours.read(number), RGB, [-1, 1, -2, 2])
        return [round(float(each.mean()) * 100) for each in planes]

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(work, counting.numbers))
    assert found[5] == [5, 7, 4, 8]
    assert sorted(counting.reads) == list(counting.numbers)


def test_no_more_frames_are_held_than_were_asked_for(tmp_path: Path) -> None:
    counting = Counting(shot_of(tmp_path, [1, 2, 3, 4]))
    neighbours = Neighbours(counting)
    neighbours.keep(2)
    for number in (1, 2, 3, 3, 2, 1):
        neighbours.read(number)
    assert counting.reads == [1, 2, 3, 1]


def test_a_frame_that_could_not_be_read_is_tried_again(tmp_path: Path) -> None:
    neighbours = Neighbours(Counting(shot_of(tmp_path, [1, 2]), fails=1), kept=4)
    with pytest.raises(FrameError):
        neighbours.read(1)
    assert neighbours.read(1).number == 1
