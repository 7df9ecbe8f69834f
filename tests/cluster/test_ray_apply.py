"""Frames made by a cluster of several nodes on this machine: the same bytes as here, whatever dies."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.cluster.ray.apply import work_on_ray
from understudy.errors import ApplyError
from understudy.frames import open_shot, read_image_file
from understudy.inference.apply import apply
from understudy.inference.events import ApplyMessage, ApplyPlanned, FrameWritten
from understudy.settings import ApplySettings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "inference"))
from test_inference_painted import Bench

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
MEMORY = 80_000_000
FRAMES = tuple(range(1, 25))


class Nodes:
    """A head without cores, and nodes of one core each."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        head = {"num_cpus": 0, "object_store_memory": MEMORY, "include_dashboard": False}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.added = [self.add() for _ in range(2)]
        ray.init(address=self.cluster.address, log_to_driver=False, logging_level="ERROR")

    def add(self) -> Any:
        return self.cluster.add_node(num_cpus=1, object_store_memory=MEMORY)

    def kill(self) -> None:
        """Take the first node down at once, with all that runs on it."""
        self.cluster.remove_node(self.added.pop(0), allow_graceful=False)

    def close(self) -> None:
        ray.shutdown()
        self.cluster.shutdown()


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    made = Nodes()
    yield made
    made.close()


@pytest.fixture
def bench(make_shot: Any, tmp_path: Path) -> Bench:
    made = Bench(make_shot(numbers=FRAMES, truth_numbers=(1, 24), size=(64, 48)), tmp_path)
    made.save(8 / 255)
    return made


class Told(list):
    """Events; ``after`` so many frames, ``then`` is done once, in a thread of its own."""

    def __init__(self, after: int = 0, then: Any = None) -> None:
        super().__init__()
        self.after, self.then = after, then

    def __call__(self, event: Any) -> None:
        self.append(event)
        if self.then and sum(isinstance(each, FrameWritten) for each in self) >= self.after:
            then, self.then = self.then, None
            threading.Thread(target=then).start()

    @property
    def words(self) -> str:
        return " ".join(each.text for each in self if isinstance(each, ApplyMessage))


def made(bench: Bench, name: str, told: Told | None = None, stop: Any = None, **asked: Any) -> Any:
    output = str(bench.folder / name / asked.pop("file", "out.####.exr"))
    settings = ApplySettings(model=str(bench.run.path), plate=bench.shot.plate, output=output, **asked)
    return apply(settings, Told() if told is None else told, stop, work_on_ray)


def here(bench: Bench, name: str, **asked: Any) -> Any:
    output = str(bench.folder / name / asked.pop("file", "out.####.exr"))
    return apply(ApplySettings(model=str(bench.run.path), plate=bench.shot.plate, output=output, **asked))


def files(bench: Bench, name: str) -> list[str]:
    """Those with a name: a process that was killed may leave a hidden one."""
    return sorted(path.name for path in (bench.folder / name).iterdir() if path.name[0] != ".")


def same(bench: Bench, one: str, other: str) -> bool:
    names = files(bench, one)
    return names == files(bench, other) and all(
        (bench.folder / one / name).read_bytes() == (bench.folder / other / name).read_bytes()
        for name in names
    )


def test_two_nodes_make_the_bytes_that_one_machine_makes(nodes: Nodes, bench: Bench) -> None:
    told = Told()
    result = made(bench, "ray", told)
    here(bench, "here")
    assert result.written == FRAMES and not result.failed and same(bench, "ray", "here")
    assert sum(isinstance(each, ApplyPlanned) for each in told) == 1
    assert made(bench, "ray").kept == FRAMES
    again = made(bench, "ray", frames="3-5", overwrite=True)
    assert again.written == (3, 4, 5) and same(bench, "ray", "here")


def test_neighbours_painted_frames_masks_and_updates_are_as_on_one_machine(
    nodes: Nodes, bench: Bench, save_pixels: Any
) -> None:
    mask = bench.folder / "mask.exr"
    save_pixels(mask, np.tile(np.linspace(0, 1, 64, dtype=np.float32), (48, 1))[..., None], "half")
    asked = {"stabilise": 1.0, "blend": 2, "mix": 0.5, "region": "8,8,40,30", "mask": str(mask)}
    made(bench, "ray", **asked)
    here(bench, "here", **asked)
    assert same(bench, "ray", "here")
    bench.save(16 / 255)
    result = made(bench, "ray", update=True, **asked)
    assert result.same == () or set(result.same) < set(FRAMES)
    here(bench, "here", update=True, **asked)
    assert same(bench, "ray", "here")


