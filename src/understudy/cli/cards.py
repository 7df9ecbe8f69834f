"""The cards that ``understudy info`` prints: headings and values, the important first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.cli.text import date_text, duration_text, number_text, size_text
from understudy.errors import UnderstudyError
from understudy.frames import format_numbers
from understudy.runs import RunFolder
from understudy.runs.corrections import Correction, read_corrections
from understudy.runs.state import BestHeldOut, RunState

if TYPE_CHECKING:
    from understudy.colour import ColourEncoding
    from understudy.models.description import ModelDescription
    from understudy.network.card import Measured, ModelCard, Source

Card = dict[str, Any]
USES = {"network": "a network to apply and serve", "start": "a start for a training (--initial-weights)"}
SOURCES = "Trained on"
"""The longest of a card's lists: it stands last."""
BLENDED = "blended "
KINDS = {
    "image": "image: the frame, changed",
    "matte": "matte: one channel from 0 to 1",
    "motion": "motion: where each pixel is in the next frame",
}


def run_card(path: Path) -> Card:
    """The state of a run, and the network that it stands for when there is one already."""
    run = RunFolder.open(path)
    card = _run_lines(run, run.read_state())
    try:
        card["Network"] = model_card(run.best_or_newest())
    except UnderstudyError as error:
        card["Network"] = error.message
    return card


def _run_lines(run: RunFolder, state: RunState) -> Card:
    sheets, saved = run.contact_sheets(), run.checkpoints()
    lines = {
        "Run": run.name,
        "Folder": str(run.path),
        "State": run.condition() + (f": {state.reason}" if state.reason else ""),
        "Steps": f"{state.step} of {state.total}" if state.total else str(state.step),
        "Loss": number_text(state.loss),
        "Best held-out": _best(state.best_held_out),
        "Speed": f"{number_text(state.steps_per_second, 3)} steps/s" if state.steps_per_second else "",
        "Time left": duration_text(state.time_left) if run.is_busy() and state.time_left is not None else "",
        "Model Size": state.model_size,
        "Pairs": str(state.pairs or ""),
        "Machine": f"{state.host}, process {state.process}" if state.host else "",
        "Begun": date_text(state.created),
        "Last heard of": date_text(state.updated),
        "Version": f"understudy {state.version}" if state.version else "",
        "Checkpoints": f"{len(saved)}, newest at step {saved[-1][0]}" if saved else "none",
        "Contact sheets": f"{len(sheets)}, newest {sheets[-1][1].name}" if sheets else "none",
        "Corrections": _corrections(run),
        "On disk": size_text(run.size()),
    }
    return {name: text for name, text in lines.items() if text}


def _corrections(run: RunFolder) -> list[str]:
    """One line for each, the undone ones too."""
    try:
        found = read_corrections(run.path)
    except UnderstudyError as error:
        return [f"{error.message} {error.found} ({error.where})"]
    return [_correction(each) for each in found]


def _correction(each: Correction) -> str:
    words = [f"{each.id}  {each.kind}, frames {format_numbers(each.frames)}", f"{each.changed:.1%} of them"]
    words += [f"by {each.author}"] if each.author else []
    words += [date_text(each.time), "undone" if each.undone else ""]
    return ", ".join(filter(None, words))


def _best(best: BestHeldOut | None) -> str:
    if best is None:
        return ""
    frame = f", frame {best.frame}" if best.frame is not None else ""
    told = {**best.values, **best.measures}
    each = ", ".join(f"{name} {number_text(value)}" for name, value in told.items())
    said = f"{number_text(best.value)} {best.metric} at step {best.step}{frame}".replace("  ", " ")
    return f"{said} ({each})" if each else said


def model_card(path: Path) -> Card:
    """What the header of a .cat says. ModelFileError when it is not one."""
    from understudy.inference.provenance import fingerprint
    from understudy.models.opening import describe

    description = describe(path)
    card = trained_lines(description.card) if description.card else {}
    sources = {SOURCES: card.pop(SOURCES)} if SOURCES in card else {}
    lines = {"File": str(path), **card, **network_lines(description), "Format": description.file_format}
    size = size_text(path.stat().st_size)
    return {**lines, "Size": size, "Written into frames as": fingerprint(path), **sources}


def trained_lines(card: ModelCard) -> Card:
    """What a network that comes trained says of itself, its sources too."""
    made = card.trained
    hours = duration_text(made.hours * 3600) if made.hours is not None else ""
    trained = (f"{made.steps} steps" if made.steps is not None else "", hours, made.processor, made.date)
    lines = {
        "Name": card.name,
        "Title": card.title,
        "For": card.purpose,
        "Used as": " and ".join(USES[kind] for kind in card.kind),
        "Weights' licence": card.licence,
        "Trained": ", ".join(filter(None, trained)),
        "Measured": [measured_text(each) for each in card.measured],
        SOURCES: [", ".join(filter(None, _source(each))) for each in card.sources],
    }
    return {name: value for name, value in lines.items() if value}


def measured_text(row: Measured) -> str:
    """One figure in words: what else there is stands in brackets."""
    return f"{row.what}: {row.score}" + (f" ({row.beside})" if row.beside else "")


def _source(source: Source) -> tuple[str, ...]:
    by = f"by {source.author}" if source.author else ""
    return " ".join(filter(None, (source.title, by))), source.licence, source.address


