"""--json, the same for every command."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

JSON_HELP = "Print one JSON object per line, for programs."
JsonFlag = Annotated[bool, Parameter(name="--json", negative=(), help=JSON_HELP, show_default=False)]
