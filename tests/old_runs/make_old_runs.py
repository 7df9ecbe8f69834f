"""Makes the small old runs that the tests of this folder hold the program to.

    python tests/old_runs/make_old_runs.py /shots tests/data/old_runs/0.1.0

renders a plate and what four artists made of it into ``/shots``, learns each effect with the version of the
program that is installed, stopped half-way, and keeps all of it, with what ``apply`` makes of frames never
painted, and the losses and the weights at the end of runs that were not stopped. The runs of a version
are made once, with that version, and never again: ``course.json`` alone is made anew, by a later version that
means to learn differently (``--course-only``).

``--read-otherwise`` makes, beside them, the runs whose files are read otherwise since 0.2.0, and
``otherwise.json``, the losses that 0.1.0 came to when it went on with them.

The networks are tiny, but for one ``.cat`` of the real size "small".
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from machine import digest_of, machine
from small_networks import shrink

import understudy
from understudy.network.unet import SIZES
from understudy.runs import RunFolder
from understudy.training.train import resume

WIDTH, HEIGHT = 64, 48
FRAMES = tuple(range(1001, 1013))
PAINTED = (1002, 1005, 1008, 1011)
SHOWN = (1004, 1009)
STEPS, STOPPED = 20, 10
USUAL: dict[str, Any] = {
    "model_size": "small",
    "crop_size": 32,
    "batch_size": 2,
    "precision": "float32",
    "devices": "cpu",
    "neighbours": 0,
    "checkpoint_interval": 10,
    "contact_sheet_interval": 10,
    "max_steps": STEPS,
}


@dataclass(frozen=True)
class Run:
    """One run: what its truths are called, and the settings that are its own."""

    truth: str
    settings: dict[str, Any] = field(default_factory=dict)
    extra: bool = False
    plate: str = "plate"


RUNS = {
    "grade": Run("grade"),
    "matte": Run("matte", {"seed": 3}),
    "neighbours": Run("blur", {"neighbours": 1}),
    "extra": Run("fog", extra=True),
}


OTHERWISE = {
    "alpha": Run("cut_grade", plate="cut"),  # straight colours of a soft alpha: premultiplied since
    "header": Run("linear_grade", plate="linear"),  # a PNG that says that it is linear: believed since
    "grey": Run("grey_disc"),  # R = G = B: a matte since
    "white": Run("label"),  # 0 and 1 of 255: scaled since
}
"""Runs of which the files are read otherwise since 0.2.0."""


class StopAfter:
    """True when it was asked more than ``steps`` times: once after each step."""

    reason = "half-way"

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __bool__(self) -> bool:
        self.left -= 1
        return self.left < 0


def plate(number: int) -> np.ndarray:
    """float32 (HEIGHT, WIDTH, 3), 0 to 1: waves that drift, grain, and a red disc that crosses them."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    grain = np.random.default_rng(number).normal(0, 0.02, (HEIGHT, WIDTH, 1))
    t = number - FRAMES[0]
    wave = 0.45 + 0.2 * np.sin((x + 2 * t) / 6) + 0.15 * np.cos((y - t) / 4)
    pixels = np.stack([wave, np.roll(wave, 5, 1), 0.9 - wave], -1) + grain
    pixels[disc(number) > 0.5] = (0.9, 0.1, 0.08)
    return np.clip(pixels, 0, 1).astype(np.float32)


def disc(number: int) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    t = number - FRAMES[0]
    return (np.hypot(x - 10 - 4 * t, y - 24 - 8 * np.sin(t / 2)) < 9).astype(np.float32)


