"""Our own networks: a .cat file, and a run that is served while it still learns."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import DeviceError, ModelFileError, RequestError, UnderstudyError
from understudy.inference.blend import blend
from understudy.models.channels import makes_mattes
from understudy.models.description import ModelDescription
from understudy.models.names import safe_label, safe_name
from understudy.models.options import Option
from understudy.server.log import ServerLog
from understudy.server.models.batch import infer_together
from understudy.server.models.devices import EXECUTOR, pool_for
from understudy.server.models.last_touch import asked_of, finished, touch_options
from understudy.server.models.mattes import chosen_mattes, matte_options
from understudy.server.models.served import Answer, Call, ModelDown
from understudy.server.models.space import to_file, to_linear
from understudy.server.models.standing import STANDING, Sequences

MAX_BATCH = 4
MOST_EARLIER = 1000
WORTH_CONVERTING = (
    50e6  # pixels after which a network on the CPU is converted for its faster engine, if there is one
)
OPTIONS = (
    Option("mix", "float", 1.0, 0.0, 1.0, description="0 gives the plate, 1 the full effect."),
    Option(
        "tile_size", "int", 0, 0, 16384, description="Work in tiles of this many pixels; 0 decides by itself."
    ),
)


class Network:
    """One .cat file, loaded on a device when that device first needs it.

    On a CPU it begins at once with torch. One that is asked much is converted for the faster engine beside
    the requests, which then go over to it.
    """

    def __init__(self, path: Path, log: ServerLog, convert: bool = True) -> None:
        from understudy.models.opening import describe

        self.path = path
        found = describe(path)
        # grain is measured against the plate, and results are held against it
        own = (*touch_options(found.kind), *STANDING) if found.scale == 1 else ()
        self.description = replace(found, options=(*OPTIONS, *matte_options(found), *own))
        self._sequences = Sequences()
        self._log = log
        self._convert = convert
        self._seen = 0.0
        self._loaded: dict[str, Any] = {}
        self._lock = threading.Lock()

    def on(self, device: str) -> Any:
        """The network on a device, loaded once."""
        with self._lock:
            if device not in self._loaded:
                self._loaded[device] = self._load(device, 0.0)
            return self._loaded[device]

    def _load(self, device: str, megapixels: float) -> Any:
        from understudy.inference.model import load

        def say(text: str) -> None:
            self._log.warning("a network says", network=self.path.name, device=device, said=text)

        return load(str(self.path), devices=device, precision="auto", megapixels=megapixels, say=say)

    def infer(self, frames: list[np.ndarray], options: dict[str, Any], device: str) -> list[np.ndarray]:
        """The results for frames (height, width, channels) of one size, stabilised and with the last touch
        where that is asked for. Out of memory: tiles, then the CPU.
        """
        asked, mix = asked_of(options), options.get("mix", 1.0)
        steady = options.get("stabilise", 0.0) > 0
        if asked is None and not steady:
            return self._infer(frames, options, device)
        results = self._infer(frames, {**options, "mix": 1.0}, device)
        model = self.on(device)
        if steady:
            results = [
                self._sequences.steadied(model, frame, made, options)
                for frame, made in zip(frames, results, strict=True)
            ]
        if asked is None:
            plates = [frame[..., : len(self.description.input_channels)] for frame in frames]
            return [
                blend(model.plate_of(plate), made, mix) for plate, made in zip(plates, results, strict=True)
            ]
        return [finished(model, frame, made, asked, mix) for frame, made in zip(frames, results, strict=True)]

    def _infer(self, frames: list[np.ndarray], options: dict[str, Any], device: str) -> list[np.ndarray]:
        self._count(frames, device)
        try:
            return infer_together(self.on(device), frames, options)
        except DeviceError as error:
            if device == "cpu":
                raise
            self._log.warning(
                "out of memory on the device: going on with the CPU",
                network=self.path.name,
                device=device,
                said=error.message,
            )
            return infer_together(self.on("cpu"), frames, options)

    def _count(self, frames: list[np.ndarray], device: str) -> None:
        self._seen += sum(frame.shape[0] * frame.shape[1] for frame in frames)
        if self._convert and device == "cpu" and self._seen > WORTH_CONVERTING:
            self._convert = False
            threading.Thread(target=self._go_over, name="convert", daemon=True).start()

    def _go_over(self) -> None:
        """Convert the network, then let the next requests use it."""
        try:
            faster = self._load("cpu", 10 * WORTH_CONVERTING / 1e6)
        except Exception as error:  # it serves as it is
            self._log.error("a network could not be converted", error, network=self.path.name)
            return
        if faster.engine.name != "torch":
            self._loaded["cpu"] = faster
            self._log.info(
                "a network goes on with a faster engine", network=self.path.name, engine=faster.engine.name
            )


def run_network(network: Network, calls: list[Call], device: str) -> list[Answer]:
    """Answer calls of equal size and options with one network."""
    description = network.description
    frames = [_frame(description, call) for call in calls]
    results = network.infer(frames, calls[0].options, device)
    return [Answer([_planes(description, made, call)]) for call, made in zip(calls, results, strict=True)]


def _frame(description: ModelDescription, call: Call) -> np.ndarray:
    """The call's pictures as one frame (height, width, channels) in file values."""
    pictures = call.pictures
    if len({each.shape[1:] for each in pictures}) > 1:
        raise RequestError("The images of one request differ in size.")
    if call.linear:
        pictures = [
            to_file(planes, image.channels, image.colour)
            for planes, image in zip(pictures, description.inputs, strict=True)
        ]
    planes = pictures[0] if len(pictures) == 1 else np.concatenate(pictures)
    return np.moveaxis(planes, 0, -1)


