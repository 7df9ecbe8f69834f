"""understudy farm train"""

from __future__ import annotations

from understudy.cli.farm_words import told
from understudy.cli.flags import settings_command
from understudy.cli.json_flag import JsonFlag
from understudy.settings import FarmTrainSettings


@settings_command(FarmTrainSettings)
def command(settings: FarmTrainSettings, *, json: JsonFlag = False) -> int:
    """Write a job for a render farm that learns an effect and, with --then-apply, applies it to the plate."""
    from understudy.cluster.farm.send import farm_train

    return told(lambda: farm_train(settings), json)
