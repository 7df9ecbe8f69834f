"""A command that waits for another process tells how that one is doing."""

from understudy.artist.correct.teaching import _stepped
from understudy.runs.state import RunState
from understudy.training.plan import UNKNOWN


def test_a_total_that_is_not_known_yet_is_not_shown_as_a_number_of_steps() -> None:
    assert _stepped(RunState(step=66, total=UNKNOWN)).total == 66
    assert _stepped(RunState(step=66, total=80)).total == 80
