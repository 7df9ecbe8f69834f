"""What a sidecar says of a file's inputs, outputs and options, held against what the file has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from understudy.errors import ModelFileError, RequestError
from understudy.models.description import ImageSpec
from understudy.models.names import is_knob_name, safe_name
from understudy.models.options import Option, usable_options
from understudy.models.sidecar import Sidecar
from understudy.models.sidecar_parts import OptionText, PortText


def declared_options(side: Sidecar, names: tuple[str, ...]) -> dict[str, Option]:
    """The options that a sidecar declares, by the tensor or argument that each is given to. ModelFileError
    when the file has no such one, or an option cannot become a knob."""
    found = {text.tensor or text.name: option_of(text) for text in side.options or ()}
    unknown = [name for name in found if name not in names]
    if unknown or len(usable_options(found.values())) != len(side.options or ()):
        raise ModelFileError(
            "The options in the TOML do not fit the model.",
            expected=", ".join(names) or "no options",
            found=", ".join(text.tensor or text.name for text in side.options or ()),
        )
    return found


def option_of(text: OptionText) -> Option:
    """The option that a sidecar describes; ModelFileError when it cannot become a knob."""
    zero: dict[str, Any] = {"bool": False, "int": 0, "float": 0.0, "string": ""}
    made = Option(
        text.name,
        text.type,
        zero[text.type],
        text.minimum,
        text.maximum,
        tuple(text.choices),
        text.description,
    )
    if not is_knob_name(text.name):
        raise ModelFileError(
            "An option's name cannot become a knob.",
            found=text.name,
            expected="a letter, then letters, digits and underscores; no name of Nuke's own",
        )
    if text.default is None:
        return made
    try:
        return replace(made, default=made.read(text.default, clamp=False))
    except RequestError as error:
        raise ModelFileError("An option's default does not fit it.", found=error.message) from error


def images_of(
    texts: list[PortText], tensors: Sequence[ImageSpec], what: str, path: Path
) -> tuple[ImageSpec, ...]:
    """The images that the sidecar names, with what the file knows of its ``tensors``, in their order; of the
    outputs the first ones may do. ModelFileError when the sidecar names another number of them."""
    if not texts:
        return tuple(replace(each, name=safe_name(each.name)) for each in tensors)
    named = [ImageSpec(safe_name(text.name), text.channels, tensor=text.tensor) for text in texts]
    if not tensors:
        return tuple(named)
    if len(named) > len(tensors) or (what == "inputs" and len(named) < len(tensors)):
        raise ModelFileError(
            f"The TOML beside the model does not fit its {what}.",
            expected=f"{len(tensors)} {what}, as the file has",
            found=f"{len(named)}",
            where=str(path.with_suffix(".toml")),
            remedy="Name each image that the model takes or gives, in its order.",
        )
    return tuple(replace(t, name=n.name, count=n.count) for n, t in zip(named, tensors, strict=False))


def picked_output(wanted: str | int, names: Sequence[str], path: Path) -> int:
    """Which of the outputs of the file at ``path``, by their ``names``, is ``wanted``: a name, or a number
    from 1. ModelFileError when it is not there."""
    by_key: dict[str | int, int] = {}
    for index, name in enumerate(names):
        by_key |= {name: index, index + 1: index}
    if wanted in by_key:
        return by_key[wanted]
    raise ModelFileError(
        "The TOML beside the model names an output that is not there.",
        expected=f"one of {', '.join(names)}, or a number from 1 to {len(names)}",
        found=f"output = {wanted!r}",
        where=str(path.with_suffix(".toml")),
    )


def constants_of(side: Sidecar, names: Sequence[str], path: Path) -> dict[str, Any]:
    """What the TOML gives to inputs with every frame. ModelFileError for an input that is not there."""
    unknown = [name for name in side.constants if name not in names]
    if unknown:
        raise ModelFileError(
            "The TOML beside the model names constants for inputs that are not there.",
            expected=f"names of {', '.join(names)}",
            found=", ".join(unknown),
            where=str(path.with_suffix(".toml")),
        )
    return dict(side.constants)
