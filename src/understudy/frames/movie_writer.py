"""Pixels -> one movie file, frame after frame, through PyAV."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import WriteError
from understudy.frames.atomic import cannot_write
from understudy.frames.av_library import load_av
from understudy.frames.formats import extension_of
from understudy.frames.movie_convert import convert, mark_fields
from understudy.frames.movie_info import BOTTOM_FIRST, PROGRESSIVE
from understudy.frames.movie_plan import MoviePlan
from understudy.frames.movie_sound import SoundCopy

_MUXERS = {"mov": "mov", "mp4": "mp4", "mxf": "mxf"}
_INTERLACED = 0x40000 | 0x20000000  # FFmpeg's flags for interlaced transform and motion


class MovieWriter:
    """An open movie of one size, in ``file``, or under ``path`` where that is None. Not safe for threads."""

    def __init__(
        self, path: Path, plan: MoviePlan, sound: SoundCopy | None = None, file: Any | None = None
    ) -> None:
        self._path = path
        self._av = load_av(str(path))
        self._plan = plan
        self._sound = sound
        self._durations: dict[int, int] = {}
        self._container, self._stream = self._open(file or os.path.abspath(path))

    def write(self, pixels: np.ndarray, time: int, duration: int) -> None:
        """Append uint16 (height, width, 3 or 4), as it is shown, at ``time``, in ticks of the plan's time
        base. Raises WriteError."""
        try:
            frame = self._to_video(self._plan.orientation.turn_back(pixels))
            frame.pts, frame.time_base = time, self._plan.time_base
            self._durations[time] = duration
            self._mux(frame)
            if self._sound is not None:
                self._sound.copy_until(float(time * self._plan.time_base))
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise self._failed(error) from error

    def close(self, end: int | None = None) -> None:
        """Write what the encoder still holds, the sound up to ``end``, and the index. Raises WriteError."""
        try:
            self._mux(None)
            if self._sound is not None:
                self._sound.copy_until(None if end is None else float(end * self._plan.time_base))
            self._container.close()
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise self._failed(error) from error

    def abandon(self) -> None:
        """Close without care for what is in the file."""
        with suppress(self._av.error.FFmpegError, OSError, ValueError):
            self._container.close()

    def _mux(self, frame: Any | None) -> None:
        for packet in self._stream.encode(frame):
            duration = self._durations.pop(packet.pts, None)
            if duration is not None and packet.time_base == self._plan.time_base:
                packet.duration = duration
            self._container.mux(packet)

    def _open(self, target: Any) -> tuple[Any, Any]:
        plan = self._plan
        try:
            container = self._av.open(target, "w", format=_MUXERS[extension_of(self._path)])
            container.metadata.update(plan.metadata)
            stream = container.add_stream(plan.codec.encoder, rate=plan.rate, options=plan.options)
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise self._failed(error) from error
        stream.width, stream.height = plan.size
        stream.pix_fmt = plan.pixel_format
        self._describe(stream)
        if self._sound is not None:
            self._sound.add_to(container)
        return container, stream

    def _describe(self, stream: Any) -> None:
        plan, context = self._plan, stream.codec_context
        context.time_base = plan.time_base
        context.color_primaries, context.color_trc = plan.tags.primaries, plan.tags.transfer
        context.colorspace = plan.tags.matrix
        context.color_range = 2 if plan.tags.full_range else 1
        context.sample_aspect_ratio = plan.aspect
        if plan.codec.name == "hevc":
            context.codec_tag = "hvc1"  # the name by which Apple's players know it
        if plan.fields:
            context.field_order = plan.fields
        if plan.fields > PROGRESSIVE and plan.codec.encoder in ("prores_ks", "libx264"):
            context.flags |= _INTERLACED
        if not plan.orientation.is_upright:
            stream.set_display_matrix(plan.orientation.matrix)
        if plan.timecode:
            stream.metadata["timecode"] = plan.timecode

    def _to_video(self, pixels: np.ndarray) -> Any:
        plan = self._plan
        layout = "rgba64le" if pixels.shape[2] == 4 else "rgb48le"
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=layout)
        interlaced = plan.fields > PROGRESSIVE
        converted = convert(
            self._av,
            frame,
            plan.pixel_format,
            matrix=plan.tags.matrix,
            ranges=(True, plan.tags.full_range),
            fields=interlaced,
        )
        if interlaced:
            converted = mark_fields(self._av, converted, plan.fields not in BOTTOM_FIRST)
        # ProRes takes its tags from each frame
        converted.color_primaries, converted.color_trc = plan.tags.primaries, plan.tags.transfer
        converted.colorspace = plan.tags.matrix
        return converted

    def _failed(self, error: BaseException) -> WriteError:
        return cannot_write(self._path, str(error))
