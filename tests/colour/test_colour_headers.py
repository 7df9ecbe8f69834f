"""What a file's header says about its colours counts before the guess from its data type."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.colour import SpaceDecision, convert_between, decide_space, encoding_for, to_scene_linear
from understudy.colour.icc import space_of_icc
from understudy.errors import ColourError
from understudy.frames import Frame, header_colour, read_image_file

FLOAT8 = "float[8]"
SRGB_XYZ = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
P3_XYZ = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE_XYZ = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))


def icc_profile(colorants: tuple[tuple[float, ...], ...], curve: bytes, name: str = "a profile") -> bytes:
    """A display profile of the shape that cameras and paint programs write."""

    def xyz(values: tuple[float, ...]) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))

    described = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name.encode() + b"\0" * 79
    bodies = [described, xyz((0.9642, 1.0, 0.8249)), *map(xyz, colorants), curve, curve, curve]
    names = [b"desc", b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"]
    start, table, data = 132 + 12 * len(bodies), b"", b""
    for tag, body in zip(names, bodies, strict=True):
        body += b"\0" * (-len(body) % 4)
        table += tag + struct.pack(">II", start + len(data), len(body))
        data += body
    size = start + len(data)
    header = struct.pack(
        ">I4sI4s4s4s12s4s", size, b"none", 0x02400000, b"mntr", b"RGB ", b"XYZ ", b"", b"acsp"
    )
    header += b"\0" * 28 + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(bodies)) + table + data


def curve_of_gamma(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def curve_of_srgb() -> bytes:
    values = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    return b"para\0\0\0\0" + struct.pack(">HH5i", 3, 0, *(round(value * 65536) for value in values))


Write = Callable[..., Frame]


@pytest.fixture
def written(tmp_path: Path) -> Write:
    def make(name: str, kind: str, *attributes: tuple) -> Frame:
        path = tmp_path / name
        spec = oiio.ImageSpec(8, 4, 3, kind)
        for each in attributes:
            spec.attribute(*each)
        output = oiio.ImageOutput.create(str(path))
        assert output.open(str(path), spec), output.geterror()
        assert output.write_image(np.full((4, 8, 3), 0.5, np.float32)) and output.close()
        return read_image_file(path)

    return make


def without_chunk(path: Path, kind: bytes) -> None:
    """The PNG at ``path`` with no chunk of that kind."""
    data, at, kept = path.read_bytes(), 8, b""
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        whole = data[at : at + 12 + length]
        kept += b"" if whole[4:8] == kind else whole
        at += len(whole)
    path.write_bytes(data[:8] + kept)


def decided(frame: Frame, request: str = "auto") -> SpaceDecision:
    return decide_space(request, frame.is_integer, header_colour(frame))


AP1 = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
REC709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
HEADERS = {
    "DPX logarithmic": ("a.dpx", "uint16", ("dpx:Transfer", "Logarithmic"), "KodakLog", "Logarithmic"),
    "DPX printing density": ("a.dpx", "uint16", ("dpx:Transfer", "Printing density"), "KodakLog", "density"),
    "DPX linear": ("a.dpx", "uint16", ("dpx:Transfer", "Linear"), "linear", "Linear"),
    "DPX video": ("a.dpx", "uint16", ("dpx:Transfer", "ITU-R 709-4"), "Rec.1886 Rec.709 - Display", "709"),
    "PNG linear gAMA": ("a.png", "uint16", ("oiio:ColorSpace", "lin_rec709"), "linear", "gAMA"),
    "PNG gAMA 1.8": (
        *("a.png", "uint16", ("oiio:ColorSpace", "g18_rec709_scene")),
        *("Gamma 1.8 Encoded Rec.709", "gAMA 0.5556"),
    ),
    "PNG sRGB": ("a.png", "uint8", ("oiio:ColorSpace", "sRGB"), "srgb", "sRGB"),
    "PNG cICP PQ": ("a.png", "uint16", ("CICP", "int[4]", (9, 16, 0, 1)), "Rec.2100-PQ - Display", "PQ"),
    "PNG cICP P3": ("a.png", "uint8", ("CICP", "int[4]", (12, 13, 0, 1)), "sRGB Encoded P3-D65", "P3"),
    "EXR ACEScg chromaticities": ("a.exr", "half", ("chromaticities", FLOAT8, AP1), "ACEScg", "0.713"),
    "EXR Rec.709 chromaticities": ("a.exr", "half", ("chromaticities", FLOAT8, REC709), "linear", "0.64"),
    "EXR sRGB interop": ("a.exr", "half", ("colorInteropID", "srgb_rec709_scene"), "srgb", "srgb_rec709"),
    "EXR ACEScct interop": ("a.exr", "half", ("oiio:ColorSpace", "ACEScct"), "ACEScct", "acescct"),
    "EXR data": ("a.exr", "float", ("colorInteropID", "data"), "raw", "data"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_what_the_header_says_is_the_space_and_is_said(written: Write, case: str) -> None:
    name, kind, attribute, space, words = HEADERS[case]
    decision = decided(written(name, kind, attribute))
    assert decision.space == space and decision.said
    assert words in decision.sentence and "--colour says otherwise" in decision.sentence


@pytest.mark.parametrize("case", HEADERS)
def test_what_is_asked_counts_before_the_header(written: Write, case: str) -> None:
    name, kind, attribute, *_ = HEADERS[case]
    assert decided(written(name, kind, attribute), "ARRI LogC4").space == "ARRI LogC4"


PROFILES = {
    "sRGB": (SRGB_XYZ, curve_of_srgb(), "srgb"),
    "Display P3": (P3_XYZ, curve_of_srgb(), "sRGB Encoded P3-D65"),
    "Adobe RGB": (ADOBE_XYZ, curve_of_gamma(563 / 256), "Gamma 2.2 Encoded AdobeRGB"),
    "linear": (SRGB_XYZ, curve_of_gamma(1.0), "linear"),
}


@pytest.mark.parametrize("case", PROFILES)
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_an_icc_profile_is_the_space_by_what_it_describes(written: Write, case: str, name: str) -> None:
    colorants, curve, space = PROFILES[case]
    profile = np.frombuffer(icc_profile(colorants, curve), np.uint8)
    frame = written(name, "uint8", ("ICCProfile", f"uint8[{len(profile)}]", profile))
    assert decided(frame).space == space
    assert "ICC profile" in decided(frame).sentence


def test_an_icc_profile_that_is_damaged_or_of_no_known_space_leaves_the_guess_and_is_said(
    written: Write,
) -> None:
    whole = icc_profile(
        ((0.7977, 0.2880, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249)), curve_of_gamma(1.8)
    )
    assert all(space_of_icc(whole[:end]) == "" for end in range(0, len(whole), 7))
    profile = np.frombuffer(whole, np.uint8)
    decision = decided(written("a.tif", "uint8", ("ICCProfile", f"uint8[{len(profile)}]", profile)))
    assert decision.space == "srgb" and not decision.known
    assert "ICC profile" in decision.sentence and "no space that is known" in decision.sentence


def test_files_that_say_nothing_are_guessed(written: Write, tmp_path: Path) -> None:
    written("a.png", "uint8")
    without_chunk(tmp_path / "a.png", b"sRGB")
    without_chunk(tmp_path / "a.png", b"gAMA")
    for frame in (read_image_file(tmp_path / "a.png"), written("a.dpx", "uint16"), written("b.jpg", "uint8")):
        assert decided(frame).space == "srgb" and not decided(frame).known
    assert not decided(written("a.exr", "half")).known


def test_film_log_goes_to_scene_linear_by_kodaks_curve() -> None:
    codes = np.array([95, 445, 685], np.float32) / 1023
    pixels = np.repeat(codes[None, :, None], 3, axis=2)
    found = to_scene_linear(pixels, encoding_for("KodakLog"))[0, :, 0]
    black = 10 ** ((95 - 685) / 300)
    wanted = [(10 ** ((code - 685) / 300) - black) / (1 - black) for code in (95, 445, 685)]
    np.testing.assert_allclose(found, wanted, atol=1e-4)


# -- $OCIO --------------------------------------------------------------------------------------------

SHOW = """ocio_profile_version: 2
roles: {scene_linear: lin, default: lin}
file_rules:
  - !<Rule> {name: Default, colorspace: lin}
