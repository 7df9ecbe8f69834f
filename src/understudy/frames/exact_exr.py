"""32-bit integer channels beside half and float ones in one EXR part, written without losing a bit.

The library's Python door takes one type for all channels of a part, and converts; integers above 2**23 do
not survive. Its ``copy_image`` copies mixed types as they are, from a file. So the part is laid down as the
simplest EXR there is, without compression, and the library makes the real file from that.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from understudy.frames.image_plan import PartPlan, as_kind
from understudy.frames.values import DTYPES

_PIXEL_TYPES = {"uint": 0, "half": 1, "float": 2}


def needs_exact_copy(plan: PartPlan) -> bool:
    return len(set(plan.kinds)) > 1 and "uint" in plan.kinds


def copy_exactly(output: oiio.ImageOutput, plan: PartPlan, beside: Path) -> bool:
    """Write one part into the opened ``output``, its channels' bits as they are."""
    plain = beside.with_name(beside.stem + ".plain.exr")
    try:
        write_plain_exr(plain, plan)
        source = oiio.ImageInput.open(str(plain))
        if source is None:
            raise OSError(oiio.geterror())
        if tuple(source.spec().channelnames) != tuple(plan.spec.channelnames):
            return False
        copied = bool(output.copy_image(source))
        source.close()
        return copied
    finally:
        with suppress(OSError):
            plain.unlink()


def write_plain_exr(path: Path, plan: PartPlan) -> None:
    """The part as an uncompressed scanline EXR (version 2, one part), windows included."""
    spec = plan.spec
    order = sorted(range(len(plan.kinds)), key=lambda index: spec.channelnames[index].encode())
    kinds = [plan.kinds[index] for index in order]
    row_type = np.dtype(
        [(f"c{at}", DTYPES[kind].newbyteorder("<"), (spec.width,)) for at, kind in enumerate(kinds)]
    )
    row = np.dtype([("y", "<i4"), ("size", "<i4"), ("pixels", row_type)])
    rows = np.zeros(spec.height, dtype=row)
    rows["y"] = np.arange(spec.y, spec.y + spec.height)
    rows["size"] = row_type.itemsize
    for at, index in enumerate(order):
        rows["pixels"][f"c{at}"] = as_kind(plan.planes[index], plan.kinds[index])
    header = _header(spec, [spec.channelnames[index] for index in order], kinds)
    first = len(header) + 8 * spec.height
    offsets = first + np.arange(spec.height, dtype="<u8") * row.itemsize
    with open(path, "wb") as file:
        file.write(header)
        file.write(offsets.astype("<u8").tobytes())
        rows.tofile(file)


def _header(spec: oiio.ImageSpec, names: list[str], kinds: list[str]) -> bytes:
    channels = b"".join(
        name.encode() + b"\0" + struct.pack("<iB3xii", _PIXEL_TYPES[kind], 0, 1, 1)
        for name, kind in zip(names, kinds, strict=True)
    )
    data = (spec.x, spec.y, spec.x + spec.width - 1, spec.y + spec.height - 1)
    display = (
        spec.full_x,
        spec.full_y,
        spec.full_x + spec.full_width - 1,
        spec.full_y + spec.full_height - 1,
    )
    long_names = any(len(name.encode()) > 31 for name in names)
    return b"".join(
        (
            struct.pack("<iI", 20000630, 2 | (0x400 if long_names else 0)),
            _attribute("channels", "chlist", channels + b"\0"),
            _attribute("compression", "compression", b"\0"),
            _attribute("dataWindow", "box2i", struct.pack("<4i", *data)),
            _attribute("displayWindow", "box2i", struct.pack("<4i", *display)),
            _attribute("lineOrder", "lineOrder", b"\0"),
            _attribute("pixelAspectRatio", "float", struct.pack("<f", 1.0)),
            _attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0.0, 0.0)),
            _attribute("screenWindowWidth", "float", struct.pack("<f", 1.0)),
            b"\0",
        )
    )


def _attribute(name: str, kind: str, value: bytes) -> bytes:
    return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value
