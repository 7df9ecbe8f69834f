"""Networks that are told what is meant: points, boxes, and the mask of the frame before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prompted_networks import enlarged, low_res, sam_decoder, sam_encoder, write_frames

import understudy
from understudy.cli.main import run
from understudy.errors import ModelFileError, RequestError, SettingError, UnderstudyError
from understudy.export.importing import Imported, import_network
from understudy.frames import read_image_file
from understudy.inference.apply import apply
from understudy.inference.events import ApplyMessage, ApplyPlanned
from understudy.models.onnx_file import OnnxFile
from understudy.models.sidecar import read_sidecar
from understudy.settings import ApplySettings

pytest.importorskip("onnxruntime")
TOML = 'encoder = "eyes.onnx"\ncolour = "raw"\nmean = 0.0\nactivation = "none"\n'
HEIGHT, WIDTH = 48, 64


def bring_in(folder: Path, toml: str = TOML, **wishes: Any) -> Imported:
    """The stand-in of SAM's two files, imported."""
    folder.mkdir(exist_ok=True)
    sam_encoder(folder / "eyes.onnx")
    settings = folder / "told.toml"
    settings.write_text(toml)
    return import_network(sam_decoder(folder / "sam.onnx", **wishes), folder / "models", settings=settings)


@pytest.fixture
def sam(tmp_path: Path) -> Path:
    return bring_in(tmp_path / "sam").model


def plates(count: int, seed: int = 0) -> list[np.ndarray]:
    """Frames of one shot: a picture that moves by a few pixels."""
    import cv2

    noise = np.random.default_rng(seed).random((HEIGHT + 40, WIDTH + 40, 3)).astype(np.float32)
    wide = cv2.GaussianBlur(noise, (0, 0), 3)
    wide = (wide - wide.min()) / (wide.max() - wide.min())
    return [wide[at : at + HEIGHT, at : at + WIDTH] for at in range(count)]


def matte(path: Path) -> np.ndarray:
    return read_image_file(path).planes(("A",))[..., 0]


def applied(model: Path, plate: str, folder: Path, **more: Any) -> list[str]:
    """Frames written into the folder; what was said."""
    said: list[str] = []

    def report(event: object) -> None:
        said.extend(event.notes if isinstance(event, ApplyPlanned) else ())
        said.extend([event.text] if isinstance(event, ApplyMessage) else ())

    output = str(folder / "out.####.exr")
    result = apply(ApplySettings(model=str(model), plate=plate, output=output, devices="cpu", **more), report)
    assert not result.failed, result.failed
    return said


def test_import_knows_the_names_of_sam_says_so_and_takes_the_encoder_along(tmp_path: Path) -> None:
    made = bring_in(tmp_path)
    assert any("SAM's" in sentence for sentence in made.found)
    side = read_sidecar(made.sidecar)
    assert side.prompts is not None
    assert side.prompts.inputs == {
        "point_coords": "points",
        "point_labels": "labels",
        "mask_input": "mask",
        "has_mask_input": "has_mask",
        "orig_im_size": "size",
    }
    assert (side.prompts.next_mask, side.prompts.quality) == ("low_res_masks", "iou_predictions")
    assert (side.output, side.fit, side.size, side.matte) == ("masks", "pad", (64, 64), True)
    assert side.encoder == "sam.encoder.onnx"
    assert (made.model.parent / side.encoder).read_bytes() == (tmp_path / "eyes.onnx").read_bytes()
    again = import_network(made.model, made.model.parent)  # where it is, it stays as it is
    assert read_sidecar(again.sidecar) == side


def test_a_decoder_without_its_encoder_is_refused_with_the_line_that_it_needs(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="decoder of two files") as refused:
        import_network(sam_decoder(tmp_path / "sam.onnx"), tmp_path / "models")
    assert 'encoder = "NAME.onnx"' in refused.value.expected
    (tmp_path / "sam.toml").write_text(TOML)
    with pytest.raises(ModelFileError, match="not beside it"):
        import_network(tmp_path / "sam.onnx", tmp_path / "models")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    "name", ["../eyes.onnx", "/tmp/eyes.onnx", "a/eyes.onnx", "..", ".eyes.onnx", "eyes.pt"]
)
def test_an_encoder_is_a_name_in_the_same_folder_and_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelFileError, match="cannot be used") as refused:
        bring_in(tmp_path, TOML.replace("eyes.onnx", name))
    assert "without a path" in refused.value.expected


