"""Images: whether truths lie on their plates, and belong to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from understudy.dataset.checks.finding import Finding, Fix, Kind, Sample
from understudy.dataset.checks.planes import brightness, correlation, normalised
from understudy.dataset.checks.register import Placement, place
from understudy.temporal import reduced

MOVED = 0.28
SCALED = 0.004
TURNED = 0.004
SURE = 6.0
ALIKE = 0.3
SMALL = 240


def check_places(
    samples: Sequence[Sample], told: Callable[[int], None] = lambda number: None
) -> list[Finding]:
    """Truths that are moved, scaled or turned, or belong to the frame before or after, or to another pair.
    ``told`` is called with the number of each pair."""
    foreign = _in_another_order(samples)
    found = [*foreign.values()]
    for index, sample in enumerate(samples):
        found += [] if index in foreign else _place(index, sample)
        told(sample.number)
    return found


def _only_moved(sample: Sample, plate: np.ndarray) -> bool:
    """Whether the truth, put back, agrees better with its own plate than with that of another pair."""
    own, other = place(sample.plate, sample.truth), place(plate, sample.truth)
    if own is None or _kind(own) is None:
        return False
    return other is None or 1 - own.after < 0.8 * (1 - max(other.before, other.after))


def _place(index: int, sample: Sample) -> list[Finding]:
    found = place(sample.plate, sample.truth)
    if found is None:
        return []
    other = _off_by_one(sample, found)
    if other is not None:
        return [off_by_one(index, sample, other)]
    kind = _kind(found)
    return [misplaced(index, sample, kind, found.values, _confidence(found))] if kind else []


def misplaced(index: int, sample: Sample, kind: Kind, values: np.ndarray, confidence: float) -> Finding:
    """The finding of a truth that lies wrong by ``values`` (right, down, scale, turn), in sample pixels."""
    values = values * np.array([sample.times, sample.times, 1, 1])
    right, down, scale, turn = map(float, values)
    words = [
        f"{abs(right):.2g} px {'right' if right > 0 else 'left'}" if abs(right) >= 0.1 else "",
        f"{abs(down):.2g} px {'down' if down > 0 else 'up'}" if abs(down) >= 0.1 else "",
        f"scaled to {100 + 100 * scale:.1f} %" if abs(scale) >= 0.002 else "",
        f"turned by {abs(np.degrees(turn)):.2f} degrees {'clockwise' if turn > 0 else 'counter-clockwise'}"
        if abs(turn) >= 0.002
        else "",
    ]
    said = "the ground truth does not lie on its plate: " + ", ".join(word for word in words if word)
    remedy = "Put it back with --repair, or look for a transform or a filter in the script that rendered it."
    fix = Fix(place=(right, down, scale, turn))
    return Finding(index, sample.name, sample.number, kind, said, remedy, confidence, fix)


def off_by_one(index: int, sample: Sample, number: int) -> Finding:
    """The finding of a truth that belongs to plate frame ``number``, next to its own."""
    where = "after" if number > sample.number else "before"
    said = f"the ground truth is that of frame {number}, the one {where}"
    remedy = "Render it under its own number, or let --repair renumber it."
    return Finding(index, sample.name, sample.number, "off-by-one", said, remedy, 0.9, Fix(number=number))


def in_order(index: int, sample: Sample, number: int, confidence: float) -> Finding:
    """The finding of a truth that belongs to the plate frame ``number`` of another pair."""
    said = f"the ground truth is that of frame {number}"
    remedy = "Check the order and the numbers (--pair-by), or let --repair renumber it."
    return Finding(index, sample.name, sample.number, "order", said, remedy, confidence, Fix(number=number))


def _kind(found: Placement) -> Kind | None:
    moved = float(np.hypot(found.right, found.down))
    if found.after < ALIKE or found.after < found.before - 0.003:
        return None
    if abs(found.turn) > max(TURNED, SURE * found.errors[3]):
        return "rotation"
    if abs(found.scale) > max(SCALED, SURE * found.errors[2]):
        return "scale"
    return "shift" if moved > max(MOVED, SURE * max(found.errors[:2])) else None


def _confidence(found: Placement) -> float:
    return float(np.clip(0.7 + 3 * (found.after - found.before), 0.7, 0.99))


def _off_by_one(sample: Sample, own: Placement) -> int | None:
    """The number of the neighbour that the truth belongs to, if it is one's."""
    tried = [(number, place(pixels, sample.truth)) for number, pixels in sample.beside]
    found = [(number, lie) for number, lie in tried if lie is not None and lie.before > ALIKE]
    if not found:
        return None
    number, best = max(found, key=lambda each: each[1].before)
    better = 1 - best.before < 0.93 * (1 - own.before)
    as_good = 1 - best.before < 1.1 * (1 - own.after)
    return number if better and as_good and np.hypot(best.right, best.down) < MOVED else None


def _in_another_order(samples: Sequence[Sample]) -> dict[int, Finding]:
    """Truths that clearly look like the plate of another pair."""
    if len({sample.plate.shape for sample in samples}) != 1 or len(samples) < 2:
        return {}
    plates, truths = (
        [normalised(reduced(brightness(p), SMALL)) for p in planes]
        for planes in ([s.plate for s in samples], [s.truth for s in samples])
    )
    table = np.array([[correlation(truth, plate) for plate in plates] for truth in truths])
    found = {}
    for index, best in enumerate(table.argmax(1).tolist()):
        own, other = float(table[index, index]), float(table[index, best])
        same = correlation(plates[index], plates[best])  # plates that are alike tell little
        if best != index and other > ALIKE and other - own > max(0.03, 0.3 * (1 - same) * other):
            if _only_moved(samples[index], samples[best].plate):
                continue
            confidence = float(np.clip(0.6 + other - own, 0.6, 0.99))
            found[index] = in_order(index, samples[index], samples[best].number, confidence)
    return found
