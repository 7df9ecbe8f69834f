"""The frames of a movie by their place in it, decoded forwards or found by seeking."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import FrameError
from understudy.frames.av_library import load_av
from understudy.frames.movie_convert import convert
from understudy.frames.movie_index import MovieIndex, PacketEntry
from understudy.frames.movie_info import MovieInfo, movie_info, with_first_frame
from understudy.frames.movie_open import open_movie
from understudy.frames.movie_packets import is_unreferenced
from understudy.frames.sequence import MAX_FRAMES

_MAX_PIXELS = 2**28
_KEPT = 4  # decoded frames held for readers that ask a little out of order
_DECODE_ON = 24  # frames ahead that are decoded rather than sought
_PROBES = 3  # frames that are tried for what only a decoded one tells
_NO_PYRAMID = ("mpeg1video", "mpeg2video", "mpeg4")  # codecs whose B frames nothing refers to
_STRICT = "crccheck+bitstream+buffer+explode"  # damage is an error, and not painted over


class MovieReader:
    """One opened movie. Not safe for threads: its owner holds a lock around ``decode``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._av = load_av(str(path))
        self._container: Any = None
        self._decoded: Iterator[Any] = iter(())
        self._next = 0
        self._careful = False
        self._trouble = "no picture"
        self._lost: dict[int, str] = {}
        self._unreferenced: set[int] = set()
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._stream = self._open()
        self.info: MovieInfo = self._read_info()
        self.index = self._make_index()
        self._learn_from_first_frame()
        self.close()

    def __len__(self) -> int:
        return len(self.index)

    def decode(self, place: int) -> Any:
        """The PyAV frame at ``place`` (0 is the first). Raises FrameError when it cannot be decoded.

        A damaged packet costs its own frame and those that refer to it; all others come.
        """
        if place in self._kept and self._next > self.index.safe_at(place):
            return self._kept[place]
        frame = None if self._careful else self._find(place)
        if frame is None:
            if not self._careful:  # from here on each packet by itself, so that the damaged one is known
                self.close()
                self._careful = True
            frame = self._find_carefully(place)
        if frame is None:
            raise self._damaged(f"frame {place + 1}: {self._lost.get(place, self._trouble)}")
        return frame

    def to_pixels(self, frame: Any) -> np.ndarray:
        """uint16 (height, width, 3 or 4) R'G'B'(A) of a decoded frame, as the movie's colour tags say,
        upright."""
        layout = "rgba64le" if self.info.has_alpha else "rgb48le"
        tags = self.info.tags
        try:
            converted = convert(
                self._av,
                frame,
                layout,
                matrix=tags.matrix,
                ranges=(tags.full_range, True),
                fields=frame.interlaced_frame,
            )
            return self.info.orientation.turn(np.asarray(converted.to_ndarray()))
        except (self._av.error.FFmpegError, ValueError, MemoryError) as error:
            raise self._damaged(str(error)) from error

    def close(self) -> None:
        """Close the file; the next ``decode`` opens it again."""
        if self._container is not None:
            self._container.close()
        self._container, self._decoded, self._next = None, iter(()), 0
        self._kept.clear()

    def _open(self) -> Any:
        try:
            self._container = open_movie(self._path)
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

    def _learn_from_first_frame(self) -> None:
        """What no header says; of the first frame that can be decoded."""
        for place in range(min(_PROBES, len(self.index))):
            with suppress(FrameError):
                frame = self.decode(place)
                self.info = with_first_frame(self.info, frame, int(self._stream.codec_context.field_order))
                return

    def _make_index(self) -> MovieIndex:
        """The index of a QuickTime file with a codec of whole frames says all; otherwise the packets are gone
        through, without decoding."""
        try:
            packets = self._packets_from_index() or self._packets_from_file()
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise self._damaged(str(error)) from error
        if not packets:
            raise self._damaged("no frames")
        return MovieIndex(packets, MAX_FRAMES)

    def _packets_from_index(self) -> list[PacketEntry]:
        entries = getattr(self._stream, "index_entries", ())
        whole_frames = getattr(self._stream.codec_context.codec, "intra_only", False)
        if not whole_frames or not 0 < len(entries) <= MAX_FRAMES or len(entries) != self._stream.frames:
            return []
        return [PacketEntry(entry.timestamp, entry.timestamp, True) for entry in entries]

    def _packets_from_file(self) -> list[PacketEntry]:
        packets: list[PacketEntry] = []
        try:
            for packet in self._container.demux(self._stream):
                time = _time_of(packet)
                if time is not None and packet.size and not packet.is_discard:
                    decoded = time if packet.dts is None else packet.dts
                    packets.append(PacketEntry(time, decoded, packet.is_keyframe, packet.duration or 0))
                if len(packets) >= MAX_FRAMES:
                    break
        except (self._av.error.FFmpegError, ValueError):
            if not packets:  # a movie cut short keeps the frames before the cut
                raise
        return packets

    def _find_carefully(self, place: int) -> Any:
        """Decode again without what was found to be damaged, until the frame comes or is lost itself."""
        while place not in self._lost:
            known = len(self._lost)
            frame = self._find(place)
            if frame is not None or len(self._lost) == known:
                return frame
        return None

    def _find(self, place: int) -> Any:
        """Go on from where the decoder stands, or seek; None when the frame does not come."""
        try:
            if not (self._container is not None and self._next <= place <= self._next + _DECODE_ON):
                self._seek(self.index.key_for(place))
            return self._advance_to(place)
        except (self._av.error.FFmpegError, OSError, ValueError, MemoryError) as error:
            self._trouble = str(error)
            self.close()
            return None

    def _seek(self, key: PacketEntry) -> None:
        """Put the decoder at or before ``key``."""
        if self._container is None:
            self._stream = self._open()
            self._stream.thread_type = "NONE" if self._careful else "AUTO"
            self._stream.codec_context.options = {"max_pixels": str(_MAX_PIXELS), "err_detect": _STRICT}
        self._container.seek(key.decoded, stream=self._stream, backward=True)
        self._decoded = self._decode_carefully() if self._careful else self._decode_all()

    def _decode_all(self) -> Iterator[Any]:
        """The frames from where the file stands, without those that lead the first key: they refer to what
        was not decoded."""
        first: int | None = None
        for packet in self._container.demux(self._stream):
            first = _time_of(packet) if first is None else first
            for frame in packet.decode():
                if frame.is_corrupt:
                    raise ValueError(_CORRUPT)
                if first is None or _time_of(frame) >= first:
                    yield frame

    def _decode_carefully(self) -> Iterator[Any]:
        """The same, without what is lost; ends where another damaged packet is found."""
        context, first = self._stream.codec_context, None
        for packet in self._container.demux(self._stream):
            time = _time_of(packet)
            place = self.index.place_of(time)
            if place in self._lost:
                if place not in self._unreferenced and first is not None and time >= first:
                    yield from context.decode(None)
                    context.flush_buffers()
                    first = None
                continue
            first = time if first is None else first
            if place is not None and self._stands_alone(packet, place):
                self._unreferenced.add(place)
            frames, damage = self._decode_one(packet, first)
            yield from frames
            if damage:
                return

    def _stands_alone(self, packet: Any, place: int) -> bool:
        """Whether no other frame refers to the packet's, as far as that is known."""
        codec = self.info.codec
        shown_early = codec in _NO_PYRAMID and self.index.safe_at(place) > place
        return packet.is_disposable or shown_early or is_unreferenced(codec, bytes(packet))

    def _decode_one(self, packet: Any, first: int | None) -> tuple[list[Any], bool]:
        """The whole frames that come out when ``packet`` goes in, and whether another one turned out to be
        damaged."""
        try:
            frames = packet.decode()
        except (self._av.error.FFmpegError, ValueError) as error:
            leads = first is not None and (_time_of(packet) or first) < first
            return [], not leads and self._lose(packet, str(error))
        frames = [frame for frame in frames if first is None or _time_of(frame) >= first]
        corrupt = [frame for frame in frames if frame.is_corrupt]
        return frames, any([self._lose(frame, _CORRUPT) for frame in corrupt])

    def _lose(self, what: Any, reason: str) -> bool:
        """Note what a damaged packet, or the packet of a corrupt frame, costs; False where its place is not
        known."""
        place = self.index.place_of(_time_of(what))
        if place is None:
            return False
        for lost in self.index.cost_of(place, place in self._unreferenced):
            refers = f"it refers to frame {place + 1}: {reason}"
            self._lost.setdefault(lost, reason if lost == place else refers)
            self._kept.pop(lost, None)
        return True

    def _advance_to(self, place: int) -> Any:
        """Decode on until all that the frame at ``place`` may refer to has come out whole, too."""
        found, until = None, self.index.safe_at(place)
        for frame in self._decoded:
            at = self.index.place_of(_time_of(frame))
            if at is None or at in self._lost:
                continue
            self._next = at + 1
            self._keep(at, frame, until - place + _KEPT)
            found = frame if at == place else found
            if at >= until:
                return None if place in self._lost else found
        self.close()
        return None if place in self._lost else found

    def _keep(self, place: int, frame: Any, most: int) -> None:
        self._kept[place] = frame
        while len(self._kept) > most:
            self._kept.popitem(last=False)

    def _damaged(self, reason: str) -> FrameError:
        return FrameError(
            "The movie cannot be read.",
            expected="a whole movie with a picture track",
            found=" ".join(reason.split())[:300],
            where=str(self._path),
            remedy="export or copy the movie again",
        )


_CORRUPT = "its data are damaged"


def _time_of(packet_or_frame: Any) -> Any:
    time = packet_or_frame.pts
    return packet_or_frame.dts if time is None else time
