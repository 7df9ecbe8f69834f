"""Which part and which layer is taken, in every frame of a shot, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.errors import ChannelError
from understudy.frames import open_shot, open_sink, read_image_file, resolve_channels
from understudy.frames.channels import resolve_like
from understudy.frames.matte import look_at


def write_parts(
    path: Path, parts: Sequence[tuple[str, float]], channels: tuple[str, ...] = ("R", "G", "B")
) -> Path:
    """A multi-part EXR; each part is filled with its value."""
    specs = []
    for name, _ in parts:
        spec = oiio.ImageSpec(8, 6, len(channels), "half")
        spec.channelnames = channels
        if name:
            spec.attribute("oiio:subimagename", name)
        specs.append(spec)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), tuple(specs) if len(specs) > 1 else specs[0]), output.geterror()
    for index, (_, value) in enumerate(parts):
        if index:
            assert output.open(str(path), specs[index], "AppendSubimage")
        assert output.write_image(np.full((6, 8, len(channels)), value, np.float32))
    assert output.close()
    return path


@pytest.fixture
def swapped(tmp_path: Path) -> str:
    """Parts that change places in the second frame, and a thumbnail that comes first in the third."""
    write_parts(tmp_path / "p.1001.exr", [("beauty", 0.25), ("CG", 0.5)])
    write_parts(tmp_path / "p.1002.exr", [("CG", 0.5), ("beauty", 0.25)])
    write_parts(tmp_path / "p.1003.exr", [("thumbnail", 0.75), ("CG", 0.5), ("beauty", 0.25)])
    return str(tmp_path / "p.####.exr")


def first_value(spec: str, number: int, **how: str) -> float:
    return float(open_shot(spec, **how).read(number).planes(("R",)).max())


@pytest.mark.parametrize("number", [1001, 1002, 1003])
def test_a_part_is_taken_by_the_name_it_had_in_the_first_frame(swapped: str, number: int) -> None:
    assert first_value(swapped, number) == 0.25
    assert first_value(swapped, number, part="CG") == 0.5
    assert first_value(swapped, number, part="2") == 0.5  # the second of the first frame


def test_the_first_frame_is_that_of_the_sequence_whatever_range_is_worked_on(swapped: str) -> None:
    assert first_value(swapped, 1002, frames="1002-1003") == 0.25


def test_a_frame_without_the_part_is_refused(swapped: str, tmp_path: Path) -> None:
    write_parts(tmp_path / "p.1004.exr", [("CG", 0.5), ("matte", 1.0)])
    write_parts(tmp_path / "p.1005.exr", [("CG", 0.5)])
    for number in (1004, 1005):
        with pytest.raises(ChannelError) as caught:
            open_shot(swapped).read(number)
        assert caught.value.expected == "beauty" and "CG" in caught.value.found
        assert f"p.{number}.exr" in caught.value.where and "--part" in caught.value.remedy


def test_what_was_taken_and_what_else_there_is_is_said_once(swapped: str) -> None:
    (note,) = open_shot(swapped).notes
    assert "beauty (R, G, B, 8 x 6) is taken" in note and "CG (R, G, B, 8 x 6)" in note and "--part" in note
    assert open_shot(swapped, part="CG").notes == ()


def test_layers_of_colours_beside_those_that_are_taken_are_said(tmp_path: Path) -> None:
    names = ("R", "G", "B", "diffuse.R", "diffuse.G", "diffuse.B", "depth.Z")
    write_parts(tmp_path / "l.exr", [("", 0.5)], names)
    (note,) = open_shot(str(tmp_path / "l.exr")).notes
    assert "R, G, B are taken" in note and "diffuse" in note and "depth" not in note
    write_parts(tmp_path / "m.exr", [("", 0.5)], ("R", "G", "B", "A", "depth.Z"))
    assert open_shot(str(tmp_path / "m.exr")).notes == ()


def test_a_frame_that_cannot_be_read_does_not_name_the_part(swapped: str, tmp_path: Path) -> None:
    (tmp_path / "p.1000.exr").write_bytes(b"damaged")
    assert first_value(swapped, 1002) == 0.25


def test_a_truth_is_read_from_the_part_that_its_plate_is_read_from(swapped: str, tmp_path: Path) -> None:
    write_parts(tmp_path / "t.1001.exr", [("CG", 0.1), ("beauty", 0.2)])
    truth = open_shot(str(tmp_path / "t.####.exr"))
    truth.prefer(open_shot(swapped).part_name)
    assert truth.read(1001).part.name == "beauty" and "beauty" in truth.notes[0]


NAMES = {
    "words": ("red", "green", "blue"),
    "a layer": ("Layer.R", "Layer.G", "Layer.B"),
    "a layer in words": ("Layer.red", "Layer.green", "Layer.blue"),
    "plain": ("R", "G", "B"),
}


@pytest.mark.parametrize("plate", NAMES)
@pytest.mark.parametrize("learned", NAMES)
def test_colours_of_other_names_are_found_alike(tmp_path: Path, learned: str, plate: str) -> None:
    frame = read_image_file(write_parts(tmp_path / "a.exr", [("", 0.5)], NAMES[plate]))
    assert resolve_like(frame, NAMES[learned]) == NAMES[plate]
    assert resolve_channels(frame) == resolve_channels(frame, "rgb") == NAMES[plate]
    assert resolve_channels(frame, "R,G,B") == NAMES[plate]


def test_a_layer_that_the_plate_lacks_is_refused_where_several_could_stand_for_it(tmp_path: Path) -> None:
    two = ("a.R", "a.G", "a.B", "b.R", "b.G", "b.B")
    frame = read_image_file(write_parts(tmp_path / "a.exr", [("", 0.5)], two))
    with pytest.raises(ChannelError):
        resolve_like(frame, ("c.R", "c.G", "c.B"))


def test_the_part_that_a_mask_is_read_from_is_said(swapped: str) -> None:
    shot = open_shot(swapped)
    look = look_at((shot.read(number) for number in shot.numbers), "mask")
    assert "The mask has 2 parts: beauty" in look.notes[0] and "CG" in look.notes[0]


def test_pages_of_a_tiff_without_names_are_kept_and_not_said_to_be_named(tmp_path: Path) -> None:
    path = tmp_path / "p.1001.tif"
    output = oiio.ImageOutput.create(str(path))
    for mode in ("Create", "AppendSubimage"):
        assert output.open(str(path), oiio.ImageSpec(8, 6, 3, "uint8"), mode)
        assert output.write_image(np.full((6, 8, 3), 0.5, np.float32))
    assert output.close()
    shot = open_shot(str(tmp_path / "p.####.tif"))
    with open_sink(str(tmp_path / "out" / "p.####.tif"), like=shot) as sink:
        written = sink.write(1001, shot.read(1001))
    assert len(read_image_file(written).parts) == 2 and not any("called" in note for note in sink.notes)
