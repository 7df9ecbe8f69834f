"""Networks that were not made for frames: one size, other layouts, orders, values and answers."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_models import picture
from foreign_networks import onnx_of, onnx_same

import understudy
from understudy.cli.info import card_of
from understudy.errors import ModelFileError
from understudy.export.importing import Imported, import_network
from understudy.frames import read_image_file
from understudy.models.opening import describe_effect

pytest.importorskip("onnxruntime")


def brought_in(file: Path, toml: str = "") -> Imported:
    """The file, brought in with a TOML of its own."""
    settings = file.with_name("told.toml")
    settings.write_text(toml)
    return import_network(file, file.parent / "models", settings=settings)


def made_of(file: Path, given: np.ndarray, toml: str = "") -> np.ndarray:
    return understudy.load(brought_in(file, toml).model, devices="cpu").infer(given)


def served(model: Path, given: np.ndarray) -> np.ndarray:
    """What the server answers, (H, W, C)."""
    from understudy.server.log import ServerLog
    from understudy.server.models.file_model import FileModel
    from understudy.server.models.served import Call

    answer = FileModel(model, "cpu", ServerLog(io.StringIO())).run([Call([np.moveaxis(given, -1, 0)])])
    return np.moveaxis(answer[0].pictures[0], 0, -1)


def smooth(height: int, width: int) -> np.ndarray:
    """A picture that loses nothing when it is made smaller: slow waves from 0.1 to 0.9."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = [np.sin(np.pi * x / width + a) * np.cos(np.pi * y / height) for a in (0.0, 1.0, 2.0)]
    return (0.5 + 0.4 * np.stack(waves, -1)).astype(np.float32)


def mean_matte(path: Path, shape: tuple[object, ...] = (1, 3, 32, 48)) -> Path:
    """One channel of the mean of three, at a fixed size."""
    nodes = [("ReduceMean", ["in"], ["out"], {"axes": [1], "keepdims": 1})]
    made = {"out": ("float", (shape[0], 1, *shape[2:]))}
    return onnx_of(path, nodes, {"in": ("float", shape)}, made)


# Sizes


@pytest.mark.parametrize("fit", ["resize", "tile", "pad"])
@pytest.mark.parametrize("size", [(75, 110), (20, 30), (32, 48), (33, 200)])
def test_a_network_of_one_size_takes_frames_of_any(fit: str, size: tuple[int, int], tmp_path: Path) -> None:
    file = onnx_same(tmp_path / "same.onnx", "float32", (1, 3, 32, 48))
    given = smooth(*size)
    found = made_of(file, given, f'fit = "{fit}"\n')
    assert found.shape == given.shape and np.abs(found - given).max() < (1e-5 if fit == "tile" else 0.05)


def test_both_doors_answer_alike_for_a_network_of_one_size(tmp_path: Path) -> None:
    model = brought_in(mean_matte(tmp_path / "m.onnx"), 'mean = "imagenet"\nnormalise = true\n').model
    given = picture(70, 90).clip(0, 1)
    assert np.allclose(served(model, given), understudy.load(model, devices="cpu").infer(given), atol=1e-6)


def test_an_image_of_one_size_comes_in_as_tiles_and_a_matte_resized_and_that_is_said(tmp_path: Path) -> None:
    image = brought_in(onnx_same(tmp_path / "image.onnx", "float32", (1, 3, 32, 48)))
    matte = brought_in(mean_matte(tmp_path / "matte.onnx"))
    assert any("in tiles of 48 x 32" in sentence for sentence in image.found)
    assert any("resized to 48 x 32" in sentence for sentence in matte.found)
    assert 'fit = "tile"' in image.sidecar.read_text() and 'fit = "resize"' in matte.sidecar.read_text()
    assert card_of(matte.model)["Works at"] == "48 x 32"


def test_tiles_that_are_asked_for_do_not_cut_up_what_must_be_seen_whole(tmp_path: Path) -> None:
    model = understudy.load(brought_in(mean_matte(tmp_path / "m.onnx"), "normalise = true\n").model)
    given = picture(96, 144).clip(0, 1)
    assert np.array_equal(model.infer(given, tile_size=32, tile_overlap=0), model.infer(given))


