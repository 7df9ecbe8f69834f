"""What a network is told of each frame of a job, opened and checked before the first one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.errors import RequestError, SettingError
from understudy.frames import Frame, format_numbers
from understudy.inference.prompt_file import read_prompt_file
from understudy.models.prompts import Prompts, read_prompts
from understudy.settings import PromptSettings

WHERE = "--points, --box, --prompts"


@dataclass(frozen=True)
class PromptPlan:
    """``every``: for all frames; without it ``by_frame`` has those of some. ``carries``: the others take what
    was made of the frame next to them, towards the nearest prompts."""

    every: Prompts
    by_frame: Mapping[int, Prompts]
    carries: bool = False

    def at(self, number: int) -> Prompts | None:
        """A frame's own prompts."""
        return self.every or self.by_frame.get(number)

    def anchor(self, number: int) -> int:
        """The frame whose prompts are the nearest: at or before this one, else the first."""
        frames = sorted(self.by_frame)
        return frames[max(0, bisect_right(frames, number) - 1)]

    def begin(self, number: int) -> int:
        """The frame from which a mask goes on to this one; itself, where it has prompts of its own."""
        return number if self.at(number) is not None else self.anchor(number)

    def nearest(self, number: int) -> Prompts:
        """The prompts of ``anchor``."""
        return self.every or self.by_frame[self.anchor(number)]

    def notes(self, numbers: Sequence[int]) -> tuple[str, ...]:
        """Sentences on the frames of a job that have no prompts of their own."""
        without = tuple(number for number in numbers if self.at(number) is None)
        if not without:
            return ()
        what = f"Frames {format_numbers(without)} have no prompts of their own: "
        early = [number for number in without if number < min(self.by_frame)]
        if self.carries:
            return (what + "they go on with the mask of the frame next to them, from the nearest prompts.",)
        first = f", those before frame {min(self.by_frame)} its prompts" if early else ""
        return (f"{what}they take the nearest ones before them{first}.",)


def plan_prompts(settings: PromptSettings, header: Any, numbers: Sequence[int]) -> PromptPlan | None:
    """What is told of the frames of a plate; None for a network that is told nothing. SettingError."""
    given = {name: value for name, value in settings if value}
    if not header.prompts:
        if given:
            raise _refused("This network is told nothing: it takes no prompts.", ", ".join(given))
        return None
    if not given:
        raise _refused("This network has to be told what is meant.", "nothing")
    if settings.prompts and len(given) > 1:
        raise _refused("Prompts come from a file, or count for every frame.", ", ".join(given))
    if (settings.box and "box" not in header.prompts) or (settings.points and "points" not in header.prompts):
        raise _refused(f"This network is told by {', '.join(header.prompts)} alone.", ", ".join(given))
    if not settings.prompts:
        return PromptPlan(_read(settings), {})
    found = read_prompt_file(Path(settings.prompts))
    there = {number: each for number, each in found.items() if number in set(numbers)}
    if not there:
        raise _refused("The prompts name no frame of the plate.", f"frames {format_numbers(tuple(found))}")
    return PromptPlan(Prompts(), there, "mask" in header.prompts)


def check_prompts(plan: PromptPlan, frame: Frame) -> None:
    """SettingError for prompts outside the display window of the plate's frames."""
    window = frame.display_window
    for prompts in (plan.every, *plan.by_frame.values()):
        try:
            prompts.check_within(window.width, window.height)
        except RequestError as error:
            raise _refused(error.message, "") from error


def _read(settings: PromptSettings) -> Prompts:
    try:
        made = read_prompts(settings.points or "", settings.box or "")
    except RequestError as error:
        raise _refused(error.message, "") from error
    if not made:
        raise _refused("There is no point in what was given.", settings.points or "")
    return made


def _refused(message: str, found: str) -> SettingError:
    return SettingError(
        message,
        expected="--points 'x,y,1;x,y,0' (1 the subject, 0 not), --box x,y,x,y, or --prompts FILE; in pixels "
        "from the left and the top of the frame",
        found=found,
        where=WHERE,
        remedy="See docs/networks.md, Prompts.",
    )
