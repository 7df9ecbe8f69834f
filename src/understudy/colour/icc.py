"""Which of the known spaces an ICC profile describes, by its curves and colorants, whatever its name is."""

from __future__ import annotations

import struct

import numpy as np

MOST_TAGS = 200
NEAR = 0.004

# Red, green and blue in the profile connection space (XYZ under D50), row by row: X of the three, and so on.
_COLORANTS = {
    "rec709": ((0.4361, 0.3851, 0.1431), (0.2225, 0.7169, 0.0606), (0.0139, 0.0971, 0.7141)),
    "p3d65": ((0.5151, 0.2920, 0.1571), (0.2412, 0.6922, 0.0666), (-0.0011, 0.0419, 0.7841)),
    "adobergb": ((0.6097, 0.2053, 0.1492), (0.3111, 0.6257, 0.0632), (0.0195, 0.0609, 0.7446)),
    "rec2020": ((0.6735, 0.1657, 0.1250), (0.2790, 0.6753, 0.0456), (-0.0019, 0.0300, 0.7968)),
}
_GAMMAS = {1.8: "g18", 2.2: "g22", 2.4: "g24", 563 / 256: "g22"}
_PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}


def space_of_icc(profile: bytes) -> str:
    """The Color Interop Forum's name of the space, such as ``srgb_rec709_scene``; empty where it is none of
    those known, or the profile is damaged."""
    try:
        tags = _tags(profile)
        colorants = np.array([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]).T
        curve = _curve_name(_sampled(tags[b"rTRC"]))
    except (KeyError, struct.error, ValueError, IndexError, ZeroDivisionError, OverflowError):
        return ""
    for name, known in _COLORANTS.items():
        if curve and np.abs(colorants - np.array(known)).max() < NEAR:
            return f"{curve}_{name}_scene"
    return ""


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    found = {}
    for index in range(min(count, MOST_TAGS)):
        name, start, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        found[name] = profile[start : start + size]
    return found


def _xyz(tag: bytes) -> tuple[float, ...]:
    return tuple(value / 65536 for value in struct.unpack_from(">3i", tag, 8))


def _sampled(tag: bytes) -> np.ndarray:
    """The curve at 65 values from 0 to 1."""
    x = np.linspace(0.0, 1.0, 65)
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        return _parametric(
            x, kind, [v / 65536 for v in struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12)]
        )
    if tag[:4] != b"curv":
        raise ValueError("no curve")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return x
    table = np.frombuffer(tag, ">u2", count, 12).astype(float)
    return x ** (table[0] / 256) if count == 1 else np.interp(x, np.linspace(0, 1, count), table / 65535)


def _parametric(x: np.ndarray, kind: int, values: list[float]) -> np.ndarray:
    """y = (a x + b)^g + e from x = d on, c x + f below; fewer values leave terms out, by their number."""
    if kind < 3:
        g, a, b, e = (*values, 1.0, 0.0, 0.0) if kind == 0 else (*values, 0.0)[:4]
        c, d, f = 0.0, -b / a, e
    else:
        g, a, b, c, d, e, f = [*values, 0.0, 0.0][:7]
    return np.where(x >= d, np.maximum(a * x + b, 0.0) ** g + e, c * x + f)


def _curve_name(curve: np.ndarray) -> str:
    x = np.linspace(0.0, 1.0, curve.size)
    if np.abs(curve - x).max() < NEAR / 4:
        return "lin"
    srgb = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    if np.abs(curve - srgb).max() < NEAR / 4:
        return "srgb"
    return next((name for g, name in _GAMMAS.items() if np.abs(curve - x**g).max() < NEAR / 4), "")
