"""The memory of past pictures, where the system's allocator is glibc: some is kept for the next ones, the
rest goes back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import threading
from pathlib import Path

KEPT_FREE = 256 << 20
LARGEST_BLOCK = 64 << 20  # larger ones come from the system, and go back at once
INTERVAL = 5.0
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8


def keep_one_heap() -> None:
    """Let all threads share one heap that keeps some memory for the next picture.

    The system's allocator would give each thread a heap of its own, and keep in each the memory of past
    pictures: with many clients that is several times what is in use. And it would fetch the memory of each
    picture anew, whose pages are then cleared one by one.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, LARGEST_BLOCK)
        mallopt(_TRIM_THRESHOLD, KEPT_FREE)


class HeapTrimmer(threading.Thread):
    """Gives memory back that lies free between what is in use, which the allocator by itself never does:
    after an hour the heap would be as large as the worst moment of that hour. Does nothing with other
    allocators."""

    def __init__(self, interval: float = INTERVAL, kept: int = KEPT_FREE) -> None:
        super().__init__(name="heap", daemon=True)
        self.interval, self.kept = interval, kept
        self._wait = threading.Event()

    def run(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            libc = ctypes.CDLL(None)
            libc.mallinfo2.restype = _MallocInfo
            while not self._wait.wait(self.interval):
                if free_memory(libc.mallinfo2()) > self.kept:
                    libc.malloc_trim(self.kept)

    def close(self) -> None:
        """End, at once where nothing is given back just then."""
        self._wait.set()
        self.join(self.interval)


_INFO = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)


class _MallocInfo(ctypes.Structure):
    """struct mallinfo2 of malloc.h."""

    _fields_ = [(name, ctypes.c_size_t) for name in _INFO]


def free_memory(info: _MallocInfo) -> int:
    """Bytes of the heap that lie free and are in memory, as far as the size of this process tells; what was
    given back counts as free in the allocator's own figures."""
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
    return min(info.fordblks, resident - info.uordblks - info.hblkhd)
