"""What is measured: a training step, a frame's inference, and the whole apply pipeline."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from speed_ceiling import Shape, fixed_shape, heaviest_shapes, openvino_task, torch_task
from speed_footage import picture, write_model, write_plate
from speed_timing import Task, count_flops, load_average, time_in_turns, timed

from understudy.device import core_count
from understudy.frames import open_shot, open_sink, set_threads
from understudy.inference.apply import apply
from understudy.inference.events import ApplyEnded, ApplyEvent, ApplyPlanned
from understudy.inference.model import LoadedModel, load
from understudy.settings import ApplySettings, TrainSettings
from understudy.training.distributed.shard import Shard
from understudy.training.prepare import Job, make_job

CYCLE = 3
"""Steps after which large and small crops come round again (``understudy.training.plan``)."""

PAYS = 1e6
"""Megapixels that are said to be ahead, so that the engine is the one of a long sequence."""


@dataclass(frozen=True)
class Scale:
    """How much is measured. ``frame`` is (width, height)."""

    sizes: tuple[str, ...] = ("small", "medium", "large")
    crops: tuple[int, ...] = (128, 256)
    frame: tuple[int, int] = (1920, 1080)
    fixed_side: int = 512
    rounds: int = 11
    frames: int = 24
    frames_a_core: int = 8
    passes: int = 3


FULL = Scale()
QUICK = Scale(("medium",), (64,), (96, 64), 64, 1, 3, 1, 1)


@dataclass
class Figure:
    """One measurement: ``rate`` per second, GFLOP/s reached, those of the best convolution, and the share.

    ``cpu_share`` compares CPU seconds instead: steadier where others use the machine, 0 on an accelerator.
    """

    name: str
    rate: float
    gflops: float
    ceiling: float
    share: float
    cpu_share: float
    precision: str
    load: float = field(default_factory=load_average)
    more: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def against_ceiling(
    name: str, task: Task, ceilings: dict[str, Task], device: torch.device, precision: str, rounds: int
) -> Figure:
    """``task`` and the ceilings timed in turns; ``share`` is the task's FLOP/s over the best ceiling's."""
    costs = time_in_turns({"task": task, **ceilings}, device, rounds)
    own = costs["task"]
    rates = {each: ceiling.flops / costs[each].wall / 1e9 for each, ceiling in ceilings.items()}
    best, reached = max(rates.values()), task.flops / own.wall / 1e9
    cpu_best = max(ceiling.flops / costs[each].cpu for each, ceiling in ceilings.items())
    cpu_share = task.flops / own.cpu / cpu_best if device.type == "cpu" else 0.0
    figure = Figure(name, 1 / own.wall, reached, best, reached / best, cpu_share, precision)
    figure.more["ceilings"] = {each: round(rate, 1) for each, rate in rates.items()}
    return figure


def ceiling_shapes(fixed_side: int, heaviest: list[Shape]) -> dict[str, Shape]:
    return {str(shape): shape for shape in (fixed_shape(fixed_side), *heaviest)}


# -- training ----------------------------------------------------------------------------------------------


def training_pairs(folder: Path) -> tuple[str, str]:
    """Three small pairs; the specs of plate and ground truth."""
    return write_plate(folder / "plate", 3, 960, 540), write_plate(folder / "truth", 3, 960, 540, 1.1)


def measure_training(pairs: tuple[str, str], size: str, crop: int, devices: str, scale: Scale) -> Figure:
    """Steps a second of a run as it is by default, drawing of crops and optimiser included.

    The rate is the mean of a cycle: one step of crops as large as the artist asks for, and two of more and
    smaller ones, where these are not small already. Both kinds are among the ceilings.
    """
    job = _training_job(pairs, size, crop, devices)
    learner, steps = job.learner, iter(range(1, 1 << 30))

    def cycle() -> None:
        for _ in range(CYCLE):
            learner.step(next(steps))

    graph_capture, learner.graph_capture = learner.graph_capture, None  # what is recorded cannot be counted
    cycle()
    heaviest = heaviest_shapes(learner.network, cycle)
    flops, all_flops = count_flops(cycle)
    learner.graph_capture = graph_capture
    cycle()
    ceilings = {
        name: torch_task(shape, learner.device, job.plan.precision, backward=True)
        for name, shape in ceiling_shapes(scale.fixed_side, heaviest).items()
    }
    task = Task(cycle, flops)
    name = f"{size} at {crop}"
    figure = against_ceiling(name, task, ceilings, learner.device, job.plan.precision, scale.rounds)
    figure.rate *= CYCLE
    figure.more |= {"batch_size": job.plan.batch_size, "gflop_a_step": round(flops / CYCLE / 1e9, 1)}
    figure.more["gflop_with_optimiser"] = round(all_flops / CYCLE / 1e9, 1)
    return figure


def _training_job(pairs: tuple[str, str], size: str, crop: int, devices: str) -> Job:
    choices: dict[str, Any] = {"model_size": size, "crop_size": crop, "devices": devices}
    runs = Path(pairs[0]).parent / "runs"
    settings = TrainSettings(input=(pairs[0],), ground_truth=(pairs[1],), data_directory=runs, **choices)
    job = make_job(settings, Shard())
    job.plan.totals.append((0, 1 << 30))
    return job


# -- inference ---------------------------------------------------------------------------------------------


def measure_inference(folder: Path, size: str, devices: str, engine: str, scale: Scale) -> Figure:
    """Frames a second, one after the other on all cores, from file values to file values."""
    torch.set_num_threads(core_count())
    path = write_model(folder / f"{size}.cat", size)
    model = load(str(path), devices=devices, precision="auto", engine=engine, megapixels=PAYS)
    pixels = picture(1, *scale.frame)
    heaviest, flops = _of_network(model, pixels.shape[0], pixels.shape[1])
    device, precision = model.engine.device, model.engine.precision
    make = _openvino_ceiling if model.engine.name == "openvino" else _torch_ceiling
    shapes = ceiling_shapes(scale.fixed_side, heaviest)
    ceilings = {name: make(shape, device, precision) for name, shape in shapes.items()}
    task = Task(lambda: model.infer(pixels), flops)
    name = f"{size} at {scale.frame[0]}x{scale.frame[1]}"
    figure = against_ceiling(name, task, ceilings, device, precision, scale.rounds)
    figure.more |= {"engine": model.engine.name, "gflop_a_frame": round(flops / 1e9, 1)}
    return figure


def _of_network(model: LoadedModel, height: int, width: int) -> tuple[list[Shape], float]:
    """The heaviest convolutions and the FLOPs of a frame that is not cut into tiles."""
    stride, network = model.engine.stride, model.engine.network
    sides = (-(-height // stride) * stride, -(-width // stride) * stride)
    x = torch.rand(1, 3, *sides, device=model.engine.device)

    def run() -> None:
        with torch.no_grad():
            network.remainder(x, network.globals(x))

    return heaviest_shapes(network, run), count_flops(run)[0]


def _torch_ceiling(shape: Shape, device: torch.device, precision: str) -> Task:
    return torch_task(shape, device, precision, backward=False)


def _openvino_ceiling(shape: Shape, device: torch.device, precision: str) -> Task:
    return openvino_task(shape, precision)


# -- the whole pipeline ------------------------------------------------------------------------------------


@dataclass
class Pipeline:
    """Frames a second of ``apply`` with ``size``, against the CPU seconds of its three stages alone.

    ``ideal`` is the number of cores over their sum; on an accelerator, the rate of the slowest stage. ``cpu``
    is what a frame costs within ``apply``, in CPU seconds.
    """

    size: str
    engine: str
    frames_per_second: float
    ideal: float
    share: float
    read: float
    infer: float
    write: float
    cpu: float
    passes: list[float]
    load: float = field(default_factory=load_average)


def measure_pipeline(folder: Path, size: str, devices: str, engine: str, scale: Scale) -> Pipeline:
    """The stages alone, then ``apply``, in turns; medians of both."""
    cores = core_count()
    frames = max(scale.frames, scale.frames_a_core * cores)  # each core begins and ends with nothing to do
    plate = write_plate(folder / "shot", frames, *scale.frame)
    path = write_model(folder / f"{size}.cat", size)
    options: dict[str, Any] = {"devices": devices, "precision": "auto", "engine": engine, "megapixels": PAYS}
    model = load(str(path), parallel=1 if _is_accelerator(devices) else cores, **options)
    alone, rates, costs = [], [], []
    for turn in range(scale.passes):
        alone.append(_stages_alone(plate, model, folder / f"alone{turn}"))
        torch.set_num_threads(cores)
        rate, cost = _pipeline_rate(plate, path, folder / f"out{turn}", devices, engine)
        rates.append(rate)
        costs.append(cost)
    read, infer, write = (statistics.median(stage) for stage in zip(*alone, strict=True))
    ideal = cores / (read + infer + write)
    if model.engine.device.type != "cpu":
        ideal = min(cores / read, cores / write, 1 / infer)
    fps = statistics.median(rates)
    cpu = statistics.median(costs)
    return Pipeline(size, model.engine.name, fps, ideal, fps / ideal, read, infer, write, cpu, rates)


def _is_accelerator(devices: str) -> bool:
    from understudy.device import resolve_devices

    return resolve_devices(devices)[0].type != "cpu"


def _stages_alone(plate: str, model: LoadedModel, out: Path) -> tuple[float, float, float]:
    """Seconds of reading, inference and writing of a frame, each by itself in one thread: medians over some
    frames. CPU seconds, or wall seconds of inference on an accelerator."""
    costs: list[tuple[float, float, float]] = []
    torch.set_num_threads(1)
    set_threads(1)
    clock = time.process_time if model.engine.device.type == "cpu" else time.perf_counter
    with open_shot(plate) as shot, open_sink(str(out / "####.exr"), like=shot, overwrite=True) as sink:
        for number in shot.numbers[:5]:
            frame, read = timed(partial(shot.read, number))
            pixels = frame.planes(("R", "G", "B"))
            result, infer = timed(partial(model.infer, pixels), clock)
            finished = frame.with_planes(("R", "G", "B"), result)
            _, write = timed(partial(sink.write, number, finished))
            costs.append((read, infer, write))
    read, infer, write = (statistics.median(stage) for stage in zip(*costs[1:] or costs, strict=True))
    return read, infer, write


def _pipeline_rate(plate: str, model: Path, out: Path, devices: str, engine: str) -> tuple[float, float]:
    """Frames a second, and CPU seconds a frame, from when the network is ready to the last file."""
    marks: dict[type[ApplyEvent], tuple[float, float]] = {}
    choices: dict[str, Any] = {"devices": devices, "engine": engine, "precision": "auto", "overwrite": True}
    settings = ApplySettings(model=str(model), plate=plate, output=str(out / "####.exr"), **choices)

    def note(event: ApplyEvent) -> None:
        marks[type(event)] = time.perf_counter(), time.process_time()

    frames = len(apply(settings, note).written)
    wall, cpu = (end - start for end, start in zip(marks[ApplyEnded], marks[ApplyPlanned], strict=True))
    return frames / wall, cpu / frames
