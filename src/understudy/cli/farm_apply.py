"""understudy farm apply"""

from __future__ import annotations

from understudy.cli.farm_words import told
from understudy.cli.flags import settings_command
from understudy.cli.json_flag import JsonFlag
from understudy.settings import FarmApplySettings


@settings_command(FarmApplySettings, positional=("model", "plate", "output"))
def command(settings: FarmApplySettings, *, json: JsonFlag = False) -> int:
    """Write a job for a render farm that applies a trained network to a plate, a few frames in each task."""
    from understudy.cluster.farm.send import farm_apply

    return told(lambda: farm_apply(settings), json)
