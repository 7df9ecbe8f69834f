"""understudy info"""

from __future__ import annotations

import importlib
import json as json_module
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from understudy.cli.json_flag import JsonFlag
from understudy.cli.screen import Screen, screen
from understudy.cli.text import card_text, terminal_width
from understudy.errors import ModelFileError, SequenceError
from understudy.frames.formats import is_movie_path
from understudy.models.finding import model_of_any_use
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
    ".tflite": "understudy.cli.export_cards:export_card",
    ".pt2": "understudy.cli.export_cards:export_card",
    ".safetensors": "understudy.cli.export_cards:export_card",
    ".xml": "understudy.cli.export_cards:export_card",
    ".json": "understudy.cli.export_cards:flame_card",
    ".nk": "understudy.cli.export_cards:script_card",
}
MODEL_CARD = "understudy.cli.cards:model_card"
RUN_CARD = "understudy.cli.cards:run_card"
FRAME_CARD = "understudy.cli.cards:frame_card"
SHOT_CARD = "understudy.cli.shot_cards:shot_card"
Card = dict[str, Any]
ShotFlag = Annotated[str | None, Parameter(metavar="SHOT")]


def command(
    path: str,
    /,
    *,
    plate: ShotFlag = None,
    ground_truth: ShotFlag = None,
    channels: str | None = None,
    json: JsonFlag = False,
) -> int:
    """Say what a file, a run, a shot or a network that comes trained is: what it does, from what it learned,
    how well, when and with what; of a shot, which networks made it, and how steady it is along the motion.

    Parameters
    ----------
    path:
        A .cat, the folder of a run, an exported file (.pt, .onnx, .xml, .nk, Flame's .json), an imported
        network, the name of one that comes trained, a frame that apply has made, or a shot: a pattern such
        as out.####.exr, a folder, a movie.
    plate:
        The plate of this shot, to hold its steadiness against.
    ground_truth:
        The whole shot as it should be, to hold its steadiness against.
    channels:
        Those of the shot and its ground truth that are looked at; RGB, or the only one, by default.
    """
    beside = plate, ground_truth, channels
    if _is_shot(path, any(beside)):
        with Screen() if json else screen(False) as shown:
            card: Card = _maker(SHOT_CARD)(path, *beside, shown)
            shown.finish()
    else:
        card = card_of(Path(path))
    text = json_module.dumps(card, ensure_ascii=False, default=str) if json else None
    print(text or card_text(card, room=terminal_width()))
    return 0


def _is_shot(path: str, beside: bool) -> bool:
    """Whether it is several frames, or one that is to be held against others."""
    file = Path(path)
    if is_run(file) or file.suffix.lower() in CARDS:
        return False
    if not file.is_file():
        return _has_frames(path)
    return beside or is_movie_path(file)


def _has_frames(path: str) -> bool:
    from understudy.frames.sequence import find_files

    try:
        return bool(find_files(path).files)
    except SequenceError:
        return False


def card_of(path: Path) -> Card:
    """What there is to say about ``path``. ModelFileError when it is nothing that this program knows."""
    if is_run(path):
        return _maker(RUN_CARD)(path)
    if is_plain_name(str(path)) and not path.exists():
        return _maker(MODEL_CARD)(model_of_any_use(path))
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


def _maker(name: str) -> Callable[..., Card]:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _unknown(path: Path) -> ModelFileError:
    found = (
        "a folder without a run, or a shot, in it"
        if path.is_dir()
        else "a file"
        if path.exists()
        else "nothing"
    )
    return ModelFileError(
        "There is nothing to tell about this.",
        expected=", ".join(CARDS) + ", the folder of a run, or a shot",
        found=f"{found} called {path.name}",
        where=os.path.abspath(path),
        remedy="Give a trained network, a run, a frame that apply has made, or a shot such as out.####.exr.",
    )
