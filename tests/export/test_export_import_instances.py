"""Networks that give lists: boxes, labels, scores and masks become instance mattes, ids and a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prompted_networks import BOXES, instance_masks, laid_into_box, mask_rcnn, write_frames
from test_export_import_prompts import plates

import understudy
from understudy.errors import ModelFileError, SettingError
from understudy.export.importing import import_network
from understudy.frames import read_image_file
from understudy.inference.apply import apply
from understudy.models.sidecar import read_sidecar
from understudy.settings import ApplySettings

pytest.importorskip("onnxruntime")
HEIGHT, WIDTH = 48, 64
TOML = 'colour = "raw"\n[instances]\nnames = ["nothing", "person", "dog"]\nlimit = 3\n'
CHANNELS = ("instance.001", "instance.002", "instance.003", "instance.id")


def bring_in(folder: Path, toml: str = TOML, **wishes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    settings = folder / "told.toml"
    settings.write_text(toml)
    return import_network(
        mask_rcnn(folder / "rcnn.onnx", **wishes), folder / "models", settings=settings
    ).model


def said_by(frame: np.ndarray, shift: int = 0, swap: bool = False, hide: bool = False) -> np.ndarray:
    """A frame whose first pixel tells the stand-in what to find."""
    made = np.array(frame)
    made[0, 0] = shift / 64, float(swap), float(hide)
    return made


def expected(slots: dict[int, int], shift: int = 0) -> np.ndarray:
    """Mattes and ids (H, W, 4): the stand-in's box by number -> its matte; the best first."""
    made = np.zeros((HEIGHT, WIDTH, 4))
    for index, slot in reversed(slots.items()):
        box = BOXES[index] + [shift, 0, shift, 0]
        matte = laid_into_box(instance_masks()[index, 0], box, HEIGHT, WIDTH)
        made[..., slot - 1] = matte
        made[..., 3][matte >= 0.5] = slot
    return made


def applied(model: Path, plate: str, folder: Path, **more: Any) -> None:
    output = str(folder / "out.####.exr")
    result = apply(ApplySettings(model=str(model), plate=plate, output=output, devices="cpu", **more))
    assert not result.failed, result.failed


def mattes(path: Path) -> np.ndarray:
    return read_image_file(path).planes(CHANNELS)


def test_outputs_that_are_called_as_those_of_torchvision_are_taken_for_lists(tmp_path: Path) -> None:
    made = import_network(mask_rcnn(tmp_path / "rcnn.onnx"), tmp_path / "models")
    assert any("instance mattes" in sentence for sentence in made.found)
    assert read_sidecar(made.sidecar).instances is not None
    model = understudy.load(made.model, devices="cpu")
    assert model.description.output_channels[0] == "instance.001"
    assert model.description.output_channels[-1] == "instance.id"
    assert len(model.description.output_channels) == 9


def test_masks_of_boxes_are_laid_into_them_above_the_threshold_the_best_first(tmp_path: Path) -> None:
    model = understudy.load(bring_in(tmp_path), devices="cpu")
    frame = plates(1)[0]
    np.testing.assert_allclose(model.infer(said_by(frame)), expected({0: 1, 1: 2}), atol=1e-5)
    swapped = model.infer(said_by(frame, swap=True))
    np.testing.assert_allclose(swapped, expected({1: 1, 0: 2}), atol=1e-5)
    low = bring_in(tmp_path / "low", TOML + "threshold = 0.1\n")
    every = understudy.load(low, devices="cpu").infer(said_by(frame, shift=3))
    np.testing.assert_allclose(every, expected({0: 1, 1: 2, 2: 3}, 3), atol=1e-5)


def test_labels_can_be_chosen_by_name_and_the_number_of_mattes_is_limited(tmp_path: Path) -> None:
    frame = said_by(plates(1)[0])
    dogs = bring_in(tmp_path / "dogs", TOML + 'threshold = 0.1\nonly = ["dog"]\n')
    np.testing.assert_allclose(understudy.load(dogs, devices="cpu").infer(frame), expected({2: 1}), atol=1e-5)
    one = bring_in(tmp_path / "one", TOML.replace("limit = 3", "limit = 1"))
    made = understudy.load(one, devices="cpu").infer(frame)
    assert made.shape == (HEIGHT, WIDTH, 2)
    np.testing.assert_allclose(made[..., 0], expected({0: 1})[..., 0], atol=1e-5)
    with pytest.raises(ModelFileError, match="cannot be used"):
        bring_in(tmp_path / "cats", TOML + 'only = ["cat"]\n')


@pytest.mark.parametrize("fit", ["resize", "pad"])
def test_a_network_of_one_size_finds_the_same_in_frames_of_another(tmp_path: Path, fit: str) -> None:
    """Its boxes are in pixels of what it sees: 64 x 48 of a frame of 128 x 96, or of one of 128 x 48."""
    height = 96 if fit == "resize" else 48
    toml = f'size = [64, {48 if fit == "resize" else 32}]\nfit = "{fit}"\nfilter = "nearest"\n' + TOML
    model = understudy.load(bring_in(tmp_path, toml), devices="cpu")
    frame = np.zeros((height, 128, 3), np.float32)
    made = model.infer(frame)
    matte = laid_into_box(instance_masks()[0, 0], BOXES[0] * 2, height, 128)
    np.testing.assert_allclose(made[..., 0], matte, atol=1e-5)


