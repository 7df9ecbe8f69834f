"""One network learned by several nodes, and by fewer when one is lost."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from understudy.cluster.ray import training
from understudy.cluster.ray.rank import Rank
from understudy.cluster.ray.training import train_on_ray
from understudy.errors import TrainingError
from understudy.settings import TrainSettings

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
MEMORY = 80_000_000


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    head = {"num_cpus": 0, "object_store_memory": MEMORY, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.nodes = [made.add_node(num_cpus=1, object_store_memory=MEMORY) for _ in range(2)]
    ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
    yield made
    ray.shutdown()
    made.shutdown()


def settings(shot: Any, folder: Path, **more: Any) -> TrainSettings:
    return TrainSettings(
        input=(shot.plate,),
        ground_truth=(shot.truth,),
        data_directory=str(folder / "runs"),
        name="look",
        model_size="small",
        crop_size=32,
        batch_size=2,
        devices="cpu",
        **more,
    )


def test_a_lost_node_costs_no_more_than_what_was_learned_since_the_last_save(
    cluster: Any, make_shot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "PAUSE", 22.0)
    shot = make_shot(numbers=range(1, 5), truth_numbers=(1, 4), size=(64, 48))
    events: list[Any] = []

    def report(event: Any) -> None:
        events.append(event)
        steps = [each["step"] for each in events if each["event"] == "stepped"]
        if steps and steps[-1] >= 20 and cluster.nodes[1:]:
            lost = cluster.nodes.pop()
            threading.Thread(target=cluster.remove_node, args=(lost, False)).start()

    run = train_on_ray(settings(shot, tmp_path, max_steps=400, checkpoint_interval=10), report, None)
    said = " ".join(each["text"] for each in events if each["event"] == "said")
    assert "Learns in 2 processes" in said and "Goes on in 1 processes" in said and "is lost" in said
    assert run.read_state().state == "finished" and run.newest() is not None
    ended = [each for each in events if each["event"] == "ended"]
    assert ended[-1]["state"] == "finished" and ended[-1]["step"] == 400
    with pytest.raises(TrainingError):  # a run of this name is there
        train_on_ray(settings(shot, tmp_path, max_steps=400), events.append, None)


def test_what_is_refused_is_said_and_not_tried_again(cluster: Any, make_shot: Any, tmp_path: Path) -> None:
    shot = make_shot(numbers=range(1, 3))
    wrong = settings(shot, tmp_path, max_steps=5).replace(ground_truth=(str(tmp_path / "none.####.exr"),))
    with pytest.raises(TrainingError):
        train_on_ray(wrong, lambda event: None, None)
    assert not (tmp_path / "runs" / "look").exists()


def test_a_node_that_cannot_begin_ends_the_others_and_is_named(
    cluster: Any, make_shot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Second(Rank):
        """The second process's node lacks the folder that it is to begin in."""

        def begin(self, command: Any, env: Any, folder: str) -> str:
            env["MARK"] = str(tmp_path)
            there = env.get("RANK") != "1"
            return super().begin(command, env, folder if there else str(tmp_path / "nowhere"))

    if len(cluster.nodes) < 2:
        cluster.nodes.append(cluster.add_node(num_cpus=1, object_store_memory=MEMORY))
    monkeypatch.setattr(training, "Rank", Second)
    shot = make_shot(numbers=range(1, 3))
    with pytest.raises(TrainingError, match="could not begin") as caught:
        train_on_ray(settings(shot, tmp_path, max_steps=5), lambda event: None, None)
    assert "nowhere" in caught.value.found
    until = time.monotonic() + 20
    while trainings_of(tmp_path) and time.monotonic() < until:
        time.sleep(0.2)
    assert trainings_of(tmp_path) == [], "the first process ends with it"


def trainings_of(folder: Path) -> list[str]:
    """The processes of a test that has marked them with its folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            words = (process.parent / "cmdline").read_bytes().split(b"\0")
            if b"understudy" in words and b"MARK=" + str(folder).encode() in process.read_bytes():
                found.append(process.parent.name)
    return found
