"""One network on several processes: the same losses, one word on when to stop, and nobody left waiting."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from out_of_memory import run_out_of_memory
from training_bench import StopAt, assert_same_course, held_out, losses, weights

from understudy.device import resolve_devices
from understudy.errors import DeviceError, SettingError, TrainingError, UnderstudyError
from understudy.network.unet import SIZES
from understudy.runs import RunFolder
from understudy.training.checkpoints.progress_file import load_progress
from understudy.training.clock import Clock
from understudy.training.distributed import liveness, rendezvous, rendezvous_store, worker_processes
from understudy.training.distributed.launch import shard_for
from understudy.training.distributed.process_group import ProcessGroup
from understudy.training.distributed.role import find_role
from understudy.training.distributed.shard import Shard
from understudy.training.events import Message
from understudy.training.learner import Learner
from understudy.training.prepare import make_job

STEPS = 20
HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def tiny_networks() -> Iterator[None]:
    """Not here: the other processes know the real sizes only."""
    yield


@pytest.fixture
def steps_of_others(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The processes that were started as helpers; none is left when the test ends."""
    started: list[Any] = []
    start = worker_processes.WorkerProcesses._start

    def noting(self: Any, rank: int, threads: int) -> Any:
        started.append(start(self, rank, threads))
        return started[-1]

    monkeypatch.setattr(worker_processes.WorkerProcesses, "_start", noting)
    yield started
    assert [process.poll() for process in started].count(None) == 0


def assert_alike(run: RunFolder, other: RunFolder, within: float) -> None:
    ours, theirs = losses(run), losses(other)
    assert [(step, rate) for step, _, rate in ours] == [(step, rate) for step, _, rate in theirs]
    assert max(abs(a - b) / b for (_, a, _), (_, b, _) in zip(ours, theirs, strict=True)) < within


# -- the same losses ------------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_two_processes_share_a_gpu_and_have_the_losses_of_one(bench: Any, steps_of_others: list[Any]) -> None:
    one = bench.train(name="one", batch_size=4, max_steps=STEPS, devices="cuda").run
    two = bench.train(name="two", batch_size=4, max_steps=STEPS, devices="0,0").run
    assert_alike(two, one, within=1e-3)


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one_and_resume_bit_for_bit(
    bench: Any, steps_of_others: list[Any]
) -> None:
    """Twenty steps, in unequal shares (3 crops)."""
    one = bench.train(name="one", batch_size=3, max_steps=STEPS).run
    two = bench.train(name="two", batch_size=3, max_steps=STEPS, devices="cpu:2").run
    assert_alike(two, one, 1e-4)
    assert [step for step, _ in held_out(two)] == [step for step, _ in held_out(one)]
    assert len(steps_of_others) == 1 and "2 devices" in bench.said()

    parted = bench.train(name="parted", batch_size=3, max_steps=STEPS, devices="cpu:2", stop=StopAt(8))
    assert parted.state == "stopped" and 0 <= parted.step < STEPS
    assert_same_course(bench.resume(parted.run).run, two)
    assert len(steps_of_others) == 3, "the stored devices count"


