"""Which outputs of a network go back in as inputs with the next frame, by what they are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

GIVEN = ("in", "input", "i", "prev", "previous", "past", "old", "last", "0")
MADE = ("out", "output", "o", "new", "next", "present", "updated", "n")
Shape = Sequence[Any]
Spec = tuple[str, Shape]
"""The type of a tensor, and its shape; lengths that are open are no numbers."""


def paired(
    inputs: Mapping[str, Spec], outputs: Mapping[str, Spec], plate: str, more: Sequence[str] = ()
) -> dict[str, str]:
    """The output of each input that is called as it, such as ``r1i`` and ``r1o``, ``h_in`` and ``h_out``,
    ``state`` and ``new_state``, where type and lengths agree. The ``plate`` and what ``more`` names are none,
    and one output at least is left over."""
    free = dict(outputs)
    found: dict[str, str] = {}
    for name, spec in inputs.items():
        if name == plate or name in more:
            continue
        match = next((each for each in free if _belong(name, each) and _fit(spec, free[each])), None)
        if match is not None and len(free) > 1:
            found[name] = match
            del free[match]
    return found


def _belong(given: str, made: str) -> bool:
    """Whether an input and an output are called alike but for a word that says which of them it is."""
    before, after = _stems(given, GIVEN), _stems(made, MADE)
    marked = before.keys() & after.keys()
    return any(stem and (before[stem] or after[stem]) for stem in marked)


def _stems(name: str, words: Sequence[str]) -> dict[str, bool]:
    """What a name is without one of the words at its start or end, and as it is; True where a word was left
    out."""
    parts = _parts(name)
    found = {"_".join(parts): False}
    if len(parts) > 1:
        if parts[-1] in words:
            found["_".join(parts[:-1])] = True
        if parts[0] in words and parts[0] not in ("0", "i", "o", "n"):
            found["_".join(parts[1:])] = True
    return found


def _parts(name: str) -> list[str]:
    """``r1i``, ``h_in``, ``stateIn`` and ``h0`` as words in lower case. Numbers stay with what is before
    them, but for the 0 and the letter that say which of two it is."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    text = re.sub(r"(?<=\d)(?=[io]$)", "_", text)
    text = re.sub(r"(?<=^[a-z])(?=[0n]$)", "_", text)
    return [part for part in re.split(r"[^a-z0-9]+", text) if part]


def _fit(given: Spec, made: Spec) -> bool:
    """Whether what comes out may go in, as far as types and lengths are known."""
    if given[0] != made[0] or (given[1] and made[1] and len(given[1]) != len(made[1])):
        return False
    lengths = zip(given[1], made[1], strict=False)
    return all(a == b for a, b in lengths if isinstance(a, int) and isinstance(b, int))
