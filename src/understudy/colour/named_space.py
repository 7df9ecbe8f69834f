"""Named OCIO spaces: of the config that $OCIO names, and of those that are built in."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np
import OpenImageIO as oiio

from understudy.colour.configs import BUILT_IN, config_words, configs, location, open_config
from understudy.errors import ColourError


@dataclass(frozen=True)
class NamedSpace:
    """One colour space: its full ``name`` and the identity of the ``config`` that defines it."""

    name: str
    config: str

    @property
    def words(self) -> str:
        """Name and config for the artist."""
        return f"{self.name} of {config_words(self.config)}"


def find_space(name: str, config: str | None = None) -> NamedSpace:
    """Look a name, alias or role up, in one config or in all of them, $OCIO first. ColourError lists close
    matches."""
    known: list[str] = []
    for candidate in (config,) if config else configs():
        opened = open_config(candidate)
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


def resolved_in(name: str, config: str) -> str:
    """The full name in that config of a space, alias or role; empty when it has none such."""
    opened = open_config(config)
    found = opened.resolve(name) if opened else ""
    return found if opened and found in opened.getColorSpaceNames() else ""


def interop_name(space: NamedSpace) -> str:
    """What the Color Interop Forum calls the space, such as ``lin_rec709_scene``; empty where it has no name
    for it."""
    opened = open_config(space.config)
    return str(opened.get_color_interop_id(space.name)) if opened else ""


def is_linear_space(space: NamedSpace) -> bool:
    """Whether equal steps of the values are equal steps of light."""
    opened = open_config(space.config)
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
    place = location(config)
    if place is None:
        raise _unknown_config(source, config)
    plain = np.ascontiguousarray(pixels[:, :, :3], dtype=np.float32)
    result = oiio.ImageBufAlgo.colorconvert(
        oiio.ImageBuf(plain), source, target, unpremult=False, colorconfig=place
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


def _unknown_config(name: str, config: str) -> ColourError:
    return ColourError(
        f"The colour space {name} belongs to a config that is not here.",
        expected=config,
        found=f"{', '.join(BUILT_IN)}, and what $OCIO names",
        remedy="Set $OCIO to the config that the model was made with, or install its version of OpenImageIO.",
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
