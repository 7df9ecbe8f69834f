"""Damaged files, and headers that lie, are refused in words: no crash, no hang, no gigabytes."""

from __future__ import annotations

import os
import random
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import OpenImageIO as oiio
import pytest

from understudy.errors import FrameError
from understudy.frames import image_file, open_shot, read_image_file
from understudy.frames.image_file import MAX_EXPANSION, MAX_STORED_BYTES

Make = Callable[..., Path]


def exr_attribute(name: str, kind: str, value: bytes) -> bytes:
    return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value


def exr_header(
    right: int, bottom: int, compression: int = 3, channels: int = 3, display: tuple[int, int] | None = None
) -> bytes:
    """An EXR header whose data window ends at (right, bottom), without the pixels."""
    listed = b"".join(
        name.encode() + b"\0" + struct.pack("<iB3xii", 2, 0, 1, 1) for name in "ABCDEFGHIJKLMNOPQR"[:channels]
    )
    window = struct.pack("<4i", 0, 0, right, bottom)
    return (
        struct.pack("<iI", 20000630, 2)
        + exr_attribute("channels", "chlist", listed + b"\0")
        + exr_attribute("compression", "compression", bytes([compression]))
        + exr_attribute("dataWindow", "box2i", window)
        + exr_attribute("displayWindow", "box2i", struct.pack("<4i", 0, 0, *(display or (right, bottom))))
        + exr_attribute("lineOrder", "lineOrder", b"\0")
        + exr_attribute("pixelAspectRatio", "float", struct.pack("<f", 1))
        + exr_attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0))
        + exr_attribute("screenWindowWidth", "float", struct.pack("<f", 1))
        + b"\0"
        + bytes(4096)
    )


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )


def tiff_header(width: int, height: int) -> bytes:
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 16),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 200),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, 100),
    ]
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(200)


def hdr_header(width: int, height: int) -> bytes:
    return f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {height} +X {width}\n".encode() + bytes(64)


def tga_header(width: int, height: int) -> bytes:
    return struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, width, height, 32, 8) + bytes(64)


GIANTS = {
    "wide.exr": exr_header(99_999, 99_999),
    "uncompressed.exr": exr_header(99_999, 99_999, compression=0),
    "widest.exr": exr_header(2**30, 2**30),
    "overflow.exr": exr_header(2**31 - 1, 2**31 - 1),
    "negative.exr": exr_header(-5, -5),
    "many.exr": exr_header(30_000, 30_000, channels=18),
    "long.exr": exr_header(1, 2**30),
    "display.exr": exr_header(7, 7, display=(99_999, 99_999)),
    "wide.png": png_header(100_000, 100_000),
    "widest.png": png_header(2**31 - 1, 2**31 - 1),
    "wide.tif": tiff_header(100_000, 100_000),
    "widest.tif": tiff_header(2**32 - 1, 2**32 - 1),
    "wide.hdr": hdr_header(100_000, 100_000),
    "widest.hdr": hdr_header(2**31 - 1, 2**31 - 1),
    "digits.hdr": hdr_header(10**30, 10**30),
    "wide.tga": tga_header(65535, 65535),
}


def peak_megabytes() -> float:
    resource = pytest.importorskip("resource")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("name", list(GIANTS))