def test_a_network_of_any_size_works_at_the_size_that_is_told(tmp_path: Path) -> None:
    given = smooth(75, 110)
    file = mean_matte(tmp_path / "m.onnx", (1, 3, "h", "w"))
    told = made_of(file, given, 'size = [22, 15]\nfit = "resize"\n')
    plain = made_of(file, given)
    assert told.shape == plain.shape and 1e-4 < np.abs(told - plain).max() < 0.05


def test_a_network_of_one_size_that_enlarges_makes_larger_frames(tmp_path: Path) -> None:
    nodes = [("Resize", ["in", "", "by"], ["out"], {"mode": "nearest"})]
    shapes = {"in": ("float", (1, 3, 16, 16))}, {"out": ("float", (1, 3, 32, 32))}
    file = onnx_of(tmp_path / "up.onnx", nodes, *shapes, {"by": np.float32([1, 1, 2, 2])})
    given = smooth(37, 50)
    found = made_of(file, given)
    assert found.shape == (74, 100, 3)
    assert np.abs(found[::2, ::2] - given).max() < 0.02


def test_a_smaller_answer_is_enlarged_to_the_frame(tmp_path: Path) -> None:
    nodes = [
        ("AveragePool", ["in"], ["small"], {"kernel_shape": [4, 4], "strides": [4, 4]}),
        ("ReduceMean", ["small"], ["out"], {"axes": [1], "keepdims": 1}),
    ]
    shapes = {"in": ("float", (1, 3, "h", "w"))}, {"out": ("float", (1, 1, "a", "b"))}
    file = onnx_of(tmp_path / "small.onnx", nodes, *shapes)
    given = smooth(64, 80)
    found = made_of(file, given)
    assert found.shape == (64, 80, 1)
    assert np.abs(found - given.mean(-1, keepdims=True)).max() < 0.03


def test_a_small_matte_is_drawn_up_along_the_edges_of_the_plate(tmp_path: Path) -> None:
    y, x = np.mgrid[:256, :384]
    disc = (((x - 190) ** 2 + (y - 120) ** 2) < 80**2).astype(np.float32)[..., None]
    given = (0.2 + 0.6 * disc * np.float32([1, 1, 1])).astype(np.float32)
    truth = 0.2 + 0.6 * disc
    plain = made_of(mean_matte(tmp_path / "a.onnx"), given)
    drawn = made_of(mean_matte(tmp_path / "b.onnx"), given, "edges = true\n")
    assert np.abs(drawn - truth).mean() < np.abs(plain - truth).mean() / 3


def test_channels_last_and_their_order_are_put_right_both_ways(tmp_path: Path) -> None:
    file = onnx_of(
        tmp_path / "nhwc.onnx",
        [("Mul", ["in", "by"], ["out"], {})],
        {"in": ("float", (1, "h", "w", 3))},
        {"out": ("float", (1, "h", "w", 3))},
        {"by": np.float32([1.0, 0.5, 0.0])},
    )
    given = picture(21, 34)
    assert np.allclose(made_of(file, given), given * np.float32([1, 0.5, 0]), atol=1e-6)
    assert np.allclose(made_of(file, given, 'order = "BGR"\n'), given * np.float32([0, 0.5, 1]), atol=1e-6)


def test_a_network_of_grey_is_handed_the_luma_of_the_plate(tmp_path: Path) -> None:
    file = onnx_same(tmp_path / "grey.onnx", "float32", (1, 1, "h", "w"))
    given = picture(21, 34)
    found = made_of(file, given, 'order = "grey"\n')
    assert np.allclose(found[..., 0], given @ np.float32([0.299, 0.587, 0.114]), atol=1e-5)


@pytest.mark.parametrize("kind", ["float16", "double", "uint8", "uint16", "int32", "int64"])
def test_every_type_of_number_goes_in_and_comes_out(kind: str, tmp_path: Path) -> None:
    shape = (2, 3, "h", "w")  # a fixed number of pictures at a time
    nodes = [("Identity", ["in"], ["out"], {})]
    file = onnx_of(tmp_path / "n.onnx", nodes, {"in": (kind, shape)}, {"out": (kind, shape)})
    given = picture(11, 13).clip(0, 1)
    found = made_of(file, given, "range = 255.0\n")
    wanted = np.rint(given * 255) / 255 if "int" in kind else given
    assert np.allclose(found, wanted, atol=2e-3 if kind == "float16" else 1e-5)


