"""Flushing and renaming files where a network drive may refuse either, for a moment or for good."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from pathlib import Path

RETRY_SECONDS = (0.01, 0.05, 0.2, 0.5)
NOT_SUPPORTED = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
REFUSED = (errno.EACCES, errno.EPERM, errno.EBUSY, errno.EEXIST)


def flush(path: Path) -> None:
    """Write the file through to the disk (fsync); nothing where the file system does not support that.

    Raises OSError for everything else, such as a disk that is full.
    """
    with path.open("r+b") as file:
        try:
            os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in NOT_SUPPORTED:
                raise


def rename(source: Path, target: Path) -> None:
    """Rename a file or folder to a name that is free; tried again for a moment where it is refused.

    Raises OSError, at once where ``target`` exists.
    """
    for seconds in RETRY_SECONDS:
        try:
            os.rename(source, target)
            return
        except OSError as error:
            if error.errno not in REFUSED or os.path.lexists(target):
                raise
        time.sleep(seconds)
    os.rename(source, target)


def replace(source: Path, target: Path) -> None:
    """Rename a file over ``target``, which then is the old file or the new one, whole.

    Where the drive refuses that, it is tried again for a moment. Where it never renames over a file, the old
    one is moved aside first and removed afterwards. Raises OSError; the old file then stands.
    """
    for seconds in RETRY_SECONDS:
        try:
            os.replace(source, target)
            return
        except OSError as error:
            if error.errno not in REFUSED or target.is_dir():
                raise
        time.sleep(seconds)
    if target.is_file():
        _replace_in_two_steps(source, target)
    else:
        os.replace(source, target)


def _replace_in_two_steps(source: Path, target: Path) -> None:
    aside = target.with_name(f".tmp-{secrets.token_hex(6)}{target.suffix}")
    os.rename(target, aside)
    try:
        os.rename(source, target)
    except OSError:
        os.rename(aside, target)
        raise
    with contextlib.suppress(OSError):
        aside.unlink()
