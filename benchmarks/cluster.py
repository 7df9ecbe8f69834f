"""How much faster a Ray cluster of several nodes applies a shot than one of them.

    python benchmarks/cluster.py [--nodes 2] [--frames 48] [--size 1920x1080] [--rounds 3] [--json FILE]

Makes a cluster on this machine, of nodes of one core each, and a shot; applies a network (Medium, not
trained) to it with one node, then with all of them, three times in turns. Frames a second on the wall, from
the first frame on disk to the last, and the seconds from the call to the first frame, with a cluster that is
warm; and the CPU seconds that the machine that asks spends on a frame. Each node is held to a core of its
own, where the system can: a node reads and writes beside the network, and would do so on another node's core
as long as that is idle. Nothing else may be at work, and there have to be as many cores as nodes."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster

sys.path.insert(0, str(Path(__file__).resolve().parent))

from speed_footage import write_model, write_plate

from understudy.cluster.ray.apply import work_on_ray
from understudy.device import core_count
from understudy.inference.apply import apply
from understudy.inference.events import FrameWritten
from understudy.settings import ApplySettings

ROUNDS = 3
STORE = 200_000_000


@dataclass(frozen=True)
class Round:
    """``nodes`` at work; ``start``: seconds to the first frame; ``speed``: frames a second after it;
    ``asking``: CPU seconds of this process for each."""

    nodes: int
    start: float
    speed: float
    asking: float

    def __str__(self) -> str:
        cost = f"{self.asking * 1e3:.1f} ms of the machine that asks for each"
        return f"{self.nodes} nodes: {self.start:.1f} s to begin, {self.speed:.2f} frames/s, {cost}"


def measure(model: str, plate: str, output: Path, frames: int) -> tuple[float, float, float]:
    """Seconds to the first frame; frames a second after it, and CPU seconds of this process for each."""
    times: list[float] = []
    costs: list[float] = []

    def report(event: Any) -> None:
        if isinstance(event, FrameWritten):
            times.append(time.monotonic())
            costs.append(time.process_time())

    began = time.monotonic()
    settings = ApplySettings(model=model, plate=plate, output=str(output / "out.####.exr"), engine="torch")
    apply(settings, report, work=work_on_ray)
    assert len(times) == frames
    more = frames - 1
    return times[0] - began, more / (times[-1] - times[0]), (costs[-1] - costs[0]) / more


@contextmanager
def held_to(core: int) -> Iterator[None]:
    """What is started within this runs on one of this process's cores, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(all_cores)[core % len(all_cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_cores)


def main(arguments: Sequence[str] | None = None) -> int:
    options = read_options(arguments)
    if core_count() < options.nodes:
        print(f"This machine has {core_count()} cores for {options.nodes} nodes: the figures say nothing.")
    width, height = map(int, options.size.split("x"))
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plate = write_plate(folder / "plate", options.frames, width, height)
        model = str(write_model(folder / "medium.cat", "medium"))
        for turn in range(options.rounds):
            for nodes in (1, options.nodes):
                rounds.append(measured(nodes, model, plate, folder / f"{turn}-{nodes}", options.frames))
                print(rounds[-1])
    one, many = (
        statistics.median(each.speed for each in rounds if each.nodes == n) for n in (1, options.nodes)
    )
    start = statistics.median(each.start for each in rounds)
    print(f"{options.nodes} nodes: {many / one:.2f} times the frames of one; {start:.1f} s to begin")
    if options.json:
        found = {"ratio": many / one, "start_s": start, "rounds": [asdict(each) for each in rounds]}
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0


def measured(nodes: int, model: str, plate: str, output: Path, frames: int) -> Round:
    """A cluster of so many nodes, warmed by two frames, then the whole shot."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for core in range(nodes):
        with held_to(core):
            cluster.add_node(num_cpus=1, object_store_memory=STORE)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    try:
        warm = ApplySettings(model=model, plate=plate, output=f"{output}-warm/o.####.exr", frames="1001-1002")
        apply(warm, work=work_on_ray)
        return Round(nodes, *measure(model, plate, output, frames))
    finally:
        ray.shutdown()
        cluster.shutdown()


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--nodes", type=int, default=2)
    add("--frames", type=int, default=48)
    add("--size", default="1920x1080", metavar="WIDTHxHEIGHT")
    add("--rounds", type=int, default=ROUNDS)
    add("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
