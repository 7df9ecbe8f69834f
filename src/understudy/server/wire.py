"""The protocol-buffers wire format, as far as ML-Server messages need it; large byte fields are never copied.

Messages are dataclasses whose fields carry their number and type (``wire_field``). Reading gives memory
views into the received buffer for byte fields; writing gives a list of parts in which large byte fields
stand as they are. What a client sends is bounded: by the number of fields, by the length of strings and
packed lists, and by the depth of nesting (which the message types themselves fix).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

MAX_FIELDS = 4096
MAX_TEXT = 65536
MAX_PACKED = 4096
MAX_GROUP_DEPTH = 16

VARINT, FIXED64, LENGTH, GROUP, GROUP_END, FIXED32 = range(6)

Part = bytes | memoryview


class WireError(ValueError):
    """The bytes are not a message of this format, or are one beyond the limits."""


@dataclass(frozen=True)
class WireField:
    """Where a dataclass field stands on the wire: its number, its type, and whether it repeats."""

    number: int
    kind: str  # bool, int32, float, string, bytes, message
    repeated: bool = False
    message: Callable[[], Any] | None = None
    name: str = ""


def wire_field(number: int, kind: str | type, repeated: bool = False) -> Any:
    """A dataclass field that stands under ``number`` on the wire; ``kind`` is a scalar's name or a
    message class.
    """
    if isinstance(kind, str):
        spec = WireField(number, kind, repeated)
    else:
        spec = WireField(number, "message", repeated, kind)
    if repeated:
        return field(default_factory=list, metadata={"wire": spec})
    return field(default=None, metadata={"wire": spec})


_known: dict[type, dict[int, WireField]] = {}


def wire_fields(message: type) -> dict[int, WireField]:
    """The fields of a message class by number, in the order of their numbers; looked at once."""
    if message not in _known:
        _known[message] = _looked_at(message)
    return _known[message]


def _looked_at(message: type) -> dict[int, WireField]:
    found = {}
    for each in fields(message):
        spec = each.metadata["wire"]
        found[spec.number] = WireField(spec.number, spec.kind, spec.repeated, spec.message, each.name)
    return dict(sorted(found.items()))


# ---------------------------------------------------------------- reading


class _Reader:
    """Reads fields out of one buffer and counts them against the limit."""

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.left = MAX_FIELDS

    def varint(self, at: int, end: int) -> tuple[int, int]:
        value = shift = 0
        view = self.view
        while at < end and shift < 70:
            byte = view[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF, at
            shift += 7
        raise WireError("a number that does not end")

    def tag(self, at: int, end: int) -> tuple[int, int, int]:
        self.left -= 1
        if self.left < 0:
            raise WireError(f"more than {MAX_FIELDS} fields")
        value, at = self.varint(at, end)
        if value > 0xFFFFFFFF or not value >> 3:
            raise WireError("a field number out of range")
        return value >> 3, value & 7, at

    def length(self, at: int, end: int) -> tuple[int, int]:
        size, at = self.varint(at, end)
        if size > end - at:
            raise WireError("a length beyond the end")
        return size, at

    def skip(self, number: int, wire: int, at: int, end: int, depth: int = 0) -> int:
        """Step over a field that nobody asked for."""
        if wire == VARINT:
            return self.varint(at, end)[1]
        if wire == LENGTH:
            size, at = self.length(at, end)
            return at + size
        if wire in (FIXED32, FIXED64):
            return self._fixed(at, end, 4 if wire == FIXED32 else 8)
        if wire == GROUP and depth < MAX_GROUP_DEPTH:
            return self._skip_group(number, at, end, depth)
        raise WireError("a field of no known type")

    def _fixed(self, at: int, end: int, size: int) -> int:
        if size > end - at:
            raise WireError("a number cut short")
        return at + size

    def _skip_group(self, number: int, at: int, end: int, depth: int) -> int:
        while True:
            inner, wire, at = self.tag(at, end)
            if wire == GROUP_END:
                break
            at = self.skip(inner, wire, at, end, depth + 1)
        if inner != number:
            raise WireError("a group that ends wrongly")
        return at


def decode_into(message: Any, data: Part) -> Any:
    """Fill ``message`` from ``data``; byte fields become views of it. ``WireError`` when it is not one."""
    view = memoryview(data).cast("B")
    _decode(_Reader(view), message, 0, len(view))
    return message


def _decode(reader: _Reader, message: Any, at: int, end: int) -> None:
    known = wire_fields(type(message))
    while at < end:
        number, wire, at = reader.tag(at, end)
        spec = known.get(number)
        take = _TAKERS.get((spec.kind, wire)) if spec else None
        if spec and spec.repeated and spec.kind in _PACKABLE and wire == LENGTH:
            at = _take_packed(reader, message, spec, at, end)
        elif spec is None or take is None:
            at = reader.skip(number, wire, at, end)
        else:
            at = take(reader, message, spec, at, end)


def _put(message: Any, spec: WireField, value: Any) -> None:
    if spec.repeated:
        getattr(message, spec.name).append(value)
    else:
        setattr(message, spec.name, value)


def _as_bool(value: int) -> bool:
    return value != 0


def _as_int32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value


def _take_bool(reader: _Reader, message: Any, spec: WireField, at: int, end: int) -> int:
    value, at = reader.varint(at, end)
    _put(message, spec, _as_bool(value))
    return at


def _take_int(reader: _Reader, message: Any, spec: WireField, at: int, end: int) -> int:
    value, at = reader.varint(at, end)
    _put(message, spec, _as_int32(value))
    return at


def _take_float(reader: _Reader, message: Any, spec: WireField, at: int, end: int) -> int:
    stop = reader.skip(spec.number, FIXED32, at, end)
    _put(message, spec, struct.unpack_from("<f", reader.view, at)[0])
    return stop


def _take_text(reader: _Reader, message: Any, spec: WireField, at: int, end: int) -> int:
    size, at = reader.length(at, end)
    if size > MAX_TEXT:
        raise WireError("a text that is too long")
    _put(message, spec, bytes(reader.view[at : at + size]).decode("utf-8", "replace"))
    return at + size


def _take_bytes(reader: _Reader, message: Any, spec: WireField, at: int, end: int) -> int:
    size, at = reader.length(at, end)
    _put(message, spec, reader.view[at : at + size])
    return at + size


def _take_message(reader: _Reader, message: Any, spec: WireField, at: int, end: int) -> int:
    size, at = reader.length(at, end)
    inner = None if spec.repeated else getattr(message, spec.name)
    if inner is None:
        if spec.message is None:
            raise WireError("a field that holds no message")
        inner = spec.message()
        _put(message, spec, inner)
    _decode(reader, inner, at, at + size)
    return at + size


def _take_packed(reader: _Reader, message: Any, spec: WireField, at: int, end: int) -> int:
    size, at = reader.length(at, end)
    stop = at + size
    if size > MAX_PACKED:
        raise WireError("a list that is too long")
    take = _TAKERS[(spec.kind, FIXED32 if spec.kind == "float" else VARINT)]
    while at < stop:
        at = take(reader, message, spec, at, stop)
    return at


_PACKABLE = {"bool", "int32", "float"}
_TAKERS: dict[tuple[str, int], Callable[[_Reader, Any, WireField, int, int], int]] = {
    ("bool", VARINT): _take_bool,
    ("int32", VARINT): _take_int,
    ("float", FIXED32): _take_float,
    ("string", LENGTH): _take_text,
    ("bytes", LENGTH): _take_bytes,
    ("message", LENGTH): _take_message,
}


# ---------------------------------------------------------------- writing


def varint(value: int) -> bytes:
    """``value`` (negative numbers as 64 bits) in seven-bit groups, lowest first."""
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode(message: Any) -> tuple[list[Part], int]:
    """The message as parts to be sent one after the other, and their length; byte fields are not copied."""
    parts: list[Part] = []
    for spec in wire_fields(type(message)).values():
        value = getattr(message, spec.name)
        if spec.repeated and spec.kind in _PACKABLE:
            parts += _packed(spec, value)
        elif spec.repeated:
            parts += [part for each in value for part in _one(spec, each)]
        elif value is not None:
            parts += _one(spec, value)
    return _joined(parts), sum(map(len, parts))


def _one(spec: WireField, value: Any) -> list[Part]:
    wire, parts, size = _payload(spec, value)
    tag = varint(spec.number << 3 | wire)
    return [tag + varint(size) if wire == LENGTH else tag, *parts]


def _payload(spec: WireField, value: Any) -> tuple[int, list[Part], int]:
    if spec.kind == "message":
        parts, size = encode(value)
        return LENGTH, parts, size
    if spec.kind == "bytes":
        view = memoryview(value).cast("B")
        return LENGTH, [view], len(view)
    if spec.kind == "string":
        raw = value.encode("utf-8", "replace")
        return LENGTH, [raw], len(raw)
    raw = _scalar(spec.kind, value)
    return FIXED32 if spec.kind == "float" else VARINT, [raw], len(raw)


def _scalar(kind: str, value: Any) -> bytes:
    return struct.pack("<f", value) if kind == "float" else varint(int(value))


def _packed(spec: WireField, values: list[Any]) -> list[Part]:
    if not values:
        return []
    raw = b"".join(_scalar(spec.kind, value) for value in values)
    return [varint(spec.number << 3 | LENGTH) + varint(len(raw)), raw]


def _joined(parts: list[Part]) -> list[Part]:
    """Small neighbours put together, so that a message is a handful of parts."""
    out: list[Part] = []
    small = bytearray()
    for part in parts:
        if len(part) < 4096:
            small += part
            continue
        if small:
            out.append(bytes(small))
            small = bytearray()
        out.append(part)
    return [*out, bytes(small)] if small else out