def test_masks_of_the_whole_picture_are_taken_as_they_are(tmp_path: Path) -> None:
    whole = np.random.default_rng(1).random((3, 1, HEIGHT, WIDTH)).astype(np.float32)
    model = understudy.load(bring_in(tmp_path, masks=whole, batch=True), devices="cpu")
    made = model.infer(said_by(plates(1)[0]))
    np.testing.assert_allclose(made[..., 0], whole[0, 0], atol=1e-6)
    np.testing.assert_allclose(made[..., 1], whole[1, 0], atol=1e-6)
    ids = np.where(whole[0, 0] >= 0.5, 1, np.where(whole[1, 0] >= 0.5, 2, 0))
    np.testing.assert_array_equal(made[..., 3], ids)


def test_an_instance_keeps_its_matte_along_the_shot_and_a_table_lies_beside_each_frame(
    tmp_path: Path,
) -> None:
    still = plates(1)[0]
    frames = [
        said_by(still),
        said_by(still, shift=2, swap=True),  # the other one is the better one now
        said_by(still, shift=4, hide=True),  # the second is not found
        said_by(still, shift=5, swap=True),
    ]
    model, plate = bring_in(tmp_path / "rcnn"), write_frames(tmp_path / "plate", frames)
    applied(model, plate, tmp_path)
    for number, (slots, shift) in enumerate(
        [({0: 1, 1: 2}, 0), ({1: 2, 0: 1}, 2), ({0: 1}, 4), ({1: 2, 0: 1}, 5)], 1
    ):
        made = mattes(tmp_path / f"out.{number:04d}.exr")
        np.testing.assert_allclose(made, expected(slots, shift), atol=1e-5, err_msg=str(number))
    table = json.loads((tmp_path / "out.0002.json").read_text())
    assert (table["frame"], table["width"], table["height"]) == (2, WIDTH, HEIGHT)
    assert table["instances"] == [
        {
            "channel": "instance.001",
            "id": 1,
            "label": 1,
            "name": "person",
            "score": 0.7,
            "box": [6, 8, 22, 24],
        },
        {
            "channel": "instance.002",
            "id": 2,
            "label": 1,
            "name": "person",
            "score": 0.8,
            "box": [32, 10, 48, 26],
        },
    ]
    lost = json.loads((tmp_path / "out.0003.json").read_text())["lost"]
    assert [(each["channel"], each["missing"]) for each in lost] == [("instance.002", 1)]


def test_a_shot_that_goes_on_later_goes_on_with_the_same_mattes(tmp_path: Path) -> None:
    still = plates(1)[0]
    frames = [said_by(still, swap=number > 1) for number in range(1, 5)]
    model, plate = bring_in(tmp_path / "rcnn"), write_frames(tmp_path / "plate", frames)
    applied(model, plate, tmp_path)
    whole = mattes(tmp_path / "out.0004.exr")
    for table_too in (False, True):  # without it, what is in the frames before is looked for again
        (tmp_path / "out.0004.exr").unlink()
        if table_too:
            (tmp_path / "out.0003.json").write_text("[")
        applied(model, plate, tmp_path)
        np.testing.assert_array_equal(mattes(tmp_path / "out.0004.exr"), whole)
        np.testing.assert_allclose(whole, expected({1: 2, 0: 1}), atol=1e-5)


def test_at_a_cut_mattes_are_given_anew(tmp_path: Path) -> None:
    frames = [said_by(plates(1)[0]), said_by(plates(1, seed=4)[0], swap=True)]
    applied(bring_in(tmp_path / "rcnn"), write_frames(tmp_path / "plate", frames), tmp_path)
    np.testing.assert_allclose(mattes(tmp_path / "out.0002.exr"), expected({1: 1, 0: 2}), atol=1e-5)


def test_what_cannot_be_done_with_ids_is_refused_before_a_frame_is_written(tmp_path: Path) -> None:
    model, plate = bring_in(tmp_path / "rcnn"), write_frames(tmp_path / "plate", plates(1))
    for wish in ({"mix": 0.5}, {"stabilise": 0.5}, {"confidence": True}, {"despeckle": 3}):
        with pytest.raises(SettingError):
            applied(model, plate, tmp_path / "made", **wish)
    with pytest.raises(SettingError):
        apply(ApplySettings(model=str(model), plate=plate, output=str(tmp_path / "made" / "out.####.png")))
    assert not list(tmp_path.glob("made/*"))


