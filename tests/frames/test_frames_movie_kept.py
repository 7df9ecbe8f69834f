"""What a movie holds beside its pixels goes into the movie made of it, or is said to be lost ahead of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.frames import FrameSink, open_shot, open_sink
from understudy.frames.movie_info import MovieInfo
from understudy.frames.movie_shot import MovieShot

av = pytest.importorskip("av")

PRORES: dict[str, Any] = {
    "encoder": "prores_ks",
    "pixel_format": "yuv422p10le",
    "options": {"profile": "hq", "vendor": "apl0"},
}
DNXHR: dict[str, Any] = {
    "encoder": "dnxhd",
    "pixel_format": "yuv422p",
    "options": {"profile": "dnxhr_sq"},
    "size": (256, 128),
}
HEVC_10: dict[str, Any] = {
    "encoder": "libx265",
    "pixel_format": "yuv420p10le",
    "options": {"x265-params": "log-level=none:bframes=0"},
    "tags": (9, 16, 9),
}
PQ = {"options": {"x265-params": "log-level=none:bframes=0:max-cll=1000,400:master-display="}}
DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
UNEVEN = (0, 1001, 2002, 6006, 7007, 14014)


def copied(plate: Path, output: Path, **wishes: Any) -> FrameSink:
    """Every frame of a movie written as it is into another, as ``--mix 0`` does."""
    shot = open_shot(str(plate), frames=wishes.pop("frames", None))
    lost = wishes.pop("lost", ())
    with open_sink(str(output), like=shot, **wishes) as sink:
        sink.announce(shot.read(shot.numbers[0]))
        for number in shot.numbers:
            sink.skip(number) if number in lost else sink.write(number, shot.read(number))
    return sink


def info_of(path: Path) -> MovieInfo:
    shot = open_shot(str(path))
    assert isinstance(shot, MovieShot)
    return shot.info


def said(sink: FrameSink, *words: str) -> bool:
    return any(all(word in note for word in words) for note in sink.notes)


def decoded(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def times_of(path: Path) -> list[Fraction]:
    return [frame.pts * frame.time_base for frame in decoded(path)]


def error_between(one: Path, other: Path, number: int = 3) -> float:
    before, after = (open_shot(str(path)).read(number).planes("RGB") for path in (one, other))
    return float(np.abs(before - after).mean())


@pytest.mark.parametrize(
    ("degrees", "mirrored"), [(90, False), (180, False), (-90, False), (0, True), (90, True)]
)
def test_a_turned_movie_is_read_upright_and_written_as_it_was(
    tmp_path: Path, film: Any, degrees: int, mirrored: bool
) -> None:
    lossless = {"options": {"qp": "0"}}
    flat = film(count=4, **lossless).write(tmp_path / "flat.mp4")
    plate = film(count=4, rotation=degrees, mirrored=mirrored, **lossless).write(tmp_path / "plate.mp4")
    shot, stored = open_shot(str(plate)), open_shot(str(flat)).read(2).planes("RGB")
    upright = shot.read(2)
    wanted = np.rot90(stored, degrees // 90)  # counter-clockwise, as FFmpeg counts
    wanted = wanted[:, ::-1] if mirrored else wanted
    assert np.array_equal(upright.planes("RGB"), wanted)
    assert any("turned" in note or "mirrored" in note for note in shot.notes)
    copied(plate, tmp_path / "out.mp4")
    before, after = decoded(plate)[1], decoded(tmp_path / "out.mp4")[1]
    assert after.rotation == before.rotation and (after.width, after.height) == (before.width, before.height)
    assert info_of(tmp_path / "out.mp4").orientation == info_of(plate).orientation
    assert error_between(plate, tmp_path / "out.mp4", 2) < 0.01


def test_where_the_container_holds_no_turning_frames_are_written_upright_and_that_is_said(
    tmp_path: Path, film: Any
) -> None:
    plate = film(count=3, rotation=90, size=(256, 320), aspect=Fraction(4, 3), **PRORES).write(
        tmp_path / "a.mov"
    )
    sink = copied(plate, tmp_path / "out.mxf")
    assert said(sink, "upright")
    assert info_of(tmp_path / "out.mxf").width == 320
    assert error_between(plate, tmp_path / "out.mxf", 2) < 0.01
    folder = open_sink(str(tmp_path / "out"), like=open_shot(str(plate)))
    written = open_shot(str(folder.write(1, open_shot(str(plate)).read(1)))).read(1)
    assert (written.display_window.width, written.display_window.height) == (320, 256)
    assert written.metadata["PixelAspectRatio"] == pytest.approx(3 / 4)


@pytest.mark.parametrize(("name", "how"), [("a.mov", PRORES), ("a.mp4", {}), ("a.mov", HEVC_10)])
def test_the_pixel_aspect_is_kept(tmp_path: Path, film: Any, name: str, how: dict[str, Any]) -> None:
    plate = film(count=3, aspect=Fraction(16, 15), **how).write(tmp_path / name)
    sink = copied(plate, tmp_path / f"out{plate.suffix}")
    assert info_of(tmp_path / f"out{plate.suffix}").pixel_aspect == Fraction(16, 15)
    assert not said(sink, "aspect")


def test_a_pixel_aspect_that_is_lost_is_said(tmp_path: Path, film: Any) -> None:
    plate = film(count=3, aspect=Fraction(16, 15), **PRORES | {"size": (256, 128)}).write(tmp_path / "a.mov")
    sink = copied(plate, tmp_path / "out.mxf", compression="dnxhr_sq")
    kept = info_of(tmp_path / "out.mxf").pixel_aspect == Fraction(16, 15)
    assert kept != said(sink, "aspect")


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize(("name", "how"), [("a.mov", PRORES), ("a.mp4", {"size": (192, 128)})])
def test_the_field_order_is_kept(
    tmp_path: Path, film: Any, name: str, how: dict[str, Any], order: int
) -> None:
    options = {} if "options" in how else {"options": {"x264-params": "tff=1" if order == 2 else "bff=1"}}
    plate = film(count=3, fields=order, **how, **options).write(tmp_path / name)
    assert info_of(plate).fields == order
    assert any("interlaced" in note for note in open_shot(str(plate)).notes)
    copied(plate, tmp_path / f"out{plate.suffix}")
    assert info_of(tmp_path / f"out{plate.suffix}").fields == order
    assert decoded(tmp_path / f"out{plate.suffix}")[0].interlaced_frame


def test_the_colours_of_two_fields_do_not_run_into_each_other(tmp_path: Path, film: Any) -> None:
    """Rows are red and blue in turn; with chroma of half the height, they would all come out purple."""
    options = {"qp": "0", "x264-params": "tff=1"}
    made = film(count=2, fields=2, size=(192, 128), options=options).write(tmp_path / "made.mp4")
    shot = open_shot(str(made))
    rows = np.zeros((128, 192, 3), np.float32)
    rows[0::2], rows[1::2] = (0.7, 0.2, 0.2), (0.2, 0.2, 0.7)
    with open_sink(str(tmp_path / "a.mp4"), like=shot) as sink:
        for number in shot.numbers:
            sink.write(number, shot.read(number).with_planes("RGB", rows))
    assert np.abs(open_shot(str(tmp_path / "a.mp4")).read(1).planes("RGB") - rows).mean() < 0.02


def test_fields_that_the_codec_cannot_hold_are_said_to_be_lost(tmp_path: Path, film: Any) -> None:
    plate = film(count=3, fields=2, **PRORES | {"size": (256, 128)}).write(tmp_path / "a.mov")
    sink = copied(plate, tmp_path / "out.mov", compression="dnxhr_hqx")
    assert said(sink, "interlaced", "lost")


@pytest.mark.parametrize(("name", "how"), [("a.mp4", {}), ("a.mov", PRORES), ("a.mp4", HEVC_10)])
def test_time_stamps_of_a_variable_frame_rate_are_kept(
    tmp_path: Path, film: Any, name: str, how: dict[str, Any]
) -> None:
    plate = film(count=6, times=UNEVEN, time_base=Fraction(1, 24000), **how).write(tmp_path / name)
    assert any("varies" in note for note in open_shot(str(plate)).notes)
    output = tmp_path / f"out{plate.suffix}"
    copied(plate, output)
    assert times_of(output) == [Fraction(tick, 24000) for tick in UNEVEN] == times_of(plate)
    assert error_between(plate, output, 4) < 0.01


def test_where_the_container_has_one_rate_the_loss_of_times_is_said(tmp_path: Path, film: Any) -> None:
    plate = film(
        count=6,
        times=UNEVEN,
        time_base=Fraction(1, 24000),
        sound="pcm_s16le",
        **PRORES | {"size": (256, 128)},
    ).write(tmp_path / "a.mov")
    sink = copied(plate, tmp_path / "out.mxf")
    assert said(sink, "one frame rate") and said(sink, "sound is left out")


def test_the_last_frame_is_shown_as_long_as_before(tmp_path: Path, film: Any) -> None:
    plate = film(count=6).write(tmp_path / "a.mp4")
    copied(plate, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == Fraction(6, 24)


def test_a_frame_that_does_not_come_leaves_the_others_in_their_time(tmp_path: Path, film: Any) -> None:
    plate = film(count=6, sound="pcm_s16le", **PRORES).write(tmp_path / "a.mov")
    sink = copied(plate, tmp_path / "out.mov", lost=(3,))
    assert times_of(tmp_path / "out.mov") == [Fraction(at, 24) for at in (0, 1, 3, 4, 5)]
    assert said(sink, "without frame 3", "longer")


def test_where_there_is_one_rate_the_frame_before_stands_for_one_that_does_not_come(
    tmp_path: Path, film: Any
) -> None:
    plate = film(count=6, sound="pcm_s16le", **PRORES | {"size": (256, 128)}).write(tmp_path / "a.mov")
    copied(plate, tmp_path / "out.mxf", lost=(3,))
    assert len(times_of(tmp_path / "out.mxf")) == 6
    assert error_between(plate, tmp_path / "out.mxf", 5) < 0.01


def sound_of(path: Path) -> tuple[str, list[tuple[float, bytes]]]:
    """The codec of the sound, and its packets with their times."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        return stream.codec_context.name, [
            (float(packet.pts * packet.time_base), bytes(packet)) for packet in packets
        ]


