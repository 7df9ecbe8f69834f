"""What is no person is made of whole solids, and no matte of people has it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from tests.zoo.conftest import painted
from zoo.people import cast, cutouts, render_things, scenes
from zoo.people.cast import draw_cast
from zoo.people.creatures import BUILDS, Pose, four_legged
from zoo.people.cutouts import Scenery, cutout_of, load_scenery
from zoo.people.render_things import KINDS, SIZE
from zoo.people.scenes import Scene, draw_scene
from zoo.people.tubes import UP, ball, box, joined, ring, rod, smooth, spun
from zoo.people.vary import BEND, bent, dyed
from zoo.pictures import Pictures

from understudy.errors import UnderstudyError
from zoo import person


def volume(mesh):
    """Above 0 where all faces look outwards."""
    a, b, c = (mesh.points[mesh.faces[:, corner]] for corner in range(3))
    return float(np.einsum("fi,fi->f", a, np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize(
    ("mesh", "expected"),
    [
        (rod([1, 2, 3], [1, 12, 3], 2.0, around=64), np.pi * 4 * 10),
        (box([5, 0, 0], (2, 3, 4), square=60), 8 * 2 * 3 * 4),
        (ball([0, 7, 0], [1, 2, 3]), 4 / 3 * np.pi * 6),
        (ring([0, 0, 3], 5, (0.5, 0.5)), np.pi * 0.25 * 2 * np.pi * 5),
        (spun([0, 1, 0], [0, 4], [2, 2]), np.pi * 4 * 4),
    ],
)
def test_a_solid_is_closed_and_as_large_as_it_is_told(mesh, expected):
    assert volume(mesh) == pytest.approx(expected, rel=0.1)
    ends = np.sort(np.concatenate([mesh.faces[:, [i, (i + 1) % 3]] for i in range(3)]), 1)
    assert (np.unique(ends, axis=0, return_counts=True)[1] == 2).mean() > 0.8
    assert mesh.uvs[mesh.corners].min() >= 0 and mesh.uvs[mesh.corners].max() <= 1


def test_a_curve_goes_through_its_points_and_a_closed_one_comes_back():
    points = np.array([[0.0, 0], [1, 2], [3, 1]])
    open_, closed = smooth(points, 4), smooth(points, 4, closed=True)
    assert np.allclose(open_[[0, 4, 8]], points) and len(open_) == 9
    assert np.allclose(closed[[0, 4, 8]], points) and len(closed) == 12


def test_meshes_that_are_joined_keep_their_faces():
    one, other = rod([0, 0, 0], [0, 1, 0], 1), box([9, 9, 9], (1, 1, 1))
    both = joined([one, other])
    assert volume(both) == pytest.approx(volume(one) + volume(other))
    assert both.corners.max() == len(both.uvs) - 1


@pytest.mark.parametrize("make", [make for make, _ in KINDS], ids=lambda make: make.__name__)
def test_things_are_whole_and_each_seed_has_its_own(make, pictures):
    widths = []
    for seed in range(6):
        made = make(np.random.default_rng(seed), pictures)
        again = make(np.random.default_rng(seed), pictures)
        for piece, same in zip(made, again, strict=True):
            mesh = piece.mesh
            assert np.isfinite(mesh.points).all() and np.array_equal(mesh.points, same.mesh.points)
            assert mesh.faces.max() < len(mesh.points) and mesh.corners.max() < len(mesh.uvs)
            assert (piece.picture is None) != (piece.colours is None)
            if piece.colours is not None:
                assert len(piece.colours) == len(mesh.points)
                assert 0 < piece.colours.min() <= piece.colours.max() < 1
        widths.append(np.ptp(np.concatenate([piece.mesh.points for piece in made]), axis=0))
    assert len(np.unique(np.round(widths, 6), axis=0)) == 6


def test_a_standing_animal_has_four_feet_below_its_trunk_and_a_head_before_it(pictures, monkeypatch):
    horse = BUILDS[0]
    monkeypatch.setattr("zoo.people.creatures.BUILDS", (horse,))
    monkeypatch.setattr("zoo.people.creatures.POSES", (Pose(0.02, 0.02, 0.02, 0.0),))
    for seed in range(5):
        coat = four_legged(np.random.default_rng(seed), pictures)[0].mesh.points
        low = coat[coat[:, 1] < coat[:, 1].min() + 0.15 * horse.height]
        quarters = {(bool(x > 0), bool(z > 0)) for x, _, z in low}
        assert len(quarters) == 4
        assert coat[coat[:, 1].argmax()][0] > 0


def test_what_is_rendered_is_of_one_size_and_in_view(pictures, monkeypatch):
    seen = []

    def kept(random, pieces, posed, view, light):
        seen.append((np.concatenate(posed), view))
        return np.zeros((4, 4, 4), np.uint8)

    monkeypatch.setattr(render_things, "render", kept)
    monkeypatch.setattr(render_things, "CLOSE", 0.0)
    for seed in range(12):
        render_things.take(np.random.default_rng(seed), pictures, [np.ones((2, 4, 3), np.float32)])
        points, view = seen[-1]
        assert np.ptp(points, axis=0).max() == pytest.approx(SIZE)
        ahead = view.target - view.eye
        ahead /= np.linalg.norm(ahead)
        away = points - view.eye
        cosines = away @ ahead / np.linalg.norm(away, axis=1)
        assert cosines.min() > np.cos(np.radians(view.angle) / 2 * 1.5) and (away @ UP).any()


def shape(colour, height=80, width=60):
    """A disc in a colour, as a cut-out."""
    alpha = cv2.circle(np.zeros((height, width), np.uint8), (30, 40), 25, 255, -1, cv2.LINE_AA)
    return cutout_of(np.dstack([np.full((height, width, 3), colour, np.uint8), alpha]))


@pytest.fixture
def scenery():
    panorama = painted(5, 64, 128).astype(np.float32) / 255
    people, things = (shape((200, 120, 90)),), (shape((40, 200, 60)),)
    return Scenery(people, Pictures(("a",), (painted(1),)), (panorama,), things)


def test_things_are_seen_and_are_not_in_the_matte(scenery):
    """The same scene with things of another colour has the same matte, and differs where it has none too."""
    other = replace(scenery, things=(shape((250, 20, 20)),))
    outside, same = 0, 0
    for seed in range(40):
        one, two = (draw_scene(np.random.default_rng(seed), each, 64) for each in (scenery, other))
        assert np.allclose(one.people, two.people)
        differs = np.abs(one.light - two.light).max(2) > 0.05
        outside += int((differs & (one.people < 0.01)).sum())
        same += int(not differs.any())
    assert outside > 2000 and 5 < same < 35


def test_things_hide_people_and_people_hide_things(scenery):
    groups = [draw_cast(np.random.default_rng(seed), scenery, 64, 1.5) for seed in range(200)]
    orders = {(one.person, other.person) for group in groups for one, other in pairwise(group)}
    assert {(True, False), (False, True)} <= orders
    only = sum(bool(group) and not any(each.person for each in group) for group in groups)
    assert 10 < only < 60 and 60 < sum(not all(each.person for each in group) for group in groups) < 140


def test_a_rider_is_where_what_is_ridden_is(scenery, monkeypatch):
    monkeypatch.setattr(cast, "RIDDEN", 1.0)
    monkeypatch.setattr(cast, "PAIRS", 0.0)
    found = 0
    for seed in range(60):
        made = cast._thing(np.random.default_rng(seed), scenery.things, scenery, 100, 1.0)
        (rider,), (thing,) = ([each for each in made if each.person == person] for person in (True, False))
        top = thing.place.feet - thing.place.height
        assert top < rider.place.feet < thing.place.feet
        middles = [
            each.place.affine @ [each.cutout.size[1] / 2, each.cutout.size[0] / 2, 1]
            for each in (rider, thing)
        ]
        found += abs(middles[0][0] - middles[1][0]) < 0.3 * thing.place.height
    assert found > 50


def test_things_are_held_apart_for_validation_and_a_folder_without_them_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cutouts, "load_pictures", lambda *_: Pictures(("a",), (painted(1),)))
    monkeypatch.setattr(cutouts, "environments_of", lambda *_: [])
    pixels = np.full((40, 40, 4), 255, np.uint8)
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"person{number:05d}.png"), pixels)
    with pytest.raises(UnderstudyError, match="no rendered things"):
        load_scenery(tmp_path, tmp_path, "training")
    for number in range(15):
        cv2.imwrite(str(tmp_path / f"thing{number:05d}.png"), pixels)
    assert len(load_scenery(tmp_path, tmp_path, "training").things) == 13
    assert len(load_scenery(tmp_path, tmp_path, "validation").things) == 2


def test_a_dye_changes_what_is_of_one_colour_and_never_what_is_covered(pictures):
    """Of a red and a blue half, far more often one of them than both, and nothing beside them."""
    light = np.zeros((40, 40, 4), np.float32)
    light[5:35, 5:20, :] = (0.4, 0.05, 0.05, 1)
    light[5:35, 20:35, :] = (0.05, 0.05, 0.4, 1)
    changed = []
    for seed in range(60):
        other = dyed(np.random.default_rng(seed), light, pictures)
        assert np.array_equal(other[..., 3], light[..., 3])
        assert not other[:5].any() and other.min() >= 0 and other[..., :3].max() <= 1.2001
        differs = np.abs(other - light).max(2) > 0.02
        changed.append((bool(differs[5:35, 5:20].any()), bool(differs[5:35, 20:35].any())))
    assert 5 < changed.count((False, False)) < 30
    assert changed.count((True, False)) > 5 and changed.count((False, True)) > 5


def test_what_is_bent_is_moved_smoothly_and_not_far():
    rows, columns = np.mgrid[:192, :192].astype(np.float32)
    straight, far, still = np.dstack([columns, rows]), [], 0
    for seed in range(40):
        away = bent(np.random.default_rng(seed), straight, 100.0) - straight
        still += not away.any()
        far.append(float(np.abs(away).mean()))
        assert np.abs(np.diff(away, axis=0)).max() < 1.5
    assert 8 < still < 26 and 0.2 * 100 * BEND < np.mean(far) < 100 * BEND


def test_a_rendered_person_is_not_known_by_the_noise_of_few_samples(tmp_path):
    random = np.random.default_rng(0)
    pixels = np.zeros((80, 80, 4), np.uint8)
    pixels[10:70, 10:70, 3] = 255
    pixels[10:70, 10:70, :3] = np.clip(120 + random.normal(0, 9, (60, 60, 3)), 0, 255)
    pixels[10:70, 40:70, :3] //= 3
    cv2.imwrite(str(tmp_path / "person00000.png"), pixels)
    calm = cutouts.read_cutout(tmp_path / "person00000.png").levels[0]
    left, right = calm[5:-5, 5:25, :3].astype(float), calm[5:-5, 35:55, :3].astype(float)
    assert left.std() < 4 and left.mean() - right.mean() > 70
    assert (calm[..., 3] == 255).all()


def test_places_are_repainted_so_that_no_colour_is_that_of_people(scenery, monkeypatch):
    monkeypatch.setattr(scenes, "draw_cast", lambda *_: [])
    for what in ("CLUTTERED", "OCCLUDED"):
        monkeypatch.setattr(scenes, what, 0.0)
    found = []
    for share in (0.0, 1.0):
        monkeypatch.setattr(scenes, "REPAINTED", share)
        lights = [draw_scene(np.random.default_rng(seed), scenery, 48).light for seed in range(30)]
        found.append([light / np.maximum(light.sum(2, keepdims=True), 1e-3) for light in lights])
    apart = [float(np.abs(one - other).mean()) for one, other in zip(*found, strict=True)]
    assert sum(each > 0.02 for each in apart) > 8


def test_a_frame_may_have_its_colours_swapped(monkeypatch):
    for what, share in (("SHAKEN", 0.0), ("GREY", 0.0), ("SWAPPED", 1.0)):
        monkeypatch.setattr(person, what, share)
    red = Scene(np.tile(np.float32([0.6, 0.1, 0.1]), (24, 24, 1)), np.zeros((24, 24), np.float32))
    frames = [person.seen(np.random.default_rng(seed), red).input for seed in range(30)]
    assert {int(frame.mean((0, 1)).argmax()) for frame in frames} == {0, 1, 2}
