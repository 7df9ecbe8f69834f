"""Which paths the monitor touches: those under the data directory and the footage folders, and no others."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import RunError, SettingError
from understudy.frames import Shot, open_shot
from understudy.runs import RunFolder

LONGEST = 4096


class Refused(SettingError):
    """A path or name that leads out of what may be touched."""


class Missing(RunError):
    """A run, file or job that is not there."""


@dataclass(frozen=True)
class Fence:
    """The folders that may be read. ``roots`` are real paths, the data directory first."""

    roots: tuple[Path, ...]

    @classmethod
    def around(cls, folders: Iterable[str | Path]) -> Fence:
        """A fence around ``folders``; SettingError when one is not a folder."""
        real = [Path(_real(str(folder))) for folder in folders]
        for folder, given in zip(real, folders, strict=True):
            if not folder.is_dir():
                raise SettingError("There is no such folder.", expected="a folder", where=str(given))
        return cls(tuple(dict.fromkeys(real)))

    def path(self, text: str | Path) -> Path:
        """``text`` as a real path. Refused when it leads outside, by name or by a link."""
        path = Path(_real(self._absolute(str(text))))
        if not self.contains(path):
            raise self._refused(str(text))
        return path

    def contains(self, path: Path) -> bool:
        """Whether the real path ``path`` lies in one of the folders."""
        return any(path == root or path.is_relative_to(root) for root in self.roots)

    def spec(self, text: str) -> str:
        """A shot's spec (pattern, folder, file, movie) with its folder made real. Refused when outside."""
        whole = self._absolute(text)
        self.path(whole)
        folder, name = os.path.split(whole)
        if name in ("", ".", "..") or os.path.exists(whole):
            return _real(whole)
        return os.path.join(_real(folder), name)

    def shot(self, text: str, frames: str | None = None, part: str | None = None) -> Shot:
        """The shot that ``text`` names, every file of it inside. Raises what ``open_shot`` raises, and
        Refused."""
        shot = open_shot(self.spec(text), frames=frames or None, part=part or None)
        for path in _files_of(shot):
            if os.path.islink(path) and not self.contains(Path(_real(str(path)))):
                raise self._refused(str(path))
        return shot

    def mask(self, text: str) -> str:
        """A mask: a channel of the plate (``channel:NAME``) as it is, or a shot's spec."""
        return text if text.startswith("channel:") else self.spec(text)

    def _absolute(self, text: str) -> str:
        if not text or "\0" in text or len(text) > LONGEST:
            raise Refused("This is not a path.", found=repr(text[:80]), remedy="Give a file or a folder.")
        text = os.path.expanduser(text)
        if os.path.isabs(text):
            return text
        inside = [str(root / text) for root in self.roots]
        return next((path for path in inside if os.path.lexists(path)), inside[-1])

    def _refused(self, text: str) -> Refused:
        return Refused(
            "This lies outside of the folders that the monitor may read.",
            expected="a path under " + ", ".join(map(str, self.roots)),
            found=text[:300],
            remedy="Start the monitor with --footage FOLDER to add a folder.",
        )


def _files_of(shot: Shot) -> Iterator[Path]:
    numbers = shot.numbers[:1] if shot.is_movie else shot.numbers
    return (shot.path(number) for number in numbers)


def _real(text: str) -> str:
    try:
        return os.path.realpath(text)
    except (OSError, ValueError):
        raise Refused("This is not a path.", found=repr(text[:80])) from None


def find_run(data_directory: Path, name: str) -> RunFolder:
    """The run called ``name``. Missing when there is none, or when the name is not a plain folder's."""
    path = data_directory / name
    if not _is_plain(name) or not _is_real_folder(path):
        raise _no_run(data_directory, name)
    try:
        return RunFolder.open(path)
    except (RunError, OSError, ValueError):
        raise _no_run(data_directory, name) from None


def own_file(run: RunFolder, name: str) -> Path:
    """The file called ``name`` that belongs to ``run``; Missing for anything else."""
    path = next((path for path in run.own_files() if path.name == name), None)
    if path is None or name.startswith("."):
        raise Missing("The run has no such file.", found=repr(name[:200]), where=str(run.path))
    return path


def is_plain_file(path: Path) -> bool:
    """A file that is a file: no link, pipe or device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _is_plain(name: str) -> bool:
    return 0 < len(name) < 256 and name[0] != "." and not any(sign in name for sign in "/\\\0")


def _is_real_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _no_run(data_directory: Path, name: str) -> Missing:
    return Missing(
        f"There is no run called {name[:200]!r}.",
        where=str(data_directory),
        remedy="It may have been renamed or deleted; refresh the list.",
    )
