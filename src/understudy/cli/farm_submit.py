"""understudy farm submit"""

from __future__ import annotations

from pathlib import Path

from understudy.cli.farm_words import told
from understudy.cli.json_flag import JsonFlag


def command(folder: Path, /, *, json: JsonFlag = False) -> int:
    """Hand a job over to its farm that farm apply or farm train has written.

    Parameters
    ----------
    folder:
        The folder of the job.
    """
    from understudy.cluster.farm.send import submit_folder

    return told(lambda: submit_folder(folder), json)
