"""Files that one job opens by several ways, read once: a pair is checked, asked about and shown."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from understudy.frames.frame import Frame
from understudy.frames.image_file import read_image_file


@dataclass
class _Held:
    paths: frozenset[Path]
    room: int
    frames: dict[Path, Future[Frame]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, path: Path) -> Frame:
        with self.lock:
            future = self.frames.get(path)
            if future is None:
                mine = self.frames[path] = Future()
        if future is not None:
            return future.result()
        try:
            mine.set_result(read_image_file(path))
            self._make_room(path, mine.result().nbytes)
        except BaseException as error:
            mine.set_exception(error)
        return mine.result()

    def _make_room(self, path: Path, size: int) -> None:
        with self.lock:
            if size > self.room:
                del self.frames[path]
            else:
                self.room -= size


_held: _Held | None = None


@contextmanager
def held_files(paths: Iterable[Path], most: int) -> Iterator[None]:
    """Within it the files at ``paths`` are read once by all shots of this process, and held as far as they
    fit into ``most`` bytes. For one job at a time: a second one reads its files as ever."""
    global _held
    if _held is not None:
        yield
        return
    _held = _Held(frozenset(path.absolute() for path in paths), most)
    try:
        yield
    finally:
        _held = None


def read_file(path: Path, number: int) -> Frame:
    """The frame in a file, which is of this ``number``. Raises FrameError."""
    held = _held
    if held is None or path.absolute() not in held.paths:
        return read_image_file(path, number=number)
    return replace(held.read(path.absolute()), path=path, number=number)
