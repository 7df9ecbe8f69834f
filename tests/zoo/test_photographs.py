"""Photographs of people come with their mattes, as scenes and as people that are cut out of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.zoo.conftest import painted
from zoo.people import scenes
from zoo.people.cutouts import Scenery, cutout_of
from zoo.people.photographs import Photograph, cut_out, load_photographs, taken
from zoo.people.scenes import draw_scene
from zoo.pictures import Pictures

from understudy.errors import UnderstudyError

RED = (255, 0, 0)


def pictured(height: int = 120, width: int = 200, box: tuple[int, int, int, int] = (60, 30, 110, 120)):
    """A photograph in which somebody red is where the matte says."""
    pixels, matte = painted(3, height, width), np.zeros((height, width), np.uint8)
    left, top, right, bottom = box
    matte[top:bottom, left:right] = 255
    pixels[matte > 0] = RED
    return Photograph(pixels, matte)


def write(folder, name, photograph):
    for kind in ("photographs", "mattes"):
        (folder / kind).mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "photographs" / f"{name}.jpg"), photograph.pixels[..., ::-1])
    cv2.imwrite(str(folder / "mattes" / f"{name}.png"), photograph.matte)


@pytest.mark.parametrize("seed", range(12))
def test_a_frame_of_a_photograph_has_its_matte_where_its_people_are(seed):
    light, people = taken(np.random.default_rng(seed), pictured(), 64, 16 / 9)
    assert light.shape == (64, 64, 3) and people.shape == (64, 64)
    assert light.dtype == people.dtype == np.float32
    red = (light[..., 0] > 0.95) & (light[..., 1:].max(2) < 0.05)
    assert np.array_equal(
        red[(people > 0.99) | (people < 0.01)], (people > 0.99)[(people > 0.99) | (people < 0.01)]
    )
    assert red.any()


def test_a_large_photograph_is_made_smaller_before_it_is_sampled():
    """Lines of one pixel become grey instead of a pattern of their own."""
    lines = np.zeros((600, 600, 3), np.uint8)
    lines[:, ::2] = 255
    light, _ = taken(np.random.default_rng(1), Photograph(lines, np.zeros((600, 600), np.uint8)), 64, 1.0)
    assert np.ptp(light) < 0.2


def test_photographs_are_parted_by_their_names_and_a_missing_matte_is_refused(tmp_path):
    assert load_photographs(tmp_path, "training") == ()
    for number in range(40):
        write(tmp_path, f"p{number}", pictured())
    kept, held = (load_photographs(tmp_path, part) for part in ("training", "validation"))
    assert len(kept) + len(held) == 40 and 2 <= len(held) <= 10
    write(tmp_path, "a", pictured())
    assert len(load_photographs(tmp_path, "validation")) - len(held) in (0, 1)
    assert kept[0].share == pytest.approx(50 * 90 / (120 * 200), rel=0.01)
    (tmp_path / "mattes" / "p3.png").unlink()
    with pytest.raises(UnderstudyError, match="no matte"):
        load_photographs(tmp_path, "training")


def test_people_cut_out_of_a_photograph_know_where_it_cut_them_off():
    cutout = cutout_of(cut_out(pictured()))
    assert cutout is not None and cutout.cut == (False, False, False, True)
    assert (cutout.levels[0][..., :3][cutout.levels[0][..., 3] > 250] == RED).all()


def test_half_of_the_frames_are_photographs_where_there_are_some(monkeypatch):
    place = Pictures(("a",), (painted(1),))
    dummy = cutout_of(np.full((60, 30, 4), 255, np.uint8))
    assert dummy is not None
    scenery = Scenery((dummy,), place, (), (), (pictured(),), (cutout_of(cut_out(pictured())),))
    calls = []
    real = scenes.taken
    monkeypatch.setattr(scenes, "taken", lambda *given: calls.append(1) or real(*given))
    made = [draw_scene(np.random.default_rng(seed), scenery, 48) for seed in range(60)]
    assert 18 <= len(calls) <= 42
    assert all(np.isfinite(scene.light).all() and scene.people.min() >= 0 for scene in made)
    assert all(scene.people.max() <= 1.0001 and scene.people.dtype == np.float32 for scene in made)
