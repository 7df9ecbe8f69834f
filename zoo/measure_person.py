"""person, beside selfie segmentation, on photographs of people that it has not learned from, and on frames of
shots whose truth a hand has drawn.

The truth of such shots covers what was to be cut out, which is not always all people, and them alone: what it
covers in each is said beside the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from understudy.errors import UnderstudyError
from zoo import rivals
from zoo.people.photographs import LEAST, load_photographs
from zoo.row import Row

Apply = Callable[[np.ndarray], np.ndarray]
SHOTS = {
    "davis_breakdance": "a dancer, and none of the crowd behind",
    "davis_dance_twirl": "a dancer, and none of the audience",
    "davis_motocross_jump": "a rider and the motorcycle",
    "matte_bmx": "a rider and the bicycle",
    "davis_horsejump_high": "a rider and the horse",
}
HALF = 0.5


def photograph_rows(apply: Apply, folder: Path, rival: Path | None) -> Iterator[Row]:
    """Mean IoU at 0.5 on the photographs of people in a folder of renders that are kept for validation, and
    the share of wrong pixels on those and the ones of nobody. ``apply``, ``rival``: as in ``person_rows``."""
    photographs = load_photographs(folder, "validation")
    mattes = [_mattes(apply, rival, each.pixels.astype(np.float32) / 255) for each in photographs]
    truths = [each.matte > HALF * 255 for each in photographs]
    seen = [n for n, each in enumerate(photographs) if each.share > LEAST]
    if not seen:
        return
    found = np.array([[_iou(matte, truths[n]) for matte in mattes[n]] for n in seen])
    yield _row(f"{len(seen)} photographs of people: mean IoU", found.mean(0))
    wrong = [
        [((m.reshape(t.shape) > HALF) ^ t).mean() for m in made]
        for made, t in zip(mattes, truths, strict=True)
    ]
    yield _row(f"{len(photographs)} photographs, some of nobody: wrong pixels", np.mean(wrong, 0))


def person_rows(apply: Apply, shots: Path, rival: Path | None, count: int) -> Iterator[Row]:
    """Mean IoU at 0.5 of ``count`` frames of each shot, and of all of them; ``apply``: sRGB (H, W, 3) 0..1 ->
    the matte (H, W, 1). ``rival``: selfie_segmentation.tflite. UnderstudyError where there are no shots."""
    all_found = []
    for name, covers in SHOTS.items():
        pairs = [_read(shots / name, number) for number in _numbers(shots / name, count)]
        found = np.array([[_iou(matte, t) for matte in _mattes(apply, rival, p)] for p, t in pairs])
        all_found.append(found.mean(0))
        yield _row(f"{name}, {len(pairs)} frames, the truth is {covers}: mean IoU", found.mean(0))
    yield _row(f"all {len(SHOTS)} shots: mean IoU", np.mean(all_found, 0))


def _mattes(apply: Apply, rival: Path | None, picture: np.ndarray) -> list[np.ndarray]:
    """Ours, and the other network's where that can be run."""
    other = rivals.selfie_segmentation(rival) if rival else None
    return [make(picture) for make in (apply, other) if make]


def _row(what: str, scores: np.ndarray) -> Row:
    beside = f"selfie segmentation: {scores[1]:.3f}" if len(scores) > 1 else rivals.NO_SELFIE
    return Row(what, f"{scores[0]:.3f}", beside)


def _numbers(shot: Path, count: int) -> list[str]:
    """What stands in the names of ``count`` frames, spread over the shot."""
    found = sorted(file.name.split(".")[1] for file in (shot / "groundtruth").glob("*.png"))
    if not found:
        raise UnderstudyError(
            "A shot to measure by is not there.",
            expected="input/NAME.1001.png and so on, and groundtruth/ with its mattes",
            where=str(shot),
            remedy="Name the folder of shots with --shots.",
        )
    return [found[int(index)] for index in np.linspace(0, len(found) - 1, min(count, len(found)))]


def _read(shot: Path, number: str) -> tuple[np.ndarray, np.ndarray]:
    """A frame and whether its truth covers each pixel."""
    picture = cv2.imread(str(shot / "input" / f"{shot.name}.{number}.png"), cv2.IMREAD_COLOR)
    truth = cv2.imread(str(shot / "groundtruth" / f"{shot.name}.{number}.png"), cv2.IMREAD_GRAYSCALE)
    if picture is None or truth is None:
        raise UnderstudyError("A frame cannot be read.", where=f"{shot}, {number}", remedy="Fetch it again.")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.float32) / 255, truth > 127


def _iou(matte: np.ndarray, truth: np.ndarray) -> float:
    """1 where both have nothing."""
    found = matte.reshape(truth.shape) > HALF
    union = int((found | truth).sum())
    return int((found & truth).sum()) / union if union else 1.0
