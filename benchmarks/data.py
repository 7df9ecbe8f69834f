"""How many pairs a second are read: from JPEG, PNG, EXR and tar files, from the cache, and by torch's
DataLoader with the same decoder; and what streaming costs a step of training.

    python benchmarks/data.py [--pairs 400] [--side 320] [--threads 1 2] [--steps 60] [--json FILE]

It makes its own pairs in a temporary folder. Nothing is read from a cold disk: what is measured is decoding.
"per core" is per second of CPU time, of all threads and processes, so that what else the machine does has
no say.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import OpenImageIO as oiio
import torch
from torch.utils.data import DataLoader, Dataset

from understudy.dataset.matching import match_all
from understudy.dataset.pair_cache import PairCache
from understudy.dataset.pairs import DataSet, load_data_set
from understudy.frames import set_threads
from understudy.settings import ColourSettings, DataSettings, TrainSettings
from understudy.training.distributed.shard import Shard
from understudy.training.prepare import Job, make_job

FORMATS = {"jpeg": (".jpg", "uint8"), "png": (".png", "uint8"), "exr": (".exr", "half")}


class Pairs(Dataset):
    """The pairs of a data set for torch's DataLoader, by the same decoder."""

    def __init__(self, data: DataSet, indices: Sequence[int]) -> None:
        self.data, self.indices = data, list(indices)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, torch.Tensor]:
        pair = self.data.read(self.data.sources[self.indices[place]])
        return torch.from_numpy(pair.input), torch.from_numpy(pair.truth)


def write(path: Path, pixels: np.ndarray, kind: str) -> None:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
    output = oiio.ImageOutput.create(str(path))
    if not (
        output.open(str(path), spec) and output.write_image(pixels.astype(np.float32)) and output.close()
    ):
        sys.exit(f"{path} could not be written")


def make_folders(folder: Path, count: int, side: int) -> dict[str, dict[str, Any]]:
    """What to read, by the name of its format, as the settings of a data set."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] / side
    for index in range(count):
        waves = [0.5 + 0.4 * np.sin(random.uniform(5, 60) * x + random.uniform(5, 60) * y) for _ in range(3)]
        pixels = np.stack(waves, 2) + random.normal(0, 0.03, (side, side, 3))
        matte = ((x - 0.5) ** 2 + (y - random.random()) ** 2 < 0.1)[..., None]
        for name, (ending, kind) in FORMATS.items():
            for part, planes in (("plate", pixels), ("truth", matte)):
                (folder / name / part).mkdir(parents=True, exist_ok=True)
                own = ".png" if name == "jpeg" and part == "truth" else ending
                path = folder / name / part / f"{'ab'[index % 2]}{index:05d}_x{own}"
                write(path, planes.clip(0, 1), kind)
    found = {
        name: {"input": str(folder / name / "plate"), "ground_truth": str(folder / name / "truth")}
        for name in FORMATS
    }
    return {**found, "tar of jpeg": {"input": make_tar(folder / "pairs.tar", folder / "jpeg")}}


def make_tar(path: Path, folder: Path) -> str:
    with tarfile.open(path, "w") as archive:
        for plate in sorted((folder / "plate").iterdir()):
            for file in (plate, folder / "truth" / f"{plate.stem}.png"):
                content, info = file.read_bytes(), tarfile.TarInfo(f"{plate.stem}{file.suffix}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return str(path)


def rate(work: Callable[[], object], pairs: int, tries: int = 2) -> dict[str, float]:
    """Pairs per second of CPU time, and per second, the best of some tries."""
    best = {"per core": 0.0, "a second": 0.0}
    for _ in range(tries):
        began, used = time.perf_counter(), cpu_seconds()
        work()
        own = {
            "per core": pairs / (cpu_seconds() - used),
            "a second": pairs / (time.perf_counter() - began),
        }
        best = {name: max(best[name], value) for name, value in own.items()}
    return best


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    each = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in each)


def by_threads(data: DataSet, threads: int) -> Callable[[], object]:
    def read() -> None:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(data.read, data.sources):
                pass

    return read


def by_loader(data: DataSet, workers: int) -> Callable[[], object]:
    """``workers`` processes of torch's DataLoader; 0: in this process."""
    indices = range(len(data.sources))

    def read() -> None:
        for _ in DataLoader(Pairs(data, indices), batch_size=1, num_workers=workers, collate_fn=list):
            pass

    return read


def measure_formats(folders: dict[str, dict[str, Any]], threads: Sequence[int]) -> Iterator[dict[str, Any]]:
    for name, given in folders.items():
        settings = DataSettings(**given)
        count = len(match_all(settings).sources)
        data = load_data_set(settings, ColourSettings(), many=True)
        row: dict[str, Any] = {"format": name}
        for each in threads:
            row[f"{each} threads"] = rate(by_threads(data, each), count)
            row[f"DataLoader, {each} processes"] = rate(by_loader(data, each), count)
        yield row


def measure_cache(job: Job, folder: Path) -> dict[str, Any]:
    """Pairs laid down as crops are drawn from them: decoded, and out of the cache."""
    feed = job.learner.feed
    assert feed is not None
    indices = range(feed.count)
    decoded = rate(lambda: [feed.make(index) for index in indices], feed.count)
    feed.cache = PairCache(folder, 1e10, "benchmark")
    for index in indices:
        feed.make(index)
    cached = rate(lambda: [feed.make(index) for index in indices], feed.count)
    feed.cache = None
    return {"decoded and laid down": decoded, "from the cache": cached}


def said(row: dict[str, Any]) -> str:
    """One line on the rates of a row."""
    parts = []
    for name, value in row.items():
        if isinstance(value, str):
            parts.append(value)
        else:
            parts.append(f"{name}: {value['per core']:.0f} per core, {value['a second']:.0f} a second")
    return "; ".join(parts)


def job_of(given: dict[str, Any], folder: Path, data: str) -> Job:
    settings = TrainSettings(
        **given,
        data_directory=folder / "runs",
        model_size="small",
        devices="cpu",
        data=data,
        max_steps=10_000,
    )
    return make_job(settings, Shard())


def measure_steps(given: dict[str, Any], folder: Path, steps: int) -> dict[str, Any]:
    """CPU seconds of a step, decoding ahead and all, with pairs in memory and with streamed ones."""
    jobs = {data: job_of(given, folder, data) for data in ("memory", "stream")}
    taken: dict[str, list[float]] = {data: [] for data in jobs}
    for step in range(1, steps + 1):
        for data, job in jobs.items():
            used = cpu_seconds()
            job.learner.step(step)
            taken[data].append(cpu_seconds() - used)
    for job in jobs.values():
        if job.learner.feed is not None:
            job.learner.feed.close()
    found = {f"step, {data}": mean(times[steps // 5 :]) for data, times in taken.items()}
    return {**found, "longer": found["step, stream"] / found["step, memory"] - 1}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=400)
    parser.add_argument("--side", type=int, default=320)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    set_threads(1)
    with tempfile.TemporaryDirectory(prefix="understudy-data-") as name:
        folder = Path(name)
        folders = make_folders(folder, given.pairs, given.side)
        rows = []
        for row in measure_formats(folders, given.threads):
            rows.append(row)
            print(said(row))
        cache = measure_cache(job_of(folders["jpeg"], folder, "stream"), folder / "cache")
        print(said(cache))
        steps = measure_steps(folders["jpeg"], folder, given.steps)
        print(", ".join(f"{key}: {value:.4f}" for key, value in steps.items()))
    if given.json:
        given.json.write_text(json.dumps({"formats": rows, "cache": cache, "steps": steps}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