@pytest.mark.parametrize(
    ("name", "how", "codec"),
    [("a.mov", PRORES, "pcm_s16le"), ("a.mp4", {}, "aac"), ("a.mov", HEVC_10, "aac")],
)
def test_the_sound_is_copied(tmp_path: Path, film: Any, name: str, how: dict[str, Any], codec: str) -> None:
    plate = film(count=24, sound=codec, **how).write(tmp_path / name)
    output = tmp_path / f"out{plate.suffix}"
    sink = copied(plate, output)
    (before, packets), (after, copies) = sound_of(plate), sound_of(output)
    assert before == after == codec and not said(sink, "left out")
    assert b"".join(data for _, data in packets) == b"".join(data for _, data in copies)
    assert copies[0][0] == pytest.approx(packets[0][0], abs=1e-3)
    assert times_of(output) == times_of(plate)


def test_a_stretch_of_a_movie_has_the_sound_of_that_stretch(tmp_path: Path, film: Any) -> None:
    plate = film(count=48, sound="pcm_s16le", **PRORES).write(tmp_path / "a.mov")
    copied(plate, tmp_path / "out.mov", frames="25-36")
    assert times_of(tmp_path / "out.mov") == [Fraction(at, 24) for at in range(12)]
    whole = b"".join(data for _, data in sound_of(plate)[1])
    _, packets = sound_of(tmp_path / "out.mov")
    part = b"".join(data for _, data in packets)
    heard_at = whole.find(part) / 48000 / 4  # two channels of two bytes
    assert 0.4 < len(part) / 48000 / 4 < 0.6
    assert heard_at - packets[0][0] == pytest.approx(1.0, abs=0.001), "as far from the picture as before"