def test_what_of_the_encoder_goes_where_is_said_in_a_table_where_the_names_differ(tmp_path: Path) -> None:
    sam_encoder(tmp_path / "eyes.onnx", output="features")
    settings = tmp_path / "told.toml"
    settings.write_text(TOML)
    decoder = sam_decoder(tmp_path / "sam.onnx")
    with pytest.raises(ModelFileError, match="into which input") as refused:
        import_network(decoder, tmp_path / "models", settings=settings)
    assert "image_embeddings" in refused.value.expected and "features" in refused.value.expected
    settings.write_text(TOML + '[encoded]\nimage_embeddings = "features"\n')
    model = import_network(decoder, tmp_path / "models", settings=settings).model
    plate = plates(1)[0]
    made = understudy.load(model, devices="cpu").infer(plate, options={"points": "10,20,1"})
    np.testing.assert_allclose(made[..., 0], enlarged(low_res(plate, 50), HEIGHT, WIDTH), atol=1e-5)


def test_points_are_counted_from_left_and_top_and_reach_the_network_in_its_own_pixels(sam: Path) -> None:
    plate = np.full((24, 32, 3), 0.25, np.float32)  # it is enlarged twice into what the network sees
    model = understudy.load(sam, devices="cpu")
    one = model.infer(plate, options={"points": "10,3,1"})[0, 0, 0]
    assert one == pytest.approx(0.25 + (20 + 2 * 6) / 1000, abs=1e-6)
    two = model.infer(plate, options={"points": "10,3,1; 30,20,0;1.5,2"})[0, 0, 0]
    assert two == pytest.approx(0.25 + (20 + 2 * 6 + 3 + 2 * 4) / 1000, abs=1e-6)


def test_a_box_is_two_points_labelled_two_and_three(sam: Path) -> None:
    plate = np.full((HEIGHT, WIDTH, 3), 0.25, np.float32)
    model = understudy.load(sam, devices="cpu")
    made = model.infer(plate, options={"box": "40,30,10,20"})[0, 0, 0]
    assert made == pytest.approx(0.25 + (2 * (10 + 40) + 3 * (40 + 60)) / 1000, abs=1e-6)
    both = model.infer(plate, options={"box": "10,20,40,30", "points": "5,5,1"})[0, 0, 0]
    assert both == pytest.approx(made + 15 / 1000, abs=1e-6)


@pytest.mark.parametrize("coordinates", ["frame", "unit", "network"])
def test_coordinates_are_of_the_network_of_the_frame_or_zero_to_one(tmp_path: Path, coordinates: str) -> None:
    names = (
        '[prompts]\npoints = "point_coords"\nlabels = "point_labels"\nmask = "mask_input"\n'
        'has_mask = "has_mask_input"\nsize = "orig_im_size"\n'
    )
    toml = f'{TOML}fit = "resize"\noutput = "masks"\nmatte = true\n{names}coordinates = "{coordinates}"\n'
    model = understudy.load(bring_in(tmp_path, toml).model, devices="cpu")
    plate = np.full((32, 128, 3), 0.25, np.float32)
    made = model.infer(plate, options={"points": "64,8,1"})[0, 0, 0]
    x, y = {"frame": (64, 8), "unit": (0.5, 0.25), "network": (32, 16)}[coordinates]
    assert made == pytest.approx(0.25 + (x + 2 * y) / 1000, abs=1e-6)


def test_apply_makes_a_matte_of_what_the_points_mean(sam: Path, tmp_path: Path) -> None:
    frames = plates(3)
    applied(sam, write_frames(tmp_path / "plate", frames), tmp_path, points="10,20,1;30,5,0")
    for number, plate in enumerate(frames, 1):
        made = matte(tmp_path / f"out.{number:04d}.exr")
        np.testing.assert_allclose(made, enlarged(low_res(plate, 50), HEIGHT, WIDTH), atol=1e-5)


