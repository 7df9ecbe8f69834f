"""Whether a progress file is still the one that was read."""

from __future__ import annotations

from understudy.errors import RunError
from understudy.runs import RunFolder

Stamp = tuple[int, int, int] | None
"""What changes when the file does; None where there is none."""


class Overtaken(RunError):
    """Another process has trained the run since it was read."""


def stamp_of(run: RunFolder) -> Stamp:
    """The stamp of the progress file of ``run``."""
    try:
        found = run.ost_path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def check_stamp(run: RunFolder, stamp: Stamp) -> None:
    """Overtaken when the progress file is another one than that of ``stamp``: to go on from what was read
    would lose what the other process has learned."""
    if stamp_of(run) != stamp:
        raise Overtaken(
            f"{run.name} was trained by another process just now.",
            expected="the progress file that was read",
            found="a newer one",
            where=str(run.path),
            remedy="Give the same command again: it goes on from there.",
        )
