"""Files in tar archives, found by their headers alone and read where they lie: nothing is unpacked.

Names and lengths in a tar are a stranger's: a name is only ever compared, never opened, and a member that
claims to end behind its archive is refused.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from understudy.errors import FrameError

LONGEST_HEADER = 1 << 20
"""Bytes of one header, with its long names: what is longer is none."""
MOST_MEMBERS = 4_000_000
LONGEST_NAME = 1024
_BROKEN = (tarfile.TarError, OSError, ValueError, EOFError, OverflowError, MemoryError, RecursionError)


class TarMember(NamedTuple):
    """A file in the archive ``tar``: its ``name`` there, and which bytes of the archive it is."""

    tar: str
    name: str
    offset: int
    size: int


class _HeadersOnly:
    """A file of which no more than headers can be read at a time, whatever length one of them claims."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.tell, self.seek = file.tell, file.seek

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LONGEST_HEADER:
            raise ValueError(f"a header of {size} bytes")
        return self._file.read(size)


def tar_members(tar: str | Path) -> Iterator[TarMember]:
    """The regular files in an archive, in their order. FrameError for one that is damaged, cut short,
    compressed, or not one."""
    path = str(tar)
    try:
        with open(path, "rb") as file:
            end = os.fstat(file.fileno()).st_size
            with tarfile.open(fileobj=_HeadersOnly(file), mode="r:") as archive:  # type: ignore[call-overload]
                yield from _members(archive, path, end)
    except _BROKEN as error:
        raise FrameError(
            "The tar file cannot be used.",
            expected="a whole tar file that is not compressed",
            found=str(error)[:200] or type(error).__name__,
            where=path,
            remedy="Copy it again; unpack a compressed one first: gunzip FILE.tar.gz",
        ) from error


def _members(archive: tarfile.TarFile, path: str, end: int) -> Iterator[TarMember]:
    for count, member in enumerate(archive, 1):
        archive.members = []  # type: ignore[attr-defined]  # or it would remember them all
        if count > MOST_MEMBERS:
            raise ValueError(f"more than {MOST_MEMBERS} files")
        if not member.isreg():
            continue
        if member.size < 0 or member.offset_data + member.size > end:
            raise ValueError(f"a file of {member.size} bytes that would end behind it: cut short")
        if member.sparse is None and len(member.name) <= LONGEST_NAME:
            yield TarMember(path, member.name, member.offset_data, member.size)


def read_member(member: TarMember) -> bytes:
    """The bytes of a member. FrameError where the archive has changed, or cannot be read."""
    try:
        with open(member.tar, "rb") as file:
            file.seek(member.offset)
            content = file.read(member.size)
    except OSError as error:
        raise FrameError(
            "The tar file cannot be read.", found=error.strerror or str(error), where=member.tar
        ) from error
    if len(content) == member.size:
        return content
    raise FrameError(
        "The tar file is shorter than it was.",
        expected=f"{member.size} bytes of {member.name}",
        found=f"{len(content)} bytes",
        where=member.tar,
        remedy="Copy it again.",
    )
