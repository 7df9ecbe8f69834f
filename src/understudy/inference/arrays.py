"""What callers hand in as pixels -> float32 arrays, or an error that says what was expected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from understudy.errors import ChannelError, FrameError, SizeError

WHITE = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}
"""Integers that image files hold, and what is 1.0 of them, as OpenImageIO reads them."""


def as_pixels(values: Any) -> np.ndarray:
    """float32 (height, width, channels), contiguous; 8 and 16 bit integers become 0 to 1.

    FrameError for what is no array of numbers, SizeError for one of other dimensions or without a pixel.
    """
    if not isinstance(values, np.ndarray):
        raise _no_pixels(f"a {type(values).__name__}")
    if values.ndim != 3 or 0 in values.shape:
        raise SizeError(
            "These are not the pixels of a frame.",
            expected="an array of shape (height, width, channels)",
            found=f"shape {values.shape}",
        )
    white = WHITE.get(values.dtype.newbyteorder("="))
    if white is not None:
        return np.multiply(values, np.float32(1.0 / white), dtype=np.float32, order="C")
    if values.dtype.kind != "f":
        raise _no_pixels(f"an array of {values.dtype}")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)


def _no_pixels(found: str) -> FrameError:
    return FrameError(
        "These are not the pixels of a frame.",
        expected="a numpy array of float32 (height, width, channels) in file values, or of uint8 or uint16",
        found=found,
        remedy="Convert it, such as by numpy.asarray(pixels, numpy.float32), where 1.0 is white.",
    )


def further_inputs(beside: Iterable[Any], wanted: Sequence[Any], like: np.ndarray) -> Iterator[np.ndarray]:
    """The pixels of each of ``beside``, which must be as many as ``wanted``, have their channels and the size
    of ``like``. Each is looked at when it is asked for. ChannelError, SizeError, FrameError."""
    if not isinstance(beside, Iterable):
        raise _wrong_count(wanted, f"a {type(beside).__name__}")
    if isinstance(beside, Sequence) and len(beside) > len(wanted):
        raise _wrong_count(wanted, f"{len(beside)}")
    return _further_inputs(iter(beside), wanted, like)


def _further_inputs(given: Iterator[Any], wanted: Sequence[Any], like: np.ndarray) -> Iterator[np.ndarray]:
    for number in range(len(wanted)):
        yield _next_input(given, number, wanted, like)  # held by no name, so that it is free before the next


def _next_input(given: Iterator[Any], number: int, wanted: Sequence[Any], like: np.ndarray) -> np.ndarray:
    try:
        pixels = as_pixels(next(given))
    except StopIteration:
        raise _wrong_count(wanted, f"{number}") from None
    channels = wanted[number].channels
    if pixels.shape != (*like.shape[:2], len(channels)):
        raise SizeError(
            f"Extra input {number + 1} does not fit the frame.",
            expected=f"shape {(*like.shape[:2], len(channels))}: {', '.join(channels)}",
            found=f"shape {pixels.shape}",
        )
    return pixels


def _wrong_count(wanted: Sequence[Any], found: str) -> ChannelError:
    each = "; ".join(", ".join(image.channels) for image in wanted)
    return ChannelError(
        "The network takes another number of extra inputs.",
        expected=f"{len(wanted)} arrays" + (f": {each}" if each else ""),
        found=found,
        remedy="Give one array for each, in the order of the model's description.",
    )
