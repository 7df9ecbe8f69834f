"""Names that are safe to show, to put into a URL, and to give to a knob."""

from __future__ import annotations

import re

RESERVED_KNOBS = frozenset(
    [
        "host",
        "port",
        "connect",
        "models",
        "serialiseKnob",
        "name",
        "label",
        "disable",
        "help",
        "tile_color",
        "note_font",
        "note_font_size",
        "note_font_color",
        "hide_input",
        "cached",
        "dope_sheet",
        "bookmark",
        "postage_stamp",
        "postage_stamp_frame",
        "lifetimeStart",
        "lifetimeEnd",
        "useLifetime",
        "knobChanged",
        "onCreate",
        "onDestroy",
        "updateUI",
        "autolabel",
        "panel",
        "indicators",
        "icon",
        "selected",
        "xpos",
        "ypos",
        "gl_color",
        "inject",
        "enable",
        "mask",
        "channels",
    ]
)
"""Knobs that a node of Nuke has by itself."""


def safe_name(text: str) -> str:
    """A model name from any text: letters, digits, dot, dash and underscore."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:64] or "model"


def safe_label(text: str) -> str:
    """A label that a script can hold: no ``;`` or ``:``, no leading brace, nothing that does not print."""
    cleaned = "".join(each if each.isprintable() and each not in ";:" else " " for each in text)
    return " ".join(cleaned.split()).lstrip("{")[:64].strip() or "model"


def is_plain_name(text: str) -> bool:
    """Whether a text is a name such as ``denoise`` and no path."""
    return bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", text))


def is_knob_name(name: str) -> bool:
    """Whether an option of this name can become a knob."""
    return bool(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name)) and name not in RESERVED_KNOBS


def count_text(number: int, thing: str) -> str:
    """``1 image``, ``2 images``."""
    return f"{number} {thing}" + ("" if number == 1 else "s")


def printable(text: str) -> str:
    """Text of a client, short and printable, fit to be shown."""
    return "".join(each if each.isprintable() else "?" for each in str(text))[:64]
