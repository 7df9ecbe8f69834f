"""How much memory it takes, as the system counts it: each measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="resident memory as Linux counts it"),
]
GIGABYTE = 1e9

PEAK = """
def peak():
    # not getrusage, which also counts the process that this one was started from
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
"""

APPLY = """
import json, sys
from pathlib import Path
sys.path.insert(0, BENCHMARKS)
from speed_footage import write_model, write_plate
from understudy.inference.apply import apply
from understudy.settings import ApplySettings

folder = Path(FOLDER)
plate = write_plate(folder / "plate", 1, 4096, 2160)
model = write_model(folder / "medium.cat", "medium")
tiles = []
result = apply(
    ApplySettings(model=str(model), plate=plate, output=str(folder / "out" / "####.exr")),
    lambda event: tiles.append(event.tile) if hasattr(event, "tile") else None,
)
print(json.dumps({"peak": peak(), "written": len(result.written), "tile": tiles[0]}))
"""

FOOTAGE = """
import sys
from pathlib import Path
sys.path.insert(0, BENCHMARKS)
from speed_footage import write_plate

for side, gain in (("plate", 1.0), ("truth", 1.1)):
    write_plate(Path(FOLDER) / side, 5, 4096, 2160, gain)
print("{}")
"""

TRAIN = """
import json
from pathlib import Path
from understudy.settings import TrainSettings
from understudy.training.train import train

folder = Path(FOLDER)
plate, truth = (str(folder / side / f"{side}.####.exr") for side in ("plate", "truth"))
choices = {"model_size": "medium", "crop_size": 256, "max_steps": 3}
settings = TrainSettings(input=(plate,), ground_truth=(truth,), data_directory=folder / "runs", **choices)
result = train(settings)
print(json.dumps({"peak": peak(), "steps": result.step}))
"""


def run_alone(script: str, folder, benchmarks) -> dict:
    text = PEAK + script.replace("BENCHMARKS", repr(str(benchmarks))).replace("FOLDER", repr(str(folder)))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def benchmarks(request):
    return request.config.rootpath / "benchmarks"


def test_a_frame_of_4096_by_2160_takes_less_than_4_gigabytes(tmp_path, benchmarks) -> None:
    found = run_alone(APPLY, tmp_path, benchmarks)
    assert found["written"] == 1
    assert found["peak"] < 4 * GIGABYTE


def test_training_medium_on_five_pairs_of_4096_by_2160_takes_less_than_3_gigabytes(
    tmp_path, benchmarks
) -> None:
    run_alone(FOOTAGE, tmp_path, benchmarks)
    found = run_alone(TRAIN, tmp_path, benchmarks)
    assert found["steps"] == 3
    assert found["peak"] < 3 * GIGABYTE
