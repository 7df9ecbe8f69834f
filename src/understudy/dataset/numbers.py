"""Numbers that only look random: the same for the same seed, step and sample, everywhere."""

from __future__ import annotations


def hash_numbers(*numbers: int) -> int:
    """Mix integers into one of 63 bits (the finaliser of splitmix64, Steele et al. 2014)."""
    mixed = 0
    for number in numbers:
        mixed = (mixed + number + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        mixed ^= mixed >> 31
    return mixed >> 1
