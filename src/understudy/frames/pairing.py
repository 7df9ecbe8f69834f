"""Plate frames and the ground truth frames that belong to them."""

from __future__ import annotations

from dataclasses import dataclass

from understudy.errors import PairingError
from understudy.frames.sequence import format_numbers
from understudy.frames.shot import Shot


@dataclass(frozen=True)
class Pairing:
    """``pairs`` are (plate number, truth number), sorted; what has no partner is named, side by side."""

    pairs: tuple[tuple[int, int], ...]
    unmatched_input: tuple[int, ...] = ()
    unmatched_truth: tuple[int, ...] = ()


def pair_shots(input_shot: Shot, truth_shot: Shot, by: str = "number") -> Pairing:
    """The frames that both shots have.

    ``by="number"`` pairs equal frame numbers; two stills are a pair whatever their numbers. ``by="order"``
    pairs the first with the first, the second with the second, and so on. Raises PairingError when there is
    no pair.
    """
    plate, truth = input_shot.numbers, truth_shot.numbers
    if by == "order" or (input_shot.is_still and truth_shot.is_still):
        pairs = tuple(zip(plate, truth, strict=False))
    else:
        both = sorted(set(plate) & set(truth))
        pairs = tuple((number, number) for number in both)
    if not pairs:
        raise _no_pairs(input_shot, truth_shot)
    matched_plate, matched_truth = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    return Pairing(
        pairs,
        tuple(number for number in plate if number not in matched_plate),
        tuple(number for number in truth if number not in matched_truth),
    )


def _no_pairs(input_shot: Shot, truth_shot: Shot) -> PairingError:
    return PairingError(
        "Plate and ground truth have no frame number in common.",
        expected=f"some of the plate's frames {format_numbers(input_shot.numbers)}",
        found=f"the ground truth's frames {format_numbers(truth_shot.numbers)}",
        where=f"{input_shot.spec} and {truth_shot.spec}",
        remedy="check the two sequences, or pair them with --pair-by order",
    )
