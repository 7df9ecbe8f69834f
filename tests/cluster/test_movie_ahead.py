"""Frames of a movie that wait for its writer fit into the memory of the machine that writes it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from understudy.cluster.ray import apply as room
from understudy.cluster.ray.crew import Worker
from understudy.inference.pipeline import AHEAD


class FakeCrew:
    """Two workers, of which the second has done with a frame at once."""

    def __init__(self, *given: Any) -> None:
        self.ready = [Worker(name, "node", ("node", name), None, room=2) for name in range(2)]
        self.asked: list[int] = []

    def ask(self, worker: Worker, method: str, number: int) -> None:
        self.asked.append(number)
        worker.has += 1


def given_out(monkeypatch: pytest.MonkeyPatch, is_movie: bool, nbytes: int) -> list[int]:
    monkeypatch.setattr(room, "Crew", FakeCrew)
    monkeypatch.setattr(room, "free_memory", lambda device: 4 * 2 * 1000 * 5)
    job: Any = SimpleNamespace(
        to_do=tuple(range(100)),
        settings=SimpleNamespace(anchored=lambda: None),
        provenance={},
        is_in_order=False,
        is_steady=False,
        about=None,
        sink=SimpleNamespace(is_movie=is_movie),
        sample=SimpleNamespace(nbytes=nbytes),
        composer=SimpleNamespace(header=SimpleNamespace(scale=1)),
    )
    work = room._Work(job, None, None, None)  # type: ignore[arg-type]
    crew: Any = work._crew
    _, quick = crew.ready
    for _ in range(60):
        work._give()
        for number in list(work._deal._under_way.get(quick.name, ())):
            if number > 1:  # the first frames are never done
                work._deal.done(quick.name, number)
                quick.has -= 1
    return list(crew.asked)


def test_a_movie_is_made_as_far_ahead_as_workers_need_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    assert max(given_out(monkeypatch, True, 1)) < AHEAD * 4
    assert max(given_out(monkeypatch, False, 1)) > 50, "files of their own wait for nobody"


def test_and_no_further_than_there_is_memory_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert max(given_out(monkeypatch, True, 1000)) == 4
