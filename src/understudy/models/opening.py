"""A model file of ours or of another program: its description and its network, by the same functions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from understudy.errors import ModelFileError
from understudy.models.description import ModelDescription
from understudy.models.sidecar import is_imported, read_sidecar
from understudy.network.kinds import MOTION


def describe(path: Path) -> ModelDescription:
    """What a model file says of itself, and the TOML beside it. ModelFileError when it is none."""
    if is_imported(path):
        from understudy.models.imported import describe_imported

        return describe_imported(path, read_sidecar(path.with_suffix(".toml")))
    from understudy.models.cat_file import describe_header
    from understudy.network.model_file import read_header

    return describe_header(read_header(path), path.stem)


def describe_effect(path: Path) -> ModelDescription:
    """The same of a model that is applied to a plate, with the names of all its channels. ModelFileError when
    it was not imported, or does what apply cannot."""
    if is_imported(path):
        from understudy.models.imported_effect import describe_imported_effect

        return describe_imported_effect(path)
    description = describe(path)
    if description.kind == MOTION:
        raise finds_motion(path)
    return description


def open_model(path: Path, device: Any) -> tuple[ModelDescription, Any]:
    """The description and the network on ``device``, ready to run. ModelFileError, MissingPackageError."""
    description = describe_effect(path)
    if is_imported(path):
        from understudy.models.imported_network import open_network

        network = open_network(path, description)
        return replace(description, options=network.file.options), network.to(device)
    from understudy.network.model_file import load_model

    return description, load_model(path, device)[1]


def open_motion(path: Path, device: Any) -> tuple[ModelDescription, Any]:
    """The description of a network that finds motion, and the network on ``device``. ModelFileError, also
    for one that makes something else."""
    description = describe(path)
    if description.kind != MOTION:
        raise ModelFileError(
            "This network does not find motion.",
            expected="motion-vectors, or another network of that kind",
            found=description.text or description.kind,
            where=str(path),
        )
    from understudy.network.model_file import load_model

    return description, load_model(path, device)[1]


def finds_motion(path: Path) -> ModelFileError:
    """The refusal of a network that finds motion where one is wanted that makes pictures or mattes."""
    return ModelFileError(
        "This network finds motion, and makes neither a picture nor a matte.",
        expected="a network that makes one of these",
        found="motion: two frames in, vectors out",
        where=str(path),
        remedy="Write its vectors with understudy apply, or serve it.",
    )
