"""understudy info"""

from __future__ import annotations

import importlib
import json as json_module
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from understudy.cli.json_flag import JsonFlag
from understudy.cli.text import card_text
from understudy.errors import ModelFileError
from understudy.models.finding import resolve_model
from understudy.models.names import is_plain_name
from understudy.runs import is_run

# Which function makes the card of a file, by its ending; others may add theirs. Imported when wanted.
CARDS = {
    ".cat": "understudy.cli.cards:model_card",
    ".ost": "understudy.cli.cards:progress_card",
    ".pt": "understudy.cli.export_cards:export_card",
    ".ts": "understudy.cli.export_cards:export_card",
    ".torchscript": "understudy.cli.export_cards:export_card",
    ".onnx": "understudy.cli.export_cards:export_card",
    ".xml": "understudy.cli.export_cards:export_card",
    ".json": "understudy.cli.export_cards:flame_card",
    ".nk": "understudy.cli.export_cards:script_card",
}
MODEL_CARD = "understudy.cli.cards:model_card"
RUN_CARD = "understudy.cli.cards:run_card"
FRAME_CARD = "understudy.cli.cards:frame_card"
Card = dict[str, Any]


def command(path: str, /, *, json: JsonFlag = False) -> int:
    """Say what a file, a run or a network that comes trained is: what it does, from what it
    learned, how well, when and with what.

    Parameters
    ----------
    path:
        A .cat, the folder of a run, an exported file (.pt, .onnx, .xml, .nk, Flame's .json), an imported
        network, the name of one that comes trained, or a frame that apply has made.
    """
    card = card_of(Path(path))
    print(json_module.dumps(card, ensure_ascii=False, default=str) if json else card_text(card))
    return 0


def card_of(path: Path) -> Card:
    """What there is to say about ``path``. ModelFileError when it is nothing that this program knows."""
    if is_run(path):
        return _maker(RUN_CARD)(path)
    if is_plain_name(str(path)) and not path.exists():
        return _maker(MODEL_CARD)(resolve_model(path))
    if path.suffix.lower() not in CARDS:
        card: Card = _maker(FRAME_CARD)(path) if path.is_file() else {}
        if not card:
            raise _unknown(path)
        return card
    if not path.is_file():
        raise ModelFileError(
            "There is no such file.",
            expected="a .cat, or the folder of a run",
            where=os.path.abspath(path),
            remedy="Check the path.",
        )
    return _maker(CARDS[path.suffix.lower()])(path)


def _maker(name: str) -> Callable[[Path], Card]:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _unknown(path: Path) -> ModelFileError:
    found = "a folder without a run in it" if path.is_dir() else "a file" if path.exists() else "nothing"
    return ModelFileError(
        "There is nothing to tell about this.",
        expected=", ".join(CARDS) + ", or the folder of a run",
        found=f"{found} called {path.name}",
        where=os.path.abspath(path),
        remedy="Give a trained network, a run, or a frame that apply has made.",
    )
