"""The farms' own programs that take jobs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from understudy.errors import FarmError, MissingPackageError

SECONDS = 600
MOST_SAID = 2000


def find_program(name: str, *, folder: str = "", remedy: str = "") -> str:
    """The program ``name``: in ``folder``, else on the path. MissingPackageError where it is nowhere."""
    found = (shutil.which(name, path=folder) if folder else None) or shutil.which(name)
    if found is None:
        raise MissingPackageError(
            "The program that takes jobs for this farm is not on this machine.",
            expected=f"{name} on the path" + (f", or in {folder}" if folder else ""),
            remedy=remedy,
        )
    return found


def run_program(words: Sequence[str], folder: Path) -> str:
    """What ``words`` say; FarmError when they fail. The job in ``folder`` stands either way."""
    try:
        done = subprocess.run(
            list(words),
            cwd=folder,
            env=dict(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise not_taken(folder, str(error)) from error
    said = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise not_taken(folder, said.strip()[-MOST_SAID:] or f"{words[0]} ended with {done.returncode}")
    return said


def not_taken(folder: Path, found: str) -> FarmError:
    """The error for a job that was written, and that the farm did not take."""
    return FarmError(
        "The farm did not take the job.",
        found=found,
        where=str(folder),
        remedy=f"The job's files stand. Once the farm answers: understudy farm submit {quote(str(folder))}",
    )