displays:
  sRGB:
    - !<View> {name: Raw, colorspace: lin}
colorspaces:
  - !<ColorSpace> {name: lin}
  - !<ColorSpace>
    name: ShowLog
    from_scene_reference: !<LogTransform> {base: 10}
  - !<ColorSpace>
    name: ACEScct
    from_scene_reference: !<LogTransform> {base: 2}
"""


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "show.ocio"
    path.write_text(SHOW)
    monkeypatch.setenv("OCIO", str(path))
    return path


def test_the_spaces_of_the_config_that_the_environment_names_are_found(show: Path) -> None:
    decision = decide_space("ShowLog", is_integer=True)
    assert decision.space == "ShowLog" and str(show) in decision.sentence
    pixels = np.full((1, 1, 3), 0.5, np.float32)
    np.testing.assert_allclose(to_scene_linear(pixels, encoding_for("ShowLog")), 10**0.5, rtol=1e-4)


def test_the_config_that_the_environment_names_comes_before_those_that_are_built_in(show: Path) -> None:
    pixels = np.full((1, 1, 3), 0.5, np.float32)
    np.testing.assert_allclose(to_scene_linear(pixels, encoding_for("ACEScct")), 2**0.5, rtol=1e-4)
    assert decide_space("ARRI LogC4", is_integer=True).space == "ARRI LogC4"


@pytest.mark.parametrize("broken", ["/nonexistent/config.ocio", "ocio://nothing", "notes.txt", "."])
@pytest.mark.parametrize("request_", ["auto", "srgb", "ACEScct"])
def test_a_broken_config_in_the_environment_is_an_error_and_no_other_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, request_: str
) -> None:
    (tmp_path / "notes.txt").write_text("no config\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OCIO", broken)
    with pytest.raises(ColourError) as caught:
        decide_space(request_, is_integer=True)
    assert broken in caught.value.where and "unset" in caught.value.remedy


def test_another_config_of_the_environment_is_not_taken_for_that_of_the_network(show: Path) -> None:
    encoding = encoding_for("ShowLog")
    show.write_text(SHOW.replace("base: 10", "base: 7"))
    with pytest.raises(ColourError) as caught:
        to_scene_linear(np.zeros((1, 1, 3), np.float32), encoding)
    assert "$OCIO" in caught.value.text


# -- from one space to another --------------------------------------------------------------------------


def test_colours_go_from_one_space_to_another_and_back() -> None:
    pixels = np.random.default_rng(3).uniform(0.4, 0.6, (4, 5, 4)).astype(np.float32)
    names = ["srgb", "linear", "ACEScg", "ARRI LogC4", "KodakLog", "Rec.1886 Rec.709 - Display"]
    spaces = [decide_space(name, is_integer=True) for name in names]
    for other in spaces:
        there = convert_between(pixels, spaces[0], other)
        back = convert_between(there, other, spaces[0])
        np.testing.assert_allclose(back, pixels, atol=2e-3, err_msg=other.space)
        assert (there[..., 3] == pixels[..., 3]).all()


def test_srgb_goes_to_acescg_with_its_primaries(written: Write) -> None:
    frame = written("a.exr", "half", ("chromaticities", FLOAT8, AP1))
    srgb, acescg = decide_space("srgb", is_integer=True), decided(frame)
    red = np.zeros((1, 1, 3), np.float32)
    red[..., 0] = 1.0
    np.testing.assert_allclose(convert_between(red, srgb, acescg)[0, 0], [0.6131, 0.0702, 0.0206], atol=2e-3)
    grey = np.full((1, 1, 3), 0.5, np.float32)
    linear = decide_space("linear", is_integer=False)
    np.testing.assert_allclose(convert_between(grey, srgb, linear), 0.21404, atol=1e-4)
