"""What the bytes of one packet say of it, where PyAV does not."""

from __future__ import annotations

from collections.abc import Iterator

_LENGTH = 4  # bytes before each unit in MOV and MP4, as all writers in use have it


def is_unreferenced(codec: str, packet: bytes) -> bool:
    """Whether the packet's headers say that no other frame refers to its own. False where that is not known.

    Only H.264 and HEVC in MOV and MP4 say it here.
    """
    if codec == "h264":
        pictures = [unit[0] for unit in _units(packet) if 1 <= unit[0] & 0x1F <= 5]
        return bool(pictures) and all(first >> 5 & 3 == 0 for first in pictures)
    if codec == "hevc":
        kinds = [kind for unit in _units(packet) if (kind := unit[0] >> 1 & 0x3F) < 32]
        return bool(kinds) and all(kind < 16 and kind % 2 == 0 for kind in kinds)
    return False


def _units(packet: bytes) -> Iterator[bytes]:
    at = 0
    while at + _LENGTH < len(packet):
        length = int.from_bytes(packet[at : at + _LENGTH], "big")
        if not 0 < length <= len(packet) - at - _LENGTH:
            return
        yield packet[at + _LENGTH : at + _LENGTH + 2]
        at += _LENGTH + length