@pytest.mark.parametrize(("codec", "kept"), [("pcm_s16le", True), ("aac", False)])
def test_sound_that_mxf_cannot_hold_is_said_to_be_left_out(
    tmp_path: Path, film: Any, codec: str, kept: bool
) -> None:
    plate = film(count=12, sound=codec, **PRORES | {"size": (256, 128)}).write(tmp_path / "a.mov")
    sink = copied(plate, tmp_path / "out.mxf")
    with av.open(str(tmp_path / "out.mxf")) as container:
        assert bool(container.streams.audio) == kept
    assert said(sink, "sound track is left out") != kept


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.mp4", HEVC_10),
        ("a.mov", HEVC_10),
        ("a.mp4", {"pixel_format": "yuv420p10le", "tags": (9, 18, 9)}),
        ("a.mp4", {"pixel_format": "yuv422p10le"}),
        ("a.mov", {**PRORES, "tags": (9, 16, 9)}),
        ("a.mxf", {**DNXHR, "pixel_format": "yuv422p10le", "options": {"profile": "dnxhr_hqx"}}),
        ("a.mov", {"encoder": "png", "pixel_format": "rgb48be", "tags": (9, 16, 0)}),
        ("a.mov", {"encoder": "v210", "pixel_format": "yuv422p10le", "tags": (9, 16, 9)}),
    ],
)
def test_codec_depth_and_colour_tags_are_kept(
    tmp_path: Path, film: Any, name: str, how: dict[str, Any]
) -> None:
    plate = film(count=4, **how).write(tmp_path / name)
    output = tmp_path / f"out{plate.suffix}"
    sink = copied(plate, output)
    before, after = info_of(plate), info_of(output)
    for same in ("codec", "pixel_format", "bits", "tags"):
        assert getattr(after, same) == getattr(before, same), same
    assert error_between(plate, output) < 0.01
    assert not said(sink, "does not hold") and not said(sink, "takes its place")
    assert said(sink, "is written as", f"{before.bits} bits")


