"""The networks that come trained, on the page: as starts, as models to apply, and what they make in sight."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

import understudy
from understudy.colour import LINEAR
from understudy.colour.scene_linear import linear_to_srgb
from understudy.frames import read_image_file
from understudy.models.opening import describe
from understudy.monitor.app_state import AppState
from understudy.monitor.images.rendering import picture_of
from understudy.network.unet import SIZES, Size
from understudy.settings import TrainSettings, settings_of

Trained = Callable[..., Path]
LAYERS = ["foreground.R", "foreground.G", "foreground.B", "alpha"]
SCREEN, CLOTH = np.float32([0.06, 0.5, 0.09]), np.float32([0.4, 0.36, 0.34])


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    (tmp_path / "footage").mkdir(exist_ok=True)
    return tmp_path / "footage"


@pytest.fixture
def keyer(zoo: Trained, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network that has learned nothing, and is a keyer."""
    monkeypatch.setitem(SIZES, "small", Size((4, 4), (1, 1), (1,)))
    header = {"adapts": True, "output_channels": LAYERS}
    return zoo("keying", header=header, spread=0.0, outputs=4, same_channels=False, screen=True)


def save(path: Path, pixels: np.ndarray, names: str | list[str] = "RGB") -> str:
    """Pixels (H, W, C) as an EXR of floats."""
    pixels = np.ascontiguousarray(pixels, np.float32)
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], "float")
    spec.channelnames = list(names)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec) and output.write_image(pixels) and output.close()
    return str(path)


def body() -> np.ndarray:
    """A body before a green screen."""
    pixels = np.broadcast_to(SCREEN, (64, 96, 3)).copy()
    pixels[20:, 30:60] = CLOTH
    return pixels


def decoded(answer: Any) -> np.ndarray:
    """An answered PNG, (H, W, 3) from 0 to 1."""
    assert answer.status_code == 200, answer.text
    return cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1] / 255


def touched(api: Any, model: str, plate: str, **query: Any) -> np.ndarray:
    asked = {"model": model, "plate": plate, "number": 1001, **query}
    return decoded(api.get("/api/touch/frame.png", params=asked))


# -- starts -------------------------------------------------------------------------------------------------


def test_initial_weights_stand_among_the_first_settings() -> None:
    (info,) = (each for each in settings_of(TrainSettings) if each.name == "initial_weights")
    assert not info.advanced


def pairs(
    api: Any, footage: Path, truth: np.ndarray, names: str, weights: str, **more: Any
) -> dict[str, Any]:
    plate = save(footage / "plate.1001.exr", body())
    ground_truth = save(footage / "truth.1001.exr", truth, names)
    settings = {"input": [plate], "ground_truth": [ground_truth], "initial_weights": weights, **more}
    answer = api.post("/api/pairs", json={"settings": settings})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_the_pairs_say_from_what_a_training_begins_and_what_a_keyer_makes_of_it(
    keyer: Path, api: Any, footage: Path
) -> None:
    alpha = np.float32(body()[..., :1] == CLOTH[0])
    report = pairs(api, footage, alpha, "A", "keying")
    assert report["notes"][0] == "Initial Weights: keying." and "as a keyer" in report["notes"][1]
    assert not any("keyer" in said for said in report["warnings"])


def test_what_a_keyer_cannot_learn_is_said_beside_the_pairs(keyer: Path, api: Any, footage: Path) -> None:
    report = pairs(api, footage, body() * 0.9, "RGB", "keying")
    assert any(
        said.startswith("A keyer learns an alpha") and "--unmix" in said for said in report["warnings"]
    )
    alpha = np.float32(body()[..., :1] == CLOTH[0])
    report = pairs(api, footage, alpha, "A", "keying", neighbours=1)
    assert any("Found: --neighbours 1." in said for said in report["warnings"])


def test_a_start_that_there_is_not_is_said_beside_the_pairs(zoo: Trained, api: Any, footage: Path) -> None:
    zoo("denoise")
    report = pairs(api, footage, body() * 0.9, "RGB", "denoize")
    assert any(
        said.startswith("Initial Weights: There is no trained network")
        and said.endswith("Did you mean denoise?")
        for said in report["warnings"]
    )
    assert "Initial Weights: denoise." in pairs(api, footage, body() * 0.9, "RGB", "denoise")["notes"]


