"""Networks that learned display-referred and scene-linear values alike take a plate's as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import understudy
from understudy.colour import LINEAR, SRGB, decode, encode
from understudy.frames import read_image_file
from understudy.models.opening import describe_effect
from understudy.network.unet import SIZES, Size

Trained = Callable[..., Path]


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, "small", Size((4, 4), (1, 1), (1,)))


@pytest.fixture
def both(zoo: Trained) -> Path:
    return zoo("denoise", header={"adapts": True})


def picture(most: float) -> np.ndarray:
    return np.random.default_rng(1).random((24, 32, 3), np.float32) * np.float32(most)


def apply_to(folder: Path, save: Any, pixels: np.ndarray, name: str) -> tuple[np.ndarray, list[str]]:
    """What it makes of one frame, and what it says."""
    plate = folder / name
    save(plate, pixels, "float" if plate.suffix == ".exr" else "uint8")
    said: list[str] = []
    result = understudy.apply(
        "denoise",
        str(plate),
        str(folder / "out" / name),
        report=lambda event: said.extend(getattr(event, "notes", ())),
        precision="float32",
    )
    assert result.written and not result.failed
    return read_image_file(folder / "out" / name).planes(("R", "G", "B")), said


def test_a_scene_linear_plate_goes_through_the_logarithmic_curve(
    both: Path, tmp_path: Path, save_pixels: Any
) -> None:
    light = picture(4.0)
    made, said = apply_to(tmp_path, save_pixels, light, "plate.1001.exr")
    network = understudy.load("denoise")
    wanted = decode(network(np.asarray(encode(light, LINEAR))), LINEAR)
    assert np.allclose(made, wanted, rtol=2e-3, atol=1e-3)
    assert not np.allclose(made, network(light), rtol=1e-2, atol=1e-2)
    assert [note for note in said if "sRGB" in note or "scene-linear" in note] == [
        "The plate's values are taken as scene-linear, by its header and data type."
    ]


def test_a_display_referred_plate_stays_as_it_is(both: Path, tmp_path: Path, save_pixels: Any) -> None:
    values = np.rint(picture(1.0) * 255) / np.float32(255)
    made, said = apply_to(tmp_path, save_pixels, values, "plate.1001.png")
    assert np.allclose(made, np.clip(understudy.load("denoise")(values), 0, 1), atol=1 / 255)
    assert [note for note in said if "values are taken as" in note] == [
        "The plate's values are taken as display-referred (sRGB), by its header and data type."
    ]


def test_one_that_learned_display_referred_values_alone_takes_a_scene_linear_plate_as_such_and_says_so(
    zoo: Trained, tmp_path: Path, save_pixels: Any
) -> None:
    zoo("denoise")
    light = picture(1.0)
    made, said = apply_to(tmp_path, save_pixels, light, "plate.1001.exr")
    assert np.allclose(made, understudy.load("denoise")(light), atol=2e-3)
    assert any("sRGB" in note for note in said)


def test_an_alpha_goes_through_no_curve_and_stays_within_its_bounds(zoo: Trained) -> None:
    names = ["alpha", "foreground.R", "foreground.G", "foreground.B"]
    header = {"adapts": True, "output_channels": names}
    zoo("keying", kind=["network"], outputs=4, header=header, fit="linear", same_channels=False, fit_inputs=3)
    light = picture(2.0)
    linear = understudy.load("keying", scene_linear=True)(light)
    plain = understudy.load("keying")(np.asarray(encode(light, LINEAR)))
    assert plain[..., 0].std() > 0
    assert np.allclose(linear[..., 0], plain[..., 0], atol=1e-4)
    assert linear[..., 0].min() >= 0 and linear[..., 0].max() <= 1
    assert np.allclose(linear[..., 1:], decode(plain[..., 1:], LINEAR), rtol=1e-2, atol=1e-3)


def test_from_python_it_is_said_what_comes(both: Path) -> None:
    light = picture(4.0)
    plain, linear = understudy.load("denoise"), understudy.load("denoise", scene_linear=True)
    wanted = decode(plain(np.asarray(encode(light, LINEAR))), LINEAR)
    assert np.allclose(linear(light), wanted, rtol=2e-3, atol=1e-3)
    assert linear.description.colour_in == linear.description.colour_out == LINEAR
    assert describe_effect(both).colour_in == SRGB


def test_a_network_of_one_kind_of_values_stays_what_it_is(zoo: Trained) -> None:
    zoo("denoise")
    assert understudy.load("denoise", scene_linear=True).description.colour_in == SRGB
