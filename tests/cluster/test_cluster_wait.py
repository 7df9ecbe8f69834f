"""How answers of a cluster are waited for."""

from __future__ import annotations

from typing import Any

from understudy.cluster.ray.cluster import FEW, Cluster


class FakeRay:
    """All even numbers are answered."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, float]] = []

    def wait(self, refs: list[int], num_returns: int, timeout: float) -> tuple[list[int], list[int]]:
        self.asked.append((num_returns, timeout))
        there = [each for each in refs if each % 2 == 0][:num_returns]
        return there, [each for each in refs if each not in there]


def waited(refs: Any) -> tuple[list[int], list[tuple[int, float]]]:
    ray = FakeRay()
    return Cluster(ray).wait(refs, 0.5), ray.asked


def test_what_many_have_answered_is_taken_at_once() -> None:
    many = tuple(range(4 * FEW))
    found, asked = waited(many)
    assert found == list(many[::2]) and asked == [(1, 0.5), (len(many), 0)]
    assert waited(tuple(range(1, 4 * FEW, 2))) == ([], [(1, 0.5)])


def test_of_few_the_first_is_taken_and_of_none_nothing_is_asked() -> None:
    assert waited((1, 2, 4)) == ([2], [(1, 0.5)])
    assert waited(()) == ([], [])
