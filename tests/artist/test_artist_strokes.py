"""Strokes as data, laid down in floats: what each tool leaves, and what is refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from understudy.artist.strokes.brush import cover
from understudy.artist.strokes.document import MOST_POINTS, Stroke, StrokesDocument, read_documents
from understudy.artist.strokes.matting import redraw_edge
from understudy.artist.strokes.raster import Canvas, rasterise
from understudy.colour import LINEAR, PLAIN, SRGB
from understudy.errors import SettingError, SizeError

SIZE = (40, 60)


def canvas(kind="image", colour=LINEAR, others=None, **changes):
    rng = np.random.default_rng(3)
    channels = 1 if kind == "matte" else 3
    values = {
        "frame": 7,
        "result": rng.uniform(-0.5, 20, (*SIZE, channels)).astype(np.float32),
        "plate": rng.uniform(-0.5, 20, (*SIZE, channels)).astype(np.float32),
        "picture": lambda: np.zeros((*SIZE, 3), np.float32),
        "kind": kind,
        "colour": colour,
        "result_of": lambda number: (others or {})[number],
    }
    return Canvas(**{**values, **changes})


def document(*strokes, frame=7):
    line = [[20, 20, 1], [40, 20, 1]]
    return StrokesDocument(frame=frame, strokes=[{"points": line, "size": 10, **s} for s in strokes])


def test_reveal_gives_the_very_bits_of_the_plate_and_leaves_the_rest_its_own():
    on = canvas()
    on.plate[20, 30] = [np.inf, np.nan, 3e-39]
    painted = rasterise(document({"tool": "reveal", "hardness": 1}), on)
    full = painted.mask == 1
    assert full.sum() > 150
    assert np.array_equal(painted.truth[full], on.plate[full], equal_nan=True)
    outside = painted.mask == 0
    assert np.array_equal(painted.truth[outside], on.result[outside])
    assert outside.sum() > SIZE[0] * SIZE[1] * 0.8


def test_a_matte_is_added_to_and_removed_from_in_the_order_of_the_strokes():
    on = canvas("matte", PLAIN, result=np.full((*SIZE, 1), 0.25, np.float32))
    painted = rasterise(document({"tool": "add"}, {"tool": "remove", "points": [[30, 20, 1]]}), on)
    assert painted.truth[20, 22, 0] == 1 and painted.truth[20, 30, 0] == 0
    half = rasterise(document({"tool": "add", "opacity": 0.5}), on)
    assert half.truth[20, 30, 0] == pytest.approx(0.625) and half.mask[20, 30] == 1
    light = rasterise(document({"tool": "add", "points": [[30, 20, 0.5]]}), on)
    assert light.mask.max() == pytest.approx(0.5)


def test_clone_reads_whole_pixels_beside_or_in_another_frame_and_nothing_beyond_the_frame():
    other = canvas().plate + 100
    on = canvas(others={9: other, 10: other[:-1]})
    near = rasterise(document({"tool": "clone", "offset": [-12.4, 3.2], "hardness": 1}), on)
    assert np.array_equal(near.truth[20, 35], on.result[23, 23])
    far = rasterise(document({"tool": "clone", "from_frame": 9, "hardness": 1}), on)
    assert np.array_equal(far.truth[20, 30], other[20, 30])
    edge = rasterise(document({"tool": "clone", "offset": [25, 0], "hardness": 1}), on)
    assert edge.mask[20, 30] == 1 and edge.mask[20, 38] == 0
    assert np.array_equal(edge.truth[20, 38], on.result[20, 38])
    with pytest.raises(SizeError):
        rasterise(document({"tool": "clone", "from_frame": 10}), on)


def test_paint_takes_the_exact_value_of_a_pixel_or_a_colour_of_the_screen_in_file_values():
    on = canvas()
    picked = rasterise(document({"tool": "paint", "pick": {"of": "plate", "at": [3.9, 5.1]}}), on)
    assert np.array_equal(picked.truth[20, 30], on.plate[5, 3])
    of_result = rasterise(document({"tool": "paint", "pick": {"of": "result", "at": [0, 0]}}), on)
    assert np.array_equal(of_result.truth[20, 30], on.result[0, 0])
    stroke = {"tool": "paint", "colour": [0.5, 0.25, 1.0]}
    assert rasterise(document(stroke), on).truth[20, 30] == pytest.approx([0.2140, 0.0509, 1.0], abs=1e-4)
    on_srgb = rasterise(document(stroke), canvas(colour=SRGB))
    assert on_srgb.truth[20, 30] == pytest.approx([0.5, 0.25, 1.0])
    with pytest.raises(SettingError, match="outside of the frame"):
        rasterise(document({"tool": "paint", "pick": {"of": "plate", "at": [60, 0]}}), on)


def test_blur_softens_what_is_there_by_then():
    sharp = np.zeros((*SIZE, 3), np.float32)
    sharp[:, 30:] = 10
    painted = rasterise(document({"tool": "blur", "size": 20}), canvas(result=sharp))
    row = painted.truth[20, :, 0]
    assert 2 < row[29] < 5 < row[30] < 8 and row[5] == 0 and row[55] == 10


def test_a_stroke_is_smooth_however_far_apart_its_points_are_and_ends_at_its_radius():
    few = cover(Stroke(tool="add", points=[[10, 20, 1], [50, 20, 1]], size=12), *SIZE)
    many = cover(Stroke(tool="add", points=[[x / 10, 20, 1] for x in range(100, 501)], size=12), *SIZE)
    assert few.window == many.window and np.abs(few.values - many.values).max() < 0.01
    row = few.values[:, 30 - few.window.x]
    assert np.abs(np.diff(row)).max() < 0.5 and row.max() > 0.99 and row[[0, -1]].max() == 0
    hard = cover(Stroke(tool="add", points=[[30, 20, 1]], size=20, hardness=1), *SIZE)
    assert hard.values.sum() == pytest.approx(np.pi * 100, rel=0.01)
    again = cover(Stroke(tool="add", points=[[10, 20, 0.5], [50, 20, 0.5], [10, 20, 0.5]], size=12), *SIZE)
    assert again.values.max() <= 0.5


def hair(seed=5, height=120, width=160):
    """A picture of a dark head with strands over a bright gradient, its true matte, and a rough one."""
    rng = np.random.default_rng(seed)
    large = np.zeros((height * 4, width * 4), np.uint8)
    cv2.circle(large, (width * 2, height * 4), height * 2, 255, -1)
    for _ in range(70):
        angle = rng.uniform(-2.6, -0.5)
        start = np.array([width * 2, height * 4]) + height * 1.95 * np.array([np.cos(angle), np.sin(angle)])
        end = start + rng.uniform(40, 110) * np.array([np.cos(angle), np.sin(angle)]) + rng.normal(0, 20, 2)
        cv2.line(large, tuple(map(int, start)), tuple(map(int, end)), 255, int(rng.integers(2, 6)))
    true = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    y, x = np.mgrid[:height, :width].astype(np.float32)
    back = np.stack([0.6 + 0.3 * x / width, 0.7 + 0.1 * np.sin(y / 9), 0.8 - 0.3 * x / width], 2)
    front = np.stack([0.15 + 0.05 * np.sin(x / 7), 0.1 + 0 * x, 0.07 + 0.05 * y / height], 2)
    picture = front * true[..., None] + back * (1 - true[..., None])
    picture += rng.normal(0, 0.01, picture.shape)
    rough = np.zeros((height, width), np.uint8)
    cv2.circle(rough, (width // 2, height), height // 2, 255, -1)
    return picture.astype(np.float32), true, cv2.GaussianBlur(rough.astype(np.float32) / 255, (0, 0), 3)


def test_the_edge_brush_finds_hair_that_the_matte_had_lost():
    picture, true, rough = hair()
    on = Canvas(
        7, rough[..., None], rough[..., None] * 0, lambda: picture, "matte", PLAIN, lambda number: rough
    )
    angles = np.linspace(-2.7, -0.4, 30)
    points = [[80 + 70 * np.cos(a), 120 + 70 * np.sin(a), 1] for a in angles]
    painted = rasterise(
        StrokesDocument(frame=7, strokes=[{"tool": "edge", "points": points, "size": 44, "hardness": 0.9}]),
        on,
    )
    where = painted.mask > 0.9
    before = np.abs(rough - true)[where].mean()
    after = np.abs(painted.truth[..., 0] - true)[where].mean()
    assert after < 0.25 * before and after < 0.03
    assert np.array_equal(painted.truth[painted.mask == 0][:, 0], rough[painted.mask == 0])


def test_the_edge_brush_leaves_a_matte_alone_where_nothing_says_what_is_inside():
    picture, _, _ = hair()
    empty = np.zeros(picture.shape[:2], np.float32)
    band = np.ones_like(empty, bool)
    assert np.array_equal(redraw_edge(picture, empty, band, 20), empty)


@pytest.mark.parametrize(
    ("stroke", "says"),
    [
        ({"tool": "add", "points": []}, "points"),
        ({"tool": "add", "points": [[0, 0, 2]]}, "points"),
        ({"tool": "add", "points": [[float("nan"), 0, 1]]}, "points"),
        ({"tool": "add", "points": [[0, 0, 1]] * (MOST_POINTS + 1)}, "points"),
        ({"tool": "add", "points": [[1e9, 0, 1]]}, "points"),
        ({"tool": "add", "points": [[0, 0, 1]], "size": 0}, "size"),
        ({"tool": "add", "points": [[0, 0, 1]], "size": 1e6}, "size"),
        ({"tool": "add", "points": [[0, 0, 1]], "script": "x"}, "script"),
        ({"tool": "paint", "points": [[0, 0, 1]]}, "colour or pick"),
        ({"tool": "clone", "points": [[0, 0, 1]]}, "offset"),
        ({"tool": "erase", "points": [[0, 0, 1]]}, "tool"),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(stroke, says):
    with pytest.raises(SettingError) as caught:
        read_documents([{"version": 1, "frame": 7, "strokes": [stroke]}])
    assert says in f"{caught.value.expected} {caught.value.where}"


def test_documents_of_one_frame_are_joined_in_order_and_tools_must_fit_the_network():
    one = {"version": 1, "frame": 7, "strokes": [{"tool": "add", "points": [[30, 20, 1]]}]}
    two = {"version": 1, "frame": 7, "strokes": [{"tool": "remove", "points": [[30, 20, 1]]}]}
    found = read_documents([one, {**two, "frame": 3}, two])
    assert [(d.frame, [s.tool for s in d.strokes]) for d in found] == [
        (3, ["remove"]),
        (7, ["add", "remove"]),
    ]
    with pytest.raises(SettingError, match="not for an image"):
        rasterise(found[0], canvas())
    with pytest.raises(SettingError, match="touch nothing"):
        rasterise(document({"tool": "reveal", "points": [[900, 900, 1]]}), canvas())
