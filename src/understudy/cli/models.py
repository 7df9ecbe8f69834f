"""understudy models"""

from __future__ import annotations

import json as json_module
from collections import Counter
from typing import Any

from understudy.cli.cards import SOURCES, Card, measured_text, model_card
from understudy.cli.json_flag import JsonFlag
from understudy.cli.text import card_text, size_text, terminal_width, wrapped
from understudy.models.finding import trained_model
from understudy.models.names import count_text
from understudy.models.zoo import START, ZooModel, zoo_model_with_layers, zoo_models
from understudy.network.kinds import MOTION

MORE = "All of one of them: understudy models NAME"
NONE = "No networks come trained with this version."


def command(name: str | None = None, /, *, json: JsonFlag = False) -> int:
    """List the networks that come trained: what they are for, their licence, what they learned from.

    Parameters
    ----------
    name:
        Of one of them: all that its card says. understudy info NAME also names every source.
    """
    chosen = zoo_models() if name is None else (trained_model(name),)
    if json:
        for model in chosen:
            print(json_module.dumps(_values(model), ensure_ascii=False))
    elif name is not None:
        print(card_text(_card(chosen[0]), room=terminal_width()))
    else:
        print("\n\n".join((*map(_entry, chosen), MORE)) if chosen else NONE)
    return 0


command.usage = "[NAME] [OPTIONS]"  # type: ignore[attr-defined]


def _card(model: ZooModel) -> Card:
    """The card of its file, with how it is used, and its sources counted."""
    lines = model_card(model.path)
    title: Card = {name: lines.pop(name) for name in ("File", "Name", "Title", "For") if name in lines}
    lines |= {SOURCES: f"{_sources(model)}: understudy info {model.name} names every one"}
    return {**title, **_uses(model), **lines}


def _uses(model: ZooModel) -> dict[str, str]:
    """The commands that it is used by."""
    layers = "".join(f" --extra {name}" for name in model.layers)
    output = "OUTPUT.####.exr" if model.header.kind == MOTION else "OUTPUT"
    uses = {}
    if model.is_network:
        base = model.name.rpartition("-")[0]
        name = base if zoo_model_with_layers(base) == model else model.name
        uses["Apply"] = f"understudy apply {name} PLATE {output}{layers}"
    if model.is_start:
        uses["As a start"] = f"understudy train ... --initial-weights {model.name.removesuffix(START)}"
    return uses


def _entry(model: ZooModel) -> str:
    """A heading with its name, and below it what it is for, how it is used, what it learned from, and the
    first of its figures."""
    card = model.card
    kinds = " and ".join(card.kind)
    measured = measured_text(card.measured[0]) if card.measured else "-"
    uses = (f"{what}: {how}" for what, how in _uses(model).items())
    lines = card.purpose, *uses, f"{SOURCES}: {_sources(model)}", f"Measured: {measured}"
    heading = f"{model.name}: {kinds}, {size_text(model.bytes)}, {card.licence}"
    return "\n".join((heading, *(wrapped(line, "    ") for line in lines)))


def _sources(model: ZooModel) -> str:
    """How many works it learned from, by their licences, the most frequent first."""
    licences = Counter(source.licence or "no licence named" for source in model.card.sources)
    if not licences:
        return "-"
    counted = ", ".join(f"{count} {licence}" for licence, count in licences.most_common())
    return f"{count_text(licences.total(), 'work')} ({counted})"


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
