"""A training goes on while a client keeps asking the server, and the answers get better.

    python benchmarks/live_training.py [--time-limit 60s] [--json FILE]

Makes a small shot and its ground truth (a grade, relief, a mark painted out), starts ``understudy train``
on five frames and ``understudy serve`` on the run, as an artist would. Then it asks the ML-Server endpoint
for a frame that is not among the five, again and again, until the training ends. Prints each new answer with
its PSNR, and at the end how many requests were made, how many failed, and how much better the last answer is
than the first.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from understudy.colour.scene_linear import linear_to_srgb, srgb_to_linear
from understudy.server.descriptors import message_module

SIZE = (144, 192)
FRAMES = range(1001, 1021)
PAINTED = (1001, 1006, 1011, 1016, 1020)
ASKED = 1008
RUN = "live"
PB = message_module()


def plate(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """uint8-like float32 (height, width, 3): a drifting texture with a moving mark."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    shift = (number - 1001) * 2.0
    wave = 0.45 + 0.25 * np.sin((x + shift) / 11) * np.cos((y - shift / 2) / 7)
    pixels = np.stack([wave, np.roll(wave, 5, 1) * 0.9, 1 - wave], -1)
    pixels += np.random.default_rng(number).normal(0, 0.01, (*size, 1))
    left, top = int(40 + shift) % (size[1] - 16), 60
    pixels[top : top + 12, left : left + 12] = (0.95, 0.1, 0.1)
    return np.clip(pixels, 0, 1).astype(np.float32)


def truth(pixels: np.ndarray) -> np.ndarray:
    """A warm grade, relief from the left, and the red mark painted out with what lies beside it."""
    graded = np.clip(pixels ** np.float32(0.85) * np.float32([1.1, 1.0, 0.8]), 0, 1)
    relief = (np.roll(pixels, 2, 1) - np.roll(pixels, -2, 1)).mean(axis=2, keepdims=True)
    mark = (pixels[..., :1] > 0.9) & (pixels[..., 1:2] < 0.2)
    painted = np.where(mark, np.roll(graded, 16, 1), graded + relief)
    return np.clip(painted, 0, 1).astype(np.float32)


def write(path: Path, pixels: np.ndarray) -> None:
    """An 8-bit PNG."""
    import OpenImageIO as oiio

    output = oiio.ImageOutput.create(str(path))
    output.open(str(path), oiio.ImageSpec(pixels.shape[1], pixels.shape[0], 3, "uint8"))
    output.write_image(np.ascontiguousarray(pixels))
    output.close()


def make_shot(folder: Path) -> None:
    for name in ("plate", "painted"):
        (folder / name).mkdir()
    for number in FRAMES:
        write(folder / "plate" / f"plate.{number}.png", plate(number))
        if number in PAINTED:
            write(folder / "painted" / f"painted.{number}.png", truth(plate(number)))


def start_training(folder: Path, time_limit: str) -> subprocess.Popen[bytes]:
    flags = {
        "--input": folder / "plate" / "plate.####.png",
        "--ground-truth": folder / "painted" / "painted.####.png",
        "--data-directory": folder / "runs",
        "--name": RUN,
        "--time-limit": time_limit,
        "--model-size": "small",
        "--crop-size": 96,
        "--checkpoint-interval": 20,
        "--devices": "cpu",
    }
    command = [sys.executable, "-m", "understudy", "train"]
    command += [str(part) for pair in flags.items() for part in pair]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def start_server(run: Path) -> tuple[subprocess.Popen[str], int]:
    """The server on a run that exists, perhaps without a checkpoint yet; its ML-Server port."""
    while not (run / "state.json").is_file():
        time.sleep(0.1)
    command = [sys.executable, "-m", "understudy", "serve", str(run), "--port", "0", "--http-port", "0"]
    process = subprocess.Popen(
        [*command, "--devices", "cpu"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    for line in process.stdout:
        if found := re.search(r"MLClient.*port (\d+)", line):
            return process, int(found[1])
    raise RuntimeError("the server did not start")


def ask(port: int, pixels: np.ndarray) -> tuple[np.ndarray | None, str]:
    """One request by the ML-Server protocol: the picture, or what the server said instead."""
    request = PB.RequestWrapper(info=True)
    request.r2.model.name = RUN
    data = np.ascontiguousarray(srgb_to_linear(pixels).transpose(2, 0, 1)[:, ::-1], "<f4").tobytes()
    request.r2.images.add(width=SIZE[1], height=SIZE[0], channels=3, image=data)
    body = request.SerializeToString()
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.settimeout(60)
        connection.sendall(b"%012d" % len(body) + body)
        raw = b""
        while piece := connection.recv(1 << 20):
            raw += piece
    answer = PB.RespondWrapper.FromString(raw[12:])
    if answer.HasField("error"):
        return None, answer.error.msg
    image = answer.r2.images[0]
    planes = np.frombuffer(image.image, "<f4").reshape(image.channels, *SIZE)[:, ::-1]
    return linear_to_srgb(planes.transpose(1, 2, 0)), ""


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return -10 * math.log10(max(float(np.mean((one - other) ** 2)), 1e-12))


def keep_asking(port: int, training: subprocess.Popen[bytes]) -> dict[str, object]:
    """Ask until the training has ended, and three times after that."""
    pixels, wanted = plate(ASKED), truth(plate(ASKED))
    made, failed, levels, after = 0, [], [], 0
    started = time.monotonic()
    while after < 3:
        after += training.poll() is not None
        result, said = ask(port, pixels)
        made += 1
        if result is None:
            if "no checkpoint yet" not in said:
                failed.append(said)
            time.sleep(0.2)
            continue
        level = psnr(result, wanted)
        if not levels or abs(level - levels[-1]) > 1e-4:
            levels.append(level)
            print(f"{time.monotonic() - started:6.1f} s   {level:6.2f} dB", flush=True)
        time.sleep(0.1)
    return {"requests": made, "failed": failed, "before": psnr(pixels, wanted), "levels": levels}


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--time-limit", default="60s")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))
    with tempfile.TemporaryDirectory(prefix="understudy-live-") as name:
        folder = Path(name)
        make_shot(folder)
        training = start_training(folder, arguments.time_limit)
        server, port = start_server(folder / "runs" / RUN)
        try:
            found = keep_asking(port, training)
        finally:
            for process in (server, training):
                process.send_signal(signal.SIGTERM)
                process.wait(60)
    levels = found["levels"]
    print(f"{found['requests']} requests, {len(found['failed'])} failed, {len(levels)} different answers")
    print(
        f"untouched plate {found['before']:.2f} dB, first answer {levels[0]:.2f} dB, last {levels[-1]:.2f} dB"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
