"""Networks with state in a job: where it begins, what is gone through, and what is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from understudy.errors import ApplyError, DeviceError, FrameError
from understudy.inference.recurrence import Recurrence, Step, plate_luma
from understudy.inference.state_plan import StatePlan
from understudy.models.call import NetworkCall
from understudy.models.state import STATE, State

STILL = np.random.default_rng(0).random((32, 48)).astype(np.float32)


def plan(numbers: range | list[int], asked: range | list[int] | None = None, lead_in: int = 10) -> StatePlan:
    return StatePlan(tuple(numbers), tuple(numbers if asked is None else asked), lead_in)


def test_a_whole_shot_is_one_chain_and_a_gap_begins_another() -> None:
    made = plan([1, 2, 3, 7, 8])
    assert [made.begin(number) for number in (1, 3, 7, 8)] == [1, 1, 7, 7]
    assert (made.before(1), made.before(3), made.before(7)) == (None, 2, None)
    assert made.reaches(1, 3) and not made.reaches(3, 7) and not made.reaches(8, 7)


def test_the_smallest_step_of_a_plate_is_no_gap() -> None:
    made = plan([10, 12, 14, 18, 20])
    assert [made.begin(number) for number in (14, 20)] == [10, 18]
    assert made.reaches(10, 14) and not made.reaches(10, 18)


def test_a_range_begins_with_its_lead_in_as_far_as_the_shot_goes() -> None:
    made = plan(range(1, 101), range(50, 61), 4)
    assert (made.begin(50), made.begin(60)) == (46, 46)
    assert plan(range(1, 101), [3], 4).begin(3) == 1
    assert plan(range(1, 101), [50], 0).begin(50) == 50


def test_ranges_whose_lead_ins_meet_are_one_chain() -> None:
    made = plan(range(1, 101), [10, 15, 40], 5)
    assert (made.begin(10), made.begin(15), made.begin(40)) == (5, 5, 35)
    assert made.begin(70) == 65, "one that nobody asked for has its own"


def test_what_is_gone_through_and_not_written_is_said() -> None:
    made = plan(range(1, 21), range(11, 16), 3)
    lead, there = made.notes([13, 15], [11, 12, 14])
    assert "8-10" in lead and "lead_in = 3" in lead and "11-12,14" in there
    assert plan(range(1, 6)).notes(range(1, 6)) == ()


class Counter:
    """A network that counts frames: its result is how many came before, its state that number."""

    def __init__(self, fails: dict[int, BaseException] | None = None) -> None:
        self.fails, self.gone, self.lock = fails or {}, [], threading.Lock()

    def step(self, number: int) -> Step:
        def run(call: NetworkCall) -> np.ndarray:
            assert self.lock.acquire(blocking=False), "one frame at a time"
            try:
                if number in self.fails:
                    raise self.fails[number]
                self.gone.append(number)
                state = call.carried.get(STATE)
                count = state.values["n"] + 1 if state else 0
                call.found[STATE] = State((32, 48), {"n": count})
                return np.float32(count)
            finally:
                self.lock.release()

        return Step(STILL, run)


def recurrence(counter: Counter, made: StatePlan, wanted: list[int] | None = None) -> Recurrence:
    return Recurrence(made, counter.step, frozenset(wanted or made.asked), 8, lambda text: None)


def test_frames_that_threads_ask_for_in_any_order_are_gone_through_in_theirs() -> None:
    counter = Counter()
    made = recurrence(counter, plan(range(1, 9)))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(made.result, (3, 1, 2, 5, 4, 8, 6, 7)))
    assert found == [2, 0, 1, 4, 3, 7, 5, 6]
    assert counter.gone == list(range(1, 9)), "each once"


def test_frames_that_are_not_asked_for_are_gone_through_and_not_held() -> None:
    counter = Counter()
    made = recurrence(counter, plan(range(1, 9)), [3, 8])
    assert made.result(3) == 2 and made.result(8) == 7
    assert counter.gone == list(range(1, 9)) and not made._made


def test_a_frame_that_somebody_has_read_is_not_read_again() -> None:
    counter = Counter()
    made = Recurrence(plan(range(1, 4)), counter.step, frozenset(range(1, 4)), 8, lambda text: None)
    given = counter.step(3)
    read: list[int] = []
    made._step = lambda number: read.append(number) or counter.step(number)
    assert made.result(3, given) == 2 and read == [1, 2]
    assert not made._given


def test_a_frame_that_is_asked_for_again_comes_out_the_same() -> None:
    made = recurrence(Counter(), plan(range(1, 9)))
    assert [made.result(number) for number in (6, 6, 2, 6)] == [5, 5, 1, 5]


def test_after_a_frame_that_fails_the_state_begins_anew() -> None:
    made = recurrence(Counter({3: FrameError("broken")}), plan(range(1, 6)))
    assert [made.result(number) for number in (1, 2)] == [0, 1]
    with pytest.raises(FrameError):
        made.result(3)
    assert [made.result(number) for number in (4, 5)] == [0, 1]


@pytest.mark.parametrize("error", [MemoryError("no room"), DeviceError("There is not enough memory.")])
def test_where_memory_runs_out_no_later_frame_of_the_chain_is_made_from_less(error: BaseException) -> None:
    made = recurrence(Counter({3: error}), plan([1, 2, 3, 4, 5, 9, 10]))
    assert made.result(2) == 1
    with pytest.raises(type(error)):
        made.result(3)
    for number in (4, 5):
        with pytest.raises(ApplyError, match=f"Frame {number} follows on frame 3"):
            made.result(number)
    assert made.result(10) == 1, "after a gap it goes on"


def test_shots_are_told_apart_by_values_as_they_are_displayed() -> None:
    bright = np.full((4, 4, 3), 8.0, np.float32)
    assert plate_luma("srgb", bright).max() == 1.0
    dark = np.full((4, 4, 3), 0.02, np.float32)
    assert plate_luma("linear", dark).max() > 2 * plate_luma("srgb", dark).max()
    assert plate_luma("linear", np.full((4, 4, 3), np.nan, np.float32)).max() == 0.0