def test_the_command_line_takes_points_and_a_box(sam: Path, tmp_path: Path) -> None:
    plate = write_frames(tmp_path / "plate", plates(1))
    told = ["--points", "10,20,1;30,5,0", "--box", "1,2,30,40"]
    assert run(["apply", str(sam), plate, str(tmp_path / "out.####.exr"), "--devices", "cpu", *told]) == 0
    made = matte(tmp_path / "out.0001.exr")
    told_sum = 50 + 2 * (1 + 4) + 3 * (30 + 80)
    np.testing.assert_allclose(made, enlarged(low_res(plates(1)[0], told_sum), HEIGHT, WIDTH), atol=1e-5)


@pytest.fixture
def encoder_runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by one each time an encoder runs."""
    runs: list[str] = []
    own = OnnxFile.all_of

    def counted(self: OnnxFile, images: Any) -> Any:
        runs.append(self.path.name)
        return own(self, images)

    monkeypatch.setattr(OnnxFile, "all_of", counted)
    return runs


def test_another_click_costs_the_decoder_alone(sam: Path, encoder_runs: list[str]) -> None:
    first, second = plates(2)
    model = understudy.load(sam, devices="cpu")
    for clicks in ("10,20,1", "10,20,1;4,4,0", "1,1,1"):
        model.infer(first, options={"points": clicks})
    assert encoder_runs == ["sam.encoder.onnx"]
    model.infer(second, options={"points": "1,1,1"})
    model.infer(first, options={"box": "1,1,9,9"})
    assert encoder_runs == ["sam.encoder.onnx"] * 2


def prompts_file(path: Path, lines: list[Any]) -> str:
    path.write_text("\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines) + "\n")
    return str(path)


def expected_chain(frames: list[np.ndarray], told: float, first: int = 0) -> dict[int, np.ndarray]:
    """What the stand-in makes of frames where but the one at ``first`` has a prompt."""
    made = {first: low_res(frames[first], told)}
    for at in range(first + 1, len(frames)):
        made[at] = low_res(frames[at], 0, made[at - 1])
    for at in range(first - 1, -1, -1):
        made[at] = low_res(frames[at], 0, made[at + 1])
    return made


@pytest.mark.parametrize("lines", [["frame,x,y,label", "3,10,20,1"], [{"frame": 3, "points": [[10, 20, 1]]}]])
def test_frames_without_a_line_go_on_with_the_mask_of_the_frame_beside_them(
    sam: Path, tmp_path: Path, lines: list[Any]
) -> None:
    frames = plates(6)
    plate, told = write_frames(tmp_path / "plate", frames), prompts_file(tmp_path / "told", lines)
    said = applied(sam, plate, tmp_path / "all", prompts=told)
    assert any("1-2,4-6" in each and "mask of the frame next to them" in each for each in said)
    for at, low in expected_chain(frames, 50, 2).items():
        made = matte(tmp_path / "all" / f"out.{at + 1:04d}.exr")
        np.testing.assert_allclose(made, enlarged(low, HEIGHT, WIDTH), atol=1e-5, err_msg=str(at + 1))
    applied(sam, plate, tmp_path / "one", prompts=told, frames="5")
    alone, among = (matte(tmp_path / each / "out.0005.exr") for each in ("one", "all"))
    np.testing.assert_array_equal(alone, among)


def test_after_a_cut_and_a_gap_the_nearest_prompts_are_taken_anew(sam: Path, tmp_path: Path) -> None:
    frames = [*plates(2), *plates(2, seed=4)]
    plate = write_frames(tmp_path / "plate", frames)
    write_frames(tmp_path / "plate", [frames[3]], first=8)
    told = prompts_file(tmp_path / "told.csv", ["1,10,20,1"])
    said = applied(sam, plate, tmp_path, prompts=told)
    assert sum("does not follow on" in each for each in said) >= 2
    expected = {
        2: low_res(frames[1], 0, low_res(frames[0], 50)),
        3: low_res(frames[2], 50),
        4: low_res(frames[3], 0, low_res(frames[2], 50)),
        8: low_res(frames[3], 50),
    }
    for number, low in expected.items():
        made = matte(tmp_path / f"out.{number:04d}.exr")
        np.testing.assert_allclose(made, enlarged(low, HEIGHT, WIDTH), atol=1e-5, err_msg=str(number))


def test_a_network_without_a_mask_takes_the_nearest_prompts_before_and_says_so(tmp_path: Path) -> None:
    model = bring_in(tmp_path / "sam", with_mask=False).model
    frames = plates(5)
    told = prompts_file(tmp_path / "told.csv", ["2,10,20,1", "4,5,5,1", "4,1,1,2", "4,30,40,3"])
    said = applied(model, write_frames(tmp_path / "plate", frames), tmp_path, prompts=told)
    assert any("1-5x2" in each and "nearest ones before" in each for each in said)
    box = 15 + 2 * 3 + 3 * 110
    for number, sums in {1: 50, 2: 50, 3: 50, 4: box, 5: box}.items():
        made = matte(tmp_path / f"out.{number:04d}.exr")
        low = low_res(frames[number - 1], sums)
        np.testing.assert_allclose(made, enlarged(low, HEIGHT, WIDTH), atol=1e-5, err_msg=str(number))


def test_strokes_become_points_along_them(sam: Path, tmp_path: Path) -> None:
    frames = plates(1)
    stroke = [[float(x), 10.0] for x in range(0, 64)]
    told = prompts_file(tmp_path / "told.json", [{"frame": 1, "strokes": [stroke, [[1, 2], [3, 4]]]}])
    applied(sam, write_frames(tmp_path / "plate", frames), tmp_path, prompts=told)
    sums = sum(x + 20 for x in range(0, 64, 4)) + (1 + 4) + (3 + 8)
    np.testing.assert_allclose(
        matte(tmp_path / "out.0001.exr"), enlarged(low_res(frames[0], sums), HEIGHT, WIDTH), atol=1e-5
    )


BAD: dict[str, tuple[dict[str, str], str]] = {
    "no number": ({"points": "a,b,1"}, "cannot be read"),
    "not finite": ({"points": "nan,2,1"}, "no point"),
    "infinite box": ({"box": "1,2,inf,4"}, "no box"),
    "a strange label": ({"points": "1,2,3"}, "no point"),
    "too few": ({"points": "1"}, "no point"),
    "outside": ({"points": "64.5,2,1"}, "outside the frame"),
    "above": ({"points": "4,-2,1"}, "outside the frame"),
    "box outside": ({"box": "1,2,300,4"}, "outside the frame"),
    "flat box": ({"box": "1,2,1,4"}, "no pixels"),
    "three corners": ({"box": "1,2,3"}, "no box"),
    "only semicolons": ({"points": ";;"}, "no point"),
    "nothing": ({}, "has to be told"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_prompts_are_refused_in_words_before_a_frame_is_written(
    sam: Path, tmp_path: Path, case: str
) -> None:
    given, words = BAD[case]
    with pytest.raises(SettingError, match=words) as refused:
        applied(sam, write_frames(tmp_path / "plate", plates(1)), tmp_path / "made", **given)
    assert "from the left and the top" in refused.value.expected
    assert not list(tmp_path.glob("made/*"))


FILES: dict[str, tuple[str, str]] = {
    "no number": ("1,a,2,1", "line 1"),
    "not finite": ('{"frame": 1, "points": [[NaN, 2, 1]]}', "no number"),
    "not json": ("\n{frame}", "line 2"),
    "a name that is none": ('{"frame": 1, "dots": []}', "line 1"),
    "a frame that is none": ("1.5,1,1,1", "line 1"),
    "a million points": ("\n".join(["1,2,3,1"] * 1_000_000), "most"),
    "half a box": ("1,2,3,2", "no box"),
    "nothing": ("\n", "no prompts"),
    "no text": ("\udcff", "UTF-8"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_of_prompts_that_is_none_is_refused_with_its_line(
    tmp_path: Path, sam: Path, case: str
) -> None:
    text, words = FILES[case]
    path = tmp_path / "told.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingError) as refused:
        applied(sam, write_frames(tmp_path / "plate", plates(1)), tmp_path / "made", prompts=str(path))
    assert words in refused.value.text, refused.value.text


def test_prompts_that_do_not_belong_to_the_plate_or_the_network_are_refused(
    sam: Path, tmp_path: Path, model_of: Callable[..., Path]
) -> None:
    plate = write_frames(tmp_path / "plate", plates(1))
    far = prompts_file(tmp_path / "far.csv", ["77,1,2,1"])
    out = prompts_file(tmp_path / "out.csv", ["1,100,2,1"])
    for given in ({"prompts": far}, {"prompts": out}, {"prompts": str(tmp_path / "none")}):
        with pytest.raises(SettingError):
            applied(sam, plate, tmp_path / "made", **given)
    with pytest.raises(SettingError, match="or count for every frame"):
        applied(sam, plate, tmp_path / "made", prompts=far, points="1,1,1")
    with pytest.raises(SettingError, match="takes no prompts"):
        applied(model_of("plain"), plate, tmp_path / "made", points="1,1,1")


def test_python_callers_are_told_what_is_missing_and_what_there_is_not(sam: Path) -> None:
    model, plate = understudy.load(sam, devices="cpu"), plates(1)[0]
    for options, words in (
        ({}, "has to be told"),
        ({"points": "99,1,1"}, "outside the frame"),
        ({"points": ";".join(["1,1,1"] * 1_000_000)}, "1000 are the most"),
        ({"colour": "red"}, "no option"),
    ):
        with pytest.raises(RequestError, match=words):
            model.infer(plate, options=options)
    with pytest.raises(RequestError, match="has to be told"):
        model.infer(plate)


def test_frames_made_with_other_points_are_in_the_way_and_like_takes_them_over(
    sam: Path, tmp_path: Path
) -> None:
    plate = write_frames(tmp_path / "plate", plates(1))
    applied(sam, plate, tmp_path, points="10,20,1")
    with pytest.raises(SettingError, match="there already"):
        applied(sam, plate, tmp_path, points="10,21,1")
    applied(sam, plate, tmp_path / "again", like=str(tmp_path / "out.0001.exr"))
    np.testing.assert_array_equal(
        matte(tmp_path / "again" / "out.0001.exr"), matte(tmp_path / "out.0001.exr")
    )


def test_another_encoder_is_another_model(sam: Path, tmp_path: Path) -> None:
    from understudy.inference.provenance import fingerprint

    before = fingerprint(sam)
    encoder = sam.parent / "sam.encoder.onnx"
    encoder.write_bytes(encoder.read_bytes() + b"\0")
    assert fingerprint(sam) != before


def test_info_says_by_what_a_network_is_told(sam: Path) -> None:
    from understudy.cli.info import card_of

    text = json.dumps(card_of(sam))
    assert "points, box, mask" in text and "sam.encoder.onnx" in text


def test_prompts_need_an_onnx_file(tmp_path: Path) -> None:
    from foreign_networks import Depth, script

    network = script(Depth(), tmp_path / "depth.pt")
    (tmp_path / "depth.toml").write_text('[prompts]\npoints = "x"\n')
    with pytest.raises(UnderstudyError, match="ONNX files only"):
        import_network(network, tmp_path / "models")


def test_two_networks_whose_encoders_are_called_the_same_stand_beside_each_other(tmp_path: Path) -> None:
    first = bring_in(tmp_path / "sam")
    (tmp_path / "sam" / "other.onnx").write_bytes((tmp_path / "sam" / "sam.onnx").read_bytes())
    settings = tmp_path / "sam" / "told.toml"
    sam_encoder(tmp_path / "sam" / "eyes.onnx", picture=("n", 3, 64, 64))
    second = import_network(tmp_path / "sam" / "other.onnx", first.model.parent, settings=settings)
    encoders = [read_sidecar(each.sidecar).encoder for each in (first, second)]
    assert encoders == ["sam.encoder.onnx", "other.encoder.onnx"]
    one, other = ((first.model.parent / str(each)).read_bytes() for each in encoders)
    assert one != other


@pytest.mark.parametrize("bad", [["--points", "nan,1,1"], ["--points=-1,2,1"], ["--box", "1,2"], []])
def test_bad_prompts_end_the_command_with_two_and_no_traceback(
    sam: Path, tmp_path: Path, bad: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    plate = write_frames(tmp_path / "plate", plates(1))
    assert run(["apply", str(sam), plate, str(tmp_path / "out" / "o.####.exr"), *bad]) == 2
    said = capsys.readouterr().err
    assert "--points" in said and "Traceback" not in said
    assert not list(tmp_path.glob("out/*"))


def test_prompts_are_counted_from_the_display_window_where_a_frame_has_overscan(
    sam: Path, tmp_path: Path
) -> None:
    import OpenImageIO as oiio

    spec = oiio.ImageSpec(32, 24, 3, "float")
    spec.x, spec.y = -8, -4
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = 0, 0, 20, 16
    output = oiio.ImageOutput.create("plate.exr")
    assert output.open(str(tmp_path / "plate.0001.exr"), spec), oiio.geterror()
    assert output.write_image(np.full((24, 32, 3), 0.25, np.float32)) and output.close()
    applied(sam, str(tmp_path / "plate.####.exr"), tmp_path, points="2,3,1")
    made = matte(tmp_path / "out.0001.exr")
    x, y = 2 * (2 + 8), 2 * (3 + 4)  # in what the network sees of all 32 x 24 pixels, twice as large
    assert made[0, 0] == pytest.approx(0.25 + (x + 2 * y) / 1000, abs=1e-6)
    with pytest.raises(SettingError, match="outside the frame"):
        applied(sam, str(tmp_path / "plate.####.exr"), tmp_path / "two", points="21,3,1")


def test_a_second_look_and_standing_still_go_with_prompts(sam: Path, tmp_path: Path) -> None:
    plate = write_frames(tmp_path / "plate", plates(3))
    told = prompts_file(tmp_path / "told.csv", ["1,10,20,1"])
    applied(sam, plate, tmp_path / "sure", prompts=told, confidence=True)
    applied(sam, plate, tmp_path / "plain", prompts=told)
    applied(sam, plate, tmp_path / "still", prompts=told, stabilise=0.5)
    sure, plain, still = (matte(tmp_path / each / "out.0002.exr") for each in ("sure", "plain", "still"))
    np.testing.assert_array_equal(sure, plain)
    assert 0 < np.abs(still - plain).max() < 0.5


def test_a_sheet_of_readings_shows_networks_that_are_told_a_point(tmp_path: Path) -> None:
    from understudy.export.readings import try_readings

    bring_in(tmp_path / "sam")
    (tmp_path / "sam" / "sam.toml").write_text('encoder = "eyes.onnx"\n')
    picture = write_frames(tmp_path / "plate", plates(1)).replace("####", "0001")
    found = try_readings(tmp_path / "sam" / "sam.onnx", Path(picture), tmp_path / "sheet.png")
    assert len(found.all) == 8 and all(each.picture is not None for each in found.all)


def test_two_files_of_the_sizes_of_segment_anything_agree_with_its_own_steps(tmp_path: Path) -> None:
    """The encoder takes 1 x 3 x 1024 x 1024 and gives 1 x 256 x 64 x 64; the decoder takes a mask of 256 x
    256, enlarges, cuts what was beside the frame, and brings it to the frame's size, as SAM's does."""
    from prompted_networks import real_sizes

    decoder = real_sizes(tmp_path)
    (tmp_path / "sam.toml").write_text('encoder = "encoder.onnx"\n')
    model = understudy.load(import_network(decoder, tmp_path / "models").model, devices="cpu")
    height, width = 135, 241
    plate = np.zeros((height, width, 3), np.float32)
    plate[:, 100:] = 1.0
    made = model.infer(plate, options={"points": "100,50,1", "box": "10,20,30,40"})[..., 0]
    scale = 1024 / width
    x, y = 100 * 1024 / width, 50 * int(height * scale + 0.5) / height
    rows = int(height * scale + 0.5) / height
    box = 2 * (10 * scale + 2 * 20 * rows) + 3 * (30 * scale + 2 * 40 * rows)
    told = (x + 2 * y + box) / 10000
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    for value, column in ((0.0, 20), (1.0, 200)):
        logit = ((value - mean) / deviation).mean() + told
        np.testing.assert_allclose(made[5:-5, column], 1 / (1 + np.exp(-logit)), atol=2e-4)


def test_frames_are_made_again_when_one_has_changed_that_their_mask_comes_from(
    sam: Path, tmp_path: Path
) -> None:
    frames = plates(5)
    plate = write_frames(tmp_path / "plate", frames)
    told = prompts_file(tmp_path / "told.csv", ["3,10,20,1"])
    applied(sam, plate, tmp_path, prompts=told)
    frames[3] = frames[3] * 0.9
    write_frames(tmp_path / "plate", frames[3:4], first=4)
    settings = {"model": str(sam), "plate": plate, "output": str(tmp_path / "out.####.exr"), "prompts": told}
    result = apply(ApplySettings(**settings))
    assert (result.kept, result.written) == ((1, 2, 3), (4, 5))
    assert apply(ApplySettings(**settings)).kept == (1, 2, 3, 4, 5)
    assert apply(ApplySettings(**settings, frames="5")).kept == (5,)
    frames[1] = frames[1] * 0.9
    write_frames(tmp_path / "plate", frames[1:2], first=2)
    assert apply(ApplySettings(**settings)).written == (1, 2)


CLICKS = (
    'colour = "raw"\nmatte = true\noutput = "masks"\nfilter = "nearest"\n[prompts]\npoints = "points"\n'
    'labels = "labels"\nbox = "box"\nquality = "scores"\n'
)


def click(folder: Path, toml: str) -> Any:
    """The stand-in of one file, imported with this TOML, and loaded."""
    from prompted_networks import click_network

    folder.mkdir(exist_ok=True)
    (folder / "click.toml").write_text(toml)
    made = import_network(click_network(folder / "click.onnx"), folder / "models")
    return understudy.load(made.model, devices="cpu")


def test_a_network_in_one_file_gives_its_best_mask_at_the_size_of_the_frame(tmp_path: Path) -> None:
    plate = np.zeros((32, 64, 3), np.float32)  # as wide as twice its height: 32 x 16 of what it sees
    rows = np.arange(16)[:, None] * np.ones((1, 64))
    padded = click(tmp_path / "pad", 'fit = "pad"\n' + CLICKS)
    made = padded.infer(plate, options={"points": "10,3,1;20,5,0"})[..., 0]
    assert made.shape == (32, 64)  # the upper 8 of 16 rows are of the frame
    box = (0 + 0 + 32 + 16) / 1000  # of all of it, where none is given
    np.testing.assert_allclose(made, np.repeat(rows[:8], 4, axis=0) + 5 / 1000 + box, atol=1e-5)
    resized = click(tmp_path / "resize", 'fit = "resize"\n' + CLICKS)
    made = resized.infer(plate, options={"box": "64,32,0,16"})[..., 0]
    np.testing.assert_allclose(made, np.repeat(rows, 2, axis=0) + (0 + 16 + 32 + 32) / 1000, atol=1e-5)


def test_a_network_of_so_many_points_is_given_no_more(tmp_path: Path) -> None:
    model = click(tmp_path / "click", CLICKS)
    plate = np.zeros((32, 32, 3), np.float32)
    four = model.infer(plate, options={"points": "1,1,1;2,1,1;3,1,1;4,1,1"})[0, 0, 0]
    assert four == pytest.approx((1 + 2 + 3 + 4 + 64) / 1000, abs=1e-6)
    with pytest.raises(RequestError, match="no more than 4 points"):
        model.infer(plate, options={"points": ";".join(["1,1,1"] * 5)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('labels = "labels"', 'labels = "label"'), "inputs that are not there"),
        (('quality = "scores"', 'quality = "score"'), "outputs that are not there"),
        (('points = "points"', 'points = "image"'), "image"),
        (('quality = "scores"', 'next_mask = "scores"'), "next_mask goes with mask"),
        (('quality = "scores"', "clicks = 3"), "quality"),
        (('quality = "scores"', 'coordinates = "inches"'), "network"),
        (('filter = "nearest"', 'fit = "tile"'), 'fit = "tile"'),
    ],
)
def test_a_table_of_prompts_that_does_not_fit_the_file_is_refused(
    tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    with pytest.raises(ModelFileError) as refused:
        click(tmp_path / "click", CLICKS.replace(*change))
    assert words in refused.value.text, refused.value.text


def test_the_range_of_the_picture_is_not_that_of_the_mask(tmp_path: Path) -> None:
    model = understudy.load(bring_in(tmp_path / "sam", TOML + "range = 255.0\n").model, devices="cpu")
    made = model.infer(np.full((HEIGHT, WIDTH, 3), 0.2, np.float32), options={"points": "10,20,1"})
    assert made[0, 0, 0] == pytest.approx(51.0 + 50 / 1000, abs=1e-4)
