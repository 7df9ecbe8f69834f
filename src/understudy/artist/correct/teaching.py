"""Corrections in the folder of a run -> learned: here, or by the process that has the run already."""

from __future__ import annotations

import time

from understudy.errors import RunError, UnderstudyError
from understudy.runs import RunFolder
from understudy.runs.corrections import Correction
from understudy.runs.presence import Presence, is_kept_open
from understudy.runs.state import RunState
from understudy.training.events import Ended, Message, Stepped, Waiting
from understudy.training.plan import UNKNOWN
from understudy.training.stamp import Overtaken
from understudy.training.teach import Teacher

LOOK_SECONDS = 0.25
PATIENCE = 15.0
"""Seconds that a process which keeps the run open has to take a correction up, before this one does it."""


def teach_or_wait(teacher: Teacher, presence: Presence, made: tuple[Correction, ...]) -> str:
    """Let a run learn the corrections in its folder: in this process, or, while another one trains the run or
    keeps it open, there. How it ended: finished, stopped or failed."""
    run, report = teacher.run, teacher.report
    until, waited = time.monotonic() + PATIENCE, False
    while not teacher.stop:
        if run.is_busy():
            if _follow(teacher, made):
                return "finished"
        elif waited and _knows(run.read_state().learned, made):
            report(Ended("finished", "another process has learned it", run.read_state().step))
            return "finished"
        elif not presence.is_mine and is_kept_open(run) and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        else:
            try:
                return teacher.teach().state
            except RunError as error:
                if not _is_to_be_tried_again(run, error):
                    raise
                time.sleep(LOOK_SECONDS)
        waited = True
    report(
        Ended("stopped", "the corrections are kept, and learned when the run goes on", run.read_state().step)
    )
    return "stopped"


def _is_to_be_tried_again(run: RunFolder, error: RunError) -> bool:
    """Whether it is only that another process has begun to train the run, or just has."""
    return isinstance(error, Overtaken) or run.is_busy() or run.lock_path.exists()


def keep_open(teacher: Teacher, presence: Presence, seconds: float) -> str:
    """Stay for so long, from the last correction on, and let the run learn what others put into its folder at
    once. Meanwhile the run is claimed by nobody. How it ended: finished or stopped."""
    if not presence.is_mine:
        teacher.report(Message(f"Another process keeps {teacher.run.name} open already: this one ends."))
        return "finished"
    teacher.run.clear_stop()
    teacher.report(Waiting(seconds))
    until = time.monotonic() + seconds
    while time.monotonic() < until and not _is_to_end(teacher):
        if _teach_when_due(teacher):
            teacher.report(Waiting(seconds))
            until = time.monotonic() + seconds
        time.sleep(LOOK_SECONDS)
    presence.end()
    if not teacher.stop:
        _teach_when_due(teacher)  # what has come while somebody could still rely on this process
    return "stopped" if teacher.stop else "finished"


def _is_to_end(teacher: Teacher) -> bool:
    """Whether somebody asks for it, or the run has gone."""
    run = teacher.run
    if teacher.stop or not run.state_path.exists():
        return True
    asked = run.stop_requested() and not run.is_busy()
    if asked:
        run.clear_stop()
    return asked


def _teach_when_due(teacher: Teacher) -> bool:
    """Learn what has come; whether there was anything. Where nothing has, read what the next lesson will
    need. What fails is said, and does not end the waiting."""
    if teacher.run.is_busy():
        return False
    try:
        if teacher.is_due():
            teacher.teach()
            return True
        teacher.open()
    except UnderstudyError as error:
        if isinstance(error, RunError) and _is_to_be_tried_again(teacher.run, error):
            teacher.look_again()
        else:
            teacher.report(Message(error.text))
            teacher.give_up()
    return False


def _follow(teacher: Teacher, made: tuple[Correction, ...]) -> bool:
    """Follow the process that trains the run until it has learned the corrections; False when it ends, or
    this one is asked to stop, before that."""
    run, report = teacher.run, teacher.report
    report(Message(f"Another process trains {run.name}: it learns the correction, and this one waits."))
    wanted = max((each.time_limit for each in made), default=20.0)
    taken: float | None = None
    while run.is_busy() and not teacher.stop:
        state = run.read_state()
        report(_stepped(state))
        if taken is None and _knows(state.learning, made):
            taken = time.monotonic()
        if _knows(state.learned, made) or (taken and time.monotonic() > taken + wanted):
            report(Ended("finished", "", state.step))
            return True
        time.sleep(LOOK_SECONDS)
    return _knows(run.read_state().learned, made) and not teacher.stop


def _knows(ids: list[int], made: tuple[Correction, ...]) -> bool:
    return all((each.id in ids) != each.undone for each in made)


def _stepped(state: RunState) -> Stepped:
    total = state.total if state.total < UNKNOWN else state.step  # before its speed is known
    return Stepped(state.step, total, state.loss or 0.0, state.steps_per_second or 0.0, state.time_left)
