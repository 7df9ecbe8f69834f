"""Which packets of a movie hold which frames, and which of them can be decoded by themselves."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PacketEntry:
    """One packet, in order of decoding. ``time`` is when its frame is shown, ``decoded`` when it is decoded,
    ``duration`` how long it says that it is shown (0: not said); all in ticks of the stream."""

    time: int
    decoded: int
    is_key: bool
    duration: int = 0


class MovieIndex:
    """Places are 0 for the frame that is shown first; ``times`` holds the time stamp of each.

    Only the first of two packets of one time counts. ``most`` bounds the number of places.
    """

    def __init__(self, packets: Sequence[PacketEntry], most: int) -> None:
        first_of: dict[int, PacketEntry] = {}
        for packet in packets:
            first_of.setdefault(packet.time, packet)
        self.times = sorted(first_of)[:most]
        self._places = {time: place for place, time in enumerate(self.times)}
        self._packets = [packet for packet in first_of.values() if packet.time in self._places]
        self._at = {packet.time: at for at, packet in enumerate(self._packets)}
        self._keys = [at for at, packet in enumerate(self._packets) if packet.is_key] or [0]
        self._safe = self._find_safe()

    def __len__(self) -> int:
        return len(self.times)

    def place_of(self, time: int | None) -> int | None:
        """The place of the frame with this time stamp; None when there is none."""
        return None if time is None else self._places.get(time)

    def key_for(self, place: int) -> PacketEntry:
        """The packet from which decoding must begin to get the frame at ``place``.

        A frame that is decoded after a key and shown before it may refer to what was before that key.
        """
        at = self._at[self.times[place]]
        which = max(bisect_right(self._keys, at) - 1, 0)
        leads = which > 0 and self.times[place] < self._packets[self._keys[which]].time
        return self._packets[self._keys[which - 1 if leads else which]]

    def safe_at(self, place: int) -> int:
        """The last place, in order of showing, of what is decoded before the frame at ``place`` and may be
        referred to by it; ``place`` itself at least."""
        return self._safe[place]

    def cost_of(self, place: int, unreferenced: bool) -> list[int]:
        """The places that are lost with the packet of ``place``: its own alone when no other frame refers to
        it, else those decoded after it, up to the next key and what leads that one.

        What leads a key is referred to by nothing but what leads it, too.
        """
        if unreferenced:
            return [place]
        at = self._at[self.times[place]]
        which = bisect_right(self._keys, at)
        key = self._packets[self._keys[max(which - 1, 0)]]
        lost = self._packets[at : self._key_at(which)]
        if self.times[place] < key.time:
            lost = [packet for packet in lost if packet.time < key.time]
        elif which < len(self._keys):
            following = self._packets[self._key_at(which) : self._key_at(which + 1)]
            lost += [packet for packet in following if packet.time < following[0].time]
        return [self._places[packet.time] for packet in lost]

    def _key_at(self, which: int) -> int:
        return self._keys[which] if which < len(self._keys) else len(self._packets)

    def _find_safe(self) -> list[int]:
        safe, latest = [0] * len(self.times), 0
        for packet in self._packets:
            place = self._places[packet.time]
            latest = max(latest, place)
            safe[place] = latest
        return safe

    def duration_of_last(self) -> int:
        """How long the last frame is shown, in ticks: as its packet says, else as long as the one before."""
        said = self._packets[self._at[self.times[-1]]].duration
        if said > 0 or len(self.times) < 2:
            return max(said, 1)
        return self.times[-1] - self.times[-2]
