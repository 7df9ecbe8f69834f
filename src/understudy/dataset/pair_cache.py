"""Pairs decoded once and kept on disk, within bounds.

What is full stays as it is: every epoch asks for all pairs once, so that what is there serves as well as
anything that could take its place.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from understudy.dataset.packing import Packed

VERSION = 1
FULL = "full"
_UNUSABLE = (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError)


class PairCache:
    """Pairs in ``folder``, no more than ``room`` bytes of them. Safe for threads.

    ``recipe`` tells how pairs are made; what was made otherwise, or of files that were changed since, counts
    as not there. Several processes may share a folder: each writes its part of the room.
    """

    def __init__(self, folder: Path, room: float, recipe: str) -> None:
        self._folder, self._room, self._recipe = folder, room, recipe
        self._lock, self._used = threading.Lock(), sum(size for _, size in _files(folder))
        self._said = ""

    def path(self, index: int) -> Path:
        return self._folder / f"{index:08d}.pair"

    def get(self, index: int, stamp: str) -> Packed | None:
        """The pair of an index whose files have this stamp; None where it is not there, or not whole."""
        path = self.path(index)
        try:
            with safe_open(str(path), framework="pt") as file:
                said = json.loads(file.metadata()["pair"])
                if said["key"] != self._key(stamp):
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return _unfolded(tensors, said) if _sum_of(tensors) == said["sum"] else None
        except FileNotFoundError:
            return None
        except _UNUSABLE:
            return None

    def put(self, index: int, stamp: str, packed: Packed) -> None:
        """Keep a pair, where there is room for it. Where it cannot be written nothing is any more."""
        size = packed.nbytes + 4096
        path = self.path(index)
        with self._lock:
            old = _size(path)
            if self._said or self._used + size - old > self._room:
                self._said = self._said or FULL
                return
            self._used += size - old
        beside = path.with_name(f".tmp-{secrets.token_hex(6)}.pair")
        try:
            path.parent.mkdir(exist_ok=True)
            tensors = dict(_folded(packed))
            said = {"key": self._key(stamp), "sum": _sum_of(tensors), **_shape(packed)}
            save_file(tensors, str(beside), {"pair": json.dumps(said)})
            os.replace(beside, path)
        except (OSError, SafetensorError) as error:
            with self._lock:
                self._said = getattr(error, "strerror", None) or str(error)[:200]
            with suppress(OSError):
                beside.unlink()

    @property
    def state(self) -> str:
        """``full``, why nothing can be written, or nothing."""
        return self._said

    @property
    def used(self) -> int:
        """Bytes that the pairs take."""
        return self._used

    def _key(self, stamp: str) -> str:
        return f"{VERSION} {self._recipe} {stamp}"


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            yield Path(entry.path), entry.stat(follow_symlinks=False).st_size


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _shape(packed: Packed) -> dict[str, object]:
    """What is no tensor of a pair and of its views."""
    coarse, whole = (_shape(view) if view is not None else None for view in (packed.coarse, packed.whole))
    return {"parts": list(packed.parts), "factor": packed.factor, "coarse": coarse, "whole": whole}


def _folded(packed: Packed, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    for name, tensor in (
        ("pixels", packed.pixels),
        ("sizes", packed.sizes),
        ("changes", packed.changes[0]),
        ("weights", packed.weights[0]),
    ):
        yield prefix + name, tensor.contiguous()
    for view, called in ((packed.coarse, "coarse."), (packed.whole, "whole.")):
        if view is not None:
            yield from _folded(view, prefix + called)


def _unfolded(tensors: dict[str, Tensor], said: dict, prefix: str = "") -> Packed:
    coarse, whole = (
        _unfolded(tensors, said[view], f"{prefix}{view}.") if said[view] else None
        for view in ("coarse", "whole")
    )
    sizes, pixels = tensors[f"{prefix}sizes"], tensors[f"{prefix}pixels"]
    parts = tuple(int(part) for part in said["parts"])
    if pixels.shape != (int(sizes.prod()), sum(parts)):
        raise ValueError("pixels of another size")
    return Packed(
        pixels,
        parts,
        sizes,
        [tensors[f"{prefix}changes"]],
        [tensors[f"{prefix}weights"]],
        coarse,
        int(said["factor"]),
        whole,
    )


def _sum_of(tensors: dict[str, Tensor]) -> int:
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(tensors[name].contiguous().view(torch.uint8).numpy().data, total)
    return total