def test_a_movie_has_one_writer(nodes: Nodes, bench: Bench) -> None:
    pytest.importorskip("av")
    result = made(bench, "ray", file="out.mov")
    here(bench, "here", file="out.mov")
    assert result.written == FRAMES and result.is_movie
    with (
        open_shot(str(bench.folder / "ray" / "out.mov")) as one,
        open_shot(str(bench.folder / "here" / "out.mov")) as other,
    ):
        assert one.numbers == other.numbers
        for number in one.numbers:
            a, b = (shot.read(number).planes(("R", "G", "B")) for shot in (one, other))
            assert np.array_equal(a, b)
    assert files(bench, "ray") == ["out.mov"]


def test_a_node_that_dies_costs_its_frames_under_way_alone(nodes: Nodes, bench: Bench) -> None:
    told = Told(3, nodes.kill)
    result = made(bench, "ray", told)
    here(bench, "here")
    assert result.written == FRAMES and not result.failed
    assert same(bench, "ray", "here")
    nodes.added.append(nodes.add())
    assert made(bench, "more", frames="1-4").written == (1, 2, 3, 4)


def test_a_frame_that_kills_its_worker_is_named_and_the_others_are_made(
    nodes: Nodes, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from understudy.cluster.ray import apply as room
    from understudy.cluster.ray.worker import FrameWorker

    class Deadly(FrameWorker):
        def make(self, number: int) -> Any:
            if number == 7:
                os._exit(1)
            return super().make(number)

    monkeypatch.setattr("understudy.cluster.ray.crew.FrameWorker", Deadly)
    told = Told()
    result = made(bench, "ray", told)
    assert result.written == tuple(n for n in FRAMES if n != 7)
    assert [number for number, _ in result.failed] == [7]
    assert "took down the process" in str(result.failed[0][1]) and "is gone" in told.words
    assert room.TRIES == 2


def test_what_a_node_cannot_read_is_said_as_here(nodes: Nodes, bench: Bench) -> None:
    Path(bench.shot.plate_file(5)).write_bytes(b"no picture")
    result = made(bench, "ray")
    assert [number for number, _ in result.failed] == [5] and len(result.written) == len(FRAMES) - 1


def test_a_stop_ends_it_after_the_frames_under_way_and_the_same_command_goes_on(
    nodes: Nodes, bench: Bench
) -> None:
    stop = threading.Event()

    class Flag:
        def __bool__(self) -> bool:
            return stop.is_set()

    result = made(bench, "ray", Told(2, stop.set), Flag())
    assert result.stopped and 2 <= len(result.written) < len(FRAMES)
    rest = made(bench, "ray")
    assert rest.kept == result.written and len(rest.written) + len(rest.kept) == len(FRAMES)


def test_a_warm_cluster_begins_at_once(nodes: Nodes, bench: Bench) -> None:
    began, told = time.monotonic(), Told()
    made(bench, "ray", told, frames="1-2")
    assert read_image_file(bench.folder / "ray" / "out.0001.exr")
    assert time.monotonic() - began < 60  # 5 s where nothing else is at work; see docs/scale.md


def test_without_a_cluster_that_is_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)

    def none(**values: Any) -> None:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr(ray, "init", none)
    with pytest.raises(ApplyError, match="There is no Ray cluster"):
        made(bench, "ray")
    assert not (bench.folder / "ray").exists() or not list((bench.folder / "ray").iterdir())


def test_jobs_of_a_file_are_done_on_the_nodes_in_their_order(
    nodes: Nodes, bench: Bench, tmp_path: Path
) -> None:
    from understudy.cluster.batch.jobs import read_batch
    from understudy.cluster.batch.on_ray import RayCluster
    from understudy.cluster.batch.run import run_batch
    from understudy.cluster.ray.cluster import connected

    apply_to = f'model = "{bench.run.path}", plate = "{bench.shot.plate}", frames = "1-3"'
    text = f"""
        [jobs.second]
        after = "first"
        apply = {{ {apply_to}, output = "two/o.####.png" }}
        [jobs.first]
        apply = {{ {apply_to}, output = "one/o.####.png" }}
        [jobs.broken]
        apply = {{ {apply_to}, output = "none/o.####.png", mask = "nothing.exr" }}
    """
    path = tmp_path / "jobs.toml"
    path.write_text(text, "utf-8")
    ended: list[Any] = []
    with connected() as cluster:
        states = run_batch(read_batch(path), RayCluster(tmp_path, cluster), ended.append, None)
    assert states == {"first": "done", "second": "done", "broken": "failed"}
    assert len(files(bench, "two")) == 3
    said = next(each.text for each in ended if getattr(each, "state", "") == "failed")
    assert "nothing.exr" in said
