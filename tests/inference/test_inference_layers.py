"""apply --output-layer: a result beside the plate's own channels, which stay bit for bit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.errors import SettingError
from understudy.frames import open_shot, read_provenance
from understudy.inference.apply import apply
from understudy.settings import ApplySettings

sys.path.insert(0, str(Path(__file__).parent))
from test_inference_region import write_model

SIZE = (24, 40)


def save_plate(path: Path, suffix: str = ".exr") -> str:
    """Half colours, an alpha, a float depth with a hole, and ids that a half cannot hold."""
    height, width = SIZE
    values = np.random.default_rng(3).random((height, width, 6), np.float32)
    values[..., 4] *= 1000
    values[3, 4, 0] = np.nan
    values[..., 5] = np.arange(height * width).reshape(SIZE) + 0.25
    names, kinds = ("R", "G", "B", "A", "depth.Z", "id.X"), ("half",) * 4 + ("float",) * 2
    if suffix != ".exr":
        values, names, kinds = np.nan_to_num(values[..., :4]), names[:4], ("uint8",) * 4
    spec = oiio.ImageSpec(width, height, len(names), "float" if suffix == ".exr" else "uint8")
    spec.channelnames = names
    if suffix == ".exr":
        spec.channelformats = kinds
    target = path / f"plate.1001{suffix}"
    output = oiio.ImageOutput.create(str(target))
    assert output.open(str(target), spec) and output.write_image(values) and output.close()
    return str(target)


def made(tmp_path: Path, kind: str, suffix: str = ".exr", name: str = "out.1001.exr", **settings: Any) -> Any:
    model = write_model(tmp_path / "m.cat", kind=kind)
    plate = save_plate(tmp_path, suffix)
    output = tmp_path / settings.pop("folder", "out") / name
    given = {"model": str(model), "plate": plate, "output": str(output), "engine": "torch"}
    apply(ApplySettings(**{**given, **settings}))
    return open_shot(plate).read(1001), open_shot(str(output)).read(1001)


@pytest.mark.parametrize(("kind", "layer"), [("image", ("new.R", "new.G", "new.B")), ("matte", ("new.A",))])
def test_the_plates_own_channels_stay_bit_for_bit_beside_the_layer(
    tmp_path: Path, kind: str, layer: tuple[str, ...]
) -> None:
    plate, found = made(tmp_path, kind, output_layer="new")
    assert set(found.channels) == {*plate.channels, *layer}
    for name in plate.channels:
        assert found.stored(name).dtype == plate.stored(name).dtype
        assert found.stored(name).tobytes() == plate.stored(name).tobytes()


def test_a_layer_holds_what_would_have_replaced_the_plates_channels(tmp_path: Path) -> None:
    for kind, names, own in (
        ("image", ("new.R", "new.G", "new.B"), ("R", "G", "B")),
        ("matte", ("new.A",), "A"),
    ):
        folder = tmp_path / kind
        folder.mkdir()
        for how in ({}, {"mix": 0.3, "region": "4,4,20,10"}):
            beside = made(folder, kind, output_layer="new", folder=f"beside{len(how)}", **how)[1].planes(
                names
            )
            inside = made(folder, kind, folder=f"inside{len(how)}", **how)[1].planes(own)
            if kind == "matte" and how:
                continue  # over the plate's alpha the one, over nothing the other
            same = np.isfinite(inside)
            np.testing.assert_array_equal(beside[same], inside[same])


def test_a_matte_in_a_layer_is_0_where_it_does_not_show(tmp_path: Path) -> None:
    found = made(tmp_path, "matte", output_layer="new", region="4,4,20,10")[1].planes(("new.A",))
    assert found[4:14, 4:24].any()
    found[4:14, 4:24] = 0
    assert not found.any()


def test_a_premultiplied_layer_has_the_plates_colours(tmp_path: Path) -> None:
    plate, found = made(tmp_path, "matte", output_layer="new", premultiply=True)
    assert {"new.R", "new.G", "new.B", "new.A"} <= set(found.channels)
    matte, colours = found.planes(("new.A",)), np.nan_to_num(plate.planes(("R", "G", "B")))
    made_of = np.nan_to_num(found.planes(("new.R", "new.G", "new.B")))
    np.testing.assert_allclose(made_of, colours * matte, atol=2e-3)
    assert found.stored("R").tobytes() == plate.stored("R").tobytes()


def test_a_layer_goes_into_an_exr_of_a_png_too(tmp_path: Path) -> None:
    plate, found = made(tmp_path, "image", suffix=".png", output_layer="new")
    straight, alpha = plate.planes(("R", "G", "B")), plate.planes(("A",))
    np.testing.assert_allclose(found.planes(("R", "G", "B")), straight * alpha, atol=1e-3)
    assert {"new.R", "new.G", "new.B"} <= set(found.channels)


@pytest.mark.parametrize("kind", ["image", "matte"])
@pytest.mark.parametrize("name", ["out.1001.png", "out.1001.tif", "out.1001.dpx", "out.mov"])
def test_formats_without_layers_are_refused_in_words(tmp_path: Path, kind: str, name: str) -> None:
    with pytest.raises(SettingError) as caught:
        made(tmp_path, kind, name=name, output_layer="new")
    assert "--output-layer" in caught.value.text and ".exr" in caught.value.text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("layer", ["depth", "id"])
def test_a_layer_of_the_plate_is_not_written_over(tmp_path: Path, layer: str) -> None:
    with pytest.raises(SettingError, match="stay as they are"):
        made(tmp_path, "image", output_layer=layer)


@pytest.mark.parametrize("layer", ["rgb", "RGBA", "a.b", "1st", "with space", "../up"])
def test_what_cannot_be_a_layers_name_is_refused(layer: str) -> None:
    with pytest.raises(SettingError, match="name of a layer"):
        ApplySettings(model="m", plate="p", output="o", output_layer=layer)


def test_the_frame_says_its_layer_and_another_one_is_not_kept(tmp_path: Path) -> None:
    made(tmp_path, "image", output_layer="new")
    assert read_provenance(tmp_path / "out" / "out.1001.exr")["output_layer"] == "new"
    for other in ({}, {"output_layer": "other"}):
        with pytest.raises(SettingError, match="other settings"):
            made(tmp_path, "image", **other)
    _, found = made(tmp_path, "image", name="like.1001.exr", like=str(tmp_path / "out" / "out.1001.exr"))
    assert "new.R" in found.channels
