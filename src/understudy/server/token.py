"""The token of the HTTP endpoint, in a file that only its owner can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from understudy.errors import SettingError

SHORTEST = 16
LONGEST = 4096


def read_or_make_token(path: Path) -> str:
    """The token in ``path``; a new one, written there, when the file does not exist."""
    try:
        return _checked(path.read_text("utf-8")[: LONGEST + 1].strip(), path)
    except FileNotFoundError:
        return _made(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError("The token file cannot be read.", found=str(error), where=str(path)) from error


def _checked(token: str, path: Path) -> str:
    if len(token) > LONGEST or not is_usable(token):
        raise SettingError(
            "The token file holds no usable token.",
            where=str(path),
            expected=f"one line of at least {SHORTEST} printable characters",
            remedy="Delete the file: a new token is made in its place.",
        )
    return token


def is_usable(token: str) -> bool:
    """Whether it is long enough, and a header can carry it."""
    return len(token) >= SHORTEST and token.isascii() and token.isprintable() and " " not in token


def _made(path: Path) -> str:
    token = secrets.token_urlsafe(32)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(token + "\n")
    except OSError as error:
        raise SettingError("The token file cannot be made.", found=str(error), where=str(path)) from error
    return token
