"""What a channel request means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from understudy.errors import ChannelError
from understudy.frames import open_shot, read_image_file, resolve_channels


@pytest.fixture
def layered(make_image: Callable[..., Path]) -> Path:
    names = [
        "R",
        "G",
        "B",
        "A",
        "depth.Z",
        "diffuse.R",
        "diffuse.G",
        "diffuse.B",
        "id.red",
        "id.green",
        "id.blue",
    ]
    return make_image("layered.exr", dict.fromkeys(names, "half"))


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        (None, ["R", "G", "B"]),
        ("rgb", ["R", "G", "B"]),
        ("rgba", ["R", "G", "B", "A"]),
        ("RGBA", ["R", "G", "B", "A"]),
        ("alpha", ["A"]),
        ("A", ["A"]),
        ("a", ["A"]),
        ("depth.Z", ["depth.Z"]),
        ("depth", ["depth.Z"]),
        ("B,R", ["B", "R"]),
        ("rgb, depth.Z", ["R", "G", "B", "depth.Z"]),
        ("R,rgb", ["R", "G", "B"]),
        ("diffuse.rgb", ["diffuse.R", "diffuse.G", "diffuse.B"]),
        ("id.rgb", ["id.red", "id.green", "id.blue"]),
        ("DIFFUSE.r", ["diffuse.R"]),
    ],
)
def test_a_request_gives_full_names_in_its_own_order(
    layered: Path, request_text: str | None, expected: list[str]
) -> None:
    assert resolve_channels(read_image_file(layered), request_text) == tuple(expected)


@pytest.mark.parametrize("request_text", ["nope", "depth.rgb", "", "R,,B", "diffuse.A", "diffuse.alpha"])
def test_a_channel_that_is_not_there_is_refused_by_listing_what_there_is(
    layered: Path, request_text: str
) -> None:
    with pytest.raises(ChannelError) as refused:
        resolve_channels(read_image_file(layered), request_text)
    assert "depth.Z" in refused.value.found and "diffuse.R" in refused.value.found


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        (["Y"], ["Y"]),
        (["G"], ["G"]),
        (["mask.a"], ["mask.a"]),
        (["Y", "right.Y"], ["Y"]),
        (["albedo.R", "albedo.G", "albedo.B"], ["albedo.R", "albedo.G", "albedo.B"]),
        (["red", "green", "blue"], ["red", "green", "blue"]),
    ],
)
def test_without_a_request_a_file_without_rgb_gives_what_stands_for_it(
    make_image: Callable[..., Path], channels: list[str], expected: list[str]
) -> None:
    frame = read_image_file(make_image("a.exr", dict.fromkeys(channels, "half")))
    assert resolve_channels(frame) == tuple(expected)


def test_without_a_request_channels_that_nobody_can_guess_are_refused(
    make_image: Callable[..., Path],
) -> None:
    frame = read_image_file(make_image("a.exr", {"u": "half", "v": "half"}))
    with pytest.raises(ChannelError):
        resolve_channels(frame)


@pytest.fixture
def parted(make_parts: Callable[..., Path]) -> Path:
    colours = dict.fromkeys("RGB", "half")
    return make_parts(
        "parts.exr",
        [
            ("rgba.main", {**colours, "A": "half"}, {}),
            ("depth.main", {"Z": "float"}, {}),
            ("diffuse", colours, {}),
        ],
    )


def test_channels_of_other_parts_are_named_by_their_part_where_names_meet(parted: Path) -> None:
    names = ("R", "G", "B", "A", "Z", "diffuse:R", "diffuse:G", "diffuse:B")
    assert read_image_file(parted).channels == names


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("depth.Z", ["Z"]),
        ("Z", ["Z"]),
        ("depth", ["Z"]),
        ("diffuse", ["diffuse:R", "diffuse:G", "diffuse:B"]),
        ("diffuse.rgb", ["diffuse:R", "diffuse:G", "diffuse:B"]),
        ("diffuse:G", ["diffuse:G"]),
        ("depth.main:Z", ["depth.main:Z"]),
    ],
)
def test_a_part_can_be_named_like_a_layer(parted: Path, request_text: str, expected: list[str]) -> None:
    frame = read_image_file(parted)
    names = resolve_channels(frame, request_text)
    assert names == tuple(expected)
    assert frame.planes(names).shape == (9, 12, len(expected))


@pytest.mark.parametrize("part", ["diffuse", "3"])
def test_a_selected_part_comes_first_and_gives_the_defaults(parted: Path, part: str) -> None:
    frame = read_image_file(parted, part=part)
    assert frame.part.name == "diffuse"
    assert frame.channels[:3] == ("R", "G", "B")
    assert resolve_channels(frame, "rgb") == ("R", "G", "B")
    assert frame.planes("R").tobytes() == read_image_file(parted).planes(["diffuse:R"]).tobytes()


def test_a_shot_reads_every_frame_with_the_part_that_was_asked_for(parted: Path) -> None:
    assert open_shot(str(parted), part="diffuse").read(1).part.name == "diffuse"
    assert open_shot(str(parted)).read(1).part.name == "rgba.main"


def test_a_part_by_the_first_word_of_its_name(parted: Path) -> None:
    assert read_image_file(parted, part="depth").part.name == "depth.main"


def test_a_part_that_is_not_there_is_refused_by_listing_the_parts(parted: Path) -> None:
    with pytest.raises(ChannelError, match=r"rgba\.main, depth\.main, diffuse"):
        read_image_file(parted, part="normals")
