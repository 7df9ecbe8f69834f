"""Named OCIO spaces, from the configs that OpenImageIO carries in itself.

A name alone says nothing in five years, so a space is always kept with its config and the config's version.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import OpenImageIO as oiio

from understudy.errors import ColourError

CONFIGS = (
    "ocio://cg-config-v4.0.0_aces-v2.0_ocio-v2.5",
    "ocio://studio-config-v4.0.0_aces-v2.0_ocio-v2.5",
    "ocio://cg-config-v2.2.0_aces-v1.3_ocio-v2.4",
    "ocio://studio-config-v2.2.0_aces-v1.3_ocio-v2.4",
)
"""Where a name is looked for, in this order; the studio configs add the cameras' spaces."""


@dataclass(frozen=True)
class NamedSpace:
    """One colour space: its full ``name`` and the ``config``, version included, that defines it."""

    name: str
    config: str


def find_space(name: str, config: str | None = None) -> NamedSpace:
    """Look a name, alias or role up, in one config or in all of CONFIGS. ColourError lists close matches."""
    known: list[str] = []
    for candidate in (config,) if config else CONFIGS:
        opened = _open_config(candidate)
        if opened is None:
            continue
        spaces = opened.getColorSpaceNames()
        resolved = opened.resolve(name)
        if resolved in spaces:
            return NamedSpace(resolved, candidate)
        known += [space for space in spaces if space not in known]
    if config and not known:
        raise _unknown_config(name, config)
    raise _unknown_space(name, known, config)


def is_linear_space(space: NamedSpace) -> bool:
    """Whether equal steps of the values are equal steps of light."""
    opened = _open_config(space.config)
    return bool(opened and opened.isColorSpaceLinear(space.name))


def convert(pixels: np.ndarray, source: NamedSpace, target: str) -> np.ndarray:
    """Convert float32 (H, W, 3 or more) between two spaces of one config; channels after the third stay.

    Each pixel by itself. A new array. ColourError when the shape or the target does not fit.
    """
    return _convert(pixels, source.name, target, source.config)


def convert_back(pixels: np.ndarray, source: str, target: NamedSpace) -> np.ndarray:
    """The other way round: from ``source``, a space or role of the target's config, into ``target``."""
    return _convert(pixels, source, target.name, target.config)


def _convert(pixels: np.ndarray, source: str, target: str, config: str) -> np.ndarray:
    if pixels.ndim != 3 or pixels.shape[2] < 3:
        raise ColourError(
            f"The colour space {source} cannot be converted to {target}.",
            expected="pixels of shape (height, width, 3 or more)",
            found=f"shape {pixels.shape}",
            remedy="Give red, green and blue, or use the colour space raw.",
        )
    plain = np.ascontiguousarray(pixels[:, :, :3], dtype=np.float32)
    result = oiio.ImageBufAlgo.colorconvert(
        oiio.ImageBuf(plain), source, target, unpremult=False, colorconfig=config
    )
    if result.has_error:
        raise ColourError(
            f"The colour space {source} cannot be converted to {target}.",
            found=result.geterror(),
            where=config,
            remedy="Check the name of the colour space.",
        )
    converted = np.array(pixels, dtype=np.float32)
    converted[:, :, :3] = result.get_pixels(oiio.FLOAT)
    return converted


@lru_cache(maxsize=16)
def _open_config(config: str) -> oiio.ColorConfig | None:
    """A config that is built in; None for one that this version of the library does not have."""
    if not config.startswith("ocio://"):
        return None
    opened = oiio.ColorConfig(config)
    return None if opened.geterror() else opened


def _unknown_config(name: str, config: str) -> ColourError:
    return ColourError(
        f"The colour space {name} belongs to a config that is not here.",
        expected=f"one of {', '.join(CONFIGS)}",
        found=config,
        remedy="Install the version of OpenImageIO that the model was made with.",
    )


def _unknown_space(name: str, known: list[str], config: str | None) -> ColourError:
    lowered = {space.lower(): space for space in known}
    close = [lowered[hit] for hit in difflib.get_close_matches(name.lower(), lowered, n=5, cutoff=0.3)]
    listed = close or known[:8]
    return ColourError(
        f"There is no colour space called {name!r}.",
        expected=f"auto, srgb, linear, raw, or a named space such as {', '.join(listed)}",
        found=name,
        where=config or "--colour",
        remedy="Use one of these names.",
    )
