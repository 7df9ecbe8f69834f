"""Kill a training again and again, at random moments; compare what is left with one never killed.

    python kill_often.py FOLDER PLATE TRUTH KILLS [SEED]

Prints one JSON object. Every life is a fork of this process, which has imported everything and computed
nothing: so a life begins within milliseconds, and a hundred of them take a minute.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from safetensors.numpy import load_file
from small_networks import shrink

from understudy.network.model_file import read_header
from understudy.runs import RunFolder
from understudy.settings import TrainSettings, load_settings_file
from understudy.training.checkpoints.progress_file import load_progress
from understudy.training.train import resume, train

STEPS, INTERVAL = 60, 4


def settings(folder: Path, plate: str, truth: str, name: str) -> TrainSettings:
    return TrainSettings(
        input=plate,
        ground_truth=truth,
        data_directory=folder,
        name=name,
        max_steps=STEPS,
        model_size="small",
        crop_size=32,
        batch_size=2,
        precision="float32",
        devices="cpu",
        checkpoint_interval=INTERVAL,
        contact_sheet_interval=7,
        max_checkpoints=3,
    )


def live(wanted: TrainSettings) -> int:
    """A process that begins the run, or goes on with it; its number."""
    process = os.fork()
    if process:
        return process
    code = 70
    try:
        code = _live(wanted)
    finally:
        os._exit(code)


def _live(wanted: TrainSettings) -> int:
    folder = wanted.run.data_directory / str(wanted.run.name)
    result = resume(RunFolder.open(folder)) if folder.exists() else train(wanted)
    return 0 if result.state == "finished" else 1


def wait(process: int, seconds: float) -> int | None:
    """The exit code, or None when it still lives after so long."""
    until = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= until:
            return None
        time.sleep(0.001)


def check_whole(folder: Path) -> int:
    """Every file that has its name is whole. The step that the progress file stands at, 0 without one."""
    run, stands = RunFolder(folder), 0
    for path in sorted(folder.iterdir()):
        if path.suffix in (".cat", ".ost") and not path.name.startswith("."):
            assert all(np.isfinite(tensor).all() for tensor in load_file(path).values()), path
        if path.suffix == ".cat" and not path.name.startswith("."):
            read_header(path)
        if path.suffix == ".png" and not path.name.startswith("."):
            picture = oiio.ImageInput.open(str(path))
            assert picture and picture.read_image("uint8") is not None, path
    if run.settings_path.exists():
        load_settings_file(run.settings_path)
    if run.state_path.exists():
        assert run.read_state().state != "damaged"
    if run.ost_path.exists():
        stands = load_progress(run.ost_path)[0].step
    saved = [step for step, _ in run.checkpoints()]
    assert not saved or saved[-1] - stands <= INTERVAL, "no more is lost than the steps since a checkpoint"
    steps = [row["step"] for row in run.read_summary()]
    assert steps == list(range(1, len(steps) + 1)) and len(steps) >= stands, (
        "no step is missing, none is twice"
    )
    return stands


def same_end(folder: Path, other: Path) -> bool:
    """The same losses and, to the last bit, the same weights."""
    runs = RunFolder(folder), RunFolder(other)
    losses = [[(row["step"], row["loss"], row["lr"]) for row in run.read_summary()] for run in runs]
    ours, theirs = (
        {**load_file(run.ost_path), **{f"cat.{k}": v for k, v in load_file(run.best_path).items()}}
        for run in runs
    )
    alike = ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in ours)
    return losses[0] == losses[1] and len(losses[0]) == STEPS and alike


def main(folder: Path, plate: str, truth: str, kills: int, seed: int) -> dict[str, Any]:
    moments = random.Random(seed)
    whole = settings(folder, plate, truth, "whole")
    began = time.monotonic()
    assert wait(live(whole), 300) == 0
    lasts = time.monotonic() - began
    told: dict[str, Any] = {"kills": 0, "runs": 0, "before_first_checkpoint": 0, "lasts": round(lasts, 2)}
    while told["kills"] < kills:
        _one_run(folder, settings(folder, plate, truth, f"killed{told['runs']}"), kills, moments, lasts, told)
        told["runs"] += 1
        assert same_end(folder / f"killed{told['runs'] - 1}", folder / "whole"), told
    told["seconds"] = round(time.monotonic() - began, 1)
    return told


def _one_run(
    folder: Path,
    wanted: TrainSettings,
    kills: int,
    moments: random.Random,
    lasts: float,
    told: dict[str, Any],
) -> None:
    """One run, killed until it has come to its end, or the kills are used up."""
    path, stands = folder / str(wanted.run.name), 0
    while True:
        process = live(wanted)
        enough = told["kills"] >= kills
        code = wait(process, 300 if enough else moments.uniform(0, 0.8 * lasts))
        if code is not None:
            assert code == 0, f"a life ended with {code}"
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        told["kills"] += 1
        if path.exists():
            now = check_whole(path)
            assert now >= stands, "a run never falls behind its progress file"
            stands = now
        told["before_first_checkpoint"] += stands == 0


if __name__ == "__main__":
    shrink()
    place, plate_spec, truth_spec, count, *rest = sys.argv[1:]
    print(json.dumps(main(Path(place), plate_spec, truth_spec, int(count), int(rest[0]) if rest else 1)))