def test_a_header_that_claims_a_giant_frame_is_refused_without_the_memory_for_it(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(GIANTS[name])
    before, start = peak_megabytes(), time.process_time()
    with pytest.raises(FrameError) as refused:
        read_image_file(tmp_path / name)
    assert time.process_time() - start < 5
    assert peak_megabytes() - before < 300
    assert name in refused.value.where


def test_the_limit_lets_16k_frames_through_and_not_more_than_a_file_can_hold() -> None:
    sixteen_k = 16384 * 16384 * 4 * 2
    assert sixteen_k <= MAX_STORED_BYTES
    image_file._check_size(sixteen_k, sixteen_k // MAX_EXPANSION + 1, Path("a.exr"))
    for claimed, size in (
        (MAX_STORED_BYTES + 1, MAX_STORED_BYTES),
        (sixteen_k, sixteen_k // MAX_EXPANSION - 1),
    ):
        with pytest.raises(FrameError):
            image_file._check_size(claimed, size, Path("a.exr"))


@pytest.mark.parametrize(
    "compression", ["none", "rle", "zips", "zip", "piz", "pxr24", "b44a", "dwaa", "dwab", "zstd"]
)
def test_a_black_frame_is_plausible_in_every_compression(compression: str, tmp_path: Path) -> None:
    import numpy as np

    path = tmp_path / "black.exr"
    spec = oiio.ImageSpec(4096, 2160, 4, "half")
    spec.attribute("compression", compression)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec) and output.write_image(np.zeros((2160, 4096, 4), np.float16))
    assert output.close()
    assert path.stat().st_size * MAX_EXPANSION / 2 > 2160 * 4096 * 8


@pytest.fixture
def samples(make_image: Make, make_parts: Make) -> list[Path]:
    rgba = dict.fromkeys("RGBA", "half")
    return [
        make_image("a.exr", {**rgba, "Z": "float"}, size=(20, 15)),
        make_image("tiled.exr", rgba, size=(40, 30), tile=16),
        make_parts("parts.exr", [("rgba", rgba, {}), ("depth", {"Z": "float"}, {})]),
        make_image("piz.exr", rgba, size=(20, 15), attributes={"compression": "piz"}),
        make_image("dwaa.exr", rgba, size=(40, 40), attributes={"compression": "dwaa"}),
        make_image("a.png", dict.fromkeys("RGBA", "uint16")),
        make_image("a.tif", dict.fromkeys("RGB", "float")),
        make_image("a.dpx", dict.fromkeys("RGB", "uint16")),
        make_image("a.hdr", dict.fromkeys("RGB", "float")),
        make_image("a.tga", dict.fromkeys("RGBA", "uint8"), size=(120, 90)),
        make_image("a.jpg", dict.fromkeys("RGB", "uint8"), size=(120, 90)),
    ]


def read_or_refuse(path: Path) -> None:
    try:
        frame = read_image_file(path)
    except FrameError as refused:
        assert str(path) in refused.where and refused.text
        return
    assert frame.planes(frame.part.channels[:1], frame.data_window).ndim == 3


def damaged_versions(data: bytes, count: int) -> list[bytes]:
    chance = random.Random(len(data))
    versions = [data[: chance.randrange(len(data))] for _ in range(count)]
    for reach in (min(len(data), 600), len(data)):
        for _ in range(count):
            broken = bytearray(data)
            for _ in range(chance.randint(1, 12)):
                broken[chance.randrange(reach)] ^= 1 << chance.randrange(8)
            versions.append(bytes(broken))
    return versions


def test_damaged_files_of_every_format_are_read_or_refused(samples: list[Path], tmp_path: Path) -> None:
    for sample in samples:
        broken = tmp_path / f"broken{sample.suffix}"
        for version in damaged_versions(sample.read_bytes(), 25):
            broken.write_bytes(version)
            read_or_refuse(broken)


def test_a_file_cut_in_half_is_refused(samples: list[Path]) -> None:
    for sample in samples:
        sample.write_bytes(sample.read_bytes()[: sample.stat().st_size // 2])
        with pytest.raises(FrameError):
            read_image_file(sample)


@pytest.mark.parametrize("name", ["empty.exr", "empty.png", "empty.dpx", "empty.mov", "empty.mp4"])
def test_an_empty_file_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(FrameError):
        open_shot(str(tmp_path / name)).read(1)


@pytest.mark.parametrize("name", ["a.exr", "a.png", "a.tif"])
def test_a_text_file_with_an_images_name_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("not a picture " * 100)
    with pytest.raises(FrameError):
        read_image_file(tmp_path / name)


def test_an_image_with_another_formats_name_is_read_for_what_it_is(make_image: Make, tmp_path: Path) -> None:
    make_image("a.png", dict.fromkeys("RGB", "uint8")).rename(tmp_path / "b.exr")
    assert read_image_file(tmp_path / "b.exr").file_format == "png"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.exr")
    with pytest.raises(FrameError):
        read_image_file(tmp_path / "pipe.exr")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.exr", tmp_path):
        with pytest.raises(FrameError):
            read_image_file(path)


def test_a_deep_image_is_refused_by_saying_so(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(4, 3, 2, "float")
    spec.channelnames = ("A", "Z")
    spec.deep = True
    pixels = oiio.DeepData()
    pixels.init(spec)
    for index in range(12):
        pixels.set_samples(index, 2)
    output = oiio.ImageOutput.create("deep.exr")
    path = tmp_path / "deep.exr"
    assert output.open(str(path), spec) and output.write_deep_image(pixels) and output.close()
    with pytest.raises(FrameError, match="deep"):
        read_image_file(path)


def test_one_unreadable_frame_does_not_stop_the_others(
    make_image: Make, tmp_path: Path, rgb: dict[str, str]
) -> None:
    for number in (1, 2, 3):
        make_image(f"p.{number:04d}.exr", rgb, seed=number)
    (tmp_path / "p.0002.exr").write_bytes(b"v/1\x01")
    shot = open_shot(str(tmp_path / "p.####.exr"))
    with pytest.raises(FrameError, match=r"p\.0002\.exr"):
        shot.read(2)
    assert shot.read(1).number == 1 and shot.read(3).number == 3
