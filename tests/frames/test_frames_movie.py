"""Movies: ProRes, DNxHR and H.264, read by frame number and written like their plates."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.errors import (
    ChannelError,
    FrameError,
    SequenceError,
    SettingError,
    UnderstudyError,
    WriteError,
)
from understudy.frames import (
    Frame,
    HeaderColour,
    Part,
    Shot,
    header_colour,
    open_shot,
    open_sink,
    read_image_file,
    read_provenance,
)
from understudy.frames.movie_info import MovieInfo
from understudy.frames.movie_shot import MovieShot

pytest.importorskip("av")

RATE = Fraction(24000, 1001)
COUNT = 12


def picture(number: int, size: tuple[int, int] = (256, 128), alpha: bool = False) -> Frame:
    """A smooth picture whose blue, and whose alpha the other way round, name its number."""
    width, height = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    blue = np.full((height, width), number / COUNT, np.float32)
    planes = {"R": x / width, "G": y / height, "B": blue}
    if alpha:
        planes["A"] = 1 - blue
    spec = oiio.ImageSpec(width, height, len(planes), "float")
    spec.channelnames = tuple(planes)
    spec.attribute("FramesPerSecond", oiio.TypeDesc("rational"), (RATE.numerator, RATE.denominator))
    spec.attribute("smpte:TimeCode", oiio.TypeDesc("timecode"), (0x01000005 + number - 1, 0))
    return Frame((Part("", tuple(planes), planes, spec),), Path("picture.png"), number, "png")


class Pictures(Shot):
    """A shot that is made on the spot."""

    spec = "pictures"
    frame_rate = RATE
    name = "pictures"
    extension = ".exr"

    def __init__(self, size: tuple[int, int] = (256, 128), alpha: bool = False) -> None:
        self.numbers = tuple(range(1, COUNT + 1))
        self._size, self._alpha = size, alpha

    def path(self, number: int) -> Path:
        return Path("picture.exr")

    def read(self, number: int) -> Frame:
        return picture(number, self._size, self._alpha)

    def close(self) -> None:
        pass


def make_movie(path: Path, codec: str | None = None, **pictures: Any) -> Path:
    shot = Pictures(**pictures)
    with open_sink(str(path), like=shot, compression=codec) as sink:
        for number in shot.numbers:
            sink.write(number, shot.read(number))
    assert sink.written == (path,)
    return path


def info_of(path: Path) -> MovieInfo:
    shot = open_shot(str(path))
    assert isinstance(shot, MovieShot)
    return shot.info


def error_of(frame: Frame, number: int, names: str = "RGB", **pictures: Any) -> float:
    wanted = picture(number, **pictures).planes(names)
    return float(np.abs(frame.planes(names) - wanted).mean())


CODECS = [
    ("a.mov", "prores_422", "prores", "Standard"),
    ("a.mov", "prores_hq", "prores", "HQ"),
    ("a.mov", "prores_4444", "prores", "4444"),
    ("a.mov", "dnxhr_hqx", "dnxhd", "DNXHR HQX"),
    ("a.mov", "h264", "h264", "High"),
    ("a.mxf", "dnxhr_sq", "dnxhd", "DNXHR SQ"),
    ("a.mxf", "dnxhr_444", "dnxhd", "DNXHR 444"),
    ("a.mxf", "prores_hq", "prores", "HQ"),
    ("a.mp4", "h264", "h264", "High"),
]


@pytest.mark.parametrize(("name", "codec", "library_name", "profile"), CODECS)
def test_a_movie_holds_the_frames_that_went_in(
    tmp_path: Path, name: str, codec: str, library_name: str, profile: str
) -> None:
    shot = open_shot(str(make_movie(tmp_path / name, codec)))
    info = info_of(tmp_path / name)
    assert (info.codec, info.profile) == (library_name, profile)
    assert shot.numbers == tuple(range(1, COUNT + 1))
    assert shot.is_movie and shot.frame_rate == RATE
    for number in (1, 2, 12, 7, 3):
        frame = shot.read(number)
        assert frame.number == number and frame.is_integer
        assert error_of(frame, number) < 0.006


@pytest.mark.parametrize(("name", "codec", "library_name", "profile"), CODECS)
def test_a_result_is_written_like_its_plate(
    tmp_path: Path, name: str, codec: str, library_name: str, profile: str
) -> None:
    plate = open_shot(str(make_movie(tmp_path / name, codec)))
    with open_sink(str(tmp_path / "out" / name), like=plate) as sink:
        for number in plate.numbers:
            sink.write(number, plate.read(number))
    before, after = info_of(tmp_path / name), info_of(tmp_path / "out" / name)
    for same in ("codec", "profile", "pixel_format", "width", "height", "rate", "bits", "tags", "timecode"):
        assert getattr(after, same) == getattr(before, same), same
    assert str(after.timecode) == "01:00:00:05"
    assert error_of(open_shot(str(tmp_path / "out" / name)).read(5), 5) < 0.012


@pytest.mark.parametrize("codec", ["prores_4444", "prores_xq"])
def test_prores_4444_carries_alpha_in_and_out(tmp_path: Path, codec: str) -> None:
    plate = open_shot(str(make_movie(tmp_path / "a.mov", codec, alpha=True)))
    assert plate.read(3).channels == ("R", "G", "B", "A")
    assert error_of(plate.read(3), 3, "RGBA", alpha=True) < 0.003
    half = np.full((128, 256, 1), 0.5, np.float32)
    with open_sink(str(tmp_path / "b.mov"), like=plate) as sink:
        for number in plate.numbers:
            sink.write(number, plate.read(number).with_planes(["A"], half))
    result = open_shot(str(tmp_path / "b.mov")).read(4)
    assert np.abs(result.planes("A") - half).max() < 0.002
    assert error_of(result, 4) < 0.003


def test_a_codec_without_alpha_says_that_it_leaves_it_out(tmp_path: Path) -> None:
    shot = Pictures(alpha=True)
    with open_sink(str(tmp_path / "a.mp4"), like=shot) as sink:
        for number in shot.numbers:
            sink.write(number, shot.read(number))
    assert any("leaves out the channels A" in note for note in sink.notes)
    assert open_shot(str(tmp_path / "a.mp4")).read(1).channels == ("R", "G", "B")


@pytest.mark.parametrize(
    ("name", "codec", "profile"),
    [("a.mov", "prores", "4444"), ("a.mxf", "dnxhd", "DNXHR HQX"), ("a.mp4", "h264", "High")],
)
def test_without_a_movie_plate_the_extension_chooses_the_codec(
    tmp_path: Path, name: str, codec: str, profile: str
) -> None:
    info = info_of(make_movie(tmp_path / name))
    assert (info.codec, info.profile) == (codec, profile)
    assert info.tags.primaries == info.tags.transfer == info.tags.matrix == 1 and not info.tags.full_range
    assert info.rate == RATE and str(info.timecode) == "01:00:00:05"


def test_a_plates_codec_that_the_container_cannot_carry_gives_way(tmp_path: Path) -> None:
    plate = open_shot(str(make_movie(tmp_path / "a.mov", "prores_hq")))
    with open_sink(str(tmp_path / "a.mp4"), like=plate) as sink:
        for number in plate.numbers:
            sink.write(number, plate.read(number))
    assert info_of(tmp_path / "a.mp4").codec == "h264"


@pytest.mark.parametrize("name", ["a.mov", "a.mp4", "a.mxf"])
def test_black_and_white_stay_black_and_white(tmp_path: Path, name: str) -> None:
    shot = Pictures()
    with open_sink(str(tmp_path / name), like=shot) as sink:
        for number in shot.numbers:
            flat = np.full((128, 256, 3), float(number % 2), np.float32)
            sink.write(number, shot.read(number).with_planes("RGB", flat))
    movie = open_shot(str(tmp_path / name))
    assert movie.read(1).planes("RGB").min() > 0.995
    assert movie.read(2).planes("RGB").max() < 0.005


def test_frames_restricts_a_movie_by_its_frame_numbers(tmp_path: Path) -> None:
    path = str(make_movie(tmp_path / "a.mov", "prores_hq"))
    shot = open_shot(path, frames="3-20x4")
    assert shot.numbers == (3, 7, 11) and shot.missing == (15, 19)
    assert error_of(shot.read(7), 7) < 0.006
    with pytest.raises(SequenceError):
        shot.read(4)
    with pytest.raises(SequenceError, match="1-12"):
        open_shot(path, frames="100-200")


def test_a_movie_has_no_parts(tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match="parts"):
        open_shot(str(make_movie(tmp_path / "a.mov")), part="rgba")


def test_a_movie_and_its_folder_are_the_same_shot(tmp_path: Path) -> None:
    make_movie(tmp_path / "only" / "a.mov", "prores_hq")
    assert open_shot(str(tmp_path / "only")).numbers == tuple(range(1, COUNT + 1))


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mov", "prores_hq"), ("a.mp4", "h264"), ("a.mxf", "dnxhr_sq")]
)
def test_frames_come_right_in_any_order_and_from_any_thread(tmp_path: Path, name: str, codec: str) -> None:
    shot = open_shot(str(make_movie(tmp_path / name, codec)))
    order = list(shot.numbers) * 2
    random.Random(1).shuffle(order)
    with ThreadPoolExecutor(4) as pool:
        frames = list(pool.map(shot.read, order))
    assert [frame.number for frame in frames] == order
    assert all(error_of(frame, frame.number) < 0.006 for frame in frames)
    shot.close()
    assert error_of(shot.read(12), 12) < 0.006


def test_each_frame_has_its_own_timecode_and_the_rate_in_an_exr(tmp_path: Path) -> None:
    plate = open_shot(str(make_movie(tmp_path / "a.mov", "prores_hq")))
    sink = open_sink(str(tmp_path / "out.####.exr"), like=plate)
    header = read_image_file(sink.write(4, plate.read(4))).metadata
    assert header["smpte:TimeCode"] == (0x01000008, 0)
    assert header["FramesPerSecond"] == (24000, 1001)


def test_a_result_that_starts_later_has_the_later_timecode(tmp_path: Path) -> None:
    path = str(make_movie(tmp_path / "a.mov", "prores_hq"))
    plate = open_shot(path, frames="4-6")
    with open_sink(str(tmp_path / "b.mov"), like=plate) as sink:
        for number in plate.numbers:
            sink.write(number, plate.read(number))
    assert str(info_of(tmp_path / "b.mov").timecode) == "01:00:00:08"
    assert open_shot(str(tmp_path / "b.mov")).numbers == (1, 2, 3)


def test_frames_that_come_out_of_order_or_not_at_all_keep_the_order_of_the_rest(tmp_path: Path) -> None:
    shot = Pictures()
    with open_sink(str(tmp_path / "a.mov"), like=shot) as sink:
        sink.skip(1)
        for number in (3, 2, 6, 4, 5, 8, 7, 10, 9, 12):
            sink.write(number, shot.read(number))
    movie = open_shot(str(tmp_path / "a.mov"))
    assert len(movie.numbers) == 10
    assert [round(float(movie.read(at).planes("B").mean()) * COUNT) for at in (1, 2, 9, 10)] == [2, 3, 10, 12]
    assert sum("without frame" in note for note in sink.notes) == 2


def test_many_threads_may_write_one_movie(tmp_path: Path) -> None:
    shot = Pictures()
    with open_sink(str(tmp_path / "a.mov"), like=shot) as sink, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: sink.write(number, shot.read(number)), reversed(shot.numbers)))
    movie = open_shot(str(tmp_path / "a.mov"))
    assert all(error_of(movie.read(number), number) < 0.006 for number in movie.numbers)


def test_a_movie_takes_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    shot, target = Pictures(), tmp_path / "a.mov"
    target.write_bytes(b"the old one")
    sink = open_sink(str(target), like=shot, overwrite=True)
    sink.write(1, shot.read(1))
    assert target.read_bytes() == b"the old one"
    sink.abort()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mov"]
    assert target.read_bytes() == b"the old one"
    with pytest.raises(RuntimeError), open_sink(str(target), like=shot, overwrite=True) as sink:
        sink.write(1, shot.read(1))
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a.mov"]


def test_a_movie_without_a_frame_is_no_file(tmp_path: Path) -> None:
    open_sink(str(tmp_path / "a.mov"), like=Pictures()).close()
    assert list(tmp_path.iterdir()) == []


def test_a_movie_of_somebody_else_is_not_replaced_unless_asked(tmp_path: Path) -> None:
    shot, path = Pictures(), str(tmp_path / "a.mov")
    make_movie(tmp_path / "a.mov")
    with pytest.raises(SettingError, match="overwrite"):
        open_sink(path, like=shot, provenance={"model": "one"})
    with open_sink(path, like=shot, provenance={"model": "one"}, overwrite=True) as sink:
        sink.write(1, shot.read(1))
    assert read_provenance(path) == {"model": "one"}
    assert not open_sink(path, like=shot, provenance={"model": "one"}).exists(1)
    with pytest.raises(SettingError):
        open_sink(path, like=shot, provenance={"model": "two"})


def test_a_movie_is_not_written_over_its_plate(tmp_path: Path) -> None:
    plate = open_shot(str(make_movie(tmp_path / "a.mov")))
    with pytest.raises(SequenceError, match="plate"):
        open_sink(str(tmp_path / "a.mov"), like=plate, overwrite=True)


@pytest.mark.parametrize("codec", ["prores_hq", "zip"])
def test_a_codec_that_the_container_cannot_carry_is_refused(tmp_path: Path, codec: str) -> None:
    with pytest.raises(SettingError, match="h264"):
        open_sink(str(tmp_path / "a.mp4"), like=Pictures(), compression=codec)


def test_a_frame_of_another_size_is_refused_and_the_movie_given_up(tmp_path: Path) -> None:
    shot = Pictures()
    sink = open_sink(str(tmp_path / "a.mov"), like=shot)
    sink.write(1, shot.read(1))
    with pytest.raises(WriteError, match="128x128"):
        sink.write(2, picture(2, (128, 128)))
    with pytest.raises(WriteError):
        sink.write(3, shot.read(3))
    sink.abort()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "size"), [("a.mp4", (67, 45)), ("a.mov", (67, 45)), ("a.mov", (1, 1)), ("a.mp4", (1, 3))]
)
def test_odd_sizes_come_out_with_their_size(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    movie = open_shot(str(make_movie(tmp_path / name, size=size)))
    assert movie.read(3).planes("RGB").shape == (size[1], size[0], 3)


def test_a_size_that_the_codec_refuses_is_a_write_error(tmp_path: Path) -> None:
    shot = Pictures((16, 16))
    with pytest.raises(WriteError), open_sink(str(tmp_path / "a.mxf"), like=shot) as sink:
        sink.write(1, shot.read(1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "codec", "size", "said"),
    [
        ("a.mxf", None, (64, 48), "at least 256 x 120"),
        ("a.mov", "v210", (33, 48), "an even width"),
        ("a.mp4", "hevc", (15, 17), "a size that the encoder takes"),
    ],
)
def test_a_size_that_the_codec_refuses_is_named_before_the_first_frame(
    tmp_path: Path, name: str, codec: str | None, size: tuple[int, int], said: str
) -> None:
    shot = Pictures(size)
    sink = open_sink(str(tmp_path / name), like=shot, compression=codec)
    with pytest.raises(SettingError) as caught:
        sink.announce(shot.read(1))
    assert said in str(caught.value.expected) and f"{size[0]} x {size[1]}" in str(caught.value.found)
    assert "disk" not in str(caught.value) and list(tmp_path.iterdir()) == []


def test_a_matte_becomes_a_grey_movie(tmp_path: Path) -> None:
    shot = Pictures()
    values = np.linspace(0, 1, 256, dtype=np.float32)[None, :, None].repeat(128, 0)
    with open_sink(str(tmp_path / "a.mov"), like=shot) as sink:
        for number in shot.numbers:
            sink.write(number, shot.read(number).as_matte(values))
    assert np.abs(open_shot(str(tmp_path / "a.mov")).read(2).planes("RGB") - values).max() < 0.01


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mov", "prores_hq"), ("a.mp4", "h264"), ("a.mxf", "dnxhr_sq")]
)
def test_damaged_movies_are_read_or_refused(tmp_path: Path, name: str, codec: str) -> None:
    data = make_movie(tmp_path / name, codec).read_bytes()
    chance = random.Random(2)
    broken = tmp_path / f"broken{Path(name).suffix}"
    for attempt in range(24):
        version = bytearray(data)
        if attempt % 3 == 0:
            version = version[: chance.randrange(len(version))]
        reach = len(version) if attempt % 3 == 1 else min(len(version), 2000)
        for _ in range(chance.randint(0 if attempt % 3 == 0 else 1, 20)):
            version[chance.randrange(reach)] ^= 1 << chance.randrange(8)
        broken.write_bytes(version)
        read_all_or_refuse(broken)


def read_all_or_refuse(path: Path) -> None:
    try:
        shot = open_shot(str(path))
    except UnderstudyError:
        return
    for number in shot.numbers[:3] + shot.numbers[-1:]:
        try:
            assert shot.read(number).planes("RGB").ndim == 3
        except FrameError:
            continue


def test_a_movie_cut_short_keeps_the_frames_before_the_cut(tmp_path: Path) -> None:
    data = make_movie(tmp_path / "a.mxf", "dnxhr_sq").read_bytes()
    (tmp_path / "cut.mxf").write_bytes(data[: int(len(data) * 0.6)])
    shot = open_shot(str(tmp_path / "cut.mxf"))
    assert 3 <= len(shot.numbers) < COUNT
    assert error_of(shot.read(2), 2) < 0.006


def test_a_playlist_with_a_movies_name_is_refused_and_not_followed(tmp_path: Path) -> None:
    make_movie(tmp_path / "real.mp4")
    (tmp_path / "list.mp4").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nreal.mp4\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(FrameError):
        open_shot(str(tmp_path / "list.mp4"))


def test_without_pyav_a_movie_names_the_package_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from understudy.errors import MissingPackageError

    path = make_movie(tmp_path / "a.mov")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingPackageError, match="understudy"):
        open_shot(str(path))


def test_the_frames_of_a_movie_go_into_a_folder_as_16_bit_png(tmp_path: Path) -> None:
    plate = open_shot(str(make_movie(tmp_path / "clip.mov", "prores_hq")))
    path = open_sink(str(tmp_path / "out"), like=plate).write(2, plate.read(2))
    assert path == tmp_path / "out" / "clip.0002.png"
    assert read_image_file(path).part.kinds == ("uint16",) * 3


def test_the_colour_tags_of_a_movie_are_in_the_header_of_each_frame_and_of_a_png_made_of_it(
    tmp_path: Path,
) -> None:
    plate = open_shot(str(make_movie(tmp_path / "a.mov", "prores_hq")))
    assert header_colour(plate.read(2)) == HeaderColour("the movie's tags", 1, 1)
    written = read_image_file(open_sink(str(tmp_path / "out"), like=plate).write(2, plate.read(2)))
    assert header_colour(written) == HeaderColour("CICP in the header", 1, 1)
    assert header_colour(picture(1)) == HeaderColour()
