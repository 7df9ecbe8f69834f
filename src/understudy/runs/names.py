"""What a run may be called, and what its files are called."""

from __future__ import annotations

import re
import time
import unicodedata

from understudy.errors import RunError

MOST_CHARACTERS = 100
MOST_BYTES = 200  # a file system allows 255, and the longest ending takes some
SIGNS = " ._-"
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
STEP_FILE = re.compile(r"_(\d{7,12})\.cat", re.ASCII)
CONTACT_FILE = re.compile(r"_contact_(\d{7,12})\.(?:png|exr)", re.ASCII)
PREVIEW_FILE = re.compile(r"_preview_(\d{7,12})_(-?\d{1,12})\.(?:png|exr)", re.ASCII)
VALIDATION_FILE = re.compile(r"_validation_(\d{7,12})\.png", re.ASCII)
STAGE_FILE = re.compile(r"_stage_(\d{7,12})_(\d{1,4})\.png", re.ASCII)
STAGE_SHEET_FILE = re.compile(r"_stages_(\d{7,12})\.png", re.ASCII)
PLAIN_FILE = re.compile(r"(?:_best)?\.cat|\.ost|\.summary")
PICTURE_FILES = (CONTACT_FILE, PREVIEW_FILE, VALIDATION_FILE, STAGE_FILE, STAGE_SHEET_FILE)
OWN_FILES = (PLAIN_FILE, STEP_FILE, *PICTURE_FILES)


def check_name(name: str) -> str:
    """``name`` itself when a run may be called so on every system; RunError with the reason otherwise."""
    fault = _fault(name)
    if fault:
        raise RunError(
            "A run cannot have this name.",
            expected="letters, digits, space, point, hyphen and underscore, at most 100 characters",
            found=f"{name[:120]!r}: {fault}",
            where="--name (Name)",
            remedy="Choose another name, or none: then date and time make one.",
        )
    return name


def _fault(name: str) -> str:
    if not name.strip(SIGNS):
        return "no letter or digit in it"
    if any(not _allowed(c) for c in name):
        return "a character that is not allowed"
    if name[0] in " .-" or name[-1] in " .":
        return "a point, space or hyphen at its edge"
    if len(name) > MOST_CHARACTERS or len(name.encode()) > MOST_BYTES:
        return "too long"
    return "a name that some systems keep for devices" if name.split(".")[0].lower() in RESERVED else ""


def _allowed(character: str) -> bool:
    """Letters, marks and digits of any script, and a few signs."""
    return character in SIGNS or unicodedata.category(character)[0] in "LM" or character.isdigit()


def default_name() -> str:
    """Training_<yymmdd>_<hhmmss>, local time."""
    return time.strftime("Training_%y%m%d_%H%M%S")
