"""Settings -> the words of a task's command line, with every path known for what it is."""

from __future__ import annotations

import os
from typing import Any, TypeVar

from understudy.cluster.farm.job import Word
from understudy.errors import SettingError
from understudy.settings import SettingInfo, Settings, given_values, settings_of
from understudy.settings.field import NOWHERE, split_name

S = TypeVar("S", bound=Settings)
CHANNEL = "channel:"
WRITTEN = ("output", "data_directory", "data_cache")


def anchored(settings: S) -> S:
    """The same settings with every path absolute, from the home folder of whoever asks too: a task begins in
    another folder, and is another user's."""
    infos = [info for info in settings_of(type(settings)) if info.is_path or info.kind == "mask"]
    values = settings.flat()
    homely = settings.replace(**{info.name: _from_home(values[info.name]) for info in infos})
    whole = homely.anchored()
    masks = [info.name for info in infos if info.kind == "mask"]
    found = {name: whole.flat()[name] for name in masks}
    return whole.replace(**{name: _mask(value) for name, value in found.items()})


def words_of(settings: Settings) -> tuple[Word, ...]:
    """What was set, as words. SettingError for what no file of a farm can hold."""
    return tuple(_word(info, value) for info, value in given_values(settings))


def _word(info: SettingInfo, value: str | None) -> Word:
    if value is None:
        return Word(info.flag)
    _check(info, value)
    if info.is_path or (info.kind == "mask" and not value.startswith(CHANNEL)):
        return _path_word(info, value)
    return Word(f"{info.flag}={value}")


def _path_word(info: SettingInfo, value: str) -> Word:
    name, path = split_name(value) if info.kind == "shots" else ("", value)
    before, writes = f"{info.flag}={name}=" if name else f"{info.flag}=", info.name in WRITTEN
    if path == NOWHERE or not os.path.isabs(path):
        return Word(before + path)
    if info.is_model and path.endswith(".cat"):
        return Word(before, path, is_file=True)
    folder, last = os.path.split(path)
    if not last or info.kind == "folder" or os.path.isdir(path):
        return Word(before, path.rstrip("/") or "/", writes=writes)
    return Word(before, folder, f"/{last}", writes=writes)


def _check(info: SettingInfo, value: str) -> None:
    bad = any(ord(c) < 32 or "\ud800" <= c <= "\udfff" for c in value)
    if bad or "{{" in value:
        raise SettingError(
            f"{info.label} cannot be written into a job for a farm.",
            expected="plain text, without {{, line ends, or bytes that are no UTF-8",
            found=repr(value)[:200],
            where=info.flag,
            remedy="Rename the file or the folder.",
        )


def _from_home(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_from_home, value))
    if value is None or not str(value).startswith("~"):
        return value
    return type(value)(os.path.expanduser(str(value)))


def _mask(value: str | None) -> str | None:
    return value if value is None or value.startswith(CHANNEL) else os.path.join(os.getcwd(), value)
