"""The flag --on."""

from __future__ import annotations

import re
from typing import Annotated

from cyclopts import Parameter

from understudy.cli.flags import MAIN
from understudy.errors import SettingError

On = Annotated[
    str | None,
    Parameter(
        metavar="ray|ray://HOST:PORT",
        help="Do it on all nodes of a Ray cluster: the one that this machine belongs to, or the one at this "
        "address.",
        group=MAIN,
    ),
]


def ray_address(on: str) -> str | None:
    """The address of a cluster; None for the one that this machine belongs to. SettingError for anything
    else."""
    if not re.fullmatch(r"ray(://[^/:@\s]+:\d{1,5})?", on):
        raise SettingError("This is no cluster.", expected="ray, or ray://HOST:PORT", found=on, where="--on")
    return None if on == "ray" else on
