"""Queues: clients take turns, like requests run together, those who leave are forgotten, memory is
bounded.
"""

from __future__ import annotations

import io
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.models.description import ModelDescription
from understudy.server.admission import AdmissionControl
from understudy.server.deadlines import TransferDeadline
from understudy.server.executors import ExecutorPool, Job
from understudy.server.log import ServerLog
from understudy.server.models.served import Answer, Call, ModelDown
from understudy.server.scheduling import FairQueue


class Recorder:
    """A model that notes what it ran, and waits for ``go`` before its first run."""

    executor, workers, max_batch, state, trouble = "test", 1, 1, "ready", ""
    description = ModelDescription("recorder", "Recorder")

    def __init__(self, max_batch=1):
        self.max_batch = max_batch
        self.batches = []
        self.begun, self.go = threading.Event(), threading.Event()

    def run(self, calls):
        self.begun.set()
        self.go.wait(10)
        self.batches.append([call.options["name"] for call in calls])
        if any(call.options["name"] == "bad" for call in calls):
            raise ValueError("bad")
        return [Answer([call.pictures[0]]) for call in calls]


class Call_(Call):
    def batch_key(self):
        return self.pictures[0].shape


def job(client, model, name, size=4):
    return Job(client, model, Call_([np.zeros((3, size, size), np.float32)], {"name": name}))


@pytest.fixture
def executors():
    made = ExecutorPool(ServerLog(io.StringIO()))
    yield made
    made.close()


def run_behind_a_plug(executors, model, jobs):
    """Queue all jobs while the first blocks the worker, then let go and wait for all."""
    plug = job("plug", model, "plug")
    executors.submit(plug)
    model.begun.wait(10)
    for each in jobs:
        executors.submit(each)
    return plug


def test_a_client_with_one_request_waits_for_one_of_the_busy_client_only(executors):
    model = Recorder()
    busy = [job("busy", model, f"busy {n}") for n in range(20)]
    single = job("single", model, "single")
    run_behind_a_plug(executors, model, [*busy, single])
    model.go.set()
    single.future.result(10)
    for each in busy:
        each.future.result(10)
    assert model.batches.index(["single"]) <= 2
    assert [name for [name] in model.batches if name.startswith("busy")] == [f"busy {n}" for n in range(20)]


def test_waiting_requests_of_equal_size_run_as_one_batch_and_others_apart(executors):
    model = Recorder(max_batch=4)
    jobs = [job(f"c{n}", model, f"a{n}") for n in range(6)] + [job("d", model, "large", 8)]
    run_behind_a_plug(executors, model, jobs)
    model.go.set()
    for each in jobs:
        each.future.result(10)
    assert sorted(map(len, model.batches)) == [1, 1, 2, 4]
    assert ["large"] in model.batches


def test_one_bad_request_fails_alone_in_its_batch(executors):
    model = Recorder(max_batch=4)
    jobs = [job("a", model, "good"), job("b", model, "bad"), job("c", model, "fine")]
    run_behind_a_plug(executors, model, jobs)
    model.go.set()
    assert jobs[0].future.result(10) and jobs[2].future.result(10)
    with pytest.raises(ValueError):
        jobs[1].future.result(10)


def test_a_client_that_left_is_never_run(executors):
    model = Recorder()
    gone, stays = job("a", model, "gone"), job("b", model, "stays")
    run_behind_a_plug(executors, model, [gone, stays])
    assert gone.future.cancel()
    model.go.set()
    stays.future.result(10)
    assert ["gone"] not in model.batches


def test_closing_refuses_what_waits_and_finishes_what_is_in_work(executors):
    model = Recorder()
    waits = job("a", model, "waits")
    plug = run_behind_a_plug(executors, model, [waits])
    executors.close()
    with pytest.raises(ModelDown):
        waits.future.result(10)
    with pytest.raises(ModelDown):
        executors.submit(job("a", model, "late"))
    model.go.set()
    assert plug.future.result(10)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 99)), max_size=30))
def test_the_queue_loses_nothing_and_keeps_each_clients_order(pushed):
    queue = FairQueue()
    for client, number in pushed:
        queue.push(client, (client, number))
    popped = [queue.pop() for _ in range(len(queue))]
    assert not len(queue)
    for client in "abc":
        assert [each for each in popped if each[0] == client] == [
            each for each in pushed if each[0] == client
        ]


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=40))
def test_nobody_is_served_twice_while_another_waits(pushed):
    queue = FairQueue()
    for client in pushed:
        queue.push(client, client)
    left = {client: pushed.count(client) for client in pushed}
    turns = dict.fromkeys(left, 0)
    while len(queue):
        client = queue.pop()
        left[client] -= 1
        turns[client] += 1
        assert all(turns[client] - turns[other] <= 1 for other in left if left[other])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 150)), max_size=20), st.randoms())
def test_memory_stays_in_its_bounds_and_everybody_gets_in_at_last(requested, draw):
    admission = AdmissionControl(100)
    held = [admission.reserve(client, size) for client, size in requested]
    for _ in range(len(held)):
        inside = [each for each in held if each.granted.done()]
        assert inside, "somebody waits and nobody is inside"
        assert admission.used == sum(each.size for each in inside)
        assert admission.used <= 100 or len(inside) == 1
        leaving = draw.choice(inside)
        leaving.release()
        leaving.release()
        held.remove(leaving)
    assert admission.used == 0 and admission.waiting == 0


def test_a_place_given_up_while_waiting_holds_nobody_back():
    admission = AdmissionControl(100)
    first, second, third = admission.reserve("a", 90), admission.reserve("b", 90), admission.reserve("c", 5)
    fourth = admission.reserve("d", 90)
    assert third.granted.done() and not fourth.granted.done()
    second.release()
    first.release()
    assert fourth.granted.done()
    third.release()
    fourth.release()
    assert admission.used == 0


def test_a_deadline_passes_with_silence_with_trickling_and_sooner_when_others_wait():
    now = [0.0]
    deadline = TransferDeadline(10.0, clock=lambda: now[0])
    now[0] = 9.0
    assert deadline.remaining() == pytest.approx(1.0)
    deadline.add(1)
    assert 0 < deadline.remaining() < 1.1  # a byte now and then is not enough
    now[0] = 11.0
    assert deadline.remaining() <= 0
    now[0] = 0.0
    stalled = TransferDeadline(10.0, lambda: True, lambda: now[0])
    now[0] = 4.5
    assert stalled.remaining() <= 0
    now[0] = 0.0
    quick = TransferDeadline(10.0, lambda: True, lambda: now[0])
    now[0] = 4.5
    quick.add(25_000_000)
    assert quick.remaining() > 0


def test_executors_report_how_much_waits(executors):
    model = Recorder()
    jobs = [job("a", model, str(n)) for n in range(3)]
    run_behind_a_plug(executors, model, jobs)
    assert executors.waiting() == {"test": 3} and executors.busy() == 1
    model.go.set()
    for each in jobs:
        each.future.result(10)
    until = time.monotonic() + 5
    while executors.busy() and time.monotonic() < until:
        time.sleep(0.01)
    assert executors.waiting() == {"test": 0} and executors.busy() == 0
