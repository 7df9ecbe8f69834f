"""Plate and ground truth in files of different encoding: converted where both are known, else refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.colour import decode
from understudy.colour.scene_linear import linear_to_srgb
from understudy.dataset.pairs import DataSet, load_data_set
from understudy.errors import ColourError
from understudy.settings import ColourSettings, DataSettings

Save = Callable[..., Path]

PLATE = np.random.default_rng(1).uniform(0.05, 0.6, (40, 48, 3)).astype(np.float32)
TRUTH = PLATE * 0.5
REC709 = ("chromaticities", "float[8]", (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329))


def load(plate: Path, truth: Path, **wishes: Any) -> DataSet:
    return loaded((plate,), (truth,), **wishes)


def loaded(plates: tuple[Path, ...], truths: tuple[Path, ...], **wishes: Any) -> DataSet:
    data = DataSettings(
        input=[str(each) for each in plates], ground_truth=[str(each) for each in truths], neighbours=0
    )
    return load_data_set(data, ColourSettings(**wishes))


def truth_of(data: DataSet) -> np.ndarray:
    return decode(data.pairs[0].truth, data.colour_out)


def test_an_srgb_png_painted_on_a_linear_exr_is_converted_where_both_say_so(
    tmp_path: Path, save_pixels: Save
) -> None:
    plate = save_pixels(tmp_path / "plate.1001.exr", PLATE, "float", REC709)
    truth = save_pixels(
        tmp_path / "paint.1001.png", linear_to_srgb(TRUTH), "uint16", ("oiio:ColorSpace", "sRGB")
    )
    data = load(plate, truth)
    np.testing.assert_allclose(truth_of(data), TRUTH, atol=2e-4)
    assert data.colour_out.space == "linear"
    assert any(
        "PNG header says sRGB" in note and "converted to the plate's linear" in note for note in data.notes
    )


def test_where_the_plate_says_nothing_a_truth_of_other_encoding_is_refused_with_the_remedy(
    tmp_path: Path,
    save_pixels: Save,
) -> None:
    plate = save_pixels(tmp_path / "plate.1001.exr", PLATE, "half")
    truth = save_pixels(tmp_path / "paint.1001.png", linear_to_srgb(TRUTH), "uint8")
    with pytest.raises(ColourError) as caught:
        load(plate, truth)
    assert "--ground-truth-colour" in caught.value.remedy
    assert "floats" in caught.value.found and "integers" in caught.value.found


@pytest.mark.parametrize("wishes", [{"ground_truth_colour": "srgb"}, {"colour": "linear"}])
def test_what_is_asked_makes_both_known(tmp_path: Path, save_pixels: Save, wishes: dict[str, str]) -> None:
    plate = save_pixels(tmp_path / "plate.1001.exr", PLATE, "float")
    truth = save_pixels(tmp_path / "paint.1001.png", linear_to_srgb(TRUTH), "uint16")
    data = load(plate, truth, **wishes)
    np.testing.assert_allclose(truth_of(data), TRUTH, atol=2e-4)
    assert sum("Ground Truth Colour: srgb" in note for note in data.notes) == 1


def test_a_linear_exr_painted_on_a_film_log_dpx_becomes_film_log(tmp_path: Path, save_pixels: Save) -> None:
    plate = save_pixels(tmp_path / "p.1001.dpx", PLATE, "uint16", ("dpx:Transfer", "Logarithmic"))
    grey = save_pixels(tmp_path / "t.1001.exr", np.full_like(PLATE, 0.18), "float", REC709)
    data = load(plate, grey)
    black = 10 ** ((95 - 685) / 300)
    wanted = (685 + 300 * np.log10(0.18 * (1 - black) + black)) / 1023
    np.testing.assert_allclose(truth_of(data), wanted, atol=1e-4)
    assert data.colour_in.space == data.colour_out.space == "KodakLog"


def test_a_colour_that_is_asked_for_overrules_the_same_header_of_plate_and_truth(
    tmp_path: Path, save_pixels: Save
) -> None:
    log = ("dpx:Transfer", "Logarithmic")
    plate = save_pixels(tmp_path / "p.1001.dpx", PLATE, "uint16", log)
    truth = save_pixels(tmp_path / "t.1001.dpx", TRUTH, "uint16", log)
    data = load(plate, truth, colour="ARRI LogC4")
    np.testing.assert_allclose(truth_of(data), TRUTH, atol=1e-4)
    assert data.colour_in.space == data.colour_out.space == "ARRI LogC4"


def test_a_matte_has_no_colours_to_convert(tmp_path: Path, save_pixels: Save) -> None:
    plate = save_pixels(tmp_path / "plate.1001.exr", PLATE, "half")
    matte = save_pixels(tmp_path / "matte.1001.png", (PLATE[..., :1] > 0.3).astype(np.float32), "uint8")
    data = load(plate, matte)
    assert data.kind == "matte"
    np.testing.assert_array_equal(data.pairs[0].truth, PLATE[..., :1] > 0.3)


def test_plates_in_different_encodings_are_refused(tmp_path: Path, save_pixels: Save) -> None:
    linear = save_pixels(tmp_path / "a.1001.exr", PLATE, "half")
    srgb = save_pixels(tmp_path / "b.1001.png", PLATE, "uint8")
    with pytest.raises(ColourError) as caught:
        loaded((linear, srgb), (linear, srgb))
    assert "b.1001.png" in caught.value.text and "--colour" in caught.value.remedy


def test_pixels_that_are_no_numbers_stay_so_and_are_not_learned_from(
    tmp_path: Path, save_pixels: Save
) -> None:
    spoilt = TRUTH.copy()
    spoilt[3, 4] = np.nan
    plate = save_pixels(tmp_path / "p.1001.png", linear_to_srgb(PLATE), "uint16")
    truth = save_pixels(tmp_path / "t.1001.exr", spoilt, "float", REC709)
    pair = load(plate, truth).pairs[0]
    assert pair.weight[3, 4] == 0 and pair.weight.sum() == pair.weight.size - 1
