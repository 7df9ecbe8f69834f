"""Keying a plate: layers beside it, one RGBA, and frames that have no screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import understudy
from understudy.errors import UnderstudyError
from understudy.frames import read_image_file
from understudy.network.unet import SIZES, Size

Trained = Callable[..., Path]
LAYERS = ("foreground.R", "foreground.G", "foreground.B", "alpha")
RGBA = ("R", "G", "B", "A")
SCREEN = np.float32([0.06, 0.5, 0.09])
CLOTH = np.float32([0.4, 0.36, 0.34])


@pytest.fixture(autouse=True)
def keyer(zoo: Trained, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network that has learned nothing, and is a keyer."""
    monkeypatch.setitem(SIZES, "small", Size((4, 4), (1, 1), (1,)))
    header = {"adapts": True, "output_channels": list(LAYERS)}
    shape: dict[str, Any] = {"outputs": 4, "same_channels": False, "screen": True}
    return zoo("keying", kind=["network"], header=header, spread=0.0, **shape)


def plate(peak: float = 0.4) -> np.ndarray:
    """A body with a bright part before a screen."""
    pixels = np.broadcast_to(SCREEN, (60, 90, 3)).copy()
    pixels[20:, 30:60] = CLOTH
    pixels[30:40, 40:50] = CLOTH * np.float32(peak / 0.4)
    return pixels


def applied(folder: Path, save: Any, pixels: np.ndarray, ending: str, **asked: Any) -> tuple[Any, list[str]]:
    """The frame that is written for ``pixels`` in an EXR, and all that is said."""
    folder.mkdir(exist_ok=True)
    source = folder / "plate.1001.exr"
    save(source, pixels, "float")
    said: list[str] = []

    def report(event: Any) -> None:
        said.extend([*getattr(event, "notes", ()), getattr(event, "text", "")])

    out = folder / f"out.1001{ending}"
    result = understudy.apply("keying", str(source), str(out), report=report, **asked)
    assert result.written == (1001,) and not result.failed
    return read_image_file(out), said


def test_alpha_and_straight_foreground_stand_beside_the_plate_with_values_above_1(
    tmp_path: Path, save_pixels: Any
) -> None:
    frame, said = applied(tmp_path, save_pixels, plate(5.0), ".exr")
    made, own = frame.planes(LAYERS), frame.planes(("R", "G", "B"))
    assert np.allclose(own, plate(5.0), rtol=2e-3)
    assert (made[:18, :, 3] == 0).all() and (made[22:, 32:58, 3] == 1).all()
    assert made[32:38, 42:48, 0].min() > 4.9
    assert np.allclose(made[22:, 32:58, :3], plate(5.0)[22:, 32:58], rtol=1e-2)
    assert not any("screen was found" in each for each in said)


def test_premultiplied_it_is_one_rgba_in_the_place_of_the_plates_colours(
    tmp_path: Path, save_pixels: Any
) -> None:
    layers, _ = applied(tmp_path, save_pixels, plate(5.0), ".exr")
    foreground = layers.planes(LAYERS)
    frame, _ = applied(tmp_path / "rgba", save_pixels, plate(5.0), ".exr", premultiply=True)
    made = frame.planes(RGBA)
    assert set(frame.channels) == set(RGBA)
    assert np.allclose(made[..., :3], foreground[..., :3] * foreground[..., 3:], atol=2e-3, rtol=2e-3)
    assert np.allclose(made[..., 3], foreground[..., 3], atol=1e-3)
    assert (made[:18] == 0).all()


def test_a_png_holds_it_as_one_straight_rgba(tmp_path: Path, save_pixels: Any) -> None:
    layers, _ = applied(tmp_path, save_pixels, plate(), ".exr")
    foreground = layers.planes(LAYERS)
    frame, _ = applied(tmp_path / "png", save_pixels, plate(), ".png")
    made = frame.planes(RGBA)
    assert np.allclose(made[..., 3], foreground[..., 3], atol=1 / 255)
    assert np.allclose(made[..., :3], foreground[..., :3], atol=1.01 / 255)


