"""Which matte an instance has, from frame to frame."""

from __future__ import annotations

import numpy as np

from understudy.errors import FrameError
from understudy.inference.tracking import PATIENCE, Found, Tracker, Tracks, arranged, assigned, overlap
from understudy.models.instances import Instance


def thing(left: float, label: int = 1, score: float = 0.9) -> Instance:
    return Instance(label, "thing", score, (left, 0.0, left + 10.0, 10.0))


def follow(frames: list[list[Instance]], limit: int = 3) -> list[list[int]]:
    tracks: Tracks = {}
    slots = []
    for found in frames:
        given, tracks = assigned(tracks, found, limit)
        slots.append(given)
    return slots


def test_overlaps_are_intersection_over_union() -> None:
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1.0
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == 50 / 150
    assert overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0.0
    assert overlap((0, 0, 0, 0), (0, 0, 0, 0)) == 0.0


def test_what_moves_a_little_keeps_its_matte_whatever_its_score() -> None:
    assert follow([[thing(0), thing(50)], [thing(52), thing(1)], [thing(2), thing(54)]]) == [
        [1, 2],
        [2, 1],
        [1, 2],
    ]


def test_the_largest_overlap_decides_between_two() -> None:
    assert follow([[thing(0), thing(8)], [thing(7), thing(3)]]) == [[1, 2], [2, 1]]


def test_another_label_or_a_jump_is_another_thing() -> None:
    assert follow([[thing(0)], [thing(0, label=2)]]) == [[1], [2]]
    assert follow([[thing(0)], [thing(9)]]) == [[1], [2]]


def test_a_matte_waits_ten_frames_for_what_is_not_found() -> None:
    waits = [[thing(0), thing(50)], *[[thing(50)]] * PATIENCE]
    assert follow([*waits, [thing(0), thing(50)]])[-1] == [1, 2]
    new = follow([*waits[:-1], [thing(50), thing(80)], [thing(50), thing(80), thing(0)]])
    assert new[-2:] == [[2, 3], [2, 3, 1]]
    assert follow([*waits, [thing(50)], [thing(50), thing(80)]])[-1] == [2, 1]


def test_where_no_matte_is_free_the_one_that_has_waited_longest_gives_way() -> None:
    frames = [[thing(0), thing(30), thing(60)], [thing(30), thing(60)], [thing(60)], [thing(60), thing(90)]]
    assert follow(frames) == [[1, 2, 3], [2, 3], [3], [3, 1]]


def test_more_than_there_are_mattes_for_are_left_out() -> None:
    assert follow([[thing(0), thing(20), thing(40)]], limit=2) == [[1, 2]]
    tracks = assigned({}, [thing(0)], 1)[1]
    slots, after = assigned(tracks, [thing(40), thing(0)], 1)
    assert slots == [1] and after[1].instance.box[0] == 40


def test_mattes_are_laid_into_their_places_and_ids_follow() -> None:
    planes = np.zeros((1, 3, 4), np.float32)
    planes[0, :, 0] = 1.0, 0.6, 0.2
    planes[0, :, 1] = 0.0, 0.8, 0.9
    made = arranged(planes, [3, 1])
    np.testing.assert_array_equal(made[0, :, 2], planes[0, :, 0])
    np.testing.assert_array_equal(made[0, :, 0], planes[0, :, 1])
    np.testing.assert_array_equal(made[0, :, 3], [3, 3, 1])
    assert not made[0, :, 1].any()


LUMA = np.random.default_rng(0).random((40, 60)).astype(np.float32)


def test_the_tracks_do_not_depend_on_the_order_in_which_frames_are_made() -> None:
    shot = {1: [thing(0), thing(50)], 2: [thing(51), thing(1)], 3: [thing(2)], 4: [thing(53), thing(3)]}
    looked: list[int] = []

    def look(number: int) -> Found:
        looked.append(number)
        return Found(shot[number], LUMA)

    for order in ([1, 2, 3, 4], [4, 2, 3, 1], [4]):
        tracker = Tracker(tuple(shot), 3, look, lambda number: None)
        slots = {number: tracker.slots(number, Found(shot[number], LUMA)) for number in order}
        assert slots[4] == [2, 1]
        assert [row["id"] for row in tracker.table(4, ("a", "b", "c"))["instances"]] == [1, 2]
    assert looked == [1, 2, 3] * 2


def test_a_frame_that_cannot_be_read_is_one_in_which_nothing_is_found() -> None:
    def look(number: int) -> Found:
        raise FrameError("broken")

    tracker = Tracker((1, 2, 3), 3, look, lambda number: None)
    assert tracker.slots(1, Found([thing(0), thing(50)], LUMA)) == [1, 2]
    assert tracker.slots(3, Found([thing(50), thing(0)], LUMA)) == [2, 1]
