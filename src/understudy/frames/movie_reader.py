"""The frames of a movie by their place in it, decoded forwards or found by seeking."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import FrameError
from understudy.frames.av_library import interpolation, load_av
from understudy.frames.formats import extension_of
from understudy.frames.movie_info import MovieInfo, movie_info
from understudy.frames.sequence import MAX_FRAMES

_DEMUXERS = {"mov": "mov", "mp4": "mov", "m4v": "mov", "mxf": "mxf", "mkv": "matroska"}
_MAX_PIXELS = 2**28
_KEPT = 4  # decoded frames held for readers that ask a little out of order
_DECODE_ON = 24  # frames ahead that are decoded rather than sought


class MovieReader:
    """One opened movie. Not safe for threads: its owner holds a lock around ``decode``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._av = load_av(str(path))
        self._container: Any = None
        self._decoded: Iterator[Any] = iter(())
        self._next = 0
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._stream = self._open()
        self.info: MovieInfo = self._read_info()
        self._times = self._find_times()
        self._places = {time: place for place, time in enumerate(self._times)}
        self.close()

    def __len__(self) -> int:
        return len(self._times)

    def decode(self, place: int) -> Any:
        """The PyAV frame at ``place`` (0 is the first). Raises FrameError when it cannot be decoded."""
        if place in self._kept:
            return self._kept[place]
        try:
            frame = self._decode_near(place)
            if frame is None:
                frame = self._decode_from_start(place)
        except (self._av.error.FFmpegError, OSError, ValueError, MemoryError) as error:
            self.close()
            raise self._damaged(f"frame {place + 1}: {error}") from error
        if frame is None:
            raise self._damaged(f"no picture for frame {place + 1}")
        return frame

    def to_pixels(self, frame: Any) -> np.ndarray:
        """uint16 (height, width, 3 or 4) R'G'B'(A) of a decoded frame, as the movie's colour tags say."""
        reformatter = self._av.video.reformatter
        ranges = reformatter.ColorRange
        layout = "rgba64le" if self.info.has_alpha else "rgb48le"
        try:
            converted = reformatter.VideoReformatter().reformat(
                frame,
                format=layout,
                src_colorspace=self.info.tags.matrix,
                dst_colorspace=self.info.tags.matrix,
                src_color_range=ranges.JPEG if self.info.tags.full_range else ranges.MPEG,
                dst_color_range=ranges.JPEG,
                interpolation=interpolation(self._av),
                threads=1,
            )
            return np.asarray(converted.to_ndarray())
        except (self._av.error.FFmpegError, ValueError, MemoryError) as error:
            raise self._damaged(str(error)) from error

    def close(self) -> None:
        """Close the file; the next ``decode`` opens it again."""
        if self._container is not None:
            self._container.close()
        self._container, self._decoded, self._next = None, iter(()), 0
        self._kept.clear()

    def _open(self) -> Any:
        demuxer = _DEMUXERS[extension_of(self._path)]
        try:
            # an absolute path and a named demuxer: no other protocol or playlist is ever followed
            self._container = self._av.open(
                os.path.abspath(self._path), format=demuxer, metadata_errors="replace"
            )
            return self._container.streams.video[0]
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise self._damaged(str(error)) from error
        except IndexError as error:
            raise self._damaged("no picture track") from error

    def _read_info(self) -> MovieInfo:
        if self._stream.codec_context is None:
            raise self._damaged("a codec that is not known")
        info = movie_info(self._stream)
        size = f"{info.width} x {info.height}"
        if not (info.width > 0 and info.height > 0 and info.pixel_format):
            raise self._damaged(f"a picture of {size}, {info.pixel_format or 'no pixel format'}")
        if info.width * info.height > _MAX_PIXELS:
            raise self._damaged(f"a header that claims a picture of {size}")
        return info

    def _find_times(self) -> list[int]:
        """The time stamp of every frame, in order of showing.

        The index of a QuickTime file with a codec of whole frames has them; otherwise the packets are gone
        through, without decoding.
        """
        try:
            times = self._times_from_index() or self._times_from_packets()
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise self._damaged(str(error)) from error
        ordered = sorted(set(times))
        if not ordered:
            raise self._damaged("no frames")
        return ordered[:MAX_FRAMES]

    def _times_from_index(self) -> list[int]:
        entries = getattr(self._stream, "index_entries", ())
        whole_frames = getattr(self._stream.codec_context.codec, "intra_only", False)
        if not whole_frames or not 0 < len(entries) <= MAX_FRAMES or len(entries) != self._stream.frames:
            return []
        return [entry.timestamp for entry in entries]

    def _times_from_packets(self) -> list[int]:
        times: list[int] = []
        try:
            for packet in self._container.demux(self._stream):
                time = packet.pts if packet.pts is not None else packet.dts
                if time is not None and packet.size and not packet.is_discard:
                    times.append(time)
                if len(times) >= MAX_FRAMES:
                    break
        except (self._av.error.FFmpegError, ValueError):
            if not times:  # a movie cut short keeps the frames before the cut
                raise
        return times

    def _decode_near(self, place: int) -> Any:
        """Go on from where the decoder stands, or seek; None when the frame was jumped over."""
        near = self._container is not None and self._next <= place <= self._next + _DECODE_ON
        if not near:
            self._seek(place)
        return self._advance_to(place)

    def _decode_from_start(self, place: int) -> Any:
        self._seek(0)
        return self._advance_to(place)

    def _seek(self, place: int) -> None:
        """Put the decoder at or before ``place``."""
        fresh = self._container is None
        if fresh:
            self._stream = self._open()
            self._stream.thread_type = "AUTO"
            self._stream.codec_context.options = {"max_pixels": str(_MAX_PIXELS)}
        container: Any = self._container
        if not fresh or place > _DECODE_ON:
            container.seek(self._times[place], stream=self._stream, backward=True)
        self._decoded = container.decode(self._stream)

    def _advance_to(self, place: int) -> Any:
        for frame in self._decoded:
            time = frame.pts if frame.pts is not None else frame.dts
            at = self._places.get(time)
            if at is None:
                continue
            self._next = at + 1
            self._keep(at, frame)
            if at >= place:
                return frame if at == place else None
        self.close()
        return None

    def _keep(self, place: int, frame: Any) -> None:
        self._kept[place] = frame
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def _damaged(self, reason: str) -> FrameError:
        return FrameError(
            "The movie cannot be read.",
            expected="a whole movie with a picture track",
            found=" ".join(reason.split())[:300],
            where=str(self._path),
            remedy="export or copy the movie again",
        )
