"""The layers of renders are found by the names that renderers give them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.errors import ChannelError
from understudy.frames import Frame, find_layer, is_layer_name, kind_of, layer_in_file, read_image_file

COLOURS = ("R", "G", "B")


def frame_of(folder: Path, *channels: str) -> Frame:
    spec = oiio.ImageSpec(8, 6, len(channels), "half")
    spec.channelnames = channels
    file = folder / "render.1001.exr"
    output = oiio.ImageOutput.create(str(file))
    assert output.open(str(file), spec)
    assert output.write_image(np.zeros((6, 8, len(channels)), np.float32)) and output.close()
    return read_image_file(file)


def of(layer: str, shorts: str) -> tuple[str, ...]:
    return tuple(f"{layer}.{short}" for short in shorts)


@pytest.mark.parametrize(
    ("asked", "has"),
    [
        ("albedo", of("albedo", "RGB")),
        ("albedo", of("diffuse_albedo", "rgb")),
        ("albedo", of("ViewLayer.Denoising Albedo", "RGB")),
        ("diffuse albedo", of("diffuse_albedo", "RGB")),
        ("Albedo", of("rgba.albedo", "RGB")),
        ("normal", of("N", "XYZ")),
        ("normal", of("ViewLayer.Normal", "XYZ")),
        ("N", of("normals", "xyz")),
        ("my_own", of("my_own", "RGB")),
    ],
)
def test_a_layer_is_found_by_its_own_name_and_by_what_renderers_call_it(
    tmp_path: Path, asked: str, has: tuple[str, ...]
) -> None:
    frame = frame_of(tmp_path, *COLOURS, "Z", *has)
    assert find_layer(frame, asked) == has


def test_the_name_that_is_written_goes_before_one_of_its_kind(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, *COLOURS, *of("albedo", "RGB"), *of("basecolor", "RGB"))
    assert find_layer(frame, "basecolor") == of("basecolor", "RGB")
    assert find_layer(frame, "diffuse_albedo") == of("albedo", "RGB")


def test_coordinates_come_in_their_order_whatever_that_of_the_file_is(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, *COLOURS, "N.Z", "N.Y", "N.X")
    assert find_layer(frame, "N") == ("N.X", "N.Y", "N.Z")


def test_a_layer_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ChannelError) as caught:
        find_layer(frame_of(tmp_path, *COLOURS, *of("beauty", "RGB"), "depth.Z"), "albedo")
    assert "albedo" in caught.value.expected and "beauty, depth" in caught.value.found
    with pytest.raises(ChannelError) as caught:
        find_layer(frame_of(tmp_path, *COLOURS), "albedo")
    assert caught.value.found == "only R, G, B"


def test_a_file_of_its_own_may_hold_the_layer_as_its_colours_or_among_others(tmp_path: Path) -> None:
    wanted = of("N", "XYZ")
    assert layer_in_file(frame_of(tmp_path, *COLOURS), wanted, "normal") == COLOURS
    assert layer_in_file(frame_of(tmp_path, "X", "Y", "Z"), wanted, "normal") == ("X", "Y", "Z")
    among = (*COLOURS, *of("albedo", "RGB"), *of("normals", "XYZ"))
    assert layer_in_file(frame_of(tmp_path, *among), wanted, "normal") == of("normals", "XYZ")
    with pytest.raises(ChannelError):
        layer_in_file(frame_of(tmp_path, "Z"), wanted, "normal")


def test_a_name_is_that_of_a_layer_unless_it_is_that_of_files(elsewhere: Path) -> None:
    names = ("albedo", "N", "diffuse_albedo", "ViewLayer.Denoising Albedo", "rgba:albedo")
    assert all(map(is_layer_name, names))
    files = (
        "albedo.exr",
        "albedo.####.exr",
        "renders/albedo",
        "n.mov",
        "*",
        "/albedo",
        "albedo.%04d.exr",
        "",
    )
    assert not any(map(is_layer_name, files))
    os.mkdir(elsewhere / "albedo")
    assert not is_layer_name("albedo")


def test_names_stand_for_a_kind_or_for_none() -> None:
    assert [kind_of(name) for name in ("Diffuse Albedo", "view.albedo", "N", "normals", "depth")] == [
        "albedo",
        "albedo",
        "normal",
        "normal",
        "",
    ]
