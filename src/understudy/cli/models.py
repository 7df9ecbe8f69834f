"""understudy models"""

from __future__ import annotations

import json as json_module
from collections import Counter
from typing import Any

from understudy.cli.cards import measured_text, model_card
from understudy.cli.json_flag import JsonFlag
from understudy.cli.text import card_text, size_text, wrapped
from understudy.models.finding import trained_model
from understudy.models.zoo import ZooModel, zoo_models

NONE = "No networks come trained with this version."


def command(name: str | None = None, /, *, json: JsonFlag = False) -> int:
    """List the networks that come trained: what they are for, their licence, what they learned from.

    Parameters
    ----------
    name:
        Of one of them: its card in full, with every source.
    """
    chosen = zoo_models() if name is None else (trained_model(name),)
    if json:
        for model in chosen:
            print(json_module.dumps(_values(model), ensure_ascii=False))
    elif name is not None:
        print(card_text(model_card(chosen[0].path)))
    else:
        print("\n\n".join(map(_entry, chosen)) or NONE)
    return 0


def _entry(model: ZooModel) -> str:
    """A heading with its name, and below it what it is for, what it learned from, and the first of its
    figures."""
    card = model.card
    kinds = " and ".join(card.kind)
    measured = measured_text(card.measured[0]) if card.measured else "-"
    lines = card.purpose, f"Trained on: {_sources(model)}", f"Measured: {measured}"
    heading = f"{model.name}: {kinds}, {size_text(model.bytes)}, {card.licence}"
    return "\n".join((heading, *(wrapped(line, "    ") for line in lines)))


def _sources(model: ZooModel) -> str:
    """How many works it learned from, by their licences, the most frequent first."""
    licences = Counter(source.licence or "no licence named" for source in model.card.sources)
    return ", ".join(f"{count} {licence}" for licence, count in licences.most_common()) or "-"


def _values(model: ZooModel) -> dict[str, Any]:
    header = model.header
    return {
        **model.card.model_dump(mode="json"),
        "name": model.name,
        "path": str(model.path),
        "bytes": model.bytes,
        "makes": header.kind,
        "scale": header.scale,
        "input_channels": [*header.input_channels, *(name for e in header.extra for name in e.channels)],
        "output_channels": header.output_channels,
    }
