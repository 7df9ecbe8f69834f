"""--like RESULT: made as another result was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.errors import SettingError
from understudy.frames import open_shot, read_provenance
from understudy.inference.finish import of_provenance
from understudy.settings import ApplySettings

PLAIN = (
    "mix",
    "region",
    "part",
    "input_channels",
    "precision",
    "output_layer",
    "stabilise",
    "scale",
    "points",
    "box",
)
NOT_TAKEN = {"mask": "--mask", "extra": "--extra", "confidence": "--confidence", "prompts": "--prompts"}


def taken_over(settings: ApplySettings) -> tuple[ApplySettings, tuple[str, ...]]:
    """The settings with what is not given in them as the result was made that they are to be ``like``; and
    sentences on what that was. SettingError where it does not say how it was made.

    A mask and extra inputs are not taken: files are read that somebody named, not those that a file names.
    Nor is a confidence, which tells of the result and changes nothing of it.
    """
    like = settings.output.like
    if like is None:
        return settings, ()
    given = settings.given()
    return _replaced(settings, like, _made(like), given)


def how_made(like: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The settings, by name, that a result of apply was made with, and sentences as above. SettingError."""
    made = _made(like)
    nothing = ApplySettings(model="any", plate="any", output="any")
    changed, notes = _replaced(nothing, like, made, {})
    return {name: changed.flat()[name] for name in _said(made)}, notes


def _made(like: str) -> Mapping[str, str]:
    with open_shot(like) as shot:
        made = read_provenance(shot.path(shot.numbers[0]))
    if "model" not in made:
        raise _unknown(like)
    return made


def _replaced(
    settings: ApplySettings, like: str, made: Mapping[str, str], given: Mapping[str, Any]
) -> tuple[ApplySettings, tuple[str, ...]]:
    try:
        taken = {name: value for name, value in _said(made).items() if name not in given}
        changed = settings.replace(**taken)
    except (ValueError, TypeError, SettingError) as error:
        raise _unknown(like, str(error).partition("\n")[0]) from error
    return changed, (_words(like, taken), *_left(made, given))


def _said(made: Mapping[str, str]) -> dict[str, Any]:
    return {**{name: made[name] for name in PLAIN if name in made}, **of_provenance(made)}


def _words(like: str, taken: Mapping[str, Any]) -> str:
    said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in taken.items())
    return f"As {like} was made: {said or 'nothing is taken over'}."


def _left(made: Mapping[str, str], given: Mapping[str, Any]) -> list[str]:
    missing = [name for name in NOT_TAKEN if name in made and name not in given]
    return [f"It was made with {_flag(name, made[name])}, which is not taken over." for name in missing]


def _flag(name: str, value: str) -> str:
    return NOT_TAKEN[name] if name in ("confidence", "prompts") else f"{NOT_TAKEN[name]} {value}"


def _unknown(like: str, found: str = "") -> SettingError:
    return SettingError(
        "How this result was made is not known.",
        expected="a frame or a movie that apply has made",
        found=found or "one that says nothing of it",
        where=f"--like {like}",
        remedy="Give the options themselves.",
    )