# Values


def first_value(path: Path) -> Path:
    """What the network sees of red, as a matte."""
    nodes = [("Gather", ["in", "which"], ["out"], {"axis": 1})]
    shapes = {"in": ("float", (1, 3, "h", "w"))}, {"out": ("float", (1, 1, "h", "w"))}
    return onnx_of(path, nodes, *shapes, {"which": np.int64([0])})


@pytest.mark.parametrize(
    ("toml", "low", "high"),
    [
        ("range = [-1.0, 1.0]\noutput_range = 1.0\n", -1.0, 1.0),
        ("range = 255.0\noutput_range = 1.0\n", 0.0, 255.0),
        ('mean = "imagenet"\n', -0.485 / 0.229, 0.515 / 0.229),
        ('mean = "imagenet"\nrange = 255.0\noutput_range = 1.0\n', -0.485 / 0.229, 0.515 / 0.229),
        ('mean = "imagenet"\norder = "BGR"\n', -0.406 / 0.225, 0.594 / 0.225),
        ("mean = 0.5\ndeviation = 0.25\n", -2.0, 2.0),
        ("mean = [0.1, 0.2, 0.3]\n", -0.1, 0.9),
    ],
)
def test_black_and_white_become_what_the_toml_says(
    toml: str, low: float, high: float, tmp_path: Path
) -> None:
    given = np.zeros((4, 8, 3), np.float32)
    given[:, 4:] = 1.0
    found = made_of(first_value(tmp_path / "v.onnx"), given, toml)[..., 0]
    assert np.allclose(found[:, :4], low, atol=1e-5) and np.allclose(found[:, 4:], high, atol=1e-4)


def test_a_network_of_minus_one_to_one_gives_the_plate_back(tmp_path: Path) -> None:
    given = picture(9, 12)
    found = made_of(onnx_same(tmp_path / "s.onnx", "float32"), given, "range = [-1.0, 1.0]\n")
    assert np.allclose(found, given, atol=1e-6)


def test_a_matte_of_0_to_1_from_a_network_of_8_bits_is_not_taken_for_black(tmp_path: Path) -> None:
    nodes = [
        ("Cast", ["in"], ["floats"], {"to": 1}),
        ("Mul", ["floats", "by"], ["unit"], {}),
        ("ReduceMean", ["unit"], ["out"], {"axes": [1], "keepdims": 1}),
    ]
    shapes = {"in": ("uint8", (1, 3, "h", "w"))}, {"out": ("float", (1, 1, "h", "w"))}
    file = onnx_of(tmp_path / "bits.onnx", nodes, *shapes, {"by": np.float32(1 / 255)})
    given = picture(16, 20).clip(0, 1)
    made = brought_in(file)
    assert "range = 255.0" in made.sidecar.read_text() and "output_range = 1.0" in made.sidecar.read_text()
    found = understudy.load(made.model, devices="cpu").infer(given)
    assert np.allclose(found, (np.rint(given * 255) / 255).mean(-1, keepdims=True), atol=1e-5)


# Answers


def three_outputs(path: Path) -> Path:
    nodes = [
        ("Identity", ["in"], ["first"], {}),
        ("Mul", ["in", "half"], ["second"], {}),
        ("ReduceMean", ["in"], ["third"], {"axes": [1], "keepdims": 1}),
    ]
    like = ("float", (1, 3, "h", "w"))
    made = {"first": like, "second": like, "third": ("float", (1, 1, "h", "w"))}
    return onnx_of(path, nodes, {"in": like}, made, {"half": np.float32(0.5)})


@pytest.mark.parametrize("toml", ['output = "second"\n', "output = 2\n"])
def test_one_of_several_outputs_is_picked_by_name_or_number(toml: str, tmp_path: Path) -> None:
    given = picture(9, 12)
    assert np.allclose(made_of(three_outputs(tmp_path / "t.onnx"), given, toml), given / 2, atol=1e-6)


