"""What an exported file says of itself: the header of its model, for which host it is, and how it is called.

The same JSON text lies in each format where that format keeps such things. Reading it never runs the file
and never trusts a length in it.
"""

from __future__ import annotations

import hashlib
import json
import platform
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict, ValidationError

from understudy.errors import ModelFileError
from understudy.export.protobuf import fields
from understudy.models.cat_file import describe_header
from understudy.models.description import ModelDescription
from understudy.network.model_file import ModelHeader

KEY = "understudy"
SCRIPT_NAME = "understudy.json"
MOST = 16 << 20
MOST_XML = 64 << 20
MOST_ONNX = 2 << 30
ONNX_METADATA, ENTRY_KEY, ENTRY_VALUE = 14, 1, 2


class ExportInfo(BaseModel):
    """``host``: nuke, torchscript, onnx, flame or openvino. ``values``: ``file values``, as ``load()`` takes
    them, or ``scene-linear``. ``inputs``: (name, channels) of each input of the file, in order.
    ``last_touch``: what is done to a matte in the file, or by nodes after it, by the names of apply's."""

    model_config = ConfigDict(extra="ignore")

    version: int = 1
    host: str
    values: str
    name: str
    inputs: list[tuple[str, list[str]]]
    outputs: list[tuple[str, list[str]]]
    model_name: str
    model_hash: str
    made_with: dict[str, str]
    date: str
    header: ModelHeader
    last_touch: dict[str, Any] = {}

    @property
    def description(self) -> ModelDescription:
        """What the network in the file takes and gives, as every model says it."""
        return describe_header(self.header, self.name)


def export_info(header: ModelHeader, path: Path, host: str, name: str) -> ExportInfo:
    """The description of an export that is about to be made from the .cat at ``path``."""
    import torch

    from understudy.version import __version__

    made_with = {"understudy": __version__, "torch": torch.__version__, "python": platform.python_version()}
    return ExportInfo(
        host=host,
        values="scene-linear" if host == "nuke" else "file values",
        name=name,
        inputs=_inputs(describe_header(header, name), host),
        outputs=[("result", list(header.output_channels))],
        model_name=path.name,
        model_hash=hashlib.sha256(path.read_bytes()).hexdigest(),
        made_with=made_with,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        header=header,
    )


def _inputs(model: ModelDescription, host: str) -> list[tuple[str, list[str]]]:
    """One tensor with all channels for TorchScript, one for each picture for the others."""
    plate = model.input_channels
    if host in ("nuke", "torchscript"):
        return [("plate", plate + [name for extra in model.extra for name in extra.channels])]
    pictures, given = [("plate", plate)], 0
    for extra in model.extra:
        given += not extra.offset
        pictures.append((extra.name if extra.offset else f"extra_{given}", list(extra.channels)))
    return pictures


def read_info(path: Path) -> ExportInfo:
    """What is said in an exported file. ModelFileError when it is not one of ours, or damaged."""
    reader = READERS.get(path.suffix.lower())
    try:
        text = reader(path) if reader else None
        if text is not None:
            return ExportInfo.model_validate_json(text)
    except (
        OSError,
        ValueError,
        KeyError,
        ValidationError,
        zipfile.BadZipFile,
        ElementTree.ParseError,
    ) as error:
        raise not_ours(path, f"a damaged file, or one of another program ({type(error).__name__})") from error
    raise not_ours(path, "a file without that description")


def not_ours(path: Path, found: str) -> ModelFileError:
    return ModelFileError(
        "This file does not say where it came from.",
        expected="a file that understudy export wrote",
        found=found,
        where=str(path),
        remedy="Make it with understudy export; for networks of others see understudy import.",
    )


def _from_script(path: Path) -> str | None:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith(f"/extra/{SCRIPT_NAME}") and entry.file_size <= MOST:
                with archive.open(entry) as stream:
                    return stream.read(MOST).decode("utf-8")
    return None


def _from_onnx(path: Path) -> str | None:
    if path.stat().st_size > MOST_ONNX:
        return None
    with path.open("rb") as stream:
        for number, entry in fields(stream, wanted=(ONNX_METADATA,), most=MOST):
            values = dict(fields_of(entry))
            if number == ONNX_METADATA and values.get(ENTRY_KEY) == KEY.encode():
                return values.get(ENTRY_VALUE, b"").decode("utf-8")
    return None


def fields_of(entry: bytes) -> list[tuple[int, bytes]]:
    """The text fields of one small message."""
    from io import BytesIO

    return list(fields(BytesIO(entry), wanted=(ENTRY_KEY, ENTRY_VALUE), most=MOST))


def _from_openvino(path: Path) -> str | None:
    if path.stat().st_size > MOST_XML:
        return None
    text = path.read_text("utf-8")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    found = ElementTree.fromstring(text).find(f"rt_info/{KEY}")
    return None if found is None else found.get("value")


SCRIPTS = dict.fromkeys((".pt", ".ts", ".torchscript"), _from_script)
READERS = {**SCRIPTS, ".onnx": _from_onnx, ".xml": _from_openvino}


def to_text(info: ExportInfo) -> str:
    """The description as it is stored."""
    return json.dumps(info.model_dump(mode="json"), ensure_ascii=False)


def as_values(info: ExportInfo) -> dict[str, Any]:
    """The description as plain values."""
    return info.model_dump(mode="json")
