"""understudy suggest"""

from __future__ import annotations

import json as json_module
from typing import Any

from understudy.cli.flags import settings_command
from understudy.cli.json_flag import JsonFlag
from understudy.cli.screen import Screen, screen
from understudy.cli.text import columns, number_text
from understudy.settings import SuggestSettings


@settings_command(SuggestSettings, positional=("plate",))
def command(settings: SuggestSettings, *, json: JsonFlag = False) -> int:
    """Say which frames of a shot to paint, the best first, and why. With --run: which would teach it most."""
    from understudy.artist.suggest import Looked, suggest

    with Screen() if json else screen(False) as shown:

        def report(event: Any) -> None:
            if isinstance(event, Looked):
                shown.advance(event.done, event.total, f"{event.what} {event.number}")
            else:
                shown.say(event.text)

        result = suggest(settings, report)
        shown.finish()
        print(json_module.dumps(result.as_json(), ensure_ascii=False) if json else _table(result))
        if settings.suggestion.sheet and result.frames and not json:
            print(f"They are shown in {settings.suggestion.sheet}")
    return 0


def _table(result: Any) -> str:
    if not result.frames:
        return "There is nothing to suggest: every frame is painted, or looks like one that is."
    errors = [f"Expected error ({result.measure})"] if result.measure else []
    rows = [["Frame", "Score", *errors, "Why"]]
    for each in result.frames:
        error = [number_text(each.expected_error, 3)] if result.measure else []
        rows.append([str(each.frame), f"{each.score:.2f}", *error, each.reason])
    return columns(rows)
