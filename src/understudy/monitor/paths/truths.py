"""The ground truth of a plate, several mattes too, opened within the allowed folders."""

from __future__ import annotations

from understudy.dataset.named_truths import open_truth
from understudy.frames import Shot
from understudy.monitor.paths.allowed import AllowedFolders
from understudy.settings import DataSettings
from understudy.settings.field import NOWHERE


def open_allowed_truth(allowed: AllowedFolders, data: DataSettings, plate: int = 0) -> Shot:
    """What was painted for the plate of this index. Raises as ``AllowedFolders.shot`` and ``open_truth``."""
    truths = data.truths[plate]
    if "" in truths:
        return allowed.shot(truths[""], data.frames)
    checked = {name: spec if spec == NOWHERE else allowed.spec(spec) for name, spec in truths.items()}
    return open_truth(data, checked)
