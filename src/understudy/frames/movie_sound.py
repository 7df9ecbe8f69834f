"""The sound of a movie, copied packet by packet into another: no sample is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

from understudy.frames.av_library import load_av
from understudy.frames.movie_open import open_movie

_IN_MXF = ("pcm_s16le", "pcm_s24le")
_MXF_RATE = 48000


class SoundCopy:
    """The sound tracks of the movie ``source`` between ``begin`` and ``end``, in seconds of its own time
    (None: all). ``begin`` becomes 0 in the new movie. Not safe for threads.

    ``left_out``: sentences on tracks that the container cannot hold; known once ``add_to`` was called.
    """

    def __init__(self, source: Path, extension: str, begin: Fraction | None, end: Fraction | None) -> None:
        self._av = load_av(str(source))
        self._source = source
        self._extension = extension
        self._begin, self._end = begin, end
        self._container: Any = open_movie(source)
        self._output: Any = None
        self._to: dict[int, Any] = {}
        self._last: dict[int, int] = {}
        self._packets: Iterator[Any] = iter(())
        self._next: Any = None
        self.left_out: list[str] = []

    def add_to(self, container: Any) -> None:
        """Add a track to the new movie for each that it can hold."""
        self._output = container
        for stream in self._container.streams.audio:
            reason = self._reason_against(stream)
            if reason is None:
                try:
                    self._to[stream.index] = self._added(container, stream)
                    continue
                except (self._av.error.FFmpegError, ValueError, AttributeError) as error:
                    reason = " ".join(str(error).split())
            self.left_out.append(f"A sound track is left out: {reason}.")
        tracks = [stream for stream in self._container.streams.audio if stream.index in self._to]
        if tracks:
            self._packets = self._container.demux(tracks)

    def copy_until(self, seconds: float | None) -> None:
        """Copy what is heard before that time of the new movie; all that is left where it is None."""
        try:
            while self._advance() and (seconds is None or self._time(self._next) < seconds):
                packet, self._next = self._next, None
                self._copy(packet)
        except (self._av.error.FFmpegError, ValueError) as error:
            self._packets = iter(())
            self.left_out.append(f"The sound ends early: {' '.join(str(error).split())}.")

    def close(self) -> None:
        with suppress(self._av.error.FFmpegError, OSError):
            self._container.close()

    def _reason_against(self, stream: Any) -> str | None:
        context = stream.codec_context
        if context is None:
            return "its codec is not known"
        rate = int(context.sample_rate or 0)
        if self._extension == "mxf" and (context.name not in _IN_MXF or rate != _MXF_RATE):
            holds = f"{' and '.join(_IN_MXF)} of {_MXF_RATE} Hz"
            return f"MXF holds {holds}, and it is {context.name} of {rate} Hz"
        return None

    def _added(self, container: Any, stream: Any) -> Any:
        added = container.add_stream_from_template(stream)
        with suppress(ValueError, TypeError, AttributeError):
            if "language" in stream.metadata:
                added.metadata["language"] = stream.metadata["language"]
            added.disposition = stream.disposition
        return added

    def _advance(self) -> bool:
        """Have the next packet ready that lies in time; False at the end."""
        while self._next is None:
            packet = next(self._packets, None)
            if packet is None:
                return False
            if packet.size and packet.dts is not None and self._is_inside(packet):
                self._next = packet
        return True

    def _is_inside(self, packet: Any) -> bool:
        time = packet.dts * packet.time_base
        if self._begin is not None and time < self._begin:
            return False
        return self._end is None or time < self._end

    def _time(self, packet: Any) -> float:
        return float(packet.dts * packet.time_base - (self._begin or 0))

    def _copy(self, packet: Any) -> None:
        index = packet.stream.index
        shift = round((self._begin or Fraction(0)) / packet.time_base)
        packet.dts -= shift
        packet.pts = packet.dts if packet.pts is None else packet.pts - shift
        if packet.dts <= self._last.get(index, packet.dts - 1):
            return  # a clock that runs backwards would end the whole movie
        self._last[index] = packet.dts
        packet.stream = self._to[index]
        self._output.mux(packet)
