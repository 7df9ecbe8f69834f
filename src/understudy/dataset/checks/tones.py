"""Images: a grade or another encoding that one truth has and the effect of the others does not explain."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from understudy.dataset.checks.finding import Finding, Fix, Sample

FEWEST = 3
LEAST = 0.018
TIMES = 3.5
UNEXPLAINED = 0.8
"""The share of a difference in colours that gain and gamma may leave; where they leave more, they would take
nothing back."""
PLACES = 64
"""The longer side of the frames that colours are read from: a shift changes little there."""


def check_tones(samples: Sequence[Sample]) -> list[Finding]:
    """Truths whose colours no effect explains that also makes the others."""
    if len(samples) < FEWEST or len({s.truth.shape[2] for s in samples}) != 1:
        return []
    plates = [_colours(sample.plate) for sample in samples]
    truths = [_colours(sample.truth) for sample in samples]
    left = list(range(len(samples)))
    found: list[Finding] = []
    while len(left) >= FEWEST:
        misses = {i: _miss(i, [k for k in left if k != i], plates, truths) for i in left}
        worst = max(misses, key=lambda i: misses[i][0])
        rest = [i for i in left if i != worst]
        usual = [_miss(i, [k for k in rest if k != i], plates, truths)[0] for i in rest]
        if misses[worst][0] <= max(LEAST, TIMES * float(np.median(usual)), 1.5 * max(usual)):
            break
        found.append(_finding(worst, samples[worst], misses[worst][1], truths[worst]))
        left = rest
    return found if len(found) * 2 < len(samples) else []


def _colours(pixels: np.ndarray) -> np.ndarray:
    """(places, channels) of a small version of the frame."""
    scale = PLACES / max(pixels.shape[:2])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = cv2.resize(np.nan_to_num(pixels[..., :4]), size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float64).reshape(-1, min(4, pixels.shape[2]))


def _terms(colours: np.ndarray) -> np.ndarray:
    squares = [colours[:, i] * colours[:, k] for i in range(colours.shape[1]) for k in range(i + 1)]
    return np.column_stack([np.ones(len(colours)), colours, *squares])


def _miss(
    index: int, others: list[int], plates: list[np.ndarray], truths: list[np.ndarray]
) -> tuple[float, np.ndarray]:
    """How far the tones of a truth are from what the effect of the others makes of its plate; and these."""
    terms = _terms(np.concatenate([plates[k] for k in others]))
    wanted = np.concatenate([truths[k] for k in others])
    ridge = 1e-4 * len(terms) * np.eye(terms.shape[1])
    effect = np.linalg.solve(terms.T @ terms + ridge, terms.T @ wanted)
    expected = _terms(plates[index]) @ effect
    miss = [_tone(expected[:, c], truths[index][:, c]) for c in range(wanted.shape[1])]
    return float(np.sqrt(np.mean(np.square(miss)))), expected


def _tone(expected: np.ndarray, found: np.ndarray) -> float:
    """The difference of the two that a curve explains."""
    curve = np.polyfit(expected, found, 2)
    return float(np.sqrt(np.mean(np.square(np.polyval(curve, expected) - expected))))


def to_linear(values: np.ndarray) -> np.ndarray:
    """sRGB as scene-linear."""
    values = np.clip(values, 0, 1)
    return np.asarray(np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4))


def to_srgb(values: np.ndarray) -> np.ndarray:
    """Scene-linear as sRGB."""
    values = np.clip(values, 0, 1)
    return np.asarray(np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055))


def _finding(index: int, sample: Sample, expected: np.ndarray, found: np.ndarray) -> Finding:
    grid = np.linspace(0, 1, 256)
    upside_down = _rms(1 - expected - found)
    if upside_down < 0.5 * _rms(expected - found):
        said = "the ground truth is inverted: bright where the effect of the others is dark"
        fix = Fix(curve=np.stack([1 - grid] * found.shape[1]))
        remedy = "Invert it, or let --repair do so."
        return Finding(index, sample.name, sample.number, "inverted", said, remedy, 0.9, fix)
    gains, powers = zip(*(_power(expected[:, c], found[:, c]) for c in range(found.shape[1])), strict=True)
    graded = np.clip(expected, 1e-4, None) ** np.array(powers) * np.array(gains)
    left = _rms(graded - found)
    name, sample_name = _encoding(expected, found, left), (sample.name, sample.number)
    if name:
        curve = to_srgb(grid) if name == "linear" else to_linear(grid)
        said = f"the ground truth is {name}, the others are not: another encoding"
        remedy = "Render it in the colour space of the others, or let --repair convert it."
        fix = Fix(curve=np.stack([curve] * found.shape[1]))
        return Finding(index, *sample_name, "encoding", said, remedy, 0.95, fix)
    if left > UNEXPLAINED * _rms(expected - found):
        said = (
            "the ground truth has colours that the effect of the others does not make, nor any gain and gamma"
        )
        remedy = "Compare it with the others; what was done to it cannot be told for sure."
        return Finding(index, *sample_name, "grade", said, remedy, 0.7)
    said = (
        "the ground truth has a grade that the others have not: gain "
        f"{np.mean(gains):.2f}, gamma {1 / np.mean(powers):.2f}"
    )
    back = [np.clip(grid / gain, 0, None) ** (1 / power) for gain, power in zip(gains, powers, strict=True)]
    remedy = "Render it without that grade, or let --repair take it off."
    return Finding(index, *sample_name, "grade", said, remedy, 0.8, Fix(curve=np.stack(back)))


def _encoding(expected: np.ndarray, found: np.ndarray, left: float) -> str:
    for name, curve in (("linear", to_linear), ("sRGB", to_srgb)):
        miss = _rms(curve(expected) - found)
        if miss < 1.3 * left + 0.004 and miss < 0.3 * _rms(expected - found):
            return name
    return ""


def _power(expected: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Gain and power that lead from the expected values to those found, clipped ones left out."""
    used = (expected > 0.02) & (found > 0.02) & (expected < 0.98) & (found < 0.98)
    if used.sum() < 30:
        return 1.0, 1.0
    one, other = np.log(expected[used]), np.log(found[used])
    power, gain = np.polyfit(one, other, 1, w=np.sqrt(expected[used]))
    return float(np.exp(np.clip(gain, -2, 2))), float(np.clip(power, 0.3, 3.3))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