@pytest.mark.slow
def test_numbers_that_run_away_are_rescued_together(
    bench: Any, steps_of_others: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss of one process alone is no number once: all go back to the same step and weights."""
    loss, left = Learner._loss, [1]

    def poisoned(self: Learner, batch: Any) -> torch.Tensor:
        result = loss(self, batch)
        if self.shard.world_size > 1 and self.optimizer._first[0].abs().sum() > 0 and len(left) and late():
            left.pop()
            return result * float("nan")
        return result

    count = iter(range(100))

    def late() -> bool:
        return next(count) == 7

    monkeypatch.setattr(Learner, "_loss", poisoned)
    result = bench.train(max_steps=12, devices="cpu:2", batch_size=2)
    assert result.state == "finished" and "back to step 5" in bench.said()
    assert all(bool(tensor.isfinite().all()) for tensor in weights(result.run).values())
    assert [step for step, *_ in losses(result.run)] == list(range(1, 13))


@pytest.mark.slow
def test_memory_that_runs_out_in_one_process_halves_the_batch_in_all(
    bench: Any, steps_of_others: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here before the step has begun (when torch deals its gradients out anew) and at the end of the way
    back; in the other process on the way forth. One process that fails at the same steps tells the losses
    that are to come out."""
    usual = {"batch_size": 16, "checkpoint_interval": 2}
    with monkeypatch.context() as patch:
        patch.setattr(Learner, "step", run_out_of_memory({2: "crops", 5: "back", 7: "forth"}))
        one = bench.train(name="one", **usual).run
    popen = subprocess.Popen

    def start(command: list[str], **more: Any) -> Any:
        assert command[1:3] == ["-m", "understudy.training.distributed.worker"]
        return popen([command[0], str(HERE / "out_of_memory.py"), *command[3:]], **more)

    monkeypatch.setenv("FAIL_AT", "7")
    monkeypatch.setattr(worker_processes.subprocess, "Popen", start)
    monkeypatch.setattr(Learner, "step", run_out_of_memory({2: "crops", 5: "back"}))
    result = bench.train(name="two", devices="cpu:2", **usual)
    assert (result.state, result.step) == ("finished", 12)
    told = [line.split(" ", 2)[2] for line in result.run.log_path.read_text().splitlines()]
    assert [line for line in told if "Memory" in line] == [
        "Memory ran out: on with batch size 8, from step 0.",
        "Memory ran out: on with batch size 4, from step 4.",
        "Memory ran out: on with batch size 2, from step 6.",
    ]
    assert_alike(result.run, one, 1e-3)


@pytest.mark.slow
def test_memory_for_not_even_one_crop_each_ends_all_processes(
    bench: Any, steps_of_others: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Learner, "step", run_out_of_memory({3: "forth"}))
    with pytest.raises(TrainingError, match="memory") as caught:
        bench.train(name="full", devices="cpu:2", batch_size=2)
    assert caught.value.exit_code == 1
    run = RunFolder.open(bench.data / "full")
    assert run.read_state().state == "failed" and run.newest() == run.cat_path(2)


@pytest.mark.slow
def test_a_time_limit_ends_all_processes_together(
    bench: Any, steps_of_others: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    join = ProcessGroup.join

    def joining(self: ProcessGroup, job: Any, path: Path, step: int, stop: Any, say: Any) -> bool:
        """The time begins here: how long processes take to start depends on how busy the machine is."""
        joined = join(self, job, path, step, stop, say)
        clocks[0].start = time.monotonic()
        return joined

    def clock(limit: float | None, start: float) -> Clock:
        clocks.append(Clock(limit, start))
        return clocks[-1]

    clocks: list[Clock] = []
    monkeypatch.setattr(ProcessGroup, "join", joining)
    monkeypatch.setattr("understudy.training.train.Clock", clock)
    result = bench.train(time_limit=8, devices="cpu:2")
    assert result.state == "finished" and result.step > 3
    assert result.run.read_summary()[-1]["time"] < 12, "a step that other work held up may be the last one"
    assert [process.returncode for process in steps_of_others] == [0]
    assert load_progress(result.run.ost_path)[0].plan.totals[-1] == (result.step, result.step)


# -- fewer than asked for, and lost ones ----------------------------------------------------------------


def test_a_batch_smaller_than_the_devices_uses_only_so_many(bench: Any, steps_of_others: list[Any]) -> None:
    result = bench.train(max_steps=2, batch_size=1, devices="cpu:3")
    assert result.state == "finished" and not steps_of_others
    assert "Batch size 1 is smaller than the number of devices: 1 of 3 are used." in bench.said()


@pytest.mark.parametrize("devices", [",,", "0,", "cpu:5000"])
def test_devices_that_make_no_sense_are_answered_with_what_would(devices: str) -> None:
    with pytest.raises(DeviceError, match="no such device") as caught:
        resolve_devices(devices)
    assert caught.value.found == devices and "cpu:64" in caught.value.expected


def test_an_automatic_batch_has_a_crop_for_each_process(bench: Any) -> None:
    shard = Shard()
    shard.world_size = 5
    assert make_job(bench.settings(batch_size="auto", crop_size=256), shard).plan.batch_size >= 5


def test_the_shares_of_a_batch_make_it_whole() -> None:
    for world_size in range(1, 9):
        for total in range(world_size, 20):
            parts = []
            for rank in range(world_size):
                shard = Shard()
                shard.rank, shard.world_size = rank, world_size
                parts.append(shard.samples(total))
            assert [sample for part in parts for sample in part] == list(range(total))
            assert all(parts)


@pytest.mark.slow
def test_a_lost_process_ends_the_run_with_what_was_learned(
    bench: Any, steps_of_others: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Learner.step

    def losing(self: Learner, number: int) -> float:
        if number == 8:
            steps_of_others[0].send_signal(signal.SIGKILL)
        return step(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "step", losing)
        began = time.monotonic()
        with pytest.raises(TrainingError, match="signal 9") as caught:
            bench.train(name="lost", max_steps=STEPS, devices="cpu:2")
    assert caught.value.exit_code == 1
    assert time.monotonic() - began < 150, "it is noticed at once, not after a quarter of an hour"
    run = RunFolder.open(bench.data / "lost")
    state = run.read_state()
    assert state.state == "failed" and "gone" in state.reason
    assert run.newest() == run.cat_path(state.step) and state.step in (7, 8)
    whole = bench.train(name="whole", max_steps=STEPS).run
    assert_alike(bench.resume(run, devices="cpu").run, whole, 1e-4)


@pytest.mark.slow
def test_processes_that_cannot_begin_leave_no_run_behind(
    bench: Any, steps_of_others: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the other process sees another frame than this one."""
    monkeypatch.setattr("understudy.training.prepare._digest", lambda data, settings: "other frames")
    with pytest.raises(UnderstudyError, match="frames") as caught:
        bench.train(devices="cpu:2")
    assert caught.value.exit_code == 2 and not bench.data.exists()


def test_what_is_refused_starts_nothing_that_stays(bench: Any, steps_of_others: list[Any]) -> None:
    with pytest.raises(UnderstudyError, match="depth"):
        bench.train(devices="cpu:2", input_channels="depth.Z")
    assert not bench.data.exists()


@pytest.mark.slow
def test_helpers_end_when_the_process_that_leads_is_killed(bench: Any) -> None:
    arguments = bench.flags()
    arguments += [
        "--name",
        "run",
        "--model-size",
        "small",
        "--crop-size",
        "32",
        "--batch-size",
        "2",
        "--devices",
        "cpu:2",
    ]
    leader = subprocess.Popen(
        [sys.executable, "-m", "understudy", "train", *arguments, "--checkpoint-interval", "5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    run = RunFolder(bench.data / "run")
    try:
        until = time.monotonic() + 120
        while not run.cat_path(5).exists():
            assert leader.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        helpers = _children(leader.pid)
        assert len(helpers) == 1
    finally:
        leader.kill()
        leader.communicate()
    until = time.monotonic() + 60
    while any(_runs(helper) for helper in helpers):
        assert time.monotonic() < until, "a helper is left"
        time.sleep(0.05)


def _children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _runs(process: int) -> bool:
    from understudy.runs.state import is_alive

    return is_alive(process)


# -- started by something else --------------------------------------------------------------------------

FARM = {
    "COPYCAT_MAIN_ADDR": "127.0.0.1",
    "COPYCAT_MAIN_PORT": "30000",
    "COPYCAT_RANK": "1",
    "COPYCAT_WORLD_SIZE": "2",
}
TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "MASTER_ADDR": "node1",
    "MASTER_PORT": "29500",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
}


def test_torchrun_and_copycat_name_the_place() -> None:
    role = find_role(TORCHRUN)
    assert role is not None
    assert (role.rank, role.world_size, role.address, role.port) == (3, 4, "node1", 29500)
    assert (role.local_rank, role.local_world_size) == (1, 2)
    role = find_role(FARM)
    assert role is not None and role.farm
    assert (role.rank, role.world_size, role.address, role.port) == (1, 2, "127.0.0.1", 30000)
    assert find_role({}) is None


def test_copycats_other_variables_are_answered() -> None:
    role = find_role({**FARM, "COPYCAT_SYNC_INTERVAL": "4", "COPYCAT_LOCAL_ADDR": "10.0.0.7"})
    assert role is not None
    assert "COPYCAT_SYNC_INTERVAL" in role.notes[0] and "COPYCAT_LOCAL_ADDR" in role.notes[1]
    assert find_role({**FARM, "COPYCAT_SYNC_INTERVAL": "1"}).notes == ()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COPYCAT_RANK", "2"),
        ("COPYCAT_RANK", "-1"),
        ("COPYCAT_RANK", "one"),
        ("COPYCAT_WORLD_SIZE", "0"),
        ("COPYCAT_WORLD_SIZE", "99999999"),
        ("COPYCAT_MAIN_PORT", "70000"),
        ("COPYCAT_MAIN_PORT", ""),
        ("COPYCAT_MAIN_ADDR", ""),
    ],
)
def test_half_a_place_or_a_wrong_one_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingError) as caught:
        find_role({**FARM, name: value})
    assert name in caught.value.text


@pytest.mark.parametrize(
    "given",
    [
        {"RANK": "1", "WORLD_SIZE": "2"},
        {"WORLD_SIZE": "2", "MASTER_ADDR": "node1", "MASTER_PORT": "29500"},
        {"RANK": "1", "MASTER_ADDR": "node1", "MASTER_PORT": "29500"},
        {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "node1"},
    ],
)
def test_half_of_torchruns_variables_is_refused_rather_than_trained_alone(given: dict[str, str]) -> None:
    with pytest.raises(SettingError) as caught:
        find_role(given)
    assert all((name in given) != (name in caught.value.found) for name in list(TORCHRUN)[:4])


@pytest.mark.parametrize(
    "given",
    [
        {"RANK": "0", "WORLD_SIZE": "1"},
        {"WORLD_SIZE": "1"},
        {"RANK": "3"},
        {"MASTER_ADDR": "node1", "MASTER_PORT": "29500"},
    ],
)
def test_what_is_left_of_other_programs_in_the_environment_is_no_place(given: dict[str, str]) -> None:
    assert find_role(given) is None


def test_one_process_alone_is_no_company(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**FARM, "COPYCAT_RANK": "0", "COPYCAT_WORLD_SIZE": "1"}.items():
        monkeypatch.setenv(name, value)
    with shard_for(bench.settings().devices, 2) as shard:
        assert shard.world_size == 1


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.slow
def test_processes_that_a_farm_starts_find_each_other(bench: Any) -> None:
    """Three come; a batch of two needs two; only process 0 writes and prints."""
    role, names = ["127.0.0.1", _free_port(), "3"], ["MAIN_ADDR", "MAIN_PORT", "WORLD_SIZE", "RANK"]
    names = [f"COPYCAT_{name}" for name in names]
    arguments = bench.flags()
    arguments += [
        "--name",
        "run",
        "--model-size",
        "small",
        "--crop-size",
        "32",
        "--batch-size",
        "2",
        "--max-steps",
        "6",
    ]
    started = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "understudy",
                "train",
                *arguments,
                "--devices",
                "cpu",
                "--precision",
                "float32",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **dict(zip(names, [*role, str(rank)], strict=True))},
        )
        for rank in range(3)
    ]
    try:
        told = [process.communicate(timeout=120) for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0, 0], told
    assert "run finished at step 6" in told[0][0]
    said = [line for out, _ in told[1:] for line in out.splitlines()]
    assert [line for line in said if not line.startswith("Waiting for process 0")] == []
    assert "2 of 3 are used" in told[0][0]
    assert [path.name for path in bench.data.iterdir()] == ["run"]
    alone = bench.train(name="alone", max_steps=6, batch_size=2).run
    assert_alike(RunFolder(bench.data / "run"), alone, 1e-4)


def test_sizes_are_the_real_ones_here() -> None:
    assert SIZES["small"].widths != (8, 12)


@pytest.mark.slow
def test_a_stop_while_others_are_awaited_is_heard(bench: Any, steps_of_others: list[Any]) -> None:
    result = bench.train(devices="cpu:2", stop=StopAt(0))
    assert (result.state, result.step) == ("stopped", 0) and result.newest is None


def _in_place(monkeypatch: pytest.MonkeyPatch, rank: int, **more: str) -> str:
    """This process is ``rank`` of two, where nobody listens yet; the port."""
    port = _free_port()
    for name, value in {**FARM, "COPYCAT_MAIN_PORT": port, "COPYCAT_RANK": str(rank), **more}.items():
        monkeypatch.setenv(name, value)
    return port


def test_a_helper_that_waits_says_so_once_and_can_be_stopped(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Process 0 never comes."""
    port = _in_place(monkeypatch, 1)
    monkeypatch.setattr(rendezvous_store, "REPORT_AFTER_SECONDS", 0.3)
    result = bench.train(stop=StopAt(6))
    assert (result.state, result.rank) == ("stopped", 1) and not bench.data.exists()
    waiting, stopped = [event.text for event in bench.of(Message)]
    assert waiting == f"Waiting for process 0 at 127.0.0.1, port {port}." and "Stopped" in stopped


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("address", ["does-not-exist.invalid", "a b", "x" * 70])
def test_an_address_that_no_name_server_knows_is_refused_at_once(
    bench: Any, monkeypatch: pytest.MonkeyPatch, rank: int, address: str
) -> None:
    _in_place(monkeypatch, rank, COPYCAT_MAIN_ADDR=address)
    with pytest.raises(SettingError) as caught:
        bench.train()
    assert caught.value.where == "COPYCAT_MAIN_ADDR" and address in caught.value.found


@pytest.mark.parametrize("leads_back", [False, True])
def test_process_0_needs_an_address_that_leads_to_it(
    bench: Any, monkeypatch: pytest.MonkeyPatch, leads_back: bool
) -> None:
    """As the address of a service in front of a container does, which is none of the container's own."""
    _in_place(monkeypatch, 0)
    monkeypatch.setattr(rendezvous_store, "_is_of_this_machine", lambda *_: False)
    if not leads_back:
        monkeypatch.setattr(rendezvous_store, "_is_listening", lambda _: False)
        with pytest.raises(SettingError) as caught, shard_for(bench.settings().devices, 2):
            pass
        assert caught.value.where == "COPYCAT_MAIN_ADDR"
        return
    monkeypatch.setattr(rendezvous, "DEPARTURE_SECONDS", 0.0)
    with shard_for(bench.settings().devices, 2) as shard:
        assert shard.world_size == 2


def test_an_address_of_another_machine_is_none_of_this_one() -> None:
    assert rendezvous_store._is_of_this_machine(socket.AF_INET, ("127.0.0.1", 1))
    assert not rendezvous_store._is_of_this_machine(socket.AF_INET, ("192.0.2.1", 1))


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another program listens on the port, and never says anything."""
    port = _in_place(monkeypatch, 0)
    with socket.create_server(("127.0.0.1", int(port))):
        yield


def test_process_0_says_that_its_port_is_taken(bench: Any, taken: None) -> None:
    with pytest.raises(SettingError, match="in use") as caught:
        bench.train()
    assert caught.value.where == "COPYCAT_MAIN_PORT" and "another COPYCAT_MAIN_PORT" in caught.value.remedy


def test_another_program_at_the_address_is_no_process_0(
    bench: Any, taken: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPYCAT_RANK", "1")
    assert bench.train(stop=StopAt(3)).state == "stopped"
    monkeypatch.setattr(rendezvous_store, "ANSWER_SECONDS", 0.5)
    with pytest.raises(SettingError, match="something else") as caught:
        bench.train()
    assert "COPYCAT_MAIN_PORT" in caught.value.where


@pytest.mark.slow
def test_what_process_0_is_refused_for_ends_the_others_too(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process here plays both parts, one after the other."""
    port = _free_port()
    for name, value in {**FARM, "COPYCAT_MAIN_PORT": port, "COPYCAT_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UnderstudyError, match="depth"), shard_for(bench.settings().devices, 2) as leader:
        helper = ProcessGroup(1, 2, leader.store, torch.device("cpu"), 1)  # type: ignore[attr-defined]
        try:
            make_job(bench.settings(input_channels="depth.Z"), leader)
        except UnderstudyError as error:
            leader.rendezvous.refuse(error)  # type: ignore[attr-defined]
            with pytest.raises(UnderstudyError, match="depth") as caught:
                helper.rendezvous.receive_job(None)
            assert caught.value.message == error.message and "process 0" in caught.value.where
            helper.leave()
            raise


def _pair() -> tuple[rendezvous.Rendezvous, rendezvous.Rendezvous]:
    """Process 0 and process 1 of two; the store is that of process 0."""
    store = dist.HashStore()
    leader, helper = rendezvous.Rendezvous(0, store), rendezvous.Rendezvous(1, store)
    leader.processes_served = 2
    return leader, helper


def test_process_0_leaves_only_when_the_others_have_heard_its_last_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rendezvous, "DEPARTURE_SECONDS", 60.0)
    leader, helper = _pair()
    leader.refuse(UnderstudyError("No.", where="--name"))
    thread = threading.Thread(target=leader.leave)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    with pytest.raises(UnderstudyError) as caught:
        helper.receive_job(None)
    assert (caught.value.message, caught.value.where) == ("No.", "process 0, --name")
    helper.leave()
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize("lost", [False, True])
def test_process_0_does_not_wait_for_one_that_is_lost_or_when_it_is_aborted(lost: bool) -> None:
    leader, _ = _pair()
    leader.departure_seconds = 60.0
    if lost:
        leader.lost = {1}
    else:
        leader.refuse(KeyboardInterrupt())
    began = time.monotonic()
    leader.leave()
    assert time.monotonic() - began < 30


def test_others_need_not_wait_where_there_is_nothing_to_be_done() -> None:
    """As when a run that is finished is resumed."""
    leader, helper = _pair()
    leader.departure_seconds = 0.0
    leader.leave()
    assert helper.receive_job(None)["world_size"] == 0


def test_what_keeps_one_process_from_beginning_is_told_once_and_in_its_own_parts() -> None:
    leader, helper = _pair()
    told = {"expected": "these", "found": "others", "where": "plate.####.exr", "remedy": "Look."}
    helper.report_error(UnderstudyError("Not the same.", **told))
    with pytest.raises(UnderstudyError) as caught:
        leader.wait_for_workers(2, None, lambda text: None)
    error = caught.value
    assert {name: getattr(error, name) for name in told} == {**told, "where": "process 1, plate.####.exr"}
    assert error.message == "Not the same." and error.text.count("found:") == 1
    leader.refuse(error)
    with pytest.raises(UnderstudyError, match="Not the same"):
        helper.report_ready(None)


def test_a_device_that_one_process_lacks_is_told_to_process_0(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = dist.HashStore()
    monkeypatch.setattr(rendezvous_store, "open_store", lambda *_: store)
    _in_place(monkeypatch, 1)
    with pytest.raises(DeviceError):
        bench.train(devices="cuda:77")
    with pytest.raises(UnderstudyError, match="cuda:77") as caught:
        rendezvous.Rendezvous(0, store).wait_for_workers(2, None, lambda text: None)
    assert caught.value.where == "process 1, --devices"


def test_a_resume_that_is_refused_on_process_0_is_told_to_the_others(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench.train(max_steps=1).run
    run.ost_path.unlink()
    store = dist.HashStore()
    monkeypatch.setattr(rendezvous_store, "open_store", lambda *_: store)
    monkeypatch.setattr(rendezvous, "DEPARTURE_SECONDS", 0.0)
    _in_place(monkeypatch, 0)
    with pytest.raises(UnderstudyError, match="nothing to go on from"):
        bench.resume(run)
    with pytest.raises(UnderstudyError, match="nothing to go on from"):
        rendezvous.Rendezvous(1, store).receive_job(None)


# -- who is gone ----------------------------------------------------------------------------------------

CLOSED = "Connection closed by peer [127.0.0.1]:61590. This is typically caused by a crash " + "of it " * 99


def _lost(process_group: ProcessGroup) -> TrainingError:
    with pytest.raises(TrainingError, match="gone") as caught, process_group.detecting_lost_workers():
        raise RuntimeError(CLOSED)
    return caught.value


def test_of_two_processes_the_lost_one_is_the_other(tmp_path: Path) -> None:
    for rank in range(2):
        process_group = ProcessGroup(rank, 2, dist.HashStore(), torch.device("cpu"), 1)
        error = _lost(process_group)
        assert error.found == f"process {1 - rank} (Connection closed by peer [127.0.0.1]:61590)"
        assert "--devices" not in error.remedy


def test_of_more_processes_the_lost_one_is_who_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(liveness, "ANSWER_SECONDS", 2.0)
    store = dist.HashStore()
    present = [ProcessGroup(rank, 4, store, torch.device("cpu"), 1) for rank in (0, 1, 3)]
    assert "not known" in _lost(present[0]).found, "before the others can answer"
    for process_group in present:
        process_group.liveness.start()
    try:
        assert _lost(present[0]).found.startswith("process 2 (")
        assert _lost(present[2]).found.startswith("process 2 (")
    finally:
        for process_group in present:
            process_group.liveness.end()


def test_a_process_that_said_why_it_ended_is_quoted() -> None:
    store = dist.HashStore()
    leader, other = (ProcessGroup(rank, 3, store, torch.device("cpu"), 1) for rank in (0, 2))
    other.report_error(TrainingError("There is not enough memory for a step."))
    assert _lost(leader).found == "process 2: There is not enough memory for a step."


def test_only_what_is_saved_is_said_to_be_saved(tmp_path: Path) -> None:
    process_group = ProcessGroup(1, 2, dist.HashStore(), torch.device("cpu"), 1)
    assert "if process 0 has written one" in _lost(process_group).remedy
    process_group.run = tmp_path / "run"
    process_group.run.mkdir()
    assert "no checkpoint yet" in _lost(process_group).remedy
    RunFolder(process_group.run).ost_path.write_bytes(b"")
    assert "Go on from the last checkpoint" in _lost(process_group).remedy
    started = ProcessGroup(0, 2, dist.HashStore(), torch.device("cpu"), 1, lambda: "process 1 was killed")
    assert "--devices" in _lost(started).remedy
