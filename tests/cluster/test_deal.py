"""Which frame goes to which worker."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from understudy.cluster.ray.deal import Deal


def test_frames_are_dealt_in_their_order_and_all_of_them() -> None:
    deal = Deal(range(1, 6))
    assert [deal.give(w) for w in ("a", "b", "a", "b", "a", "b")] == [1, 2, 3, 4, 5, None]
    for worker, number in (("a", 1), ("b", 2), ("a", 3), ("b", 4), ("a", 5)):
        assert not deal.is_over
        deal.done(worker, number)
    assert deal.is_over


def test_runs_stay_together_and_the_last_ones_are_shared() -> None:
    deal = Deal(range(12), run=6)
    assert [deal.give("a") for _ in range(3)] == [0, 1, 2] and deal.give("b") == 6
    for number in (7, 8, 9, 10, 11):
        assert deal.give("b") == number
    assert deal.give("b") == 5  # the later half of 3, 4, 5 is one frame
    assert [deal.give("a"), deal.give("a"), deal.give("a")] == [3, 4, None]


def test_what_a_lost_worker_had_is_dealt_again_each_alone() -> None:
    deal = Deal(range(6))
    assert [deal.give("a"), deal.give("a"), deal.give("b")] == [0, 1, 2]
    assert deal.lost("a") == ()
    assert deal.give("b") == 3  # b has 2, and goes on with what is under no suspicion
    assert deal.give("c") == 0 and deal.give("c") is None
    deal.done("c", 0)
    assert deal.give("c") == 1
    assert deal.lost("c") == (1,)
    for number in (2, 3):
        deal.done("b", number)
    assert [deal.give("b"), deal.give("b"), deal.give("b")] == [4, 5, None]


def test_a_run_that_a_lost_worker_had_before_it_goes_to_others() -> None:
    deal = Deal(range(8), run=8)
    assert deal.give("a") == 0
    assert deal.lost("a") == ()
    assert [deal.give("b") for _ in range(1)] == [0]
    deal.done("b", 0)
    assert [deal.give("b") for _ in range(8)] == [1, 2, 3, 4, 5, 6, 7, None]


def test_no_frame_is_dealt_further_ahead_of_the_first_that_is_not_done_than_may_be() -> None:
    deal = Deal(range(20))
    deal.ahead = 3
    assert [deal.give(worker) for worker in "abab"] == [0, 1, 2, None]
    deal.done("b", 1)
    deal.done("a", 2)
    assert deal.give("b") is None
    deal.done("a", 0)
    assert [deal.give("b") for _ in range(4)] == [3, 4, 5, None]


@given(
    st.integers(1, 30),
    st.integers(1, 9),
    st.one_of(st.none(), st.integers(1, 12)),
    st.sets(st.integers(0, 29), max_size=2),
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=400),
)
def test_every_frame_ends_once_whatever_happens(
    count: int, run: int, ahead: int | None, deadly: set[int], moves: list
) -> None:
    """``deadly`` frames take down their worker; any worker may be lost at any time, by chance three times."""
    deal, ended, has, chance = Deal(range(count), run), [], {0: [], 1: [], 2: []}, 3
    deal.ahead = ahead
    for worker, by_chance in [*moves, *[(turn % 3, False) for turn in range(40 * count)]]:
        if deal.is_over:
            break
        number = deal.give(worker)
        if number is not None:
            has[worker].append(number)
            assert ahead is None or number < next(n for n in range(count) if n not in ended) + ahead
            continue
        if not has[worker]:
            continue
        if (by_chance and chance) or has[worker][0] in deadly:
            chance -= bool(by_chance and chance)
            ended += deal.lost(worker)
            has[worker] = []
            continue
        deal.done(worker, done := has[worker].pop(0))
        ended.append(done)
    assert deal.is_over and sorted(ended) == list(range(count))