def test_layers_of_a_plate_of_straight_files_leave_its_colours_alone(
    tmp_path: Path, save_pixels: Any
) -> None:
    source = tmp_path / "plate.1001.png"
    save_pixels(source, plate(), "uint8")
    said: list[str] = []
    understudy.apply(
        "keying",
        str(source),
        str(tmp_path / "out.1001.exr"),
        report=lambda event: said.extend(getattr(event, "notes", ())),
    )
    assert not any("by alpha" in each or "alpha is 0" in each for each in said)
    frame = read_image_file(tmp_path / "out.1001.exr")
    assert (frame.planes(("alpha",))[:18] == 0).all()
    assert np.allclose(frame.planes(("R", "G", "B")), plate(), atol=2 / 255)


def test_premultiplied_colours_do_not_go_into_a_png(tmp_path: Path, save_pixels: Any) -> None:
    with pytest.raises(UnderstudyError, match="straight"):
        applied(tmp_path, save_pixels, plate(), ".png", premultiply=True)
    assert not (tmp_path / "out.1001.png").exists()


def test_a_layer_of_another_name_holds_it_too(tmp_path: Path, save_pixels: Any) -> None:
    frame, _ = applied(tmp_path, save_pixels, plate(), ".exr", output_layer="hero", premultiply=True)
    assert {"hero.R", "hero.G", "hero.B", "hero.A", "R", "G", "B"} == set(frame.channels)
    made = frame.planes(("hero.R", "hero.A"))
    assert (made[:18] == 0).all() and np.allclose(made[45, 45], [CLOTH[0], 1], atol=2e-3)


def test_a_frame_without_a_screen_has_an_alpha_of_1_and_that_is_said(
    tmp_path: Path, save_pixels: Any
) -> None:
    pixels = np.random.default_rng(1).random((40, 50, 1), np.float32) * CLOTH
    frame, said = applied(tmp_path, save_pixels, pixels, ".exr")
    made = frame.planes(LAYERS)
    assert (made[..., 3] == 1).all() and np.allclose(made[..., :3], pixels, rtol=2e-3, atol=1e-4)
    (note,) = [each for each in said if "screen" in each]
    assert note.startswith("No green or blue screen was found on frame 1001: the alpha is 1 everywhere")


def test_little_that_is_taken_for_a_screen_is_said_and_much_is_not(tmp_path: Path, save_pixels: Any) -> None:
    pixels = np.broadcast_to(CLOTH, (60, 90, 3)).copy()
    pixels[20:32, 30:42] = SCREEN  # a cup, 3 % of the frame
    frame, said = applied(tmp_path, save_pixels, pixels, ".exr")
    assert (frame.planes(("alpha",))[22:30, 32:40] < 0.5).all()
    (note,) = [each for each in said if "screen" in each]
    assert note.startswith("Hardly any green or blue screen was found on frame 1001")
    said = applied(tmp_path / "much", save_pixels, plate(), ".exr")[1]
    assert not any("screen" in each for each in said)


def test_a_region_of_nothing_but_foreground_is_not_taken_for_a_frame_without_a_screen(
    tmp_path: Path, save_pixels: Any
) -> None:
    frame, said = applied(tmp_path, save_pixels, plate(), ".exr", region="32,45,20,10")
    made = frame.planes(LAYERS)
    assert (made[46:54, 34:50, 3] == 1).all() and (made[:40, :, 3] == 0).all()
    assert not any("screen was found" in each for each in said)


def test_tiles_find_the_screen_of_the_whole_frame(tmp_path: Path, save_pixels: Any) -> None:
    pixels = np.tile(plate(), (4, 4, 1))
    pixels[:120, :180] = CLOTH
    whole, _ = applied(tmp_path, save_pixels, pixels, ".exr")
    tiled, _ = applied(tmp_path / "tiles", save_pixels, pixels, ".exr", tile_size=96)
    assert np.allclose(whole.planes(LAYERS), tiled.planes(LAYERS), atol=1e-3)
