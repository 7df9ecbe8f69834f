"""What is read and written again without a change is the same: pixels, windows, channels, types, header."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.frames import Frame, read_image_file, write_image_file

Make = Callable[..., Path]
SameBits = Callable[[Frame, Frame], None]
LOSSLESS = ["none", "rle", "zips", "zip", "piz", "htj2k32", "htj2k256", "zstd"]


def passed_through(path: Path, **options: Any) -> tuple[Frame, Frame]:
    plate = read_image_file(path)
    result = path.parent / "result" / path.name
    write_image_file(result, plate, **options)
    return plate, read_image_file(result)


@pytest.mark.parametrize("compression", LOSSLESS)
@pytest.mark.parametrize("kind", ["half", "float"])
def test_a_lossless_exr_keeps_every_bit_and_its_compression(
    make_image: Make, same_bits: SameBits, kind: str, compression: str
) -> None:
    path = make_image("a.exr", dict.fromkeys("RGBA", kind), attributes={"compression": compression})
    plate, result = passed_through(path)
    same_bits(plate, result)
    assert result.metadata["compression"] == compression


@pytest.mark.parametrize("compression", ["pxr24", "b44", "b44a", "dwaa", "dwab"])
def test_a_lossy_exr_keeps_its_compression_and_nearly_its_values(make_image: Make, compression: str) -> None:
    path = make_image(
        "a.exr", dict.fromkeys("RGB", "half"), size=(32, 32), attributes={"compression": compression}
    )
    plate, result = passed_through(path)
    assert result.metadata["compression"] == compression
    assert result.part.kinds == plate.part.kinds
    assert np.abs(result.planes("RGB") - plate.planes("RGB")).mean() < 0.1


def test_the_level_of_a_dwa_compression_is_kept(make_image: Make) -> None:
    path = make_image(
        "a.exr", dict.fromkeys("RGB", "half"), size=(64, 64), attributes={"compression": "dwaa:200"}
    )
    plate, _ = passed_through(path)
    assert plate.metadata["openexr:dwaCompressionLevel"] == 200
    assert (path.parent / "result" / "a.exr").stat().st_size < path.stat().st_size * 1.1


def test_channels_of_different_types_keep_their_types_and_bits(make_image: Make, same_bits: SameBits) -> None:
    channels = {**dict.fromkeys("RGBA", "half"), "depth.Z": "float", "N.x": "float"}
    same_bits(*passed_through(make_image("a.exr", channels)))


@pytest.mark.parametrize("tile", [0, 4])
def test_32_bit_ids_beside_half_colours_keep_every_bit(
    tmp_path: Path, same_bits: SameBits, tile: int
) -> None:
    """They do not fit into floats, and the library offers no other way to write mixed types."""
    from understudy.frames.frame import Part
    from understudy.frames.window import Window

    height, width = 9, 12
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 2**32, (height, width), dtype=np.uint32)
    planes = {name: rng.normal(size=(height, width)).astype(np.float16) for name in "RGB"}
    planes["A"] = np.full((height, width), 0.1, np.float16)
    planes |= {"Z": rng.normal(size=(height, width)).astype(np.float32), "id": ids}
    spec = oiio.ImageSpec(width, height, len(planes), oiio.TypeDesc("float"))
    spec.channelnames = tuple(planes)
    spec.channelformats = tuple(
        oiio.TypeDesc({"float16": "half", "float32": "float", "uint32": "uint"}[str(plane.dtype)])
        for plane in planes.values()
    )
    spec.x, spec.y, spec.full_x, spec.full_y, spec.full_width, spec.full_height = -3, -2, -5, -5, 30, 20
    spec.tile_width = spec.tile_height = tile
    spec.tile_depth = 1 if tile else 0
    spec.attribute("compression", "zip")
    plate = Frame((Part("", tuple(planes), planes, spec),), tmp_path / "none.exr")
    write_image_file(tmp_path / "a.exr", plate)
    result = read_image_file(tmp_path / "a.exr")
    same_bits(plate, result)
    assert result.part.spec.tile_width == tile
    assert result.data_window == Window(-3, -2, width, height)
    assert [path.name for path in tmp_path.iterdir()] == ["a.exr"]


@pytest.mark.parametrize(
    ("origin", "display"),
    [
        ((3, 2), (0, 0, 20, 15)),  # smaller than the display window
        ((-5, -4), (0, 0, 4, 3)),  # larger than the display window
        ((-30, -20), (-10, -10, 20, 20)),  # apart from it
        ((100, 50), (90, 40, 40, 30)),
    ],
)
def test_data_and_display_window_are_kept(
    make_image: Make, same_bits: SameBits, rgb: dict[str, str], origin: Any, display: Any
) -> None:
    plate, result = passed_through(make_image("a.exr", rgb, origin=origin, display=display))
    assert (plate.data_window.x, plate.data_window.y) == origin
    same_bits(plate, result)


def test_parts_are_kept_with_names_types_windows_and_compression(
    make_parts: Make, same_bits: SameBits
) -> None:
    path = make_parts(
        "a.exr",
        [
            ("rgba", dict.fromkeys("RGBA", "half"), {"attributes": {"compression": "zips"}}),
            (
                "depth",
                {"Z": "float"},
                {
                    "size": (5, 4),
                    "origin": (2, -1),
                    "display": (0, 0, 12, 9),
                    "attributes": {"compression": "piz"},
                },
            ),
        ],
    )
    plate, result = passed_through(path)
    same_bits(plate, result)
    assert [part.spec.getattribute("compression") for part in result.parts] == ["zips", "piz"]


def test_tiled_files_stay_tiled(make_image: Make, same_bits: SameBits, rgb: dict[str, str]) -> None:
    plate, result = passed_through(make_image("a.exr", rgb, size=(40, 30), tile=16))
    same_bits(plate, result)
    assert (result.part.spec.tile_width, result.part.spec.tile_height) == (16, 16)


def test_the_header_is_kept(make_image: Make, rgb: dict[str, str]) -> None:
    header = {
        "smpte:TimeCode": [oiio.TypeDesc("timecode"), (16777221, 0)],
        "FramesPerSecond": [oiio.TypeDesc("rational"), (24000, 1001)],
        "worldToCamera": [oiio.TypeDesc("matrix"), tuple(float(at) for at in range(16))],
        "nuke/full_layer_names": 0,
        "shot/take": "010_0020 é",
        "custom:weight": 0.25,
        "DateTime": "2026:01:02 03:04:05",
        "PixelAspectRatio": 2.0,
    }
    plate, result = passed_through(make_image("a.exr", rgb, attributes=header), provenance={"model": "abc"})
    assert set(header) - set(plate.metadata) <= {"worldToCamera"}
    for name, value in plate.metadata.items():
        assert result.metadata[name] == value, name
    assert set(result.metadata) - set(plate.metadata) == {"understudy:model"}
    assert result.frame_rate == plate.frame_rate
    assert str(result.frame_rate) == "24000/1001"


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("a.tif", dict.fromkeys("RGB", "uint8")),
        ("a.tif", dict.fromkeys("RGBA", "uint16")),
        ("a.tif", dict.fromkeys("RGB", "float")),
        ("a.tif", {"Y": "uint16"}),
        ("a.png", dict.fromkeys("RGB", "uint8")),
        ("a.png", dict.fromkeys("RGBA", "uint16")),
        ("a.png", {"Y": "uint8"}),
        ("a.png", dict.fromkeys("YA", "uint8")),
        ("a.tga", dict.fromkeys("RGBA", "uint8")),
        ("a.dpx", dict.fromkeys("RGB", "uint8")),
        ("a.dpx", dict.fromkeys("RGB", "uint16")),
    ],
)
@pytest.mark.parametrize("unassociated", [0, 1])
def test_integer_files_and_float_tiffs_keep_every_bit(
    make_image: Make, same_bits: SameBits, name: str, channels: dict[str, str], unassociated: int
) -> None:
    attributes = {"oiio:UnassociatedAlpha": unassociated}
    same_bits(*passed_through(make_image(name, channels, attributes=attributes)))


@pytest.mark.parametrize("packing", ["Packed", "Filled, method A", "Filled, method B"])
@pytest.mark.parametrize("bits", [10, 12])
def test_a_dpx_keeps_its_codes_depth_and_header(
    make_image: Make, same_bits: SameBits, bits: int, packing: str
) -> None:
    attributes = {
        "oiio:BitsPerSample": bits,
        "dpx:Packing": packing,
        "dpx:FrameRate": 25.0,
        "smpte:TimeCode": [oiio.TypeDesc("timecode"), (16777221, 0)],
        "dpx:Transfer": "Printing density",
    }
    plate, result = passed_through(make_image("a.dpx", dict.fromkeys("RGB", "uint16"), attributes=attributes))
    same_bits(plate, result)
    assert result.bits == bits
    assert result.is_integer
    assert result.metadata == plate.metadata
    assert result.frame_rate == 25


def test_colours_under_zero_alpha_survive_in_png(make_image: Make, tmp_path: Path) -> None:
    path = make_image("a.png", dict.fromkeys("RGBA", "uint8"), attributes={"oiio:UnassociatedAlpha": 1})
    plate = read_image_file(path)
    clear = plate.with_planes(["A"], np.zeros((9, 12, 1), np.float32))
    write_image_file(tmp_path / "b.png", clear)
    result = read_image_file(tmp_path / "b.png")
    assert result.planes("RGB").tobytes() == plate.planes("RGB").tobytes()
    assert not result.planes("A").any()


def test_an_hdr_keeps_its_values(tmp_path: Path, make_image: Make) -> None:
    plate, result = passed_through(make_image("a.hdr", dict.fromkeys("RGB", "float")))
    assert np.array_equal(plate.planes("RGB"), result.planes("RGB"))


def test_a_jpeg_loses_little(tmp_path: Path, noise: Callable[..., np.ndarray]) -> None:
    smooth = np.linspace(0, 1, 32 * 24 * 3, dtype=np.float32).reshape(24, 32, 3)
    spec = oiio.ImageSpec(32, 24, 3, "uint8")
    output = oiio.ImageOutput.create(str(tmp_path / "a.jpg"))
    assert output.open(str(tmp_path / "a.jpg"), spec) and output.write_image(smooth) and output.close()
    plate, result = passed_through(tmp_path / "a.jpg")
    assert np.abs(plate.planes("RGB") - result.planes("RGB")).max() < 0.02


def test_a_depth_that_was_asked_for_changes_colours_but_not_depth_and_ids(
    make_image: Make, tmp_path: Path
) -> None:
    path = make_image("a.exr", {**dict.fromkeys("RGB", "half"), "depth.Z": "float"})
    write_image_file(tmp_path / "f.exr", read_image_file(path), depth="float", compression="piz")
    raised = read_image_file(tmp_path / "f.exr")
    assert raised.part.kinds == ("float",) * 4
    assert raised.metadata["compression"] == "piz"
    write_image_file(tmp_path / "h.exr", raised, depth="half")
    assert read_image_file(tmp_path / "h.exr").part.kinds == ("half", "half", "half", "float")


@pytest.mark.parametrize("bits", ["8", "10", "12", "16"])
def test_a_dpx_can_be_given_another_depth(make_image: Make, tmp_path: Path, bits: str) -> None:
    plate = read_image_file(make_image("a.dpx", dict.fromkeys("RGB", "uint16")))
    write_image_file(tmp_path / "b.dpx", plate, depth=bits)
    result = read_image_file(tmp_path / "b.dpx")
    assert result.bits == int(bits)
    assert np.abs(result.planes("RGB") - plate.planes("RGB")).max() <= 0.51 / (2 ** int(bits) - 1)
