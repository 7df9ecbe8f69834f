"""Ground truths of several mattes, each a shot of its own: read as the frames of one shot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from understudy.errors import ChannelError, PairingError, SizeError
from understudy.frames import Frame, Part, Shot, open_shot, resolve_channels
from understudy.frames.beside import have_same_size
from understudy.frames.matte import Look, look_at, spread, white_note
from understudy.frames.matte_names import MATTE
from understudy.settings import DataSettings
from understudy.settings.field import NOWHERE


def open_truth(data: DataSettings, truths: Mapping[str, str], earlier: bool = False) -> Shot:
    """The ground truth of one plate: the only shot of ``truths``, or all of them, by their names, as one.
    Raises what ``open_shot`` raises, PairingError where none is named, ChannelError for a channel that is not
    there."""
    if "" in truths:
        return open_shot(truths[""], frames=data.frames, as_held=earlier)
    shots = {
        name: open_shot(spec, frames=data.frames, as_held=earlier)
        for name, spec in truths.items()
        if spec != NOWHERE
    }
    if not shots:
        raise PairingError(
            "A plate has no ground truth at all.",
            expected=f"a painted shot for one of {', '.join(truths)}",
            found=", ".join(f"{name}={NOWHERE}" for name in truths),
            where="--ground-truth",
            remedy="Name a painted shot, or leave this plate out.",
        )
    return NamedTruths(shots, _requests(data))


def _requests(data: DataSettings) -> dict[str, str]:
    """Which channel is asked for of each name: one for all, or one for each, in their order. ChannelError."""
    asked = [each.strip() for each in (data.ground_truth_channels or "").split(",") if each.strip()]
    if not asked:
        return {}
    if len(asked) not in (1, len(data.mattes)):
        raise ChannelError(
            "It is not clear which channel is which matte.",
            expected=f"one channel, or one for each of {', '.join(data.mattes)}",
            found=", ".join(asked),
            where="--ground-truth-channels",
            remedy="Name one channel for each matte, in the order of the ground truths.",
        )
    return dict(zip(data.mattes, asked * len(data.mattes), strict=False))


@dataclass(frozen=True)
class _Painted:
    """One matte's shot, and which of its channels it is: what was ``asked`` for, or as it looks."""

    name: str
    shot: Shot
    asked: str
    look: Look

    def number(self, number: int, still: bool) -> int | None:
        """Which of its frames is that of a number; None where it is not painted. Stills go together."""
        if still:
            return self.shot.numbers[0]
        return number if self.shot.has(number) else None

    def channel(self, frame: Frame) -> str:
        if not self.asked:
            return self.look.channel(frame)
        found = resolve_channels(frame, self.asked)
        if len(found) == 1:
            return found[0]
        raise ChannelError(
            "A matte is one channel.",
            expected="one channel for each matte",
            found=", ".join(found),
            where=f"--ground-truth-channels {self.asked}, in {frame.path.name}",
            remedy="Name one channel.",
        )


class NamedTruths(Shot):
    """The mattes of several shots as the channels ``NAME.A`` of one: a frame has those that are painted on
    it. Of a shot with more than one channel the one that is asked for, else the alpha, or red where that is
    the same everywhere; white is 1."""

    def __init__(self, shots: Mapping[str, Shot], asked: Mapping[str, str]) -> None:
        self._painted = [
            _Painted(name, shot, asked.get(name, ""), _look(shot, name)) for name, shot in shots.items()
        ]
        self.spec = ", ".join(f"{name}={shot.spec}" for name, shot in shots.items())
        self.is_still = all(shot.is_still for shot in shots.values())
        numbers = set().union(*(shot.numbers for shot in shots.values()))
        self.numbers = self._first.numbers if self.is_still else tuple(sorted(numbers))
        self.requested = all(shot.requested for shot in shots.values())
        missing = set.intersection(*(set(shot.missing) for shot in shots.values()))
        self.missing = tuple(sorted(missing - numbers))

    @property
    def _first(self) -> Shot:
        return self._painted[0].shot

    @property
    def frame_rate(self) -> Fraction | None:
        return self._first.frame_rate

    @property
    def name(self) -> str:
        return self._first.name

    @property
    def extension(self) -> str:
        return self._first.extension

    @property
    def notes(self) -> tuple[str, ...]:
        """Which channel is taken of each, and which frames it is painted on."""
        looks = [
            note
            for each in self._painted
            if not each.asked
            for note in each.look.notes
            if note not in white_note(each.look.largest, f"matte {each.name}")
        ]
        return (*(note for each in self._painted for note in each.shot.notes), *looks)

    def path(self, number: int) -> Path:
        shot, own = self._of(number)[0]
        return shot.shot.path(own)

    def read(self, number: int) -> Frame:
        """The mattes of a frame. Raises as ``Shot.read``, SizeError where they differ in size,
        ChannelError."""
        read = [(each.name, each, each.shot.read(own)) for each, own in self._of(number)]
        first = read[0][2]
        window = first.display_window
        planes: dict[str, np.ndarray] = {}
        for name, each, frame in read:
            if not have_same_size(frame, first):
                raise _other_size(frame, first)
            white = np.float32(each.look.white)
            planes[f"{name}.{MATTE}"] = frame.planes((each.channel(frame),))[..., 0] / white
        spec = oiio.ImageSpec(window.width, window.height, len(planes), "float")
        spec.x, spec.y, spec.full_x, spec.full_y = window.x, window.y, window.x, window.y
        spec.channelnames = tuple(planes)
        return Frame((Part("", tuple(planes), planes, spec),), first.path, number)

    def _of(self, number: int) -> list[tuple[_Painted, int]]:
        self.check(number)
        found = [(each, each.number(number, self.is_still)) for each in self._painted]
        return [(each, own) for each, own in found if own is not None]

    def close(self) -> None:
        for each in self._painted:
            each.shot.close()


def _look(shot: Shot, name: str) -> Look:
    return look_at((shot.read(number) for number in spread(shot.numbers)), f"matte {name}")


def _other_size(frame: Frame, first: Frame) -> SizeError:
    ours, theirs = first.display_window, frame.display_window
    return SizeError(
        "The mattes of a frame differ in size.",
        expected=f"a display window of {ours.width} x {ours.height}, as in {first.path.name}",
        found=f"{theirs.width} x {theirs.height} in {frame.path.name}",
        where=str(frame.path),
        remedy="Bring all of them to the plate's size.",
    )
