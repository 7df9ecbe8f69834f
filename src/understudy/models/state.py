"""State: outputs of a network that go back in as inputs with the next frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.errors import ModelFileError
from understudy.models.sidecar import Sidecar

STATE = "state"
"""Under which name it is carried and found by a call."""
MOST_VALUES = 1 << 30


@dataclass(frozen=True)
class State:
    """What a network gave with one frame and is to be given back with the next. ``size``: (height, width) of
    that frame; ``values``: by input, as its runtime has them."""

    size: tuple[int, int]
    values: Mapping[str, Any]

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return sum(int(getattr(each, "nbytes", 0)) for each in self.values.values())


def state_outputs(
    side: Sidecar, inputs: Iterable[str], outputs: Sequence[str], path: Path, numbered: bool = False
) -> dict[str, str]:
    """Of each input that takes an output again, that output's name. ``numbered``: the outputs are known by
    their numbers alone, and by names once it has run. ModelFileError where the TOML names others than
    there are."""
    has = list(inputs)
    made: dict[str, str] = {}
    for name, output in side.state_pairs.items():
        if isinstance(output, int) and not numbered and output <= len(outputs):
            output = outputs[output - 1]
        if name not in has or (not numbered and output not in outputs):
            raise ModelFileError(
                "The state in the TOML does not fit the network.",
                expected=f"input = output, of the inputs {', '.join(has)}"
                + (f" and the outputs {', '.join(outputs)}" if outputs else ""),
                found=f"{name} = {output!r}",
                where=str(path.with_suffix(".toml")),
            )
        made[name] = str(output)
    return made


def first_shape(
    name: str, shape: Sequence[Any], side: Sidecar, size: tuple[int, int], path: Path
) -> list[int]:
    """The shape of what goes in with the first frame: as the TOML says, else the file's, with 1 for each
    length that is open. ``size``: (height, width) of the frame. ModelFileError for one that is too large."""
    told = side.initial.get(name)
    if isinstance(told, list):
        made = [_length(each, size) for each in told]
    else:
        made = [each if isinstance(each, int) and each > 0 else 1 for each in shape]
    values = 1
    for each in made:
        values *= each
    if values > MOST_VALUES:
        raise ModelFileError(
            "The state that a network is to begin with is too large.",
            expected=f"at most {MOST_VALUES} values",
            found=f"{name}: {' x '.join(map(str, made))}",
            where=str(path.with_suffix(".toml")),
        )
    return made


def first_value(name: str, side: Sidecar) -> float:
    """What the state is filled with before the first frame."""
    told = side.initial.get(name, 0.0)
    return float(told) if isinstance(told, int | float) else 0.0


def _length(told: int | str, size: tuple[int, int]) -> int:
    """``height/4`` of a frame of this size, rounded up, as convolutions of stride 2 do."""
    if isinstance(told, int):
        return told
    name, _, by = told.partition("/")
    return max(1, -(-size[0 if name == "height" else 1] // int(by or 1)))
