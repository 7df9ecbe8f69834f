"""Places that only this machine has: a farm's machines look for them in vain."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping

from understudy.cluster.farm.job import Step

OWN = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/media")
MOST_NAMED = 4


def local_notes(steps: Iterable[Step], environment: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence on paths of the job that each machine has for itself; nothing where there are none."""
    paths = [word.path for step in steps for word in step.words if word.path]
    paths += [value for value in environment.values() if os.path.isabs(value)]
    found = dict.fromkeys(path for path in paths if is_local(path))
    local = [path for path in found if not any(path.startswith(f"{other}/") for other in found)]
    if not local:
        return ()
    named = ", ".join(local[:MOST_NAMED]) + (" ..." if len(local) > MOST_NAMED else "")
    return (f"Each machine has its own {named}: the farm's machines do not see what lies there.",)


def is_local(path: str) -> bool:
    """Whether a path lies where each machine has its own files."""
    real = os.path.realpath(path)
    return any(real == own or real.startswith(own.rstrip("/") + "/") for own in (*OWN, tempfile.gettempdir()))
