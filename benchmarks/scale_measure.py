"""What scale.py measures, in CPU seconds of this process: others on the machine matter little to those."""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from scale_table import FileFigure, MovieFigure, NetworkFigure
from speed_footage import picture, write_model, write_plate

from understudy.cluster.ray.apply import work_on_ray
from understudy.cluster.ray.shipping import ship, unpack
from understudy.frames import Frame, Shot, open_shot, open_sink, set_threads
from understudy.inference.apply import apply
from understudy.inference.events import FrameWritten
from understudy.inference.model import LoadedModel, load
from understudy.settings import ApplySettings

T = TypeVar("T")
COLOURS = ("R", "G", "B")
STORE = 100_000_000
MANY = 1e6
"""Megapixels that are said to be ahead, as in a long shot."""


def cpu(work: Callable[[], T]) -> tuple[T, float]:
    """What ``work`` gives, and its CPU seconds."""
    began = time.process_time()
    found = work()
    return found, time.process_time() - began


def median_cpu(work: Callable[[], Any], rounds: int) -> float:
    """The median of several rounds, once the first is over, which opens libraries."""
    work()
    return statistics.median(cpu(work)[1] for _ in range(rounds))


def one_thread() -> None:
    torch.set_num_threads(1)
    set_threads(1)


# -- files -------------------------------------------------------------------------------------------------


def measure_files(
    folder: Path, name: str, size: tuple[int, int], compressions: Sequence[str], rounds: int
) -> list[FileFigure]:
    """Frames of ``size``, width and height, as half-float EXR of each compression; "png": PNG of 8 bits."""
    with open_shot(write_plate(folder / "plate", 1, *size)) as shot:
        frame = shot.read(shot.numbers[0])
        return [_measure_file(folder / each, name, shot, frame, each, rounds) for each in compressions]


def _measure_file(
    folder: Path, name: str, shot: Shot, frame: Frame, compression: str, rounds: int
) -> FileFigure:
    is_png = compression == "png"
    spec = str(folder / ("o.####.png" if is_png else "o.####.exr"))
    how: dict[str, Any] = {"depth": "8"} if is_png else {"compression": compression}
    with open_sink(spec, like=shot, overwrite=True, **how) as sink:
        write = median_cpu(lambda: sink.write(shot.numbers[0], frame), rounds)
    with open_shot(spec) as written:
        read = median_cpu(lambda: written.read(shot.numbers[0]).planes(COLOURS), rounds)
    (path,) = folder.iterdir()
    kind = "PNG" if is_png else f"EXR {compression}"
    return FileFigure(f"{name}, {kind}", path.stat().st_size, read, write)


def measure_disk(folder: Path, size: int) -> tuple[float, float]:
    """Bytes a second to the disk, and from it, past what the system remembers of it."""
    path, block = folder / "disk", os.urandom(1 << 20)
    began = time.perf_counter()
    with path.open("wb") as file:
        for _ in range(max(1, size >> 20)):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        written = time.perf_counter() - began
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    began = time.perf_counter()
    read = len(path.read_bytes())
    found = read / written, read / (time.perf_counter() - began)
    path.unlink()
    return found


# -- networks ----------------------------------------------------------------------------------------------


def measure_network(folder: Path, size: str, frame: tuple[int, int], rounds: int) -> NetworkFigure:
    path = write_model(folder / f"{size}.cat", size)
    model, opened = cpu(lambda: opened_model(path))
    pixels = picture(1, *frame)
    forget_peak()
    before = resident()
    model.infer(pixels)
    memory = max(0, resident("VmHWM") - before)
    seconds = statistics.median(cpu(lambda: model.infer(pixels))[1] for _ in range(rounds))
    return NetworkFigure(size, seconds, memory, path.stat().st_size, opened)


def opened_model(path: Path) -> LoadedModel:
    return load(str(path), devices="cpu", precision="auto", engine="torch", megapixels=MANY, parallel=1)


def resident(kind: str = "VmRSS") -> int:
    """Bytes of memory that this process has now; "VmHWM": the most that it had."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{kind}:"))


def forget_peak() -> None:
    """Give back what is free, and count the most from here on."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")


# -- one driver --------------------------------------------------------------------------------------------


def measure_deal(folder: Path, frames: int, side: int) -> float:
    """CPU seconds of the machine that asks for each frame that a node makes: frames so small that it is the
    one that has to do, on a cluster of its own."""
    plate = write_plate(folder / "tiny", frames, side, side)
    model = write_model(folder / "tiny.cat", "small")
    marks: list[float] = []

    def report(event: Any) -> None:
        if isinstance(event, FrameWritten):
            marks.append(time.process_time())

    settings = ApplySettings(model=str(model), plate=plate, output=str(folder / "dealt" / "o.####.exr"))
    with own_cluster():
        apply(settings, report, work=work_on_ray)
    return (marks[-1] - marks[0]) / (frames - 1)


@contextmanager
def own_cluster() -> Iterator[None]:
    """A Ray cluster of this machine alone, with one core."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    ray.init(
        address="local",
        num_cpus=1,
        num_gpus=0,
        object_store_memory=STORE,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
    )
    try:
        yield
    finally:
        ray.shutdown()


# -- a movie -----------------------------------------------------------------------------------------------


def measure_movie(folder: Path, size: tuple[int, int], frames: int) -> MovieFigure:
    """Frames as nodes send them, and what the one writer does with each."""
    plate = write_plate(folder / "movie", frames, *size)
    with open_shot(plate) as shot, open_sink(str(folder / "out.mov"), like=shot) as sink:
        first = shot.read(shot.numbers[0])
        sink.announce(first)
        costs = [_sent(sink, number, shot.read(number)) for number in shot.numbers]
    sizes, unpacked, encoded = zip(*costs[1:] or costs, strict=True)
    return MovieFigure(sizes[0], statistics.median(unpacked), statistics.median(encoded))


def _sent(sink: Any, number: int, frame: Frame) -> tuple[int, float, float]:
    pixels = frame.planes(COLOURS)
    travels = pickle.dumps(ship(frame.with_planes(COLOURS, pixels)), protocol=5)
    arrived, unpacked = cpu(lambda: unpack(pickle.loads(travels)))
    _, encoded = cpu(lambda: sink.write(number, arrived))
    return len(travels), unpacked, encoded


def in_folder(work: Callable[[Path], T]) -> T:
    with tempfile.TemporaryDirectory() as name:
        return work(Path(name))
