"""Pixels -> one movie file, frame after frame, through PyAV."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import WriteError
from understudy.frames.atomic import cannot_write
from understudy.frames.av_library import interpolation, load_av
from understudy.frames.formats import extension_of
from understudy.frames.movie_codecs import Codec
from understudy.frames.movie_info import ColourTags

_MUXERS = {"mov": "mov", "mp4": "mp4", "mxf": "mxf"}


class MovieWriter:
    """An open movie of one size. Not safe for threads."""

    def __init__(
        self,
        path: Path,
        codec: Codec,
        size: tuple[int, int],
        rate: Fraction,
        *,
        tags: ColourTags,
        timecode: str = "",
        metadata: dict[str, str] | None = None,
        with_alpha: bool = False,
    ) -> None:
        self._path = path
        self._av = load_av(str(path))
        self._size = size
        self._rate = rate
        self._tags = tags
        self._count = 0
        self._format = _pixel_format(codec, size, with_alpha)
        self._container, self._stream = self._open(codec, timecode, metadata or {})

    def write(self, pixels: np.ndarray) -> None:
        """Append uint16 (height, width, 3 or 4). Raises WriteError."""
        height, width = pixels.shape[:2]
        if (width, height) != self._size:
            raise cannot_write(
                self._path, f"a frame of {width}x{height} in a movie of {self._size[0]}x{self._size[1]}"
            )
        try:
            frame = self._to_video(pixels)
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Write what the encoder still holds, and the index. Raises WriteError."""
        try:
            for packet in self._stream.encode(None):
                self._container.mux(packet)
            self._container.close()
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise self._failed(error) from error

    def abandon(self) -> None:
        """Close without care for what is in the file."""
        try:
            self._container.close()
        except (self._av.error.FFmpegError, OSError, ValueError):
            return

    def _open(self, codec: Codec, timecode: str, metadata: dict[str, str]) -> tuple[Any, Any]:
        try:
            container = self._av.open(
                os.path.abspath(self._path), "w", format=_MUXERS[extension_of(self._path)]
            )
            container.metadata.update(metadata)
            stream = container.add_stream(codec.encoder, rate=self._rate, options=dict(codec.options))
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise self._failed(error) from error
        stream.width, stream.height = self._size
        stream.pix_fmt = self._format
        context = stream.codec_context
        context.color_primaries, context.color_trc = self._tags.primaries, self._tags.transfer
        context.colorspace = self._tags.matrix
        context.color_range = 2 if self._tags.full_range else 1
        if timecode:
            stream.metadata["timecode"] = timecode
        return container, stream

    def _to_video(self, pixels: np.ndarray) -> Any:
        layout = "rgba64le" if pixels.shape[2] == 4 else "rgb48le"
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=layout)
        reformatter = self._av.video.reformatter
        ranges = reformatter.ColorRange
        converted = reformatter.VideoReformatter().reformat(
            frame,
            format=self._format,
            src_colorspace=self._tags.matrix,
            dst_colorspace=self._tags.matrix,
            src_color_range=ranges.JPEG,
            dst_color_range=ranges.JPEG if self._tags.full_range else ranges.MPEG,
            interpolation=interpolation(self._av),
            threads=1,
        )
        converted.pts, converted.time_base = self._count, 1 / self._rate
        self._count += 1
        return converted

    def _failed(self, error: BaseException) -> WriteError:
        return cannot_write(self._path, str(error))


def _pixel_format(codec: Codec, size: tuple[int, int], with_alpha: bool) -> str:
    """The codec's format; chroma at full size where the frame's sides are odd and the encoder would
    refuse."""
    if with_alpha and codec.alpha_format:
        return codec.alpha_format
    if codec.name == "h264" and (size[0] % 2 or size[1] % 2):
        return codec.pixel_format.replace("420", "444").replace("422", "444")
    return codec.pixel_format
