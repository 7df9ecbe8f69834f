"""Which model made a frame: kept in the frame's own header where the format has room for it.

EXR and PNG hold free attributes (``understudy:model`` and the like). For the others a small JSON file
of the frame's name lies in the hidden folder ``.understudy`` beside it: one for each frame, so that several
machines may write frames of one shot into one folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import OpenImageIO as oiio

from understudy.frames.atomic import written_beside
from understudy.frames.formats import is_image_path
from understudy.frames.frame import header_of
from understudy.frames.library_path import library_path

PREFIX = "understudy:"
FOLDER = ".understudy"
_MAX_BYTES = 65_536


def attributes_for(provenance: Mapping[str, str]) -> dict[str, str]:
    """Header attributes for ``{"model": ...}``: every name with the prefix, once."""
    return {PREFIX + name.removeprefix(PREFIX): _as_text(value) for name, value in provenance.items()}


def _as_text(value: object) -> str:
    """What a header can hold, also of a file name that is no UTF-8."""
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def read_provenance(path: Path | str) -> dict[str, str]:
    """What is known of the making of the file at ``path``, names without prefix; empty when nothing is.

    Never raises: a missing or damaged file has no provenance. No pixels are read.
    """
    path = Path(path)
    found = _from_header(path) if is_image_path(path) and path.is_file() else {}
    return found or _from_side_file(path)


def remember(path: Path, provenance: Mapping[str, str]) -> None:
    """Write the provenance of the finished file ``path`` beside it; without any, forget what was known.

    The file's size is kept with it, so that another program's file of the same name is not taken for ours.
    Raises WriteError.
    """
    if not provenance:
        with suppress(OSError):
            _side_file(path).unlink()
        return
    plain = {name.removeprefix(PREFIX): _as_text(value) for name, value in provenance.items()}
    document = json.dumps({"bytes": path.stat().st_size, "made": plain}, indent=1)
    with written_beside(_side_file(path)) as beside:
        beside.write_text(document, encoding="utf-8")


def _side_file(path: Path) -> Path:
    return path.parent / FOLDER / f"{path.name}.json"


def _from_header(path: Path) -> dict[str, str]:
    with suppress(ValueError, RuntimeError, TypeError), library_path(path) as link:
        return _in_header(link)
    return {}


def _in_header(path: Path) -> dict[str, str]:
    source = oiio.ImageInput.open(str(path))
    if source is None:
        oiio.geterror()
        return {}
    found = {name: value for name, _, value in header_of(source.spec()) if name.startswith(PREFIX)}
    source.close()
    return {name.removeprefix(PREFIX): str(value) for name, value in found.items()}


def _from_side_file(path: Path) -> dict[str, str]:
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        side = _side_file(path)
        if side.stat().st_size <= _MAX_BYTES:
            found = json.loads(side.read_text(encoding="utf-8"))
            same = found["bytes"] == path.stat().st_size
            return {str(name): str(value) for name, value in found["made"].items()} if same else {}
    return {}
