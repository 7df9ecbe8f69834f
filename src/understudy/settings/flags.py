"""Settings as the words of a command line: what starts the program elsewhere says it so."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.settings.info import SettingInfo
from understudy.settings.sections import Settings, settings_of


def given_values(settings: Settings) -> Iterator[tuple[SettingInfo, str | None]]:
    """What was set, one by one: the setting and its value as text, None of a switch that is on. One that may
    be given several times comes as often."""
    given = settings.given()
    for info in settings_of(type(settings)):
        value = given.get(info.name)
        if info.kind == "yes-no":
            yield from [(info, None)] if value else []
        elif value is not None:
            several = value if isinstance(value, tuple) else (value,)
            yield from ((info, str(item)) for item in several)


def flags_of(settings: Settings) -> list[str]:
    """``settings`` as flags; what was not touched is left out."""
    return [info.flag if value is None else f"{info.flag}={value}" for info, value in given_values(settings)]
