"""OCIO configs: the one that $OCIO names, those that OpenImageIO carries in itself, and the film log's.

A name alone says nothing in five years, so a space is always kept with its config: a built-in one by its
name, version included, and a file by its name and a digest of what it holds, not by its place.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

import OpenImageIO as oiio

from understudy.errors import ColourError

BUILT_IN = (
    "ocio://cg-config-v4.0.0_aces-v2.0_ocio-v2.5",
    "ocio://studio-config-v4.0.0_aces-v2.0_ocio-v2.5",
    "ocio://cg-config-v2.2.0_aces-v1.3_ocio-v2.4",
    "ocio://studio-config-v2.2.0_aces-v1.3_ocio-v2.4",
)
FILM = "understudy://film-log-v1"
VARIABLE = "OCIO"
LARGEST = 2**28  # bytes of a config file: .ocioz archives hold tables


def configs() -> tuple[str, ...]:
    """Where a name is looked for, in this order: $OCIO, the built-in ones (the studio configs add the
    cameras' spaces), film log. ColourError when $OCIO cannot be read."""
    own = own_config()
    return ((own,) if own else ()) + (*BUILT_IN, FILM)


def own_config() -> str | None:
    """The identity of the config that $OCIO names, None where it names none. ColourError when it cannot be
    read: a program that goes on with another config changes colours in silence."""
    named = os.environ.get(VARIABLE, "").strip()
    if not named:
        return None
    identity = named if named.startswith("ocio://") else _identity(Path(named))
    fault = _opened(named, identity)[1]
    if fault:
        raise _broken(named, fault)
    return identity


def open_config(identity: str) -> oiio.ColorConfig | None:
    """The config of that identity; None for one that is not here."""
    place = location(identity)
    return _opened(place, identity)[0] if place else None


def location(identity: str) -> str | None:
    """What to open the config by. A path in a model file is never followed: a config that is no built-in one
    must be the one that $OCIO names."""
    if identity == FILM:
        return str(Path(__file__).with_name("film.ocio"))
    if identity.startswith("ocio://"):
        return identity
    return os.environ[VARIABLE].strip() if identity == own_config() else None


def config_words(identity: str) -> str:
    """The config in words for the artist."""
    named = os.environ.get(VARIABLE, "").strip()
    return f"$OCIO, {named}" if named and identity == own_config() else identity


def _identity(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise _broken(str(path), "a file that is too large for a config")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise _broken(str(path), getattr(error, "strerror", None) or "a path that cannot be read") from error
    return f"{path.name[:100]} sha256:{digest[:16]}"


@lru_cache(maxsize=32)
def _opened(place: str, identity: str) -> tuple[oiio.ColorConfig | None, str]:
    """The config, and why it could not be opened."""
    opened = oiio.ColorConfig(place)
    fault = opened.geterror()
    return (None, fault) if fault else (opened, "")


def _broken(named: str, found: str) -> ColourError:
    return ColourError(
        "The config that $OCIO names cannot be read.",
        expected="an OCIO config, such as /show/config.ocio",
        found=" ".join(found.split())[:300],
        where=f"OCIO={named}",
        remedy="Correct the variable, or unset it to use the built-in configs.",
    )
