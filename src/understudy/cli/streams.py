"""Terminals that cannot show every letter."""

from __future__ import annotations

import codecs
import io
import sys

INSTEAD = {"…": "...", "–": "-", "—": "-", "×": "x", "→": "->", "“": '"', "”": '"', "’": "'"}
HANDLER = "understudy.instead"
_BYTES = range(0xDC80, 0xDD00)  # what Python makes of bytes in a file name that are no UTF-8


def prepare_streams() -> None:
    """Let standard output and error write what their encoding does not have as something near, and file names
    in the bytes that they have on the disk."""
    codecs.register_error(HANDLER, _instead)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def _instead(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return b"".join(map(_bytes_for, letters)), error.end


def _bytes_for(letter: str) -> bytes:
    if ord(letter) in _BYTES:
        return bytes([ord(letter) - 0xDC00])
    return INSTEAD.get(letter, "?").encode("ascii")
