"""Bodies, clothes and poses are read as their files mean them; scenes have the matte of their people."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from tests.zoo.conftest import painted
from tests.zoo.test_photographs import write
from zoo.kinds import training_of
from zoo.matte_training import MatteTraining
from zoo.measure_person import SHOTS, person_rows, photograph_rows
from zoo.people.body import Person, between, draw_person, parts_of
from zoo.people.cast import standing
from zoo.people.clothes import read_fit
from zoo.people.cutouts import Scenery, cutout_of, load_scenery
from zoo.people.mesh import read_mesh, read_target, sphere
from zoo.people.photographs import Photograph, load_photographs
from zoo.people.scenes import draw_scene
from zoo.people.skeleton import follow, read_pose, read_skeleton, rotation
from zoo.pictures import Pictures
from zoo.ship import ship
from zoo.stream import make_batch

from understudy.errors import UnderstudyError
from understudy.network.model_file import load_model
from zoo import human_matting, person, rivals

QUAD = """# a square with one diagonal
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
g body
f 1/1 2/2 3/3 4/4
g helper-tights
f 1/1 2/2 3/3
"""


def cut_out(height=96, width=48, full=True):
    """A body with a head: two ellipses, in colours, with alpha."""
    picture = np.zeros((height, width, 4), np.uint8)
    picture[..., :3] = (200, 120, 90)
    for middle, axes in (((24, 60), (14, 34)), ((24, 18), (9, 11))):
        cv2.ellipse(picture[..., 3:].copy(), middle, axes, 0, 0, 360, 255, -1)
        alpha = np.ascontiguousarray(picture[..., 3])
        cv2.ellipse(alpha, middle, axes, 0, 0, 360, 255, -1)
        picture[..., 3] = alpha
    return picture if full else picture[:60]


@pytest.fixture
def scenery():
    whole, upper = cutout_of(cut_out()), cutout_of(cut_out(full=False))
    panorama = painted(5, 64, 128).astype(np.float32) / 255
    return Scenery((whole, upper), Pictures(("a", "b"), (painted(1), painted(2))), (panorama,))


def test_faces_of_more_corners_become_triangles_with_the_uvs_of_their_corners(tmp_path):
    (tmp_path / "quad.obj").write_text(QUAD)
    mesh = read_mesh(tmp_path / "quad.obj")
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]
    assert mesh.groups.tolist() == ["body", "body", "helper-tights"]
    assert mesh.uvs[mesh.corners[1]].tolist() == [[0, 0], [1, 1], [0, 1]]
    assert np.allclose(mesh.normals(), [0, 0, 1])
    assert mesh.part(mesh.groups == "helper-tights").faces.tolist() == [[0, 1, 2]]


def test_a_target_moves_the_points_that_it_names(tmp_path):
    (tmp_path / "a.target").write_text("# comment\n2 .5 -1 0\n0 0 .25 1e-2\n")
    which, way = read_target(tmp_path / "a.target")
    assert which.tolist() == [2, 0]
    assert np.allclose(way, [[0.5, -1, 0], [0, 0.25, 0.01]])


def test_the_faces_of_a_sphere_look_outwards():
    ball = sphere(12)
    middles = ball.points[ball.faces].mean(1)
    a, b, c = (ball.points[ball.faces[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    real = np.linalg.norm(across, axis=1) > 1e-9
    assert (np.einsum("fi,fi->f", across, middles)[real] > 0).all()


def test_a_body_between_takes_of_each_large_target_as_much_as_it_is_near(monkeypatch):
    origin, gender = {"asian": 1.0}, {"male": 0.25, "female": 0.75}
    middle = between(1.0, ("minmuscle", "averagemuscle", "maxmuscle"))
    weight = between(2.0, ("minweight", "averageweight", "maxweight"))
    tall = between(1.5, ("minheight", "", "maxheight"))
    alike = {"idealproportions": 0.0}
    found = dict(parts_of(Person(origin, gender, {"young": 1.0}, middle, weight, tall, alike)))
    assert found["asian-female-young"] == pytest.approx(0.75)
    assert found["universal-male-young-averagemuscle-maxweight"] == pytest.approx(0.25)
    assert found["height/female-young-averagemuscle-maxweight-maxheight"] == pytest.approx(0.375)
    assert len(found) == 6


def test_everybody_drawn_is_made_of_whole_shares():
    for seed in range(50):
        someone = draw_person(np.random.default_rng(seed))
        assert all(0 <= share <= 1 for share in someone.age.values())
        universal = [share for name, share in parts_of(someone) if name.startswith("universal")]
        assert 0.9 < sum(universal) < 1.001


def test_clothes_lie_on_a_body_by_their_shares_and_grow_with_it(tmp_path):
    (tmp_path / "hat.obj").write_text("v 9 9 9\nv 9 9 9\nf 1 2 1\n")
    (tmp_path / "hat.mhmat").write_text("diffuseTexture missing.png\n")
    (tmp_path / "hat.mhclo").write_text(
        "name hat\nobj_file hat.obj\nx_scale 0 1 2.0\nverts 0\nmaterial hat.mhmat\n"
        "0 1 2 0.5 0.25 0.25 1.0 2.0 0\n3\ndelete_verts\n1 - 2 3\n"
    )
    fit = read_fit(tmp_path / "hat.mhclo")
    body = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0], [7, 7, 7]], float)
    assert np.allclose(fit.on(body).points, [[1 + 2.0, 1 + 2.0, 0], [7, 7, 7]])
    assert fit.hidden.tolist() == [1, 2, 3] and fit.texture is None
    weights = np.array([[1, 0], [0, 1], [0, 1], [1, 0]], float)
    assert np.allclose(fit.weights(weights), [[0.5, 0.5], [1, 0]])


@pytest.fixture
def bones(tmp_path):
    """An upper and a lower arm along x."""
    (tmp_path / "rigs").mkdir()
    told = {
        "bones": {
            "lower": {"head": "b", "tail": "c", "parent": "upper"},
            "upper": {"head": "a", "tail": "b", "parent": None},
        },
        "joints": {"a": [0], "b": [1], "c": [2]},
    }
    (tmp_path / "rigs" / "default.mhskel").write_text(json.dumps(told))
    weights = {"weights": {"upper": [[0, 1], [1, 1]], "lower": [[1, 1], [2, 3]]}}
    (tmp_path / "rigs" / "default_weights.mhw").write_text(json.dumps(weights))
    return read_skeleton(tmp_path, 3)


def test_a_bone_takes_all_that_hang_on_it_along(bones):
    points = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0]], float)
    assert bones.bones == ("upper", "lower") and np.allclose(bones.weights[1], [0.5, 0.5])
    quarter = rotation(np.array([0, 0, 1.0]), np.pi / 2)
    bent = follow(points, bones.weights, bones.turns(points, {"lower": quarter}))
    assert np.allclose(bent, [[0, 0, 0], [1, 0, 0], [1, 1, 0]])
    both = follow(points, bones.weights, bones.turns(points, {"upper": quarter, "lower": quarter}))
    assert np.allclose(both, [[0, 0, 0], [0, 1, 0], [-1, 1, 0]])


def test_a_pose_of_a_file_turns_about_its_axes_as_the_meshes_have_them(tmp_path):
    (tmp_path / "a.bvh").write_text(
        "HIERARCHY\nROOT root\n{\nOFFSET 0 0 0\nCHANNELS 6 Xposition Yposition Zposition Xrotation Yrotation "
        "Zrotation\nJOINT arm\n{\nCHANNELS 3 Xrotation Yrotation Zrotation\n}\n}\nMOTION\nFrames: 1\n"
        "Frame Time: 0.04\n1 2 3 0 0 90 90 0 0\n"
    )
    pose = read_pose(tmp_path / "a.bvh")
    # About the file's z, which points up: y of the meshes. The left (x) comes to the back (-z).
    assert np.allclose(pose["root"] @ [1, 0, 0], [0, 0, -1])
    assert np.allclose(pose["arm"] @ [0, 1, 0], [0, 0, 1])


def test_a_cutout_knows_where_its_picture_ends_before_the_person_does():
    whole, upper = cutout_of(cut_out()), cutout_of(cut_out(full=False))
    assert whole.cut == (False, False, False, False) and upper.cut == (False, False, False, True)
    assert whole.size[0] < 96 and cutout_of(np.zeros((50, 50, 4), np.uint8)) is None
    light, scale = cutout_of(cv2.resize(cut_out(), (192, 384))).light(20)
    assert light.shape[0] >= 20 and scale < 1
    inside = light[..., 3] > 0.99
    assert np.allclose(light[inside][:, 0], light[inside][0, 0], atol=0.02)


def test_what_a_picture_cut_off_the_frame_cuts_off_too(scenery):
    upper, side = scenery.people[1], 64
    for seed in range(40):
        place = standing(np.random.default_rng(seed), upper, side, 1.5, 0.7, None)
        lowest = place.affine @ [0, upper.size[0], 1]
        assert lowest[1] >= side - 1e-6


def test_a_scene_without_people_has_an_empty_matte_and_most_scenes_have_some(scenery):
    scenes = [draw_scene(np.random.default_rng(seed), scenery, 48) for seed in range(80)]
    covered = np.array([scene.people.mean() for scene in scenes])
    assert 3 <= (covered == 0).sum() <= 35
    assert (covered > 0.01).sum() > 35
    assert all(scene.people.min() >= 0 and scene.people.max() <= 1.0001 for scene in scenes)
    assert all(np.isfinite(scene.light).all() and scene.light.shape == (48, 48, 3) for scene in scenes)


def test_people_are_where_the_matte_says(scenery):
    """The same scene with people of another colour differs where the matte is, and nowhere else."""
    red, blue = (
        replace(
            scenery, people=(cutout_of(np.dstack([np.full((96, 48, 3), c, np.uint8), cut_out()[..., 3:]])),)
        )
        for c in ((255, 0, 0), (0, 0, 255))
    )
    apart = 0
    for seed in range(30):
        one, other = (draw_scene(np.random.default_rng(seed), each, 64) for each in (red, blue))
        assert np.allclose(one.people, other.people)
        differs = np.abs(one.light - other.light).max(2) > 0.02
        assert not (differs & (one.people < 1e-3)).any()
        apart += int(differs.sum())
    assert apart > 500


def test_the_same_random_numbers_make_the_same_frame(scenery):
    one, same, other = (person.make(np.random.default_rng(seed), scenery, 64) for seed in (3, 3, 4))
    assert np.array_equal(one.input, same.input) and np.array_equal(one.truth, same.truth)
    assert not np.array_equal(one.input, other.input)
    assert one.input.shape == (64, 64, 3) and one.truth.shape == (64, 64, 1)
    assert one.input.dtype == one.truth.dtype == np.float32


def _training(scenery):
    recipe = replace(person.RECIPE, side=64, crops=4, rate=0.03)
    return training_of(recipe, precision="float32"), make_batch(recipe, scenery, 0, 1)


def test_a_training_of_mattes_learns_and_is_judged_by_iou(scenery):
    training, batch = _training(scenery)
    assert isinstance(training, MatteTraining)
    losses = [training.step(batch, 0.9) for _ in range(110)]
    assert min(losses[-5:]) < 0.7 * losses[0]
    training.average.load_state_dict(training.network.state_dict())
    training.judge([batch])
    assert training.at.score > 0.3 and training.at.before < 0.3


def test_a_matte_network_ships_with_the_sources_of_its_people(scenery, tmp_path, monkeypatch):
    training, batch = _training(scenery)
    training.step(batch, 0.9)
    monkeypatch.setattr(training, "recipe", replace(training.recipe, renders=lambda *_: scenery, lit=()))
    (tmp_path / "split.json").write_text('{"training": [], "validation": []}')
    (tmp_path / "SOURCES.md").write_text("")
    ship(training, tmp_path / "person.cat", tmp_path, [], tmp_path)
    header, network = load_model(tmp_path / "person.cat")
    assert header.kind == "matte" and header.output_channels == ["alpha"] and network.sees_whole
    assert any("makehuman-assets" in source.address for source in header.card.sources)
    assert (tmp_path / "person.cat").stat().st_size < 4e6


def test_a_network_of_people_ships_only_with_the_folder_that_it_is_judged_by(scenery, tmp_path, monkeypatch):
    training, _ = _training(scenery)
    monkeypatch.setattr(training, "recipe", replace(training.recipe, lit=()))
    (tmp_path / "split.json").write_text('{"training": [], "validation": []}')
    (tmp_path / "SOURCES.md").write_text("")
    with pytest.raises(UnderstudyError, match="rendered"):
        ship(training, tmp_path / "person.cat", tmp_path, [], None)
    assert not (tmp_path / "person.cat").exists()


def test_a_folder_without_rendered_people_is_refused(tmp_path):
    with pytest.raises(UnderstudyError, match="no rendered people"):
        load_scenery(tmp_path, tmp_path / "none", "training")


@pytest.fixture
def shots(tmp_path):
    """All of them, each of one frame whose left half is the truth."""
    for name in SHOTS:
        for kind, channels in (("input", 3), ("groundtruth", 1)):
            (tmp_path / name / kind).mkdir(parents=True)
            pixels = np.zeros((20, 40, channels), np.uint8)
            pixels[:, :20] = 255
            cv2.imwrite(str(tmp_path / name / kind / f"{name}.1001.png"), pixels)
    return tmp_path


def test_a_matte_is_measured_by_how_much_of_both_is_in_each(shots):
    def up_to(end):
        return lambda values: values[..., :1] * (np.arange(40) < end)[:, None]

    right, half = (list(person_rows(up_to(end), shots, None, 3)) for end in (40, 10))
    assert [row.score for row in right] == ["1.000"] * 6 and [row.score for row in half] == ["0.500"] * 6
    assert "dancer" in right[0].what and rivals.NO_SELFIE in right[0].beside


def test_photographs_that_were_kept_back_are_measured_too(tmp_path):
    half = np.zeros((40, 60), np.uint8)
    half[:, :30] = 255
    for number in range(30):
        write(tmp_path, f"p{number}", Photograph(np.repeat(half[..., None], 3, 2), half * (number % 2)))
    held = load_photographs(tmp_path, "validation")
    assert 1 < len(held) < 30
    rows = list(photograph_rows(lambda values: values[..., :1], tmp_path, None))
    people = [each for each in held if each.share > 0]
    assert rows[0].what.startswith(f"{len(people)} photographs of people") and rows[0].score == "1.000"
    assert float(rows[1].score) == pytest.approx(0.5 * (len(held) - len(people)) / len(held), abs=0.01)
    assert list(photograph_rows(lambda values: values, tmp_path / "none", None)) == []


def test_shots_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(UnderstudyError, match="not there"):
        list(person_rows(lambda values: values, tmp_path, None, 3))


def test_the_start_of_people_learns_the_same_scenes_and_sees_frames_as_they_are(scenery):
    recipe = replace(human_matting.RECIPE, side=64, crops=2)
    training = training_of(recipe, precision="float32")
    training.step(make_batch(recipe, scenery, 0, 1), 0.9)
    shape = training.network.architecture
    assert (shape.whole, shape.size) == (0, "small") and recipe.make is person.make