@pytest.mark.parametrize("output", ['"fourth"', "4"])
def test_an_output_that_is_not_there_is_refused_with_those_that_are(output: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="first, second, third, or a number from 1 to 3"):
        brought_in(three_outputs(tmp_path / "t.onnx"), f"output = {output}\n")
    assert not (tmp_path / "models").exists()


LOGITS = ("float", (1, 3, "h", "w"))


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values)
    return powers / powers.sum(-1, keepdims=True)


def test_classes_become_mattes_by_their_names(make_shot: Callable[..., Any], tmp_path: Path) -> None:
    file = onnx_same(tmp_path / "logits.onnx", "float32")
    toml = 'activation = "softmax"\n[classes]\nhero = 2\ncar = 0\n'
    model = brought_in(file, toml).model
    assert describe_effect(model).output_channels == ["hero.A", "car.A"]
    shot = make_shot(suffix=".exr", data_format="float", numbers=[1001])
    understudy.apply(str(model), shot.plate, str(tmp_path / "o.####.exr"), devices="cpu")
    wanted = softmax(read_image_file(shot.plate_file(1001)).planes(("R", "G", "B")))
    found = read_image_file(tmp_path / "o.1001.exr").planes(("hero.A", "car.A"))
    assert np.allclose(found, wanted[..., [2, 0]], atol=1e-5)


@pytest.mark.parametrize("kind", ["softmax", "sigmoid", "argmax", "none"])
def test_one_class_is_a_matte_of_its_own(kind: str, tmp_path: Path) -> None:
    given = picture(9, 12)
    wanted = {
        "softmax": softmax(given),
        "sigmoid": 1 / (1 + np.exp(-given)),
        "argmax": (given.argmax(-1)[..., None] == np.arange(3)).astype(np.float32),
        "none": given,
    }[kind]
    toml = f'activation = "{kind}"\n[classes]\nperson = 1\n'
    found = made_of(onnx_same(tmp_path / "l.onnx", "float32"), given, toml)
    assert np.allclose(found, wanted[..., 1:2], atol=1e-5)


def test_ids_of_classes_become_mattes(tmp_path: Path) -> None:
    nodes = [("ArgMax", ["in"], ["out"], {"axis": 1, "keepdims": 0})]
    file = onnx_of(tmp_path / "ids.onnx", nodes, {"in": LOGITS}, {"out": ("int64", (1, "h", "w"))})
    given = picture(9, 12)
    found = made_of(file, given, 'activation = "ids"\n[classes]\ncar = 2\n')
    assert np.array_equal(found[..., 0], (given.argmax(-1) == 2).astype(np.float32))


def test_a_class_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="numbers from 0 to 2"):
        brought_in(onnx_same(tmp_path / "l.onnx", "float32"), "[classes]\nperson = 15\n")


def test_an_answer_of_any_values_is_spread_over_0_to_1(tmp_path: Path) -> None:
    given = picture(40, 60)
    found = made_of(first_value(tmp_path / "v.onnx"), given * 0.1 + 0.3, "normalise = true\n")
    red = given[..., :1]
    assert np.allclose(found, (red - red.min()) / (red.max() - red.min()), atol=1e-4)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('fit = "resize"\n', r"size = \[WIDTH, HEIGHT\]"),
        ("range = [1.0, -1.0]\n", "white must lie above black"),
        ('activation = "argmax"\n', "needs \\[classes\\]"),
        ('fit = "pad"\nsize = [8, 8]\nedges = true\n', "goes with fit"),
        ('order = "GBR"\n', "'RGB', 'BGR' or 'grey'"),
        ("size = [0, 8]\n", "size 1"),
    ],
)
def test_a_reading_that_makes_no_sense_is_refused_in_words(toml: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=words):
        brought_in(onnx_same(tmp_path / "s.onnx", "float32"), toml)
    assert not (tmp_path / "models").exists()


def test_another_size_than_the_file_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"size = \[48, 32\]"):
        brought_in(mean_matte(tmp_path / "m.onnx"), "size = [64, 64]\n")


def test_a_pickle_is_refused_with_how_it_is_converted(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(ModelFileError, match=r"torch\.onnx\.export"):
        import_network(tmp_path / "weights.pth", tmp_path / "models")
