"""Show it a few frames; it plays the rest of the shot.

import understudy

run = understudy.train(input="plate.####.exr", ground_truth="painted.####.exr",
                       data_directory="runs", time_limit="10m").run
understudy.apply(run.path, "plate.####.exr", "out/plate.####.exr")
model = understudy.load(run.path)
result = model(pixels)          # float32 (height, width, channels), values as in the files
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.version import __version__

if TYPE_CHECKING:
    from understudy.artist.check import CheckResult
    from understudy.artist.correct import CorrectResult
    from understudy.artist.report import Reported
    from understudy.artist.suggest import Suggestions
    from understudy.inference.apply import ApplyResult
    from understudy.inference.model import LoadedModel
    from understudy.training.train import TrainResult

__all__ = ["__version__", "apply", "check", "correct", "load", "report", "suggest", "train"]


def _silence(event: object) -> None:
    """What happens to events when nobody asked for them."""


def train(report: Callable[[Any], None] = _silence, stop: object = None, **settings: Any) -> TrainResult:
    """Learn an effect from a few frames.

    ``settings`` are the fields of ``understudy.settings.TrainSettings``, which are also the flags of
    ``understudy train``: at least ``input``, ``ground_truth`` (a path or pattern such as "plate.####.exr",
    or a list of them, in pairs) and ``data_directory``. ``time_limit`` is in seconds or text such as "10m".

    ``report`` is called with every event of ``understudy.training.events``, from this thread. ``stop`` is
    anything that becomes true when training shall stop after its step: an ``understudy.runs.StopFlag``.

    Returns a TrainResult: ``run`` (the RunFolder), ``best`` and ``newest`` (paths of the .cat files).

    Raises SettingError, SequenceError, PairingError, SizeError, ChannelError, FrameError, DeviceError or
    RunError before anything is written, and TrainingError or WriteError after that.
    """
    import time

    start = time.monotonic()  # a time limit counts from this call: a notebook may have been open for days
    from understudy.settings import TrainSettings
    from understudy.training.train import train as job

    return job(TrainSettings(**settings), report, stop=stop, start=start)


def apply(
    model: str | Path,
    plate: str | Path,
    output: str | Path,
    report: Callable[[Any], None] = _silence,
    stop: object = None,
    **settings: Any,
) -> ApplyResult:
    """Apply a trained network to a plate, as ``understudy apply`` does.

    ``model`` is a .cat file, a run folder (its best checkpoint), an imported network, or the name of one that
    comes trained, such as "denoise"; ``plate`` and ``output`` are one file, a pattern such as
    "shot.####.exr", a folder, or a movie. ``settings`` are the further fields of
    ``understudy.settings.ApplySettings``, such as ``frames="1001-1100"``, ``mix`` (0 to 1), ``mask`` and
    ``region``.

    ``report`` is called with every event of ``understudy.inference.events``, from this thread. ``stop`` is
    anything that becomes true when the work shall stop after the frames under way.

    Returns an ApplyResult: ``written`` and ``kept`` (what was made, what was there already) and ``failed``,
    pairs of (frame number, error): one unreadable frame does not stop the others.

    Raises ModelFileError, SequenceError, ChannelError, SizeError, DeviceError or SettingError before any
    frame is written.
    """
    from understudy.inference.apply import apply as job
    from understudy.settings import ApplySettings

    return job(
        ApplySettings(model=str(model), plate=str(plate), output=str(output), **settings), report, stop
    )


def load(
    model: str | Path,
    *,
    devices: str = "auto",
    precision: str = "float32",
    scale: int | str = "auto",
    scene_linear: bool = False,
) -> LoadedModel:
    """A trained network to call from Python.

    ``model`` is a .cat file, a run folder (its best checkpoint), an imported network, or the name of one that
    comes trained, such as "denoise". The result takes a float32 array of shape (height, width, channels) in
    file values, as OpenImageIO reads them (uint8 and uint16 are scaled to 0..1, as OpenImageIO does), with
    the channels named in ``.description.input_channels``, and behind them those of each further layer of
    ``.description.extra``, and returns float32 with those in ``.description.output_channels``. Of a network
    that enlarges, ``scale`` says how many times larger the result is: auto as it makes it once.
    A network that carries state from frame to frame is called as ``.in_order()``, whose calls are the frames
    of one shot, one after the other.
    What a network of others has options for goes into ``.infer(pixels, options={...})``, such as ``points``
    and ``box`` of one that is told what is meant; ``.description.options`` lists them.
    ``scene_linear``: the values that come are that; a network that comes trained takes them as well as
    display-referred ones, but cannot tell by itself which they are.

    Raises ModelFileError when there is no such model, DeviceError when the device is not there, SettingError
    for a ``scale`` that it cannot have.
    """
    from understudy.inference.model import load as job

    return job(str(model), devices=devices, precision=precision, scale=scale, scene_linear=scene_linear)


def report(
    run: str | Path,
    plate: str | Path,
    result: str | Path | None = None,
    *,
    output: str | Path,
    report: Callable[[Any], None] = _silence,
    stop: object = None,
    **settings: Any,
) -> Reported:
    """Make a page on what a run makes of a plate, as ``understudy report`` does.

    ``run`` is a run folder; ``plate`` a pattern such as "shot.####.exr", a folder or a movie; ``result`` the
    frames that apply made of it, which are made for the report alone where there are none. ``output`` is the
    folder for index.html, its pictures and report.json. ``settings`` are the further fields of
    ``understudy.settings.ReportSettings``, such as ``frames``, ``worst`` and ``overwrite``.

    ``report`` is called with every event of ``understudy.artist.report.events`` and of
    ``understudy.inference.events``, from this thread. ``stop`` is anything that becomes true when the work
    shall end, with KeyboardInterrupt; then nothing is left of it.

    Returns Reported: ``page`` and ``figures`` (the paths) and ``facts`` (what both say). Raises as
    ``understudy.artist.report.report`` does.
    """
    from understudy.artist.report import report as job
    from understudy.settings import ReportSettings

    given = {} if result is None else {"result": str(result)}
    return job(
        ReportSettings(run=str(run), plate=str(plate), output=str(output), **given, **settings), report, stop
    )


def suggest(
    plate: str | Path,
    report: Callable[[Any], None] = _silence,
    stop: object = None,
    **settings: Any,
) -> Suggestions:
    """Which frames of a plate to paint, as ``understudy suggest`` says.

    ``plate`` is a pattern such as "shot.####.exr", a folder, or a movie. ``settings`` are the further fields
    of ``understudy.settings.SuggestSettings``: ``count`` (5), ``painted`` (a shot of frames that are painted
    already), ``run`` (a run that has learned from some), ``frames="1001-1100"``, ``sheet`` (a PNG to write).

    ``report`` is called with the events ``Looked`` and ``Said`` of ``understudy.artist.suggest``, from this
    thread. ``stop`` is anything that becomes true when the work shall end.

    Returns Suggestions: ``frames``, the best first, and ``all``, in order, each with ``frame``, ``score`` (0
    to 1), ``expected_error`` (with a run; its unit is ``measure``) and ``reason``; and ``cuts``.

    Raises SequenceError, FrameError, ChannelError, SettingError, PairingError, RunError or ModelFileError.
    """
    from understudy.artist.suggest import suggest as job
    from understudy.settings import SuggestSettings

    return job(SuggestSettings(plate=str(plate), **settings), report, stop)


def correct(
    run: str | Path, report: Callable[[Any], None] = _silence, stop: object = None, **settings: Any
) -> CorrectResult:
    """Put right what a run makes wrong, as ``understudy correct`` does.

    ``run`` is the folder of a run; ``settings`` are the fields of
    ``understudy.settings.CorrectionSettings``: ``ground_truth`` (further painted frames), with ``strokes``
    (masks: only where they are white does the truth count), ``accept`` and ``empty`` (frame ranges), or
    ``undo`` (the number of a correction); ``time_limit`` in seconds or text, 20 by default.

    ``report`` is called with every event of ``understudy.training.events``, from this thread. ``stop`` is
    anything that becomes true when the learning shall stop; the corrections are kept.

    Returns a CorrectResult: ``run``, ``corrections`` and ``state``.

    Raises SettingError, RunError, PairingError, SizeError, ChannelError, FrameError or ModelFileError before
    anything is written, and TrainingError or WriteError after that.
    """
    from understudy.artist.correct import correct as job
    from understudy.settings import CorrectSettings

    return job(CorrectSettings(run=str(run), **settings), report, stop)


def check(input: str | list[str], ground_truth: str | list[str], **settings: Any) -> CheckResult:
    """What is wrong with the pairs, as ``understudy check`` says.

    ``input`` and ``ground_truth`` are shots, or lists of them, in pairs. ``settings`` are the further fields
    of ``understudy.settings.CheckSettings``, such as ``repair``, a folder for repaired truths.

    Returns a CheckResult: ``findings``, and ``repairs``, what was done for each truth where it was asked for.

    Raises SettingError, SequenceError, PairingError, ChannelError, FrameError or ColourError before anything
    is written, WriteError after that.
    """
    from understudy.artist.check import check as job
    from understudy.settings import CheckSettings

    return job(CheckSettings(input=input, ground_truth=ground_truth, **settings))
