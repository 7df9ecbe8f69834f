"""A part of a frame is computed alone, to the pixels of the whole frame; around it the plate stays."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch

from understudy.cli.main import run
from understudy.errors import SettingError
from understudy.frames import Window, open_shot, read_provenance
from understudy.inference.apply import ApplyResult, apply
from understudy.inference.engine import Engine
from understudy.inference.model import LoadedModel, load
from understudy.inference.openvino_engine import ConversionError, OpenVinoEngine
from understudy.inference.region import bounding_box
from understudy.inference.torch_engine import TorchEngine
from understudy.settings import ApplySettings

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "export"))
from export_models import beside, depth, picture, write_model
from tiny_model import tiny_header, tiny_model
from tiny_network import TinyNetwork

HEIGHT, WIDTH = 260, 350
FRAME = Window(0, 0, WIDTH, HEIGHT)
REGIONS = {
    "inside": Window(180, 130, 60, 45),
    "one pixel": Window(201, 99, 1, 1),
    "first corner": Window(0, 0, 20, 30),
    "last corner": Window(300, 230, 50, 30),
    "last pixel": Window(WIDTH - 1, HEIGHT - 1, 1, 1),
    "a strip": Window(170, 0, 16, HEIGHT),
    "partly outside": Window(-30, 240, 60, 500),
    "the whole frame": FRAME,
}
MODELS: dict[str, dict[str, Any]] = {
    "image": {},
    "matte": {"kind": "matte"},
    "effect by place": {"fit": "placed"},
    "coarse view": {"coarse": 4},
    "very coarse view": {"coarse": 16},
    "matte of a coarse view": {"coarse": 4, "kind": "matte"},
}
ROUNDING = 2e-6
"""Sums in another order, as convolutions of another size have them; most pixels are the same to the bit."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoadedModel]:
    folder = tmp_path_factory.mktemp("models")
    return {name: load(str(write_model(folder / f"{name}.cat", **how))) for name, how in MODELS.items()}


def inside(region: Window) -> tuple[slice, slice]:
    return FRAME.slices_of(FRAME.intersect(region))


def assert_part(part: np.ndarray, whole: np.ndarray, under: np.ndarray, region: Window) -> None:
    """``part`` is the whole result in the region, and what lies under it around."""
    place = inside(region)
    assert np.abs(part[place] - whole[place]).max() <= ROUNDING
    assert np.abs(whole - under)[place].max() > 1e-3
    around = np.array(part)
    around[place] = under[place]
    assert np.array_equal(around, under)


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
@pytest.mark.parametrize("name", MODELS)
def test_a_region_has_the_pixels_of_the_whole_frame_and_the_plate_around_it(
    models: dict[str, LoadedModel], name: str, region: Window
) -> None:
    model, pixels = models[name], picture(HEIGHT, WIDTH)
    assert_part(model.infer(pixels, region=region), model(pixels), model.plate_of(pixels), region)


