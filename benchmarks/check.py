"""What the check of pairs finds: faults made on good pairs of every case, and alarms on the good pairs.

    python benchmarks/check.py --cases FOLDER [--json]

Each case is a folder with case.json (train_frames), input/ and groundtruth/. Faults are made on one truth in
memory, and what was found is put right as --repair does. Nothing is trained; a few minutes on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from understudy.artist.check.repair import curved
from understudy.dataset.checks import Finding, Sample, check_samples
from understudy.dataset.checks.register import matrix_of
from understudy.dataset.checks.tones import to_linear
from understudy.frames import open_shot
from understudy.frames.matte import white_of

Fault = Callable[[list[Sample], int, dict], Sample]


@dataclass(frozen=True)
class Moved:
    """A truth that is moved, scaled and turned about the centre."""

    right: float
    down: float
    scale: float = 1.0
    degrees: float = 0.0

    def matrix(self, shape: tuple[int, ...]) -> np.ndarray:
        """From where something should lie to where it lies."""
        matrix = cv2.getRotationMatrix2D(((shape[1] - 1) / 2, (shape[0] - 1) / 2), self.degrees, self.scale)
        matrix[:, 2] += self.right, self.down
        return matrix

    def __call__(self, samples: list[Sample], at: int, _: dict) -> Sample:
        truth = samples[at].truth
        size = truth.shape[1], truth.shape[0]
        how = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REPLICATE}
        warped = cv2.warpAffine(truth, self.matrix(truth.shape), size, **how).reshape(truth.shape)
        return replace(samples[at], truth=warped.clip(0, 1))


def changed(change: Callable[[np.ndarray], np.ndarray]) -> Fault:
    """A truth whose values are changed."""
    return lambda samples, at, _: replace(
        samples[at], truth=np.asarray(change(samples[at].truth), np.float32).clip(0, 1)
    )


def of_other(step: int) -> Fault:
    """The truth of the pair so many further on."""
    return lambda samples, at, _: replace(samples[at], truth=samples[(at + step) % len(samples)].truth)


def of_neighbour(step: int) -> Fault:
    """The truth of the frame so many after."""
    return lambda samples, at, truths: replace(samples[at], truth=truths[samples[at].number + step])


def same_as_plate(samples: list[Sample], at: int, _: dict) -> Sample:
    return replace(samples[at], truth=samples[at].plate)


def recompressed(truth: np.ndarray) -> np.ndarray:
    codes = np.ascontiguousarray(np.rint(truth * 255).astype(np.uint8)[..., ::-1])
    _, data = cv2.imencode(".jpg", codes, [cv2.IMWRITE_JPEG_QUALITY, 70])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED)[..., ::-1] / np.float32(255))


def grainy(truth: np.ndarray) -> np.ndarray:
    return truth + np.random.default_rng(1).normal(0, 0.02, truth.shape)


def padded(truth: np.ndarray) -> np.ndarray:
    out = truth.copy()
    out[:8], out[-8:] = 0, 0
    return out


CURVED = {"grade", "encoding", "inverted"}
PLACE = {"shift", "scale", "rotation"}
OTHER = {"off-by-one", "order", "foreign", "duplicate"}
BOTH: dict[str, tuple[Fault, set[str]]] = {
    "shift 0.5": (Moved(0.5, 0), PLACE),
    "shift 1": (Moved(0.6, -0.8), PLACE),
    "shift 4": (Moved(-3, 2.6), PLACE),
    "whole pixel": (Moved(1, -1), PLACE),
    "whole pixels": (Moved(-3, 2), PLACE),
    "scale 1 %": (Moved(0, 0, 1.01), PLACE),
    "scale 3 %": (Moved(0, 0, 0.97), PLACE),
    "turn 0.5": (Moved(0, 0, 1, 0.5), PLACE),
    "turn 2": (Moved(0, 0, 1, -2), PLACE),
    "frame after": (of_neighbour(1), OTHER | PLACE),
    "other pair": (of_other(1), OTHER),
}
IMAGES: dict[str, tuple[Fault, set[str]]] = {
    "gain 1.2": (changed(lambda t: t * 1.2), {"grade"}),
    "gamma 1.25": (changed(lambda t: t ** (1 / 1.25)), {"grade"}),
    "linear": (changed(to_linear), {"grade", "encoding"}),
    "grain": (changed(grainy), {"grain"}),
    "jpeg 70": (changed(recompressed), {"recompression", "grain"}),
    "as plate": (same_as_plate, {"same-as-plate"}),
    "padded": (changed(padded), {"padded"}),
}
MATTES: dict[str, tuple[Fault, set[str]]] = {
    "inverted": (changed(lambda t: 1 - t), {"inverted"}),
    "empty": (changed(lambda t: t * 0), {"empty"}),
}


def load(folder: Path) -> tuple[list[Sample], dict[int, np.ndarray], str]:
    """The pairs of a case, its truths by number, and its kind."""
    case = json.loads((folder / "case.json").read_text())
    plate, truth = (open_shot(str(folder / name)) for name in ("input", "groundtruth"))
    plates = {n: plate.read(n) for n in plate.numbers}
    seen = {n: frame.planes(frame.part.channels[:3]) for n, frame in plates.items()}
    read = {n: truth.read(n) for n in truth.numbers}
    truths = {n: frame.planes(frame.part.channels[:3]) for n, frame in read.items()}
    if case["kind"] == "matte":
        white = white_of(max(float(t.max()) for t in truths.values()))
        truths = {n: (t[..., :1] / white).clip(0, 1) for n, t in truths.items()}
    samples = [
        Sample(str(n), n, seen[n], truths[n], tuple((k, seen[k]) for k in (n - 1, n + 1) if k in seen))
        for n in case["train_frames"]
    ]
    return samples, truths, case["kind"]


def measure(folder: Path) -> dict:
    """Alarms on the good pairs; for each fault at which of the pairs it was found, and how far what --repair
    makes of it is from the good truth: pixels, or code values, or None where it is left out."""
    samples, truths, kind = load(folder)
    alarms = [finding.sentence for finding in check_samples(samples, kind)]
    found: dict[str, list[bool]] = {}
    left: dict[str, list[float | None]] = {}
    for name, (fault, kinds) in {**BOTH, **(MATTES if kind == "matte" else IMAGES)}.items():
        for at in (1, 3):
            broken = [fault(samples, at, truths) if i == at else s for i, s in enumerate(samples)]
            said: list[Finding] = check_samples(broken, kind)
            hits = [f for f in said if f.pair in _pairs(name, at, len(samples)) and f.kind in kinds]
            found.setdefault(name, []).append(bool(hits))
            if hits and (isinstance(fault, Moved) or hits[0].kind in CURVED):
                left.setdefault(name, []).append(_left(fault, hits[0], samples[at], broken[at]))
    return {"case": folder.name, "kind": kind, "alarms": alarms, "found": found, "left": left}


def _left(fault: Fault, finding: Finding, good: Sample, broken: Sample) -> float | None:
    """How far a repaired truth is from the good one: the most that it still lies off, in pixels, or the mean
    difference of values that were not clipped, in code values of 8 bits."""
    fix = finding.fix
    if fix is None:
        return None
    if fix.place is not None and isinstance(fault, Moved):
        wrong = fault.matrix(good.truth.shape) - matrix_of(np.array(fix.place), good.truth.shape)
        y, x = np.nonzero(good.truth[..., 0] > 0.5) if good.truth.shape[2] == 1 else _corners(good.truth)
        return float(np.linalg.norm(wrong @ np.stack([x, y, np.ones_like(x)]), axis=0).max())
    if fix.inverted or fix.curve is not None:
        mended = 1 - broken.truth if fix.inverted else curved(broken.truth, fix.curve)
        kept = (broken.truth > 0) & (broken.truth < 1) | fix.inverted
        return float(np.abs(mended - good.truth)[kept].mean() * 255)
    return None


def _corners(truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    high, wide = truth.shape[:2]
    return np.array([0, 0, high - 1, high - 1]), np.array([0, wide - 1, 0, wide - 1])


def _pairs(name: str, at: int, count: int) -> tuple[int, ...]:
    """Where a fault may be named: of two truths that are the same, at either."""
    return (at, (at + 1) % count) if name == "other pair" else (at,)


def table(rows: list[dict]) -> str:
    lines = []
    for row in rows:
        made, hits = (sum(map(f, row["found"].values())) for f in (len, sum))
        lines.append(f"{row['case']:24} found {hits} of {made}, false alarms {len(row['alarms'])}")
        missed = {name: hits for name, hits in row["found"].items() if not all(hits)}
        lines += [f"    missed: {name} ({hits.count(False)} of {len(hits)})" for name, hits in missed.items()]
        lines += [f"    alarm: {alarm}" for alarm in row["alarms"]]
    for kind in sorted({row["kind"] for row in rows}):
        of_kind = [row for row in rows if row["kind"] == kind]
        for name in of_kind[0]["found"]:
            hits = [hit for row in of_kind for hit in row["found"][name]]
            left = [each for row in of_kind for each in row["left"].get(name, [])]
            lines.append(f"{kind:8}{name:16} {sum(hits)} of {len(hits)}{_say_left(name, left)}")
    return "\n".join(lines)


def _say_left(name: str, left: list[float | None]) -> str:
    mended = [each for each in left if each is not None]
    if not left or not mended:
        return ", left out by --repair" if left else ""
    unit, most = ("px", 0.1) if isinstance(BOTH.get(name, (None,))[0], Moved) else ("code values", 1.0)
    good = sum(each <= most for each in mended)
    worst = f"{good} of {len(mended)} repaired within {most:g} {unit}, at worst {max(mended):.2f}"
    return f", {worst}, {len(left) - len(mended)} left out"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True, help="the folder of the cases")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    given = parser.parse_args()
    rows = [measure(folder.parent) for folder in sorted(given.cases.glob("*/case.json"))]
    print(json.dumps(rows) if given.json else table(rows))


if __name__ == "__main__":
    main()