def network_lines(model: ModelDescription) -> Card:
    """What a trained network says of itself, in its own file or in an export."""
    origin = dict(model.provenance)
    pairs = origin.pop("pairs", None) or ()
    lines = {
        "Kind": _kind(model),
        "Channels in": ", ".join(model.input_channels),
        "Also sees": _beside(model.offsets),
        "Extra inputs": ", ".join(image.name for image in model.extra if not image.offset),
        "Channels out": ", ".join(model.output_channels),
        "Colour in": colour_text(model.colour_in),
        "Colour out": colour_text(model.colour_out),
        "Scale": f"{model.scale} times the plate's size" if model.scale != 1 else "",
        "Sees": _sees(model),
        "Said at the start": [str(note) for note in origin.pop("notes", None) or ()],
        "Steps": str(origin.pop("steps", "")),
        "Held-out error": _plain(origin.pop("held_out", None)),
        "bfloat16 differs by": _precision(model.precision),
        "Learned from": _pairs([pair for pair in pairs if not _is_held_out(pair)]),
        "Judged by": _pairs([pair for pair in pairs if _is_held_out(pair)]),
        "Date": _plain(origin.pop("date", None)),
        "Licence": _plain(origin.pop("licence", None)),
        "Versions": _plain(origin.pop("versions", None)),
        "Settings": _settings(_as_dict(origin.pop("settings", {}))),
        **{name.replace("_", " ").capitalize(): _plain(value) for name, value in origin.items()},
    }
    return {name: value for name, value in lines.items() if value}


def _kind(model: ModelDescription) -> str:
    mattes = len(model.output_channels)
    if model.kind == "matte" and mattes > 1:
        return f"matte: {mattes} channels from 0 to 1, each a layer of its own"
    return KINDS.get(model.kind, model.kind)


def frame_card(path: Path) -> Card:
    """How apply made a frame; nothing where it did not."""
    from understudy.frames import read_provenance
    from understudy.inference.origins import SUFFIX

    made = read_provenance(path)
    if "model" not in made:
        return {}
    plain = {name: value for name, value in made.items() if name != "model" and not name.endswith(SUFFIX)}
    words = {name.replace("_", " ").capitalize(): _of_frame(name, value) for name, value in plain.items()}
    return {
        "File": str(path),
        "Kind": "frame, made by understudy apply",
        "Network": _named(made["model"]),
        **words,
    }


def _named(made_by: str) -> str:
    """The hash of a network, with its name where it is one that comes trained."""
    from understudy.inference.provenance import fingerprint
    from understudy.models.zoo import zoo_models

    found = next((model.name for model in zoo_models() if fingerprint(model.path) == made_by), "")
    return f"{made_by} ({found}, which comes trained)" if found else made_by


def _of_frame(name: str, value: str) -> str:
    """What a frame carries of how it was made, in words; as it stands, where it is not understood."""
    if name == "painted":
        return (
            "beside painted frames, and made of them too"
            if value.startswith(BLENDED)
            else "as it was painted"
        )
    with suppress(ValueError, AttributeError):
        if name == "finishing":
            touched = json.loads(value).items()
            return ", ".join(f"{key.replace('_', ' ')} {_plain(each)}" for key, each in touched)
    return value


def progress_card(path: Path) -> Card:
    """An .ost is told by its run: it is of use only there."""
    return {"File": str(path), "Kind": "progress of a run, for understudy resume", **run_card(path.parent)}


def _as_dict(value: Any) -> dict[str, Any]:
    if hasattr(value, "model_dump"):
        return value.model_dump()
    return dict(value) if isinstance(value, dict) else {}


def _beside(offsets: Sequence[int]) -> str:
    """The frames before and after that go in too, in words."""
    reach = len(offsets) // 2
    return f"{reach} {'frames' if reach > 1 else 'frame'} before and after each one" if reach else ""


def colour_text(encoding: ColourEncoding) -> str:
    """The space of the files, its OCIO config, and whether values are compressed for the network."""
    config = f" of {encoding.ocio_config}" if encoding.ocio_config else ""
    return f"{encoding.space}{config}" + (", unbounded" if encoding.k else "")


def _precision(values: Mapping[str, float]) -> str:
    difference = values.get("bfloat16_difference")
    return f"{number_text(difference, 2)} of an 8-bit code" if isinstance(difference, int | float) else ""


def _pairs(pairs: list[Any]) -> list[str]:
    return [_pair(_as_dict(pair) or {"name": pair}) for pair in pairs]


def _is_held_out(pair: Any) -> bool:
    return bool(_as_dict(pair).get("held_out"))


def _pair(pair: dict[str, Any]) -> str:
    known = {
        key: value
        for key, value in pair.items()
        if key not in ("name", "held_out") and value not in (None, "")
    }
    rest = [f"{key} {_short(value)}" for key, value in known.items()]
    return "  ".join([str(pair.get("name", "pair")), *rest])


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else text[:12] + "…"


def _settings(values: dict[str, Any]) -> list[str]:
    return [f"{key} = {_plain(value)}" for key, value in values.items() if value not in (None, (), [])]


def _sees(model: ModelDescription) -> str:
    """What a network looks at; nothing of one that searches both frames."""
    if model.kind == "motion":
        return ""
    if model.whole:
        return f"each frame whole, as {model.whole} x {model.whole} pixels"
    return f"about {model.reach} pixels around each pixel"


def _plain(value: Any) -> str:
    """A value of the header in one line."""
    if value is None:
        return ""
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, dict):
        told = {key: _plain(item) for key, item in value.items()}
        return ", ".join(f"{key} {text}" for key, text in told.items() if text)
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value)
    return str(value)