def cut(number: int) -> np.ndarray:
    """The plate as straight RGBA, with a soft round alpha."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    alpha = np.clip(1.6 - np.hypot(x - 32, y - 24) / 20, 0, 1)
    return np.concatenate([plate(number), alpha[..., None]], 2)


def depth() -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    return (0.5 + 0.5 * np.sin(x / 9) * np.cos(y / 7))[..., None]


def truth(kind: str, number: int) -> np.ndarray:
    """What the artist made of a frame."""
    before = plate(number)
    if kind == "matte":
        return disc(number)[..., None]
    if kind == "grey_disc":
        return np.repeat(disc(number)[..., None], 3, 2)
    if kind == "label":
        return disc(number)[..., None] / 255
    if kind == "cut_grade":
        return np.concatenate([truth("grade", number), cut(number)[..., 3:]], 2)
    if kind == "blur":
        return (plate(number - 1) + before + plate(number + 1)) / 3
    if kind == "fog":
        return before + (0.7 - before) * depth() * 0.6
    warm = before * np.float32([1.1, 1.0, 0.75]) + np.float32([0.03, 0.0, 0.05])
    return warm * np.linspace(1, 0.6, WIDTH, dtype=np.float32)[None, :, None]


def write(path: Path, pixels: np.ndarray, space: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    output = oiio.ImageOutput.create(str(path))
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], "uint8")
    if space:
        spec.attribute("oiio:ColorSpace", space)
    assert output.open(str(path), spec) and output.write_image(np.clip(pixels, 0, 1).astype(np.float32))
    output.close()


def render(shots: Path) -> None:
    for number in FRAMES:
        write(shots / "plate" / f"plate.{number}.png", plate(number))
        write(shots / "depth" / f"depth.{number}.png", depth())
    for kind in {run.truth for run in RUNS.values()}:
        for number in PAINTED:
            write(shots / kind / f"{kind}.{number}.png", truth(kind, number))


def render_otherwise(shots: Path) -> None:
    for number in (*PAINTED, *SHOWN):
        write(shots / "cut" / f"cut.{number}.png", cut(number))
        write(shots / "linear" / f"linear.{number}.png", plate(number), "lin_rec709_scene")
    for number in PAINTED:
        linear = truth("grade", number)
        write(shots / "linear_grade" / f"linear_grade.{number}.png", linear, "lin_rec709_scene")
        for kind in ("cut_grade", "grey_disc", "label"):
            write(shots / kind / f"{kind}.{number}.png", truth(kind, number))


def settings_of(name: str, shots: Path, data: Path) -> dict[str, Any]:
    """What ``understudy.train`` is given for one of the runs."""
    run = {**RUNS, **OTHERWISE}[name]
    own = {"extra": [str(shots / "depth" / "depth.####.png")]} if run.extra else {}
    return {
        "input": plates_of(name, shots),
        "ground_truth": str(shots / run.truth / f"{run.truth}.####.png"),
        "data_directory": str(data),
        "name": name,
        **USUAL,
        **own,
        **run.settings,
    }


def plates_of(name: str, shots: Path) -> str:
    plate = {**RUNS, **OTHERWISE}[name].plate
    return str(shots / plate / f"{plate}.####.png")


def apply_settings(name: str, shots: Path) -> dict[str, Any]:
    """How the frames in ``applied/`` were made."""
    extra = {"extra": [str(shots / "depth" / "depth.####.png")]} if {**RUNS, **OTHERWISE}[name].extra else {}
    frames = ",".join(map(str, SHOWN))
    return {"frames": frames, "devices": "cpu", "engine": "torch", "precision": "float32", **extra}


def course(run: Any) -> dict[str, Any]:
    """The losses of a run, and a digest of what it has learned."""
    rows = [[row["step"], row["loss"], row["lr"]] for row in run.read_summary()]
    return {"rows": rows, "weights": digest_of(run.cat_path(STEPS))}


def make_course(shots: Path, data: Path) -> dict[str, Any]:
    """What the runs come to where nobody stops them."""
    runs = {name: understudy.train(**settings_of(name, shots, data)).run for name in RUNS}
    return {"machine": machine(), "runs": {name: course(run) for name, run in runs.items()}}


def make_runs(shots: Path) -> None:
    """The stopped runs, and what they make of the plate."""
    stopped = shots / "runs"
    for name in RUNS:
        run = understudy.train(stop=StopAfter(STOPPED), **settings_of(name, shots, stopped)).run
        show(run.path, name, shots)


def show(model: Path, name: str, shots: Path) -> None:
    output = shots / "applied" / model.stem / "out.####.png"
    assert not understudy.apply(model, plates_of(name, shots), output, **apply_settings(name, shots)).failed


def make_otherwise(shots: Path) -> None:
    """The stopped runs of ``OTHERWISE``, what they make of the plate, and how this version goes on."""
    render_otherwise(shots)
    rows = {}
    for name in OTHERWISE:
        run = understudy.train(stop=StopAfter(STOPPED), **settings_of(name, shots, shots / "runs")).run
        show(run.path, name, shots)
        whole = shutil.copytree(run.path, shots / "whole" / name)
        rows[name] = [row["loss"] for row in resume(RunFolder.open(whole)).run.read_summary()]
    shutil.rmtree(shots / "whole")
    (shots / "otherwise.json").write_text(json.dumps(rows, indent=1) + "\n")


def make_real_size(shots: Path, size: Any) -> None:
    """A .cat of the size that "small" really has, of a few steps."""
    SIZES["small"] = size
    settings = {**settings_of("grade", shots, shots / "real"), "max_steps": 8}
    run = understudy.train(**settings).run
    kept = shots / "grade_small.cat"
    shutil.copy(run.best_path, kept)
    show(kept, "grade", shots)
    shutil.rmtree(shots / "real")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shots", type=Path)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--course-only", action="store_true")
    parser.add_argument("--read-otherwise", action="store_true")
    options = parser.parse_args()
    real = SIZES["small"]
    shrink()
    if options.read_otherwise:
        make_otherwise(options.shots)
        shutil.copytree(options.shots, options.kept, dirs_exist_ok=True)
        return
    render(options.shots)
    options.kept.mkdir(parents=True, exist_ok=True)
    if not options.course_only:
        make_runs(options.shots)
        make_real_size(options.shots, real)
        shutil.copytree(options.shots, options.kept, dirs_exist_ok=True)
    shrink()
    text = json.dumps(make_course(options.shots, options.shots / "whole"), indent=1)
    (options.kept / "course.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
