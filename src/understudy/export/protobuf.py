"""The outer fields of a protobuf file, read without its library and without loading what is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

VARINT, EIGHT, TEXT, FOUR = 0, 1, 2, 5
LONGEST_VARINT = 10


def fields(stream: BinaryIO, wanted: tuple[int, ...], most: int) -> Iterator[tuple[int, bytes]]:
    """(number, bytes) of each field of length-delimited type that is ``wanted``; all others are stepped over.

    ValueError when it is not protobuf, or a wanted field is longer than ``most`` bytes.
    """
    while (key := _varint(stream)) is not None:
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            _need(_varint(stream))
        elif kind in (EIGHT, FOUR):
            _take(stream, 8 if kind == EIGHT else 4)
        elif kind == TEXT:
            length = _need(_varint(stream))
            if number in wanted:
                yield number, _take(stream, _within(length, most))
            else:
                stream.seek(length, 1)
        else:
            raise ValueError("a field of no known kind")


def _varint(stream: BinaryIO) -> int | None:
    """The next number; None at the end of the file."""
    value = 0
    for index in range(LONGEST_VARINT):
        byte = stream.read(1)
        if not byte:
            if index:
                raise ValueError("it ends within a number")
            return None
        value |= (byte[0] & 127) << (7 * index)
        if byte[0] < 128:
            return value
    raise ValueError("a number that does not end")


def _need(value: int | None) -> int:
    if value is None:
        raise ValueError("it ends too early")
    return value


def _within(length: int, most: int) -> int:
    if length > most:
        raise ValueError("a field that is too long")
    return length


def _take(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise ValueError("it ends too early")
    return data
