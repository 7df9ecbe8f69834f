"""The folders that the monitor may read and write: the data directory and the footage folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.dataset.pair_lists import read_pair_list
from understudy.dataset.shards import tars_of
from understudy.errors import SequenceError, SettingError
from understudy.frames import Shot, is_layer_name, open_shot
from understudy.frames.sequence import find_files
from understudy.models.zoo import zoo_model
from understudy.settings.data import is_pair_list, is_shards
from understudy.settings.field import NOWHERE, split_name

LONGEST = 4096


class PathNotAllowed(SettingError):
    """A path outside of the allowed folders."""


@dataclass(frozen=True)
class AllowedFolders:
    """``roots`` are real paths, the data directory first. Paths elsewhere are refused with PathNotAllowed.

    A link that leads out of the folders is refused too: a folder, a file, or one frame of a shot. With
    ``follow_links`` links in the folders may lead anywhere, and the path decides as it is written.
    ``named`` are the folders as they were given, which may be links themselves.
    """

    roots: tuple[Path, ...]
    named: tuple[Path, ...] = ()
    follow_links: bool = False

    @classmethod
    def of(cls, folders: Iterable[str | Path], follow_links: bool = False) -> AllowedFolders:
        """These folders; SettingError when one is not there."""
        named = [Path(os.path.abspath(folder)) for folder in folders]
        for folder in named:
            if not folder.is_dir():
                raise SettingError("There is no such folder.", expected="a folder", where=str(folder))
        roots = (Path(_real(str(folder))) for folder in named)
        return cls(tuple(dict.fromkeys(roots)), tuple(named), follow_links)

    def path(self, text: str | Path) -> Path:
        """``text`` as an absolute path: links resolved where they stay inside, kept where they may lead out.

        PathNotAllowed when it lies outside.
        """
        whole = self._absolute(str(text))
        real, written = Path(_real(whole)), Path(os.path.normpath(whole))
        if self.contains(real):
            return real
        if self.follow_links and self.contains(written):
            return written
        raise self._link_not_allowed(whole) if self._is_named(written) else self._not_allowed(str(text))

    def allows(self, text: str | Path) -> bool:
        """Whether ``path`` would accept ``text``."""
        try:
            self.path(text)
        except PathNotAllowed:
            return False
        return True

    def contains(self, path: Path) -> bool:
        """Whether ``path``, absolute and without ``..``, lies in one of the folders. Ignores links."""
        inside = any(path == root or path.is_relative_to(root) for root in self.roots)
        return inside or (self.follow_links and self._is_named(path))

    def spec(self, text: str) -> str:
        """``text``, the spec of a shot (pattern, folder, file, movie), a list of pairs or tar files, as an
        absolute path.

        PathNotAllowed when it, or the file of one of its frames or pairs, lies outside; PairingError for a
        list that cannot be read, or tar files that are not there.
        """
        spec = str(self.path(text))
        if is_pair_list(spec):
            self.check_files([path for row in read_pair_list(spec).rows for path in (row.input, row.truth)])
        elif is_shards(spec):
            self.check_files(tars_of(spec))
        elif not self.follow_links:
            self._check_links(_files_of(spec))
        return spec

    def check_files(self, paths: Sequence[str]) -> None:
        """PathNotAllowed where one of these lies outside; each of their folders is looked at once."""
        for folder in dict.fromkeys(map(os.path.dirname, paths)):
            self.path(folder)
        if not self.follow_links:
            self._check_links(map(Path, paths))

    def shot(self, text: str, frames: str | None = None, part: str | None = None) -> Shot:
        """The shot that ``text`` names. Raises what ``spec`` and ``open_shot`` raise."""
        shot = open_shot(str(self.path(text)), frames=frames or None, part=part or None)
        if not self.follow_links:
            self._check_links(map(shot.path, shot.numbers[:1] if shot.is_movie else shot.numbers))
        return shot

    def model(self, text: str, start: bool = False) -> str:
        """A model: the name of one that comes trained, as a ``start`` of one that a training begins from,
        where no file of that name lies in the folders; or an absolute path."""
        if zoo_model(text, start) is None:
            return str(self.path(text))
        own = [path for path in (self.path(text), self.path(f"{text}.cat")) if path.exists()]
        return str(own[0]) if own else text

    def layer(self, text: str) -> str:
        """A further input of apply: the name of a layer of the plate, where nothing of that name lies in the
        folders; else the spec of a shot."""
        is_layer = is_layer_name(text) and not self.path(text).exists()
        return text if is_layer else self.spec(text)

    def named_spec(self, text: str) -> str:
        """The spec of a shot with a name before it, or without one; ``none`` where there is no shot."""
        name, spec = split_name(text)
        found = spec if spec == NOWHERE else self.spec(spec)
        return f"{name}={found}" if name else found

    def mask(self, text: str) -> str:
        """A mask: a channel of the plate (``channel:NAME``) as it is, or a shot's spec."""
        return text if text.startswith("channel:") else self.spec(text)

    def _check_links(self, files: Iterable[Path]) -> None:
        for file in files:
            if os.path.islink(file) and not self.contains(Path(_real(str(file)))):
                raise self._link_not_allowed(str(file))

    def _is_named(self, path: Path) -> bool:
        return any(path == root or path.is_relative_to(root) for root in (*self.roots, *self.named))

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

    def _link_not_allowed(self, text: str) -> PathNotAllowed:
        return PathNotAllowed(
            "This is a link that leads outside of the folders that the monitor may read.",
            expected="a path under " + ", ".join(map(str, self.roots)),
            found=text[:300],
            remedy="Start the monitor with --follow-links, or name the folder it leads to with --footage.",
        )


def _files_of(spec: str) -> Iterable[Path]:
    """The files that ``spec`` names; none where there is nothing to read."""
    try:
        return find_files(spec).files.values()
    except (SequenceError, OSError):
        return ()


def _real(text: str) -> str:
    try:
        return os.path.realpath(text)
    except (OSError, ValueError):
        raise PathNotAllowed("This is not a path.", found=repr(text[:80])) from None
