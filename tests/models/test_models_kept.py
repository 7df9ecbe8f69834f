"""What was worked out last is kept within a number of bytes."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from understudy.models.kept import Arrays, KeptArrays


def made(kilobytes: int) -> Arrays:
    return {"a": np.zeros(kilobytes * 256, np.float32)}


def test_what_was_asked_for_least_lately_goes_where_there_is_no_room() -> None:
    kept, runs = KeptArrays(10 * 1024), []

    def ask(key: str, kilobytes: int = 4) -> None:
        kept.get(key, lambda: runs.append(key) or made(kilobytes))

    for key in ("one", "two", "one", "three", "one", "two"):
        ask(key)
    assert runs == ["one", "two", "three", "two"]
    assert kept.bytes <= kept.most and len(kept) == 2
    ask("large", 11)  # more than all that is kept: it is worked out, and the others stay
    assert kept.bytes <= kept.most and len(kept) == 2
    ask("large", 11)
    assert runs[-2:] == ["large", "large"]


def test_what_several_threads_ask_for_at_once_is_worked_out_once() -> None:
    kept, runs, may_end = KeptArrays(1 << 20), [], threading.Event()

    def make() -> Arrays:
        runs.append(1)
        may_end.wait(10)
        return made(1)

    found: list[Arrays] = []
    threads = [threading.Thread(target=lambda: found.append(kept.get("key", make))) for _ in range(4)]
    for thread in threads:
        thread.start()
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert len(runs) == 1 and len(found) == 4 and all(each is found[0] for each in found)


def test_what_fails_is_said_to_all_who_asked_and_tried_again() -> None:
    kept = KeptArrays(1 << 20)

    def fail() -> Arrays:
        raise ValueError("broken")

    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            kept.get("key", fail)
    assert kept.get("key", lambda: made(1))["a"].shape == (256,)
