"""Which of several mattes a client is given, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.errors import RequestError
from understudy.models.channels import mattes_of
from understudy.models.description import ModelDescription
from understudy.models.names import printable
from understudy.models.options import Option

NAME = "mattes"


def matte_options(description: ModelDescription) -> tuple[Option, ...]:
    """The option of a model that makes several mattes; none of any other."""
    names = mattes_of(description)
    if not names:
        return ()
    said = f"Which mattes to give, in this order, of {', '.join(names)}; empty: all."
    return (Option(NAME, "string", "", description=said),)


def chosen_mattes(description: ModelDescription, options: Mapping[str, Any]) -> list[int]:
    """The places of the mattes that are asked for. RequestError for one that there is not."""
    names = mattes_of(description)
    asked = [each.strip() for each in str(options.get(NAME, "")).split(",") if each.strip()]
    for each in asked:
        if each not in names:
            raise RequestError(
                f'"{description.label}" makes no matte "{printable(each)}"; its mattes: {", ".join(names)}.'
            )
    return [names.index(each) for each in asked] or list(range(len(names)))
