"""A network of others as something that is applied to a plate: the names of all its channels."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from understudy.errors import ModelFileError
from understudy.frames.matte_names import MATTE
from understudy.models.description import ANY, ModelDescription
from understudy.models.further_files import weight_files
from understudy.models.imported import describe_imported, names_of, sidecar_of
from understudy.models.sidecar import Sidecar

MOST_CHANNELS = 64


def describe_imported_effect(path: Path) -> ModelDescription:
    """An imported network as something that changes a plate, or makes a matte of it. ModelFileError where it
    is neither, or where nothing says what it takes."""
    description = describe_imported(path, sidecar_of(path))
    inputs = tuple(replace(each, channels=names_of(each.count)) for each in description.inputs)
    if any(len(each.channels) > MOST_CHANNELS for each in inputs):
        raise ModelFileError(
            "The TOML describes a network that apply cannot use.",
            expected=f"1 to {MOST_CHANNELS} channels for each input",
            found=", ".join(str(len(each.channels)) for each in inputs),
            where=str(path.with_suffix(".toml")),
        )
    made = description.outputs[0].channels
    if not description.finds_instances:
        made = _result_channels(path, description, inputs[0].channels, sidecar_of(path))
    outputs = (replace(description.outputs[0], channels=made), *description.outputs[1:])
    origin = {**description.provenance, "sha256": _hash(path)}
    return replace(description, inputs=inputs, outputs=outputs, provenance=origin)


def _result_channels(
    path: Path, description: ModelDescription, plate: tuple[str, ...], side: Sidecar
) -> tuple[str, ...]:
    """The channels that come out: those that the TOML names, the plate's, its colours alone, with an alpha,
    a matte, or one for each class. ModelFileError otherwise."""
    made, matte = description.outputs[0].count, description.kind == "matte"
    classes = tuple(side.channels or side.classes)
    if side.channels and made not in (ANY, len(side.channels)):
        raise ModelFileError(
            "The TOML names another number of channels than come out.",
            expected=f"channels with {made} names",
            found=", ".join(side.channels),
            where=str(path.with_suffix(".toml")),
        )
    if matte and len(classes) > 1:
        return tuple(name if "." in name else f"{name}.{MATTE}" for name in classes)
    if matte and made in (ANY, 1):
        return ("A",)
    if not matte and side.channels:
        return tuple(side.channels)
    if not matte and made in (ANY, len(plate)):
        return plate
    if not matte and side.joins and (made, len(plate)) == (4, 3):
        return (*plate, "A")
    if not matte and (made, len(plate)) == (3, 4):
        return plate[:3]
    raise ModelFileError(
        "The result of this network is neither the plate, changed, nor a matte.",
        expected="one channel out" if matte else f"{len(plate)} channels out, as many as in, or one",
        found=f"{made} channels out",
        where=str(path),
        remedy="Name the channels that are mattes under [classes] in the TOML beside it, such as person = "
        "15. As it is, it can be served: understudy serve.",
    )


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            made = hashlib.file_digest(stream, "sha256")
        for weights in weight_files(path):
            made.update(weights.read_bytes())
        return made.hexdigest()
    except OSError as error:
        raise ModelFileError(
            "The network cannot be read.", found=error.strerror or str(error), where=str(path)
        ) from error
