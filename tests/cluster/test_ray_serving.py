"""A server whose networks are answered by processes on the nodes of a cluster."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy import client

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "inference"))
from test_inference_painted import Bench

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
SERVER = Path(__file__).resolve().parents[1] / "server"
MEMORY = 80_000_000
LARGE = np.linspace(0, 1, 48 * 64 * 3, dtype=np.float32).reshape(48, 64, 3)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    head = {"num_cpus": 0, "object_store_memory": MEMORY, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.nodes = [made.add_node(num_cpus=1, object_store_memory=MEMORY) for _ in range(2)]
    yield made
    made.shutdown()


@pytest.fixture
def bench(make_shot: Any, tmp_path: Path) -> Bench:
    made = Bench(make_shot(size=(64, 48)), tmp_path)
    made.save(16 / 255)
    return made


def start(cluster: Any, bench: Bench, *more: str) -> Any:
    spec = importlib.util.spec_from_file_location("server_processes", SERVER / "conftest.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    env = {"RAY_ADDRESS": cluster.address, "OMP_NUM_THREADS": "1"}
    return made.start_server(bench.run.best_path, "--on", "ray", *more, env=env)


def test_replicas_answer_as_one_process_does_and_a_killed_one_loses_nothing(
    cluster: Any, bench: Bench
) -> None:
    server = start(cluster, bench, "--replicas", "1..2")
    try:
        model = client.list_models(server.url)[0]["name"]
        wanted = np.clip(LARGE + np.float32(16 / 255), None, None)
        answers, stop = [], threading.Event()

        def ask(turn: int) -> np.ndarray:
            while not stop.is_set() or turn < 0:
                answers.append(np.asarray(client.infer(model, [LARGE], server.url)[0]))
            return answers[-1]

        first = np.asarray(client.infer(model, [LARGE], server.url)[0])
        assert np.abs(first - wanted).max() < 0.02
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(ask, turn) for turn in range(4)]
            server.wait_for("a replica begins", 90, replicas=2)  # more was asked than one could answer
            count = len(answers)
            cluster.remove_node(cluster.nodes.pop(0), allow_graceful=False)
            server.wait_for("a replica is gone", 90)
            until = time.monotonic() + 60
            while len(answers) < count + 40 and time.monotonic() < until:
                time.sleep(0.05)
            stop.set()
            for each in asked:
                each.result(60)  # none was refused, none lost
        assert len(answers) >= count + 40
        assert all(np.array_equal(each, first) for each in answers)
    finally:
        server.process.kill()
        server.process.wait(20)
        server.process.stderr.close()
        cluster.nodes.append(cluster.add_node(num_cpus=1, object_store_memory=MEMORY))


def test_frames_of_a_sequence_go_to_one_replica_and_errors_come_back_in_words(
    cluster: Any, bench: Bench
) -> None:
    server = start(cluster, bench, "--replicas", "2")
    try:
        server.wait_for("a replica begins", 90, replicas=2)
        model = client.list_models(server.url)[0]["name"]
        plain = np.asarray(client.infer(model, [LARGE], server.url)[0])
        boil = [
            LARGE + np.random.default_rng(n).normal(0, 0.02, LARGE.shape).astype(np.float32) for n in range(6)
        ]
        steady = [
            np.asarray(client.infer(model, [each], server.url, stabilise=1.0, sequence="shot")[0])
            for each in boil
        ]
        alone = [np.asarray(client.infer(model, [each], server.url)[0]) for each in boil]
        assert not np.array_equal(steady[-1], alone[-1]) and plain.shape == LARGE.shape
        with pytest.raises(client.ServerError, match="mix"):
            client.infer(model, [LARGE], server.url, mix=7.0)
        assert server.stop() == 0
    finally:
        if server.is_alive():
            server.process.kill()
        server.process.wait(20)
        server.process.stderr.close()


@pytest.mark.parametrize("text", ["0", "3..2", "many", "1..", "-1"])
def test_a_number_of_replicas_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    from understudy.cli.main import run

    assert run(["serve", "--on", "ray", f"--replicas={text}"]) == 2
    assert "--replicas" in capsys.readouterr().err
