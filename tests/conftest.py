"""What all tests share: one thread each, the folders of real footage, and small shots made on the spot."""

from __future__ import annotations

import os

# Before torch and OpenImageIO are imported, and inherited by the processes that tests start: the workers
# share two cores, and a line of output should look the same everywhere.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENIMAGEIO_THREADS"):
    os.environ[_name] = "1"
os.environ.update(COLUMNS="100", NO_COLOR="1", TERM="dumb", PYTHONUTF8="1")
for _name in ("UNDERSTUDY_DEBUG", "FORCE_COLOR", "OCIO"):
    os.environ.pop(_name, None)

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parents[1]

# The same examples every time: a test that fails here fails for everybody.
settings.register_profile(
    "suite", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


def _footage(variable: str, name: str) -> Path:
    folder = Path(os.environ.get(variable) or REPOSITORY.parent / "shared" / name)
    if not folder.is_dir():
        pytest.skip(f"the real footage is not on this machine; {variable} may name its folder")
    return folder


@pytest.fixture(scope="session")
def cases_folder() -> Path:
    """The folder of the real shots with ground truth; skips where there is none."""
    return _footage("UNDERSTUDY_CASES", "cases")


@pytest.fixture(scope="session")
def frames_folder() -> Path:
    """The folder of real and damaged frames in many formats; skips where there is none."""
    return _footage("UNDERSTUDY_FRAMES", "frames")


@dataclass(frozen=True)
class SyntheticShot:
    """A small shot on disk. ``plate`` and ``truth`` are specs with #### for the frame number."""

    folder: Path
    plate: str
    truth: str
    numbers: tuple[int, ...]
    truth_numbers: tuple[int, ...]

    def plate_file(self, number: int) -> Path:
        return Path(self.plate.replace("####", f"{number:04d}"))

    def truth_file(self, number: int) -> Path:
        return Path(self.truth.replace("####", f"{number:04d}"))


Effect = Callable[[np.ndarray], np.ndarray]


def grade(pixels: np.ndarray) -> np.ndarray:
    """A global effect: warmer and a little brighter."""
    return np.clip(pixels * np.float32([1.1, 1.0, 0.8]) + 0.02, 0, None)


def matte(pixels: np.ndarray) -> np.ndarray:
    """The moving square of the synthetic shot as a one-channel matte."""
    return (pixels[..., :1] > 0.9).astype(np.float32)


EFFECTS: dict[str, Effect] = {"grade": grade, "matte": matte, "same": lambda pixels: pixels}


def synthetic_frame(number: int, width: int, height: int, peak: float = 1.0) -> np.ndarray:
    """float32 (height, width, 3): a moving gradient with texture and a red square, from 0 to ``peak``."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    shift = (number % 100) * 1.5
    grain = np.random.default_rng(number % 2**31).normal(0, 0.02, (height, width, 1)).astype(np.float32)
    wave = 0.4 + 0.2 * np.sin((x + shift) / 7) + 0.2 * np.cos((y - shift) / 5)
    pixels = np.stack([wave, np.roll(wave, 3, 1), 0.8 - wave / 2], -1) + grain
    left, top, side = int(shift) % max(1, width - 8), height // 3, max(2, height // 4)
    pixels[top : top + side, left : left + side] = (1.0, 0.05, 0.05)
    return np.clip(pixels, 0, 1).astype(np.float32) * np.float32(peak)


def write_image(path: Path, pixels: np.ndarray, data_format: str = "", **attributes: object) -> Path:
    """Write float32 ``pixels`` (H, W, C) to ``path`` as ``data_format``: uint8, uint16, half or float."""
    height, width, channels = pixels.shape
    kind = data_format or ("half" if path.suffix == ".exr" else "uint8")
    spec = oiio.ImageSpec(width, height, channels, kind)
    if channels == 1 and path.suffix == ".exr":
        spec.channelnames = ("Y",)
    for name, value in attributes.items():
        spec.attribute(name, value)
    output = oiio.ImageOutput.create(str(path))
    assert output and output.open(str(path), spec), oiio.geterror()
    assert output.write_image(np.ascontiguousarray(pixels, np.float32)), output.geterror()
    assert output.close(), output.geterror()
    return path


Save = Callable[..., Path]


@pytest.fixture
def save_pixels() -> Save:
    """``save_pixels(path, pixels (H, W, C), kind, *attributes)`` writes them through the library alone as
    they are; each attribute is a name and a value, with a type between where the value does not tell it."""

    def save(path: Path, pixels: np.ndarray, kind: str, *attributes: tuple) -> Path:
        spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
        for each in attributes:
            spec.attribute(*each)
        output = oiio.ImageOutput.create(str(path))
        assert output.open(str(path), spec), output.geterror()
        assert output.write_image(np.ascontiguousarray(pixels)) and output.close()
        return path

    return save


@pytest.fixture
def make_shot(tmp_path: Path) -> Callable[..., SyntheticShot]:
    """A function that writes a small plate and its ground truth.

    ``make_shot(name="shot", numbers=range(1001, 1006), truth_numbers=None (all), size=(48, 32),
    suffix=".png", data_format="" (8 bit, or half for EXR), effect="grade" | "matte" | "same" | function of
    the pixels, peak=1.0)`` returns a SyntheticShot. ``size`` is (width, height).
    """

    def make(
        name: str = "shot",
        numbers: Iterable[int] = range(1001, 1006),
        truth_numbers: Iterable[int] | None = None,
        size: tuple[int, int] = (48, 32),
        suffix: str = ".png",
        data_format: str = "",
        effect: str | Effect = "grade",
        peak: float = 1.0,
    ) -> SyntheticShot:
        folder, all_numbers = tmp_path / name, tuple(numbers)
        painted = all_numbers if truth_numbers is None else tuple(truth_numbers)
        change = EFFECTS[effect] if isinstance(effect, str) else effect
        for side in ("plate", "truth"):
            (folder / side).mkdir(parents=True)
        specs = [str(folder / side / f"{side}.####{suffix}") for side in ("plate", "truth")]
        shot = SyntheticShot(folder, specs[0], specs[1], all_numbers, painted)
        for number in all_numbers:
            write_image(shot.plate_file(number), synthetic_frame(number, *size, peak=peak), data_format)
        for number in painted:
            painting = change(synthetic_frame(number, *size, peak=peak))
            write_image(shot.truth_file(number), painting, data_format)
        return shot

    return make


Trained = Callable[..., Path]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trained:
    """An empty folder in the place of the networks that come trained, and a function that puts one into it:
    ``zoo("denoise", kind=["network"], outputs=3, scale=1, size="small", half=True)`` returns its file. Its
    weights are random ones of the ``spread``; ``half`` stores them as float16. ``card`` and ``header`` change
    what it says."""
    folder = tmp_path / "trained"
    folder.mkdir()
    monkeypatch.setattr("understudy.models.zoo.FOLDER", folder)

    def add(name: str, kind: Iterable[str] = ("network", "start"), half: bool = True, **changes: Any) -> Path:
        network, header = trained_network(name, list(kind), **changes)
        from understudy.network.model_file import save_model

        save_model(folder / f"{name}.cat", header, network, half=half)
        return folder / f"{name}.cat"

    return add


def trained_network(
    name: str,
    kind: list[str],
    outputs: int = 3,
    size: str = "small",
    card: Mapping[str, Any] | None = None,
    header: Mapping[str, Any] | None = None,
    spread: float = 0.03,
    **shape: Any,
) -> tuple[Any, Any]:
    """A network of random weights, and the header of one that comes trained."""
    import torch

    from understudy.colour import PLAIN, SRGB
    from understudy.network.build import build_effect
    from understudy.network.effect import Architecture
    from understudy.network.model_file import ModelHeader

    matte = outputs == 1
    more = {"kind": "matte", "same_channels": False} if matte else {}
    network = build_effect(
        Architecture(**{"inputs": 3, "plate": 3, "outputs": outputs, "size": size, **more, **shape})
    )
    with torch.no_grad():
        noise = torch.Generator().manual_seed(len(name))
        for weights in network.parameters():
            weights.normal_(std=spread, generator=noise)
    said = {
        "kind": network.architecture.kind,
        "input_channels": ["R", "G", "B"],
        "output_channels": ["A"] if matte else ["R", "G", "B"],
        "colour_in": SRGB,
        "colour_out": PLAIN if matte else SRGB,
        "premultiplied": True,
        "scale": shape.get("scale", 1),
        "architecture": network.architecture.to_dict(),
        "stride": network.stride,
        "reach": network.reach,
        "card": {
            "name": name,
            "title": name.title(),
            "purpose": f"Does {name} to a frame.",
            "licence": "Apache-2.0",
            "sources": [
                {"title": "Harbour", "author": "A. Painter", "licence": "CC BY 4.0"},
                {"title": "Hill"},
            ],
            "trained": {"steps": 1200, "hours": 1.5, "processor": "two cores", "date": "2026-11-29"},
            "measured": [{"what": "Kodak", "score": "32.1 dB", "beside": "bicubic 30.0 dB"}],
            "kind": kind,
            **(card or {}),
        },
    }
    return network.eval(), ModelHeader(**{**said, **(header or {})})


def motion_network() -> Any:
    """A small network that finds motion, of random weights, always the same."""
    import torch

    from understudy.network.motion import MotionArchitecture, MotionNetwork

    shape = MotionArchitecture(widths=(8, 8, 8), matched=8, hidden=16, state=8, edge=8, turns=(1, 1))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return MotionNetwork(shape).eval()


@pytest.fixture
def motion_header() -> Any:
    """The header of that network, as of one that comes trained."""
    from understudy.colour import PLAIN, SRGB
    from understudy.network.model_file import ExtraInput, ModelHeader

    network, colours = motion_network(), ["R", "G", "B"]
    return ModelHeader(
        kind="motion",
        input_channels=colours,
        extra=[ExtraInput(name="next", channels=colours, colour=SRGB, offset=1)],
        output_channels=["forward.u", "forward.v"],
        colour_in=SRGB,
        colour_out=PLAIN,
        premultiplied=True,
        adapts=True,
        architecture=network.architecture.to_dict(),
        stride=network.stride,
        reach=0,
        card={
            "name": "motion-vectors",
            "title": "Motion Vectors",
            "purpose": "Where each pixel is in the next frame.",
            "licence": "Apache-2.0",
        },
    )


@pytest.fixture
def motion_file(tmp_path: Path, motion_header: Any) -> Path:
    """That network in a file of its own, ``motion.cat``."""
    from understudy.network.model_file import save_model

    save_model(tmp_path / "motion.cat", motion_header, motion_network(), half=True)
    return tmp_path / "motion.cat"
