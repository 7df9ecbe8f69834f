"""The folders that the monitor may read and write: the data directory and the footage folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import SettingError
from understudy.frames import Shot, open_shot

LONGEST = 4096


class PathNotAllowed(SettingError):
    """A path outside of the allowed folders."""


@dataclass(frozen=True)
class AllowedFolders:
    """``roots`` are real paths, the data directory first. Paths elsewhere are refused with PathNotAllowed."""

    roots: tuple[Path, ...]

    @classmethod
    def of(cls, folders: Iterable[str | Path]) -> AllowedFolders:
        """These folders; SettingError when one is not there."""
        real = [Path(_real(str(folder))) for folder in folders]
        for folder, given in zip(real, folders, strict=True):
            if not folder.is_dir():
                raise SettingError("There is no such folder.", expected="a folder", where=str(given))
        return cls(tuple(dict.fromkeys(real)))

    def path(self, text: str | Path) -> Path:
        """``text`` as a real path (links resolved). PathNotAllowed when that lies outside."""
        path = Path(_real(self._absolute(str(text))))
        if not self.contains(path):
            raise self._not_allowed(str(text))
        return path

    def contains(self, path: Path) -> bool:
        """Whether the real path ``path`` lies in one of the folders."""
        return any(path == root or path.is_relative_to(root) for root in self.roots)

    def spec(self, text: str) -> str:
        """``text``, the spec of a shot (pattern, folder, file, movie), with its folder as a real path."""
        whole = self._absolute(text)
        self.path(whole)
        folder, name = os.path.split(whole)
        if name in ("", ".", "..") or os.path.exists(whole):
            return _real(whole)
        return os.path.join(_real(folder), name)

    def shot(self, text: str, frames: str | None = None, part: str | None = None) -> Shot:
        """The shot that ``text`` names, every file of it inside. Raises what ``open_shot`` raises, and
        PathNotAllowed."""
        shot = open_shot(self.spec(text), frames=frames or None, part=part or None)
        for path in _files_of(shot):
            if os.path.islink(path) and not self.contains(Path(_real(str(path)))):
                raise self._not_allowed(str(path))
        return shot

    def mask(self, text: str) -> str:
        """A mask: a channel of the plate (``channel:NAME``) as it is, or a shot's spec."""
        return text if text.startswith("channel:") else self.spec(text)

    def _absolute(self, text: str) -> str:
        if not text or "\0" in text or len(text) > LONGEST:
            raise PathNotAllowed(
                "This is not a path.", found=repr(text[:80]), remedy="Give a file or a folder."
            )
        text = os.path.expanduser(text)
        if os.path.isabs(text):
            return text
        inside = [str(root / text) for root in self.roots]
        return next((path for path in inside if os.path.lexists(path)), inside[-1])

    def _not_allowed(self, text: str) -> PathNotAllowed:
        return PathNotAllowed(
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
        raise PathNotAllowed("This is not a path.", found=repr(text[:80])) from None
