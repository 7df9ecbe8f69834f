"""How a movie will be written: as its plate was, as far as codec and container can hold it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from understudy.frames.movie_codecs import Codec, bits_of, chroma_of
from understudy.frames.movie_hdr import NO_HDR, HdrMetadata
from understudy.frames.movie_info import BOTTOM_FIRST, ColourTags, MovieInfo, is_rgb
from understudy.frames.movie_orientation import UPRIGHT, Orientation

COPIED = ("title", "comment", "description", "artist", "copyright", "creation_time", "reel_name", "date")
MXF_RATES = (
    *(Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30)),
    *(Fraction(48000, 1001), Fraction(48), Fraction(50), Fraction(60000, 1001), Fraction(60)),
    *(Fraction(100), Fraction(120)),
)
KEEPS_TURN = ("mov", "mp4")
KEEPS_TIMES = ("mov", "mp4")


@dataclass(frozen=True)
class MoviePlan:
    """``size``: width and height as they are stored, before ``orientation`` turns the picture for showing.
    ``time_base``: the length of a tick of the frames' time stamps; ``fields`` as in MovieInfo."""

    codec: Codec
    pixel_format: str
    size: tuple[int, int]
    rate: Fraction
    time_base: Fraction
    tags: ColourTags
    aspect: Fraction = Fraction(1)
    orientation: Orientation = UPRIGHT
    fields: int = 0
    hdr: HdrMetadata = NO_HDR
    timecode: str = ""
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, str]:
        """FFmpeg's options of the encoder, with what it does not learn in another way."""
        options = dict(self.codec.options)
        if self.codec.name == "h264" and self.fields > 1:
            options["x264-params"] = "bff=1" if self.fields in BOTTOM_FIRST else "tff=1"
        if self.codec.name == "hevc":
            more = [f"master-display={self.hdr.mastering}"] if self.hdr.mastering else []
            more += [f"max-cll={self.hdr.light}"] if self.hdr.light else []
            options["x265-params"] = ":".join([options["x265-params"], *more])
        return options

    @property
    def words(self) -> str:
        """What is written, in one sentence."""
        chroma = chroma_of(self.pixel_format)
        depth = f"{bits_of(self.pixel_format)} bits"
        span = "" if chroma == "RGB" else f", {'full' if self.tags.full_range else 'limited'} range"
        return f"The movie is written as {self.codec.name}, {depth}, {chroma}{span}."


def plan_movie(
    codec: Codec, extension: str, shown: tuple[int, int, int], plate: MovieInfo | None, rate: Fraction
) -> MoviePlan:
    """The plan for frames of ``shown`` width, height and channels, as they are to be seen; ``plate`` is the
    movie they were made of, if it was one, and ``rate`` the frames for each second."""
    width, height, count = shown
    rate = held_rate(rate, extension)
    orientation = plate.orientation if plate and extension in KEEPS_TURN else UPRIGHT
    size = (height, width) if orientation.swapped else (width, height)
    pixel_format = _pixel_format(codec, size, count == 4)
    plan = MoviePlan(codec, pixel_format, size, rate, 1 / rate, _tags(codec, pixel_format, plate))
    if plate is None:
        return plan
    turned_for_good = plate.orientation.swapped and not orientation.swapped
    return replace(
        plan,
        aspect=plate.shown_aspect if turned_for_good else plate.pixel_aspect,
        orientation=orientation,
        fields=0 if turned_for_good or (plate.is_interlaced and not codec.interlaced) else plate.fields,
        hdr=plate.hdr,
        time_base=plate.time_base if extension in KEEPS_TIMES else 1 / rate,
        metadata={name: plate.metadata[name] for name in COPIED if name in plate.metadata},
    )


def held_rate(rate: Fraction, extension: str) -> Fraction:
    """The rate itself, or the nearest that the container can hold."""
    if extension != "mxf" or rate in MXF_RATES:
        return rate
    return min(MXF_RATES, key=lambda each: abs(each / rate - 1))


def _tags(codec: Codec, pixel_format: str, plate: MovieInfo | None) -> ColourTags:
    """The plate's, with the range that the codec can say: full range is what other codecs cannot."""
    tags = plate.tags if plate else ColourTags()
    if is_rgb(pixel_format):
        return replace(tags, matrix=0, full_range=True)
    plates_own = plate is not None and not plate.is_rgb and tags.full_range
    return replace(tags, full_range=plates_own and codec.full_range)


def _pixel_format(codec: Codec, size: tuple[int, int], with_alpha: bool) -> str:
    """The codec's format; chroma at full size where the frame's sides are odd and the encoder would
    refuse."""
    if with_alpha and codec.alpha_format:
        return codec.alpha_format
    if codec.name in ("h264", "hevc") and (size[0] % 2 or size[1] % 2):
        return codec.pixel_format.replace("420", "444").replace("422", "444")
    return codec.pixel_format