@pytest.mark.parametrize("kind", ["image", "coarse view"])
def test_a_region_has_the_pixels_of_the_whole_frame_through_openvino(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("openvino")
    model = load(str(write_model(tmp_path / "m.cat", **MODELS[kind])), engine="openvino")
    pixels = picture(HEIGHT, WIDTH)
    whole = model(pixels)
    for name in ("inside", "last corner", "a strip"):
        region = REGIONS[name]
        assert_part(model.infer(pixels, region=region), whole, pixels, region)
    assert isinstance(model.engine, OpenVinoEngine) and model.engine._for_parts is not None


def test_a_network_that_openvino_cannot_do_a_part_of_gives_the_same_region(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino")
    convert = OpenVinoEngine._convert

    def refuse(self: OpenVinoEngine, parts: bool) -> Any:
        if parts:
            raise ConversionError("The network does not go through OpenVINO.")
        return convert(self, parts)

    monkeypatch.setattr(OpenVinoEngine, "_convert", refuse)
    model = load(str(write_model(tmp_path / "m.cat", **MODELS["image"])), engine="openvino")
    pixels, region = picture(HEIGHT, WIDTH), REGIONS["inside"]
    assert_part(model.infer(pixels, region=region), model(pixels), pixels, region)


@pytest.mark.parametrize("coarse", [1, 4])
def test_frames_before_and_after_and_extra_inputs_are_those_of_the_place(tmp_path: Path, coarse: int) -> None:
    extra = (*beside(), depth())
    model = load(str(write_model(tmp_path / "m.cat", extra=extra, coarse=coarse)))
    plates = [picture(HEIGHT, WIDTH, low=low) for low in (-0.4, 0.0, 0.2)]
    given = [*plates[1:], picture(HEIGHT, WIDTH, 1, high=20.0)]
    for region in REGIONS.values():
        part = model.infer(plates[0], beside=given, region=region)
        assert_part(part, model.infer(plates[0], beside=given), plates[0], region)


def test_what_is_global_in_a_frame_is_that_of_the_whole_frame() -> None:
    model, pixels = tiny_model(), picture(HEIGHT, WIDTH)
    region = REGIONS["last corner"]
    assert_part(model.infer(pixels, region=region), model(pixels), pixels, region)


def test_a_region_may_be_worked_on_in_tiles(models: dict[str, LoadedModel]) -> None:
    pixels, region = picture(480, 500), Window(100, 90, 300, 300)
    rows, columns = Window(0, 0, 500, 480).slices_of(region)
    for name in ("image", "coarse view"):
        whole = models[name].infer(pixels, tile_size="none")
        part = models[name].infer(pixels, region=region, tile_size=340)
        assert np.abs(part - whole)[rows, columns].max() <= ROUNDING


@pytest.mark.parametrize("name", ["image", "coarse view"])
def test_what_is_no_number_becomes_what_it_becomes_in_the_whole_frame(
    models: dict[str, LoadedModel], name: str
) -> None:
    pixels, region = picture(HEIGHT, WIDTH), REGIONS["inside"]
    pixels[100:240, 150:330] = np.nan  # the nearest number is far from the region
    pixels[140:150, 200:210] = 0.25
    model = models[name]
    part, whole = (model.infer(pixels, region=box)[inside(region)] for box in (region, None))
    assert np.isnan(whole).any() and np.isfinite(whole).any()
    assert np.array_equal(np.isnan(part), np.isnan(whole))
    assert np.nanmax(np.abs(part - whole)) <= ROUNDING


def test_places_are_those_of_the_display_window_also_with_overscan(models: dict[str, LoadedModel]) -> None:
    pixels, display = picture(HEIGHT, WIDTH), Window(40, 30, WIDTH - 100, HEIGHT - 50)
    model, region = models["effect by place"], REGIONS["inside"]
    part = model.infer(pixels, display=display, region=region)
    assert_part(part, model.infer(pixels, display=display), pixels, region)
    assert np.abs(part - model.infer(pixels, region=region)).max() > 1e-3


def test_mix_holds_in_the_region(models: dict[str, LoadedModel]) -> None:
    pixels, region = picture(HEIGHT, WIDTH), REGIONS["inside"]
    part = models["image"].infer(pixels, mix=0.5, region=region)
    assert_part(part, models["image"].infer(pixels, mix=0.5), pixels, region)


def counted(model: LoadedModel) -> list[int]:
    """The pixels of each picture that the engine is given from now on."""
    given: list[int] = []
    run = model.engine.run

    def counting(x: torch.Tensor, g: torch.Tensor, *kept: Any) -> torch.Tensor:
        given.append(x.shape[-1] * x.shape[-2])
        return run(x, g, *kept)

    engine: Engine = model.engine
    engine.run = counting  # type: ignore[method-assign]
    return given


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_the_network_is_given_the_region_and_what_it_sees_around_it(region: Window) -> None:
    model = tiny_model(tiny_header(), TinyNetwork())
    given = counted(model)
    model.infer(picture(HEIGHT, WIDTH), region=region)
    box, most = FRAME.intersect(region), 2 * (model.engine.reach + model.engine.stride)
    assert len(given) == 1 and given[0] <= (box.width + most) * (box.height + most)


def test_a_coarse_view_of_the_whole_frame_costs_no_further_pixels_of_the_fine_one(
    models: dict[str, LoadedModel],
) -> None:
    model = models["very coarse view"]
    given, region = counted(model), Window(400, 300, 64, 64)
    model.infer(picture(700, 800), region=region)
    del model.engine.run  # type: ignore[misc]
    most = 64 + 2 * (model.engine.reach + 16 + 16)
    assert model.engine.stride == 256 and given[0] <= most * most


def test_a_region_outside_of_the_pixels_is_the_plate_and_costs_nothing() -> None:
    model, pixels = tiny_model(), picture(HEIGHT, WIDTH)
    given = counted(model)
    result = model.infer(pixels, region=Window(WIDTH, 0, 10, 10))
    assert not given and np.array_equal(result, pixels) and not np.may_share_memory(result, pixels)


def test_the_box_of_a_mask_has_all_that_is_above_0_and_no_more() -> None:
    mask = np.zeros((20, 30, 1), np.float32)
    assert bounding_box(mask).is_empty
    mask[3, 7] = 1e-6
    assert bounding_box(mask) == Window(7, 3, 1, 1)
    mask[19, 29] = 1
    assert bounding_box(mask) == Window(7, 3, 23, 17)


class Shot:
    """A plate of one frame with overscan, a mask, and a model."""

    def __init__(self, folder: Path, **how: Any) -> None:
        self.folder = folder
        self.model = write_model(folder / "m.cat", **how)
        self.pixels = picture(HEIGHT, WIDTH)
        self.display = Window(0, 0, WIDTH - 60, HEIGHT - 40)
        self.write("plate.1001.exr", self.pixels, ("R", "G", "B"))

    def write(self, name: str, pixels: np.ndarray, channels: tuple[str, ...]) -> str:
        """A file whose display window begins 30 pixels right of and 20 below the first of ``pixels``."""
        spec = oiio.ImageSpec(WIDTH, HEIGHT, len(channels), "float")
        spec.channelnames = channels
        spec.x, spec.y = -30, -20
        spec.full_width, spec.full_height = self.display.width, self.display.height
        path = self.folder / name
        output = oiio.ImageOutput.create(str(path))
        assert output.open(str(path), spec) and output.write_image(pixels) and output.close()
        return str(path)

    def mask(self, box: Window, value: float = 1.0) -> str:
        """A mask of ``value`` in ``box``, counted from the first of the plate's pixels."""
        planes = np.zeros((HEIGHT, WIDTH, 1), np.float32)
        planes[inside(box)] = value
        planes[0, 0] = 1.0 if value < 1 else planes[0, 0]  # so that it is no mask of another white
        return self.write(f"mask {box}.exr", planes, ("A",))

    def run(self, **settings: Any) -> ApplyResult:
        values = {"model": self.model, "plate": self.folder / "plate.1001.exr", "output": self.output}
        return apply(ApplySettings(**{"engine": "torch", **values, **settings}))

    @property
    def output(self) -> Path:
        return self.folder / "out" / "made.1001.exr"

    def made(self, **settings: Any) -> np.ndarray:
        """All pixels of the frame, overscan and all."""
        result = self.run(overwrite=True, **settings)
        assert result.written == (1001,)
        frame = open_shot(str(self.output)).read(1001)
        return frame.planes(frame.channels, frame.data_window)


def moved(region: Window) -> str:
    """A region of ``Shot``'s pixels as ``--region`` counts it, from the display window's corner."""
    return f"{region.x - 30},{region.y - 20},{region.width},{region.height}"


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pixels of each picture that torch is given."""
    pixels: list[int] = []
    run = TorchEngine.run

    def counting(self: TorchEngine, x: torch.Tensor, g: torch.Tensor, *kept: Any) -> torch.Tensor:
        pixels.append(x.shape[-1] * x.shape[-2])
        return run(self, x, g, *kept)

    monkeypatch.setattr(TorchEngine, "run", counting)
    return pixels


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
@pytest.mark.parametrize("how", MODELS.values(), ids=MODELS)
def test_apply_with_a_region_leaves_the_plate_around_it(
    tmp_path: Path, how: dict[str, Any], region: Window
) -> None:
    shot = Shot(tmp_path, **how)
    under = np.zeros((HEIGHT, WIDTH, 1), np.float32) if how.get("kind") else shot.pixels
    assert_part(shot.made(region=moved(region)), shot.made(), under, region)


@pytest.mark.parametrize("how", MODELS.values(), ids=MODELS)
def test_apply_with_a_mask_computes_its_box_to_the_pixels_of_the_whole_frame(
    tmp_path: Path, given: list[int], how: dict[str, Any]
) -> None:
    shot, box = Shot(tmp_path, **how), REGIONS["last corner"]
    under = np.zeros((HEIGHT, WIDTH, 1), np.float32) if how.get("kind") else shot.pixels
    whole = shot.made()
    assert_part(shot.made(mask=shot.mask(box)), whole, under, box)
    assert given[1] < 0.9 * given[0]


def test_a_region_and_a_mask_let_the_effect_show_where_both_are(tmp_path: Path) -> None:
    shot, mask, region = Shot(tmp_path), Window(100, 50, 80, 90), Window(150, 20, 90, 60)
    part = shot.made(mask=shot.mask(mask), region=moved(region))
    assert_part(part, shot.made(), shot.pixels, mask.intersect(region))


def test_a_soft_mask_blends_as_it_did_and_leaves_all_beyond_the_region_to_the_bit(tmp_path: Path) -> None:
    shot, mask, region = Shot(tmp_path), Window(100, 50, 80, 90), Window(150, 20, 90, 60)
    part = shot.made(mask=shot.mask(mask, 0.3), region=moved(region), mix=0.5)
    wanted = shot.pixels + np.float32(0.15) * (shot.made() - shot.pixels)
    assert_part(part, wanted, shot.pixels, mask.intersect(region))


@pytest.mark.parametrize("case", ["black mask", "no mix", "mask beside the region"])
def test_where_nothing_shows_nothing_is_computed_and_the_frame_is_the_plate(
    tmp_path: Path, given: list[int], case: str
) -> None:
    shot = Shot(tmp_path)
    settings: dict[str, Any] = {
        "black mask": {"mask": shot.mask(Window(0, 0, 0, 0))},
        "no mix": {"mix": 0.0},
        "mask beside the region": {"mask": shot.mask(REGIONS["first corner"]), "region": "200,100,20,20"},
    }[case]
    assert np.array_equal(shot.made(**settings), shot.pixels)
    assert not given


def test_frames_of_another_region_are_other_results(tmp_path: Path) -> None:
    shot = Shot(tmp_path)
    shot.run(region="0,0,20,20")
    assert read_provenance(shot.output)["region"] == "0,0,20,20"
    assert shot.run(region=(0, 0, 20, 20)).kept == (1001,)
    for other in ({}, {"region": "0,0,20,21"}):
        with pytest.raises(SettingError, match="other settings"):
            shot.run(**other)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "0,0,0,10", "0,0,10,-1", "0,0,1.5,2", "a,b,c,d"])
def test_what_is_no_region_is_refused_with_what_one_is(text: str) -> None:
    with pytest.raises(SettingError) as caught:
        ApplySettings(model="m", plate="p", output="o", region=text)
    assert "X,Y,WIDTH,HEIGHT" in caught.value.expected and "--region" in caught.value.where


@pytest.mark.parametrize("text", ["5000,0,10,10", "0,-900,10,20"])
def test_a_region_outside_of_the_frame_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    shot = Shot(tmp_path)
    arguments = ["apply", str(shot.model), str(tmp_path / "plate.1001.exr"), str(shot.output)]
    assert run([*arguments, "--region", text]) == 2
    assert f"{shot.display.width} x {shot.display.height}" in capsys.readouterr().err
    assert not shot.output.exists()
