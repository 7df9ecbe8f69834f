"""What the channels of a model are, for whoever shows or writes them."""

from __future__ import annotations

from typing import Any

from understudy.frames.matte_names import matte_labels


def makes_mattes(model: Any) -> bool:
    """Whether a model, or the header of one, makes several mattes, each in a layer of its own."""
    return bool(model.kind == "matte" and len(model.output_channels) > 1)


def has_parts(model: Any) -> bool:
    """Whether a model takes a plate apart: colours and an alpha of theirs, none of which are the plate's."""
    made = set(model.output_channels)
    return bool(model.kind == "image" and "alpha" in made and not made & set(model.input_channels))


def mattes_of(model: Any) -> tuple[str, ...]:
    """The names of several mattes in short; none of anything else."""
    return matte_labels(model.output_channels) if makes_mattes(model) else ()
