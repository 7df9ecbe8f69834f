"""Events of the two jobs -> words on a screen."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Self

from understudy.cli.farm_screen import farm, interrupted
from understudy.cli.screen import Screen, event_name, screen
from understudy.cli.text import duration_text, number_text
from understudy.errors import UnderstudyError
from understudy.inference.events import closing_words
from understudy.runs import RunFolder
from understudy.runs.asked import settings_of_run


@dataclasses.dataclass(frozen=True)
class Refused:
    """What ``--json`` says when the work failed or was refused."""

    message: str
    expected: str
    found: str
    where: str
    remedy: str
    exit_code: int


@dataclasses.dataclass(frozen=True)
class ReportWritten:
    """What ``--json`` says of a report that is there."""

    page: Path
    figures: Path
    notes: tuple[str, ...]


class Progress:
    """Gives every event to the method ``_on_<its class>``; events without one are only for programs."""

    def __init__(self, as_json: bool) -> None:
        self.screen: Screen = screen(as_json)

    def __enter__(self) -> Self:
        self.screen.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.screen.__exit__(kind, error, trace)
        if isinstance(error, UnderstudyError):
            self.screen.event(refused(error))

    def report(self, event: Any) -> None:
        """Show ``event``."""
        self.screen.event(event)
        handler = getattr(self, "_on_" + event_name(event), None)
        if handler is not None:
            handler(event)

    def report_json(self, values: Mapping[str, Any]) -> None:
        """Show an event of another process, as ``--json`` printed it there."""
        self.screen.line(values)
        handler = getattr(self, "_on_" + str(values.get("event")), None)
        if handler is not None:
            paths = {name: Path(values[name]) for name in ("path",) if name in values}
            handler(SimpleNamespace(**{**values, **paths}))

    def _on_said(self, event: Any) -> None:
        self.screen.say(event.text)


def refused(error: UnderstudyError) -> Refused:
    return Refused(
        error.message, error.expected, error.found, error.where, error.remedy, exit_code=error.exit_code
    )


class TrainingProgress(Progress):
    """Planned, Stepped, Saved, Message, Ended of understudy.training.events."""

    state, reason, step = "finished", "", 0

    def _on_planned(self, event: Any) -> None:
        estimate = getattr(event, "seconds_estimate", None)
        time = f", about {duration_text(estimate)}" if estimate else ""
        self.screen.say(
            f"Total Steps {event.total_steps}: {event.pairs} pairs, batch size {event.batch_size}{time}"
        )
        for note in getattr(event, "notes", ()) or ():
            self.screen.say(f"  {note}")

    def _on_stepped(self, event: Any) -> None:
        speed = getattr(event, "steps_per_second", None)
        words = [f"loss {number_text(event.loss)}", f"{number_text(speed, 3)} steps/s" if speed else ""]
        left = getattr(event, "seconds_left", None)
        words.append(f"{duration_text(left)} left" if left is not None else "")
        self.screen.advance(event.step, event.total, "  ".join(filter(None, words)))

    def _on_saved(self, event: Any) -> None:
        if event.kind in ("checkpoint", "best"):
            score = f", held-out {number_text(event.held_out)}" if event.held_out is not None else ""
            at = getattr(event, "held_out_step", None)
            score += f" at step {at}" if score and at else ""
            self.screen.say(f"{event.path.name}{score}")

    def _on_waiting(self, event: Any) -> None:
        words = "It is kept open: what is corrected is learned at once, for"
        self.screen.say(f"{words} {duration_text(event.seconds)} from now on.")

    def _on_ended(self, event: Any) -> None:
        self.state, self.reason, self.step = event.state, event.reason, event.step

    def ended(self, run: RunFolder, update: bool = False) -> int:
        """The closing words, with what to do next; the exit code. ``update``: there may be results already,
        of which only what has changed is to be written."""
        self.screen.finish()
        because = f": {self.reason}" if self.reason else ""
        self.screen.say(f"{run.name} {self.state} at step {self.step}{because}")
        if self.state == "failed":
            self.screen.say("What was saved before stands. Free some space, or see to what is said above.")
        if self.state != "finished":
            self.screen.say(f"To go on:   {_how_to_go_on(run)}")
        if run.newest() is not None:
            more = _extra(run) + (" --update" if update else "")
            self.screen.say(f"To use it:  understudy apply {_quoted(run.path)} PLATE OUTPUT{more}")
        return 1 if self.state == "failed" or interrupted(self.reason) else 0


def _how_to_go_on(run: RunFolder) -> str:
    """A run without a progress file begins anew, unless it has a network, which is too good to lose."""
    if run.ost_path.is_file() or not run.checkpoints():
        return f"understudy resume {_quoted(run.path)}"
    return f"a new run with --initial-weights {_quoted(run.path)}"


def _extra(run: RunFolder) -> str:
    """What apply has to be given too."""
    with contextlib.suppress(UnderstudyError):
        return " --extra SHOT" * len(settings_of_run(run).data.extra)
    return ""


def _quoted(path: object) -> str:
    import shlex

    return shlex.quote(str(path))


def training_progress(as_json: bool) -> TrainingProgress:
    return TrainingProgress(as_json)


class ApplyProgress(Progress):
    """The events of understudy.inference.events."""

    stopped = False
    again = ""
    failed_by: tuple[str, ...] = ()

    def _on_apply_planned(self, event: Any) -> None:
        tiles = f", tiles of {event.tile[1]}x{event.tile[0]}" if event.tile else ""
        self.screen.say(
            f"{_frames(event.total)}, {event.precision} on {event.device} ({event.engine}){tiles}"
        )
        for note in event.notes:
            self.screen.say(f"  {note}")

    def _on_frame_written(self, event: Any) -> None:
        words = [f"frame {event.number}", f"{number_text(event.frames_per_second, 3)} frames/s"]
        words += [f"{duration_text(event.seconds_left)} left"] if event.seconds_left is not None else []
        self.screen.advance(event.done, event.total, "  ".join(words))

    _on_frame_same = _on_frame_written

    def _on_frame_failed(self, event: Any) -> None:
        error = event.error
        reason = (error.message, error.expected, error.found, error.remedy)
        words = "the same" if reason == self.failed_by else str(error)
        self.failed_by = reason
        self.screen.say(f"Frame {event.number} failed: {words}")

    def _on_apply_said(self, event: Any) -> None:
        self.screen.say(event.text)

    def _on_apply_ended(self, event: Any) -> None:
        self.stopped, self.again = event.stopped, event.again

    def ended(self, result: Any) -> int:
        """The closing words; the exit code: 1 when frames failed, requested ones are not there, or nothing
        came out that could be right."""
        self.screen.finish()
        written, kept, failed = len(result.written), len(result.kept), len(result.failed)
        self.screen.say(
            closing_words(written, kept + len(result.same), failed, len(result.missing), self.again)
        )
        if self.stopped and getattr(result, "is_movie", False):
            self.screen.say("Stopped. A movie is whole or not there: the same command begins again.")
        elif self.stopped:
            self.screen.say("Stopped. The same command goes on where it stopped.")
        cut_short = self.stopped and bool(farm())  # by the farm: a task that is not done
        is_nothing = getattr(result, "is_nothing", False)
        return 1 if result.failed or result.missing or is_nothing or cut_short else 0


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def apply_progress(as_json: bool) -> ApplyProgress:
    return ApplyProgress(as_json)


class ReportProgress(ApplyProgress):
    """The events of understudy.artist.report.events, and of inference.events while results are made."""

    def _on_frame_measured(self, event: Any) -> None:
        self.screen.advance(event.done, event.total, f"frame {event.number} looked at")

    def _on_report_message(self, event: Any) -> None:
        self.screen.say(event.text)

    def ended(self, made: Any) -> int:
        """The closing words."""
        self.screen.finish()
        for note in made.facts.notes:
            self.screen.say(note)
        self.screen.event(ReportWritten(made.page, made.figures, made.facts.notes))
        self.screen.say(f"Wrote {made.page}")
        return 0
