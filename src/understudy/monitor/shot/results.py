"""What a run's newest network makes of frames, computed in one thread when somebody asks for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.artist.strokes.scene import FrameResult
from understudy.colour import LINEAR
from understudy.errors import RunError, UnderstudyError
from understudy.frames import Shot
from understudy.models.opening import describe
from understudy.models.prompts import Prompts
from understudy.monitor.images.rendering import stamp
from understudy.monitor.paths.allowed import AllowedFolders
from understudy.monitor.paths.run_files import NotFound
from understudy.monitor.shot.run_shot import Checkpoint, RunShot, newest_checkpoint

if TYPE_CHECKING:
    from understudy.artist.strokes.shot_model import ShotModel

MEMORY = 400_000_000  # bytes of results kept
MOST_WAITING = 48
MODELS = 2
NOTHING = Prompts()

Key = tuple[Hashable, ...]


@dataclass(frozen=True)
class Wanted:
    """A network over a plate: the ``extra`` layers that it takes beside, the ``channels`` of the plate, where
    others than its own are wanted, and what it is ``told``."""

    checkpoint: Checkpoint
    plate: Shot
    extra: tuple[str, ...] = ()
    channels: str | None = None
    told: Prompts = NOTHING


class Results:
    """Computes results one after the other, the one requested last first: it is what somebody looks at.

    Holds at most ``MEMORY`` bytes of them, and ``MODELS`` networks. Thread-safe.
    """

    def __init__(self, allowed: AllowedFolders) -> None:
        self._allowed = allowed
        self._done: OrderedDict[Key, FrameResult] = OrderedDict()
        self._waiting: OrderedDict[Key, tuple[Future[FrameResult], Callable[[], FrameResult]]] = OrderedDict()
        self._under_way: dict[Key, Future[FrameResult]] = {}
        self._models: OrderedDict[Key, ShotModel] = OrderedDict()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def key(self, shot: RunShot, number: int) -> tuple[Checkpoint, Key]:
        """The network that counts now, and what the result of a frame depends on. NotFound when the shot
        lacks the frame, or the run has no network yet."""
        shot.check(number)
        checkpoint = newest_checkpoint(shot.run)
        if checkpoint is None:
            raise NotFound(
                f"{shot.run.name} has no checkpoint yet.",
                where=str(shot.run.path),
                remedy="Wait for the first one.",
            )
        return checkpoint, _key(Wanted(checkpoint, shot.plate, shot.settings.data.extra), number)

    def request(self, shot: RunShot, number: int) -> Future[FrameResult]:
        """The result of a frame, now or later. As ``key``; the future raises what reading, loading and
        inference raise, and RunError when too much else was requested since."""
        checkpoint, _ = self.key(shot, number)
        return self.request_of(Wanted(checkpoint, shot.plate, shot.settings.data.extra), number)

    def request_of(self, wanted: Wanted, number: int) -> Future[FrameResult]:
        """The same of any network and plate."""
        key = _key(wanted, number)
        with self._changed:
            if key in self._done:
                self._done.move_to_end(key)
                return _finished(self._done[key])
            if key in self._under_way:
                return self._under_way[key]
            if key not in self._waiting:
                self._waiting[key] = Future(), lambda: self._compute(wanted, number)
            self._waiting.move_to_end(key)
            dropped = self._drop()
            self._start()
            self._changed.notify()
            future = self._waiting[key][0]
        for each in dropped:
            each.set_exception(_too_many())
        return future

    def _drop(self) -> list[Future[FrameResult]]:
        dropped = []
        while len(self._waiting) > MOST_WAITING:
            dropped.append(self._waiting.popitem(last=False)[1][0])
        return dropped

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="results", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                key, (future, compute) = self._waiting.popitem()
                self._under_way[key] = future
            try:
                found = compute()
            except BaseException as error:
                with self._changed:
                    self._under_way.pop(key)
                future.set_exception(_in_words(error))
            else:
                self._keep(key, found)
                future.set_result(found)

    def _keep(self, key: Key, found: FrameResult) -> None:
        with self._changed:
            self._under_way.pop(key)
            self._done[key] = found
            held = sum(each.pixels.nbytes for each in self._done.values())
            while held > MEMORY and len(self._done) > 1:
                held -= self._done.popitem(last=False)[1].pixels.nbytes

    def _compute(self, wanted: Wanted, number: int) -> FrameResult:
        # Late: a page that shows no results needs no torch, which takes seconds to import.
        from understudy.artist.strokes.shot_model import ShotModel
        from understudy.inference.adapting import adapted
        from understudy.inference.model import load

        plate, rest = wanted.plate, (wanted.extra, wanted.channels)
        key = (wanted.checkpoint.stamp, plate.spec, plate.part_name, plate.numbers, *rest)
        if key not in self._models:
            extra = [self._allowed.layer(spec) for spec in wanted.extra]
            path = wanted.checkpoint.path
            linear = adapted(describe(path), plate).colour_in == LINEAR
            model = load(str(path), engine="torch", scene_linear=linear)
            self._models[key] = ShotModel(model, plate, extra, wanted.channels)
        self._models.move_to_end(key)
        while len(self._models) > MODELS:
            self._models.popitem(last=False)
        return self._models[key].result(number, wanted.told)


def _key(wanted: Wanted, number: int) -> Key:
    """What the result of a frame depends on."""
    at = stamp(wanted.plate.path(number))
    rest = wanted.extra, wanted.channels, wanted.told
    return wanted.checkpoint.stamp, at, wanted.plate.part_name, number, *rest


def _finished(found: FrameResult) -> Future[FrameResult]:
    future: Future[FrameResult] = Future()
    future.set_result(found)
    return future


def _too_many() -> RunError:
    return RunError("Too many results were requested at a time.", remedy="Ask for this one again.")


def _in_words(error: BaseException) -> BaseException:
    if isinstance(error, UnderstudyError | OSError):
        return error
    return RunError("This result cannot be computed.", found=f"{type(error).__name__}: {error}"[:400])