def test_the_mastering_display_and_the_light_level_are_kept_and_their_loss_is_said(
    tmp_path: Path, film: Any
) -> None:
    params = f"log-level=none:bframes=0:max-cll=1000,400:master-display={DISPLAY}"
    plate = film(count=4, **HEVC_10 | {"options": {"x265-params": params}}).write(tmp_path / "a.mp4")
    assert (info_of(plate).hdr.mastering, info_of(plate).hdr.light) == (DISPLAY, "1000,400")
    sink = copied(plate, tmp_path / "out.mp4")
    assert info_of(tmp_path / "out.mp4").hdr == info_of(plate).hdr and not said(sink, "mastering")
    assert said(copied(plate, tmp_path / "out.mov", compression="prores_hq"), "mastering")


FULL = [
    ("a.mov", {"encoder": "mjpeg", "pixel_format": "yuvj422p", "full_range": True}),
    ("a.mov", {"encoder": "png", "pixel_format": "rgb24", "tags": (1, 1, 0)}),
    ("a.mp4", {"full_range": True}),
    ("a.mp4", {**HEVC_10, "full_range": True}),
]


@pytest.mark.parametrize(("name", "how"), FULL)
@pytest.mark.parametrize(
    ("output", "codec"), [("o.mov", None), ("o.mov", "prores_4444"), ("o.mp4", None), ("o.mxf", None)]
)
def test_black_and_white_of_a_full_range_plate_stay_where_they_are(
    tmp_path: Path, film: Any, name: str, how: dict[str, Any], output: str, codec: str | None
) -> None:
    plate = film(count=3, size=(256, 128), **how).write(tmp_path / name)
    sink = copied(plate, tmp_path / output, compression=codec)
    before, after = (open_shot(str(path)).read(2).planes("RGB") for path in (plate, tmp_path / output))
    assert np.abs(before.mean((0, 1)) - after.mean((0, 1))).max() < 0.004
    ramps = before[:16].mean((0, 2)), after[:16].mean((0, 2))
    assert np.abs(ramps[0] - ramps[1]).max() < 0.02, "from black to white"
    assert said(sink, "is written as")


def test_a_plate_without_an_encoder_says_what_takes_its_place(tmp_path: Path, film: Any) -> None:
    plate = film(count=3, encoder="mjpeg", pixel_format="yuvj420p", full_range=True).write(tmp_path / "a.mov")
    sink = copied(plate, tmp_path / "out.mov")
    assert said(sink, "mjpeg", "takes its place") and said(sink, "full range")


def test_twelve_bits_that_become_ten_are_said(tmp_path: Path, film: Any) -> None:
    plate = film(count=3, **PRORES | {"pixel_format": "yuv444p10le", "options": {"profile": "4444"}})
    sink = copied(plate.write(tmp_path / "a.mov"), tmp_path / "out.mov")
    assert said(sink, "10 bits", "12")


@pytest.mark.parametrize("count", [1, 2])
def test_a_movie_of_very_few_frames_can_be_written(tmp_path: Path, film: Any, count: int) -> None:
    plate = film(count=count, **HEVC_10).write(tmp_path / "a.mp4")
    copied(plate, tmp_path / "out.mp4")
    assert len(open_shot(str(tmp_path / "out.mp4")).numbers) == count


def test_a_size_that_the_encoder_refuses_is_refused_before_the_first_frame(tmp_path: Path, film: Any) -> None:
    from understudy.errors import SettingError

    shot = open_shot(str(film(count=3, size=(64, 48)).write(tmp_path / "a.mp4")))
    sink = open_sink(str(tmp_path / "out.mxf"), like=shot)
    with pytest.raises(SettingError, match="cannot hold these frames"):
        sink.announce(shot.read(1))
    assert not (tmp_path / "out.mxf").exists()