def test_lists_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="outputs that are not there") as refused:
        bring_in(tmp_path, TOML + 'boxes = "bounds"\n')
    assert "boxes, labels, scores, masks" in refused.value.expected
    with pytest.raises(ModelFileError) as refused:
        bring_in(tmp_path, TOML + 'boxes = "scores"\nscores = "boxes"\n')
    assert "do not belong to each other" in str(refused.value.text)
    for wrong in ("limit = 0\n", "limit = 65\n", "threshold = 2.0\n", 'form = "round"\n', "limits = 3\n"):
        with pytest.raises(ModelFileError, match="cannot be used"):
            bring_in(tmp_path, TOML.replace("limit = 3\n", "") + wrong)


def test_in_a_layer_the_table_names_the_channels_as_they_are_there(tmp_path: Path) -> None:
    model, plate = bring_in(tmp_path / "rcnn"), write_frames(tmp_path / "plate", [said_by(plates(1)[0])])
    applied(model, plate, tmp_path / "made", output_layer="people")
    rows = json.loads((tmp_path / "made" / "out.0001.json").read_text())["instances"]
    names = read_image_file(tmp_path / "made" / "out.0001.exr").channels
    assert [row["channel"] for row in rows] == ["people.001", "people.002"]
    assert {"people.001", "people.id", "R"} <= set(names)


def test_the_folder_with_tables_in_it_is_still_a_shot(tmp_path: Path) -> None:
    from understudy.frames import open_shot

    frames = [said_by(plates(1)[0])] * 2
    applied(bring_in(tmp_path / "rcnn"), write_frames(tmp_path / "plate", frames), tmp_path / "made")
    assert open_shot(str(tmp_path / "made")).numbers == (1, 2)


def test_a_network_of_multiples_sees_nothing_beside_the_frame(tmp_path: Path) -> None:
    toml = "size_multiple = 32\nmean = 0.25\n" + TOML
    whole = np.zeros((3, 1, 64, 64), np.float32)
    whole[:, :, :48] = 0.75
    model = understudy.load(bring_in(tmp_path, toml, masks=whole), devices="cpu")
    made = model.infer(said_by(plates(1)[0]) + 0.25)
    np.testing.assert_allclose(made[..., 0], 0.75, atol=1e-6)


def test_what_is_nowhere_is_left_out(tmp_path: Path) -> None:
    """Boxes that are no numbers, and none at all: no matte, and a table that is JSON."""
    frames = [said_by(plates(1)[0])] * 2
    frames[0][0, 0, 0] = 1e30
    plate = write_frames(tmp_path / "plate", frames)
    nothing = bring_in(tmp_path / "none", TOML + "threshold = 0.95\n")
    apply(ApplySettings(model=str(nothing), plate=plate, output=str(tmp_path / "none" / "out.####.exr")))
    assert not mattes(tmp_path / "none" / "out.0001.exr").any()
    table = json.loads((tmp_path / "none" / "out.0001.json").read_text())
    assert table["instances"] == table["lost"] == []


def test_info_says_what_a_network_finds(tmp_path: Path) -> None:
    from understudy.cli.info import card_of

    assert "instance.001, instance.002, instance.003, instance.id" in str(card_of(bring_in(tmp_path)))


def test_frames_are_made_again_when_one_before_them_has_changed(tmp_path: Path) -> None:
    still = plates(1)[0]
    frames = [said_by(still), said_by(still), said_by(still, swap=True)]
    model, plate = bring_in(tmp_path / "rcnn"), write_frames(tmp_path / "plate", frames)
    settings = {"model": str(model), "plate": plate, "output": str(tmp_path / "out.####.exr")}
    apply(ApplySettings(**settings))
    write_frames(tmp_path / "plate", [said_by(still, shift=1)], first=2)
    result = apply(ApplySettings(**settings))
    assert (result.kept, result.written) == ((1,), (2, 3))
    apply(ApplySettings(**settings, frames="3", overwrite=True))  # it begins there: another order of mattes
    np.testing.assert_allclose(mattes(tmp_path / "out.0003.exr"), expected({1: 1, 0: 2}), atol=1e-5)
    assert apply(ApplySettings(**settings)).written == (3,)
    np.testing.assert_allclose(mattes(tmp_path / "out.0003.exr"), expected({1: 2, 0: 1}), atol=1e-5)


def test_the_documents_lines_for_the_mask_rcnn_of_the_model_zoo_read_it(tmp_path: Path) -> None:
    """Its names are numbers; it takes BGR of 0 to 255 less a mean, and multiples of 32."""
    from prompted_networks import numbered_mask_rcnn
    from test_export_import_state import told_in_the_documents

    settings = tmp_path / "told.toml"
    settings.write_text(told_in_the_documents("Mask R-CNN of the ONNX model zoo"))
    made = import_network(numbered_mask_rcnn(tmp_path / "zoo.onnx"), tmp_path / "models", settings=settings)
    model = understudy.load(made.model, devices="cpu")
    frame = np.zeros((40, 70, 3), np.float32)
    frame[..., 2] = 110.9801 / 255  # blue comes first: 8 more than its mean move the boxes by so many pixels
    found = model.infer(frame)
    assert found.shape == (40, 70, 9)
    matte = laid_into_box(instance_masks()[0, 0], BOXES[0] + [8, 0, 8, 0], 40, 70)
    np.testing.assert_allclose(found[..., 0], matte, atol=1e-3)
