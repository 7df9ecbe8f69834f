"""understudy check"""

from __future__ import annotations

import json as json_module
from shlex import quote

from understudy.cli.flags import settings_command
from understudy.cli.json_flag import JsonFlag
from understudy.cli.screen import Screen, screen
from understudy.settings import CheckSettings


@settings_command(CheckSettings)
def command(settings: CheckSettings, *, json: JsonFlag = False) -> int:
    """Say what is wrong with the pairs, and how to mend it. Ends with 0 when nothing was found, with 1 when
    something was, with 2 when the pairs cannot be looked at."""
    from understudy.artist.check import Looked, check

    with Screen() if json else screen(False) as shown:

        def report(event: Looked) -> None:
            shown.advance(event.done, event.total, f"{event.what} {event.number}")

        result = check(settings, report)
        shown.finish()
    if json:
        print(json_module.dumps(result.as_json(), ensure_ascii=False))
        return 1 if result.findings else 0
    for line in (*result.notes, *(finding.sentence for finding in result.findings)):
        print(line)
    for each in result.repairs:
        print(f"{each.name} -> {each.written or '-'}: {each.said}")
    if result.repairs:
        print(f"To learn from them:  --ground-truth {quote(str(settings.repair.repair))}")
    if not result.findings:
        print(f"Nothing is wrong with the {result.pairs} pairs, as far as can be seen.")
    return 1 if result.findings else 0
