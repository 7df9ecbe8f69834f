"""Learning at a quarter of the size first, then at half, then at full: small pictures take a small part of
the time, and tell most of what is where."""

from __future__ import annotations

STAGES = ((0.5, 4), (0.8, 2), (1.0, 1))
"""Until which part of the steps of a run, and how many times smaller. Full size takes most of the time."""
LEAST_STRIDES = 2


def factor_at(done: float) -> int:
    """How many times smaller the crops are when a part of the run is done."""
    return next((factor for end, factor in STAGES if done <= end), 1)


def possible(factor: int, size: tuple[int, int], stride: int) -> int:
    """``factor``, or as much of it as leaves a crop of ``size`` on the stride, and large enough."""
    while factor > 1 and not all(_leaves(side, factor * stride) for side in size):
        factor //= 2
    return factor


def _leaves(side: int, step: int) -> bool:
    return not side % step and side >= LEAST_STRIDES * step


def total_that_fits(step: int, done: float, left: int, size: tuple[int, int], stride: int) -> int:
    """The number of all steps of a run that has taken ``step`` of them, where ``left`` more would fit at the
    size of the last ones, and ``done`` is the part of it that these were at the end of: a step takes time in
    proportion to its pixels."""
    quickest = min(_cost(factor, size, stride) for _, factor in STAGES)
    spend = left * _cost(factor_at(done), size, stride)
    low, high = step + 1, step + max(1, round(spend / quickest))
    while low < high:
        total = (low + high + 1) // 2
        fits = _spent_from(step, total, size, stride) <= spend
        low, high = (total, high) if fits else (low, total - 1)
    return low


def steps_left(step: int, total: int, size: tuple[int, int], stride: int) -> float:
    """How many steps of the size of the last one take as long as those from ``step`` to the end."""
    return _spent_from(step, total, size, stride) / _cost(factor_at(step / total), size, stride)


def _spent_from(step: int, total: int, size: tuple[int, int], stride: int) -> float:
    """What the steps from ``step`` to the end take, in steps of full size."""
    starts = [0.0, *(end for end, _ in STAGES[:-1])]
    return sum(
        _cost(factor, size, stride) * max(0.0, end * total - max(start * total, step))
        for start, (end, factor) in zip(starts, STAGES, strict=True)
    )


def _cost(factor: int, size: tuple[int, int], stride: int) -> float:
    return possible(factor, size, stride) ** -2.0
