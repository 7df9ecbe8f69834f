"""Networks that enlarge: every tile, box and pass is that of the whole frame, and the frame is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch
import torch.nn.functional as functional

import understudy
from understudy.errors import SettingError
from understudy.frames import Window, enlarged_planes, open_shot, read_image_file
from understudy.inference.model import LoadedModel, load
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.resampling import cells, cubic_kernel
from understudy.network.unet import SIZES, Size

Trained = Callable[..., Path]


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, "small", Size((4, 4), (1, 1), (1,)))


@pytest.fixture
def upscale(zoo: Trained) -> Path:
    return zoo("upscale", kind=["network"], scale=2)


@pytest.fixture
def model(upscale: Path) -> LoadedModel:
    return load("upscale", devices="cpu", engine="torch")


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, 3), np.float32)


# -- the network ----------------------------------------------------------------------------------------


def test_before_it_has_learned_anything_it_is_bicubic() -> None:
    network = EffectNetwork(Architecture(inputs=3, outputs=3, size="small", plate=3, scale=2)).eval()
    x = torch.rand(1, 3, 16, 24)
    known = functional.interpolate(x, scale_factor=2.0, mode="bicubic", antialias=True)  # Keys, a = -0.5
    assert torch.allclose(network(x)[:, :, 4:-4, 4:-4], known[:, :, 4:-4, 4:-4], atol=1e-6)


def test_a_part_of_what_is_enlarged_sees_what_lies_about_it() -> None:
    x, kernel = torch.rand(1, 2, 12, 15), cubic_kernel(2)
    for rows, columns in (
        (slice(0, 4), slice(0, 15)),
        (slice(3, 7), slice(1, 9)),
        (slice(8, 12), slice(14, 15)),
    ):
        assert torch.equal(cells(x, kernel, (rows, columns)), cells(x, kernel)[:, :, rows, columns])


# -- a loaded model -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (7, 31), (40, 52)])
def test_the_result_is_twice_as_large_and_more_than_bicubic(
    model: LoadedModel, size: tuple[int, int]
) -> None:
    pixels = picture(*size)
    made = model(pixels)
    assert made.shape == (size[0] * 2, size[1] * 2, 3) and made.dtype == np.float32
    assert np.abs(made - enlarged_planes(pixels, 2)).max() > 1e-3
    assert np.array_equal(model.infer(pixels, mix=0.0), enlarged_planes(pixels, 2))


def test_tiles_are_the_whole_frame(model: LoadedModel) -> None:
    pixels = picture(150, 190)
    whole = model.infer(pixels, tile_size="none")
    assert np.allclose(model.infer(pixels, tile_size=64), whole, atol=1e-5)
    blended = model.infer(pixels, tile_size=64, tile_overlap=4)
    assert blended.shape == whole.shape and np.abs(blended - whole).mean() < 0.01


@pytest.mark.parametrize("region", [Window(3, 5, 21, 9), Window(0, 0, 1, 1), Window(60, 40, 50, 50)])
def test_a_box_is_that_of_the_whole_frame_and_the_plate_lies_about_it(
    model: LoadedModel, region: Window
) -> None:
    pixels = picture(66, 90)
    whole, part = model.infer(pixels), model.infer(pixels, region=region)
    inside = np.zeros(whole.shape, bool)
    box = region.intersect(Window(0, 0, 90, 66)).scaled(2)
    inside[box.y : box.bottom, box.x : box.right] = True
    assert np.allclose(part[inside], whole[inside], atol=1e-5)
    assert np.array_equal(part[~inside], enlarged_planes(pixels, 2)[~inside])


def test_a_pixel_that_is_no_number_keeps_its_value_in_all_of_its_cell(model: LoadedModel) -> None:
    pixels = picture(20, 24)
    pixels[6, 7, 1] = np.inf
    made = model(pixels)
    assert np.isposinf(made[12:14, 14:16, 1]).all() and np.isfinite(made).sum() == made.size - 4


def test_four_times_is_twice_twice_also_in_a_box_and_mixed(model: LoadedModel) -> None:
    pixels, twice = picture(30, 26), load("upscale", devices="cpu", engine="torch", scale=4)
    assert twice.description.scale == 4
    whole = twice(pixels)
    assert np.allclose(whole, model(model(pixels)), atol=1e-6)
    region = Window(9, 11, 6, 5)
    box = region.scaled(4)
    inside = (slice(box.y, box.bottom), slice(box.x, box.right))
    assert np.allclose(twice.infer(pixels, region=region)[inside], whole[inside], atol=1e-5)
    assert np.allclose(twice.infer(pixels, mix=0.0), enlarged_planes(pixels, 4), atol=1e-6)


def test_openvino_gives_the_same(model: LoadedModel) -> None:
    pytest.importorskip("openvino")
    quick = load("upscale", devices="cpu", engine="openvino")
    pixels = picture(37, 53)
    assert quick.engine.name == "openvino"
    assert np.allclose(quick(pixels), model(pixels), atol=2e-4)
    region = Window(8, 8, 12, 12)
    assert np.allclose(quick.infer(pixels, region=region), model.infer(pixels, region=region), atol=2e-4)


@pytest.mark.parametrize(
    ("name", "scale", "words"),
    [("upscale", 3, "2, 4, 8, 16"), ("upscale", 1, "2, 4, 8, 16"), ("denoise", 2, "1, or auto")],
)
def test_a_scale_that_cannot_be_is_refused_with_those_that_can(
    upscale: Path, zoo: Trained, name: str, scale: int, words: str
) -> None:
    zoo("denoise")
    with pytest.raises(SettingError) as caught:
        understudy.load(name, scale=scale)
    assert caught.value.expected == words and caught.value.where == "--scale (Scale)"
    assert ("choose a network that enlarges" in caught.value.remedy) == (name == "denoise")


# -- apply ----------------------------------------------------------------------------------------------

CHANNELS = ("R", "G", "B", "A", "depth.Z")


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    """A half EXR with overscan, negative origins, anamorphic pixels, an alpha and depth."""
    spec = oiio.ImageSpec(44, 30, len(CHANNELS), "half")
    spec.channelnames = CHANNELS
    spec.x, spec.y, spec.full_x, spec.full_y, spec.full_width, spec.full_height = -4, -3, 0, 1, 36, 24
    spec.attribute("PixelAspectRatio", 2.0)
    spec.attribute("camera", "A cam")
    pixels = np.random.default_rng(1).random((30, 44, len(CHANNELS))).astype(np.float32)
    output = oiio.ImageOutput.create(str(tmp_path / "plate.1001.exr"))
    assert (
        output.open(str(tmp_path / "plate.1001.exr"), spec) and output.write_image(pixels) and output.close()
    )
    return tmp_path / "plate.1001.exr"


def applied(plate: Path, folder: str = "out", **settings: Any) -> Any:
    output = plate.parent / folder
    result = understudy.apply("upscale", plate, output / "o.1001.exr", **settings)
    assert result.written == (1001,) and not result.failed
    return read_image_file(output / "o.1001.exr")


def test_windows_pixel_aspect_header_and_all_channels_are_right_also_with_overscan(
    upscale: Path, plate: Path
) -> None:
    before, after = read_image_file(plate), applied(plate)
    assert after.data_window == Window(-8, -6, 88, 60) and after.display_window == Window(0, 2, 72, 48)
    assert after.channels == before.channels and after.part.kinds == before.part.kinds
    assert after.metadata["PixelAspectRatio"] == 2.0 and after.metadata["camera"] == "A cam"
    pixels = before.planes(("R", "G", "B"), before.data_window)
    made = load("upscale", devices="cpu").infer(pixels)
    assert np.allclose(after.planes(("R", "G", "B"), after.data_window), made, atol=2e-3)
    depth = before.stored("depth.Z").repeat(2, 0).repeat(2, 1)
    assert np.array_equal(after.stored("depth.Z"), depth)


def test_outside_of_mask_and_region_lies_the_plate_as_large(
    upscale: Path, plate: Path, tmp_path: Path
) -> None:
    before = read_image_file(plate)
    bicubic = enlarged_planes(before.planes(("R", "G", "B"), before.data_window), 2)
    whole = applied(plate).planes(("R", "G", "B"), Window(-8, -6, 88, 60))
    part = applied(plate, "boxed", region="4,2,10,8").planes(("R", "G", "B"), Window(-8, -6, 88, 60))
    box = (slice(2 * (4 + 2), 2 * (4 + 2 + 8)), slice(2 * (4 + 4), 2 * (4 + 4 + 10)))
    inside = np.zeros(part.shape[:2], bool)
    inside[box] = True
    assert np.allclose(part[inside], whole[inside], atol=2e-3)
    assert np.allclose(part[~inside], bicubic[~inside], atol=1e-3)
    assert np.abs(whole - bicubic).max() > 5e-3
    masked = applied(plate, "masked", mask="channel:A")
    assert masked.data_window == Window(-8, -6, 88, 60)


def test_four_times_goes_twice_and_such_frames_are_not_taken_for_those_of_once(
    upscale: Path, plate: Path
) -> None:
    assert applied(plate, scale=4).display_window == Window(0, 4, 144, 96)
    with pytest.raises(SettingError, match="made by another model, or with other settings"):
        applied(plate)
    result = understudy.apply("upscale", plate, plate.parent / "out" / "o.1001.exr", scale=4)
    assert result.kept == (1001,)
    applied(plate, "named", scale=2)
    kept = understudy.apply("upscale", plate, plate.parent / "named" / "o.1001.exr").kept
    assert kept == (1001,)  # twice is what it makes by itself


@pytest.mark.parametrize(
    "settings",
    [{"confidence": True}, {"grain": "match"}, {"stabilise": 0.5}, {"motion_blur": "auto"}, {"scale": 3}],
    ids=str,
)
def test_what_a_larger_result_cannot_have_is_refused_and_nothing_written(
    upscale: Path, plate: Path, settings: dict[str, Any]
) -> None:
    with pytest.raises(SettingError, match="larger"):
        applied(plate, "refused", **settings)
    assert not (plate.parent / "refused").exists()


def test_the_size_is_said_before_the_first_frame(upscale: Path, plate: Path) -> None:
    said: list[Any] = []
    applied(plate, report=said.append)
    notes = [note for event in said for note in getattr(event, "notes", ())]
    assert "The frames become 72 x 48, 2 times as large as the plate's." in notes


def test_a_movie_becomes_twice_as_large_and_keeps_its_time(
    upscale: Path, make_shot: Any, zoo: Trained, tmp_path: Path
) -> None:
    pytest.importorskip("av")
    shot = make_shot(numbers=range(1001, 1005), size=(48, 32))
    zoo("denoise")
    understudy.apply("denoise", shot.plate, tmp_path / "plate.mov")
    result = understudy.apply("upscale", tmp_path / "plate.mov", tmp_path / "large.mov")
    assert len(result.written) == 4
    with open_shot(str(tmp_path / "plate.mov")) as before, open_shot(str(tmp_path / "large.mov")) as after:
        assert after.frame_rate == before.frame_rate and len(after.numbers) == 4
        assert after.read(1).display_window == Window(0, 0, 96, 64)
