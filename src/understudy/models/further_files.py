"""The files that a network of others consists of beside its own: weights, and the TOML that describes it."""

from __future__ import annotations

from pathlib import Path


def weight_files(path: Path) -> tuple[Path, ...]:
    """The further files of weights that a network cannot do without: the .bin of an OpenVINO .xml."""
    return (path.with_suffix(".bin"),) if path.suffix.lower() == ".xml" else ()
