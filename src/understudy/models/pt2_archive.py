"""The archive of torch.export (.pt2) as what it is: a zip of JSON and of plain numbers.

It is read here, and not by ``torch.export.load``, which unpickles, evaluates text as Python and calls
whatever function of torch the file names. Nothing of that happens here: docs/decisions/exported-programs.md.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.errors import ModelFileError

if TYPE_CHECKING:
    from torch import Tensor

MAJOR = 8
"""Of the schema: files of torch 2.9 and newer."""
MOST_JSON = 256 << 20
AGAIN = (
    "Save it again with torch 2.9 or newer, where you trust it: "
    "torch.export.save(torch.export.load('OLD.pt2'), 'NEW.pt2')"
)
DAMAGED = (
    OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, RuntimeError,
    RecursionError, NotImplementedError, zipfile.BadZipFile,
)  # fmt: skip
"""What reading a file that lies about itself may raise."""
DTYPES = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64",
    9: "complex32", 10: "complex64", 11: "complex128", 12: "bool", 13: "bfloat16",
}  # fmt: skip
"""Types of numbers, as the archive numbers them."""


@dataclass(frozen=True)
class Program:
    """``graph``, ``signature``, ``calls``, ``ranges``: the JSON of them. ``weights``: parameters, buffers and
    constants by name, on the CPU."""

    graph: Mapping[str, Any]
    signature: Mapping[str, Any]
    calls: list[Mapping[str, Any]]
    ranges: Mapping[str, Any]
    weights: Mapping[str, Tensor]


def read_program(path: Path) -> Program:
    """The one program in an archive. ModelFileError when it is damaged, older than what is read here, or
    holds what would have to be unpickled."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _Archive(archive, path).program()
    except DAMAGED as error:
        raise unusable(path, f"a damaged file ({type(error).__name__}: {str(error)[:120]})") from error


def unusable(path: Path, found: str, remedy: str = "") -> ModelFileError:
    """The refusal of an archive."""
    return ModelFileError(
        "This network cannot be used.",
        expected="a file that torch.export.save has written",
        found=found,
        where=str(path),
        remedy=remedy,
    )


class _Archive:
    """What lies in a zip, by names without the folder that all of it is in. Nothing in it may be packed, so
    that no file holds more than its own size."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self.archive, self.path = archive, path
        entries = archive.infolist()
        packed = [each.filename for each in entries if each.compress_type != zipfile.ZIP_STORED]
        if packed or sum(each.file_size for each in entries) > path.stat().st_size:
            raise unusable(path, f"packed parts ({packed[0][:80] if packed else 'of a wrong size'})")
        self.entries = {each.filename.partition("/")[2]: each for each in entries}

    def program(self) -> Program:
        """The program, and its numbers."""
        named = [each for each in self.entries if each.startswith("models/") and each.endswith(".json")]
        self._check(named)
        name = named[0][len("models/") : -len(".json")]
        said = self._json(named[0])
        if said["schema_version"]["major"] != MAJOR:
            raise unusable(self.path, f"version {said['schema_version']['major']} of the format", AGAIN)
        module = said["graph_module"]
        weights = self._tensors("data/weights/", f"data/weights/{name}_weights_config.json")
        constants = self._tensors("data/constants/", f"data/constants/{name}_constants_config.json")
        return Program(
            module["graph"],
            module["signature"],
            module["module_call_graph"],
            said["range_constraints"],
            weights | constants,
        )

    def _check(self, named: list[str]) -> None:
        if "archive_format" not in self.entries or self._bytes("archive_format") != b"pt2":
            raise unusable(self.path, "an archive of an older torch, or of another program", AGAIN)
        if any(each.startswith("data/aotinductor/") for each in self.entries) and not named:
            raise unusable(
                self.path,
                "machine code (AOTInductor), which is not run",
                "Save the program itself: torch.export.save(program, 'network.pt2')",
            )
        if len(named) != 1:
            raise unusable(self.path, f"{len(named)} programs in it")
        if "byteorder" in self.entries and self._bytes("byteorder") != b"little":
            raise unusable(self.path, "numbers with their largest byte first")

    def _bytes(self, name: str) -> bytes:
        return self.archive.read(self.entries[name])

    def _json(self, name: str) -> Any:
        if self.entries[name].file_size > MOST_JSON:
            raise unusable(self.path, f"{self.entries[name].file_size >> 20} MB of text in {name}")
        return json.loads(self._bytes(name))

    def _tensors(self, folder: str, config: str) -> dict[str, Tensor]:
        """Numbers by name; two names may mean the same ones."""
        if config not in self.entries:
            raise unusable(self.path, "an archive of an older torch", AGAIN)
        stored: dict[str, bytearray] = {}
        found = {}
        for name, each in self._json(config)["config"].items():
            if each["use_pickle"] or each["tensor_meta"] is None:
                raise unusable(
                    self.path,
                    f"{name}, which would have to be unpickled",
                    "Export the network with plain tensors as its weights, or to ONNX.",
                )
            place = folder + each["path_name"]
            if place not in stored:
                stored[place] = bytearray(self._bytes(place))
            found[name] = _tensor(stored[place], each["tensor_meta"])
        return found


def _tensor(data: bytearray, meta: Mapping[str, Any]) -> Tensor:
    """The numbers of one tensor; what it says of itself must lie within what there is."""
    import torch

    dtype = dtype_of(meta["dtype"])
    sizes, strides = (_numbers(meta[name]) for name in ("sizes", "strides"))
    start = _numbers([meta["storage_offset"]])[0]
    if math.prod(sizes) == 0:
        return torch.zeros(sizes, dtype=dtype)
    flat = torch.frombuffer(data, dtype=dtype)
    last = start + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    if last >= flat.numel() or math.prod(sizes) > flat.numel():
        raise ValueError(f"a tensor of {sizes} in {len(data)} bytes")
    return torch.as_strided(flat, sizes, strides, start)


def dtype_of(number: int) -> Any:
    """A type of numbers, as the archive numbers them. KeyError for one that is not known."""
    import torch

    return getattr(torch, DTYPES[number])


def _numbers(sides: list[Mapping[str, int]]) -> list[int]:
    found = [side["as_int"] for side in sides]
    if any(not isinstance(each, int) or each < 0 for each in found):
        raise ValueError("sizes that are no numbers")
    return found