# -- what apply is given ------------------------------------------------------------------------------------


def test_a_layer_of_the_plate_is_a_further_input_by_its_name_unless_something_has_that_name(
    app_state: AppState, footage: Path
) -> None:
    plate = save(footage / "plate.1001.exr", body())
    asked = {
        "model": str(footage),
        "plate": plate,
        "output": str(footage / "out.exr"),
        "extra": ["albedo", "N"],
    }
    assert app_state.commands.apply_settings(asked).plate.extra == ("albedo", "N")
    own = footage / "albedo"
    own.mkdir()
    assert app_state.commands.apply_settings(asked).plate.extra == (str(own), "N")


def test_a_scene_linear_plate_and_its_result_are_shown_as_such(zoo: Trained, api: Any, footage: Path) -> None:
    file = zoo("denoise", header={"adapts": True}, spread=0.0)
    plate = save(footage / "plate.1001.exr", np.full((16, 24, 3), 0.18))
    grey = linear_to_srgb(np.float32(0.18))
    assert abs(touched(api, "denoise", plate, how="plate") - grey).max() < 0.01
    assert describe(file).colour_out != LINEAR
    assert abs(touched(api, "denoise", plate) - grey).max() < 0.02


# -- what it makes, in sight --------------------------------------------------------------------------------


def test_what_was_keyed_is_shown_over_black_before_and_after_it_is_written(
    keyer: Path, api: Any, footage: Path
) -> None:
    plate, output = save(footage / "plate.1001.exr", body()), footage / "out.1001.exr"
    understudy.apply("keying", plate, str(output))
    assert read_image_file(output).channels[:3] == ("R", "G", "B")  # the plate's own are there as well
    wanted = linear_to_srgb(CLOTH)
    written = decoded(api.get("/api/footage/frame", params={"spec": str(output), "number": 1001}))
    for shown in (
        written,
        touched(api, "keying", plate),
        touched(api, "keying", plate, touch='{"premultiply": true}'),
    ):
        assert abs(shown[50, 45] - wanted).max() < 0.05 and shown[4, 4].max() < 0.1


def test_a_layer_called_foreground_of_another_program_leaves_the_plate_as_it_is(footage: Path) -> None:
    pixels = np.concatenate([body(), body() * 0, body()[..., :1] * 0], 2)
    file = save(footage / "render.1001.exr", pixels, ["R", "G", "B", *LAYERS])
    assert np.array_equal(picture_of(read_image_file(Path(file))).pixels, body())


def test_motion_vectors_are_shown_as_colours_white_where_nothing_moves(footage: Path) -> None:
    names = ["forward.u", "forward.v", "backward.u", "backward.v"]
    vectors = np.zeros((8, 12, 4), np.float32)
    vectors[:, 6:, 0] = 5.0
    vectors[4:, 6:, 0] = -5.0
    shown = picture_of(read_image_file(Path(save(footage / "v.1001.exr", vectors, names)))).pixels
    assert np.all(shown[:, :6] == 1.0)
    assert np.allclose(shown[0, 8], [1, 0, 0]) and np.allclose(shown[6, 8], [0, 1, 1])
    last = np.roll(vectors, 2, 2)  # a last frame has a way back alone
    assert np.allclose(
        picture_of(read_image_file(Path(save(footage / "w.1001.exr", last, names)))).pixels, shown
    )


@pytest.mark.browser
def test_a_field_that_is_filled_in_still_offers_what_comes_trained_in_a_tidy_list(
    page: Any, stage: Any
) -> None:
    page.locator(".us-head").get_by_role("button", name="Apply", exact=True).first.click()
    field = page.locator(".us-large:visible").get_by_label("Model File", exact=True)
    field.fill(str(stage.data / "sky"))
    page.locator(".us-offers:visible").wait_for(state="detached")
    field.press("ArrowDown")
    page.locator(".us-offers:visible .us-offer", has_text="upscale").wait_for()
    icons = page.locator(".us-offers:visible .q-icon")
    lefts = {round(icons.nth(index).bounding_box()["x"]) for index in range(icons.count())}
    assert len(lefts) == 1
    page.locator(".us-offers:visible .us-offer", has_text="upscale").click()
    assert field.input_value() == "upscale"
