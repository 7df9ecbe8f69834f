"""Which encoding a set of files gets, and a sentence that says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from understudy.colour.configs import own_config
from understudy.colour.encoding import K_LARGEST, LINEAR, LINEAR_K, PLAIN, SRGB, ColourEncoding
from understudy.colour.named_space import NamedSpace, find_space, is_linear_space
from understudy.colour.statement import space_meant
from understudy.errors import ColourError
from understudy.frames.header_colour import SILENT, HeaderColour
from understudy.frames.nonfinite import HUGE

WIDE = 100.0
"""Raw values whose 95th and 5th percentile are this far apart, as a ratio, get the logarithmic curve."""


@dataclass(frozen=True)
class SpaceDecision:
    """The space that was chosen, and one sentence for the artist saying what and why.

    ``named``: the space and its config, where it is no plain one. ``asked``: the user named it. ``said``: the
    file's header did. Where it is neither, it was guessed from the data type.
    """

    space: str
    sentence: str
    named: NamedSpace | None = None
    asked: bool = False
    said: bool = False

    @property
    def known(self) -> bool:
        """Whether somebody says so, which is more than a guess."""
        return self.asked or self.said

    @property
    def words(self) -> str:
        """The space, with its config where it has one."""
        return self.named.words if self.named else self.space


def decide_space(
    request: str, is_integer: bool, header: HeaderColour = SILENT, subject: str = "Colour"
) -> SpaceDecision:
    """Turn ``--colour`` into a space. ``auto``: what the file's ``header`` says; where it says nothing,
    integer files are srgb and float files are scene-linear.

    ``request`` is ``auto``, ``srgb``, ``linear``, ``raw``, or the name, alias or role of an OCIO space,
    which comes back under its full name. ``subject`` begins the sentence. ColourError when there is no such
    space, or the config that $OCIO names cannot be read.
    """
    own_config()
    if request == "auto":
        return _decide_from_files(is_integer, header, subject)
    if request in PLAIN_SPACES:
        return SpaceDecision(request, f"{subject}: {request}, as asked.", asked=True)
    found = find_space(request)
    return SpaceDecision(found.name, f"{subject}: {found.words}, as asked.", found, asked=True)


def _decide_from_files(is_integer: bool, header: HeaderColour, subject: str) -> SpaceDecision:
    meant = space_meant(header) if header else None
    if isinstance(meant, NamedSpace):
        why = f"{subject}: {meant.words}, because {header.words} ({_flag(subject)} says otherwise)."
        return SpaceDecision(meant.name, why, meant, said=True)
    if meant is not None:
        why = f"{subject}: {meant}, because {header.words} ({_flag(subject)} says otherwise)."
        return SpaceDecision(meant, why, said=True)
    kind, taken, space = ("integers", "display-referred", "srgb") if is_integer else _FLOATS
    why = f"the files hold {kind}, so their values are taken as {taken}"
    unknown = f"; {header.words}, which is no space that is known here" if header else ""
    return SpaceDecision(
        space, f"{subject}: {space}, because {why}{unknown} ({_flag(subject)} says otherwise)."
    )


def _flag(subject: str) -> str:
    return "--colour" if subject == "Colour" else "--ground-truth-colour"


_FLOATS = ("floats", "scene-linear", "linear")
PLAIN_SPACES = ("srgb", "linear", "raw")


def encoding_for(space: str, samples: Iterable[np.ndarray] | None = None) -> ColourEncoding:
    """The encoding of a space that ``decide_space`` gave.

    ``samples``: arrays of file values of any shape, needed only by ``raw``, whose offset and scale are
    measured from them (none: values are taken as they are).
    """
    if space == "srgb":
        return SRGB
    if space == "linear":
        return LINEAR
    if space == "raw":
        return PLAIN if samples is None else measure_raw(samples)
    found = find_space(space)
    k = LINEAR_K if is_linear_space(found) else 0.0
    return ColourEncoding(space=found.name, ocio_config=found.config, k=k)


def measure_raw(samples: Iterable[np.ndarray]) -> ColourEncoding:
    """Robust offset, scale and curve of raw values (motion, depth, positions, mattes) from their pixels.

    Values on one side of zero: the 0.5th percentile goes to 0, the 99.5th to 1. Values on both sides: zero
    stays zero and the 99.5th percentile of their size goes to 1. Values over a very wide range, such as
    depth with a far sky, get the curve, set so that their geometric middle lands at about one half.
    ColourError when no value is finite.
    """
    values = _gather(samples)
    low, high = np.percentile(values, (0.5, 99.5))
    if low < 0.0 < high and min(-low, high) > 0.01 * max(-low, high):
        scale = float(np.percentile(np.abs(values), 99.5))
        return ColourEncoding(space="raw", scale=_safe_scale(scale))
    wide = _measure_wide(values, float(high)) if low >= 0.0 else None
    if wide is not None:
        return wide
    if 0.0 <= low < 0.05 * high:
        low = 0.0
    return ColourEncoding(space="raw", offset=float(low), scale=_safe_scale(float(high - low)))


def _gather(samples: Iterable[np.ndarray], most: int = 1_000_000) -> np.ndarray:
    """Values that a picture can hold (below ``HUGE``), of all samples, as float64, evenly thinned to about
    ``most`` for each sample."""
    parts = [np.ravel(sample) for sample in samples]
    thinned = [part[:: max(1, part.size // most)] for part in parts]
    values = np.concatenate(thinned).astype(np.float64) if thinned else np.empty(0)
    values = values[np.abs(values) < HUGE]
    if values.size == 0:
        raise ColourError(
            "The raw values cannot be measured.",
            expected="at least one finite pixel value",
            found="none",
            remedy="Check the channels, or name the colour space with --colour.",
        )
    return values


def _measure_wide(values: np.ndarray, high: float) -> ColourEncoding | None:
    """The curve for values from nothing to very much; None when the range is an ordinary one."""
    positive = values[values > 1e-6 * high]
    if positive.size == 0:
        return None
    near, far = np.percentile(positive, (5.0, 95.0))
    if far < WIDE * near:
        return None
    middle = float(np.sqrt(near * far)) / high
    # log1p(k m) / log1p(k) = 1/2 has the root k = (1 - 2 m) / m^2.
    k = min(max((1.0 - 2.0 * middle) / middle**2, LINEAR_K), K_LARGEST)
    return ColourEncoding(space="raw", k=k, scale=_safe_scale(high))


def _safe_scale(span: float) -> float:
    """A span as a scale; 1 for values that do not vary, kept within what float32 can divide by."""
    return 1.0 if span < 1e-12 else min(span, 1e29)
