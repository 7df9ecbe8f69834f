"""understudy nuke-plugin"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def command(*, output: Annotated[Path, Parameter(metavar="DIR")]) -> int:
    """Write the plug-in for Nuke: a menu to train, to watch and to use networks without locking Nuke.

    Parameters
    ----------
    output:
        A folder for Nuke's plug-in path; made where it is missing.
    """
    from understudy.nuke.write import write_plugin

    files = write_plugin(output)
    print(f"Wrote {len(files)} files into {files[0].parent}")
    print(f'In ~/.nuke/init.py: nuke.pluginAddPath("{files[0].parent.as_posix()}")')
    return 0