def _planes(description: ModelDescription, result: np.ndarray, call: Call) -> np.ndarray:
    planes = np.moveaxis(result, -1, 0)
    if makes_mattes(description):
        return planes[chosen_mattes(description, call.options)]
    if not call.linear or description.kind == "matte":
        return planes
    return to_linear(planes, description.output_channels, description.colour_out)


class CatModel:
    """A .cat file. It is loaded by its first request, or before that when it is pinned."""

    executor = EXECUTOR
    max_batch = MAX_BATCH
    state = "ready"
    trouble = ""

    def __init__(self, path: Path, devices: str, log: ServerLog, eager: bool = False) -> None:
        self.network = Network(path, log)
        self.description = self.network.description
        self._pool = pool_for(devices)
        self.workers = len(self._pool.all())
        self._eager = eager

    def run(self, calls: list[Call]) -> list[Answer]:
        with self._pool.one() as device:
            try:
                return run_network(self.network, calls, str(device))
            except ModelFileError:
                self.state, self.trouble = "failed", "its file is damaged"
                raise

    def refresh(self) -> None:
        """Load ahead of the first request, when that was requested."""
        if self._eager:
            self._eager = False
            for device in self._pool.all():
                self.network.on(str(device))

    def close(self) -> None: ...


@dataclass(frozen=True)
class _Serving:
    """What a run serves at this moment."""

    step: int
    network: Network


def _stamp(step: int, path: Path) -> tuple[int, int]:
    """What tells one checkpoint from another, also from an earlier one of the same step."""
    try:
        return step, path.stat().st_mtime_ns
    except OSError:  # pruned this very moment; the next look finds another
        return step, 0


class RunModel:
    """A run: serves its newest checkpoint and goes over to the next one while requests go on."""

    executor = EXECUTOR
    max_batch = MAX_BATCH

    def __init__(self, path: Path, devices: str, log: ServerLog) -> None:
        from understudy.runs.folder import RunFolder

        self._run = RunFolder.open(path)
        self._log = log
        self._pool = pool_for(devices)
        self.workers = len(self._pool.all())
        self._serving: _Serving | None = None
        self._tried = (-1, 0)
        self.state, self.trouble = "waiting", "the run has no checkpoint yet"
        self.description = ModelDescription(
            safe_name(path.name), safe_label(path.name), format="run", version="0", options=OPTIONS
        )
        self.refresh()

    def run(self, calls: list[Call]) -> list[Answer]:
        serving = self._serving
        if serving is None:
            raise ModelDown(f'The run "{self.description.label}" has no checkpoint yet.')
        with self._pool.one() as device:
            return run_network(serving.network, calls, str(device))

    def refresh(self) -> None:
        """Go over to the newest checkpoint, loaded beside the one that still answers."""
        newest = max(self._run.checkpoints(), default=None)
        if newest is None or (stamp := _stamp(*newest)) == self._tried:
            return
        self._tried = stamp
        try:
            network = Network(newest[1], self._log, convert=False)
            for device in self._pool.all():
                network.on(str(device))
        except (UnderstudyError, OSError) as error:
            self._log.warning("a checkpoint could not be loaded", checkpoint=newest[1].name, said=str(error))
            return
        self._serving = _Serving(newest[0], network)
        own = self.description
        version = str(newest[0])
        earlier = tuple(each for each in (*own.earlier_versions, own.version) if each != version)
        self.description = replace(
            network.description,
            name=own.name,
            label=own.label,
            format="run",
            version=version,
            earlier_versions=earlier[-MOST_EARLIER:],
        )
        self.state, self.trouble = "ready", ""
        self._log.info("a run serves a new checkpoint", model=self.description.name, step=newest[0])

    def close(self) -> None: ...
