"""What is wrong with pairs is found, named and put right; good pairs raise no alarm."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

import understudy
from understudy.cli.main import run
from understudy.dataset.checks import Sample, check_samples, small_sample
from understudy.errors import SettingError
from understudy.frames import open_shot


def picture(seed: int) -> np.ndarray:
    """Detail of several sizes, float32 (120, 160, 3), another one for each seed."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.random((120 // k, 160 // k, 3), np.float32), (160, 120), interpolation=cv2.INTER_CUBIC)
        for k in (3, 6, 15, 40)
    ]
    return np.clip(0.15 + 0.7 * (np.mean(layers, 0) - 0.2), 0, 1).astype(np.float32)


def graded(pixels: np.ndarray) -> np.ndarray:
    return np.clip(pixels * np.float32([1.1, 1.0, 0.85]) + 0.02, 0, 1)


def moved(pixels: np.ndarray, right: float, down: float, scale: float = 1, degrees: float = 0) -> np.ndarray:
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
    matrix[:, 2] += right, down
    how = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REFLECT}
    return cv2.warpAffine(pixels, matrix, (width, height), **how).clip(0, 1)


def samples(change=lambda truth: truth, at: int = 2) -> list[Sample]:
    """Five pairs of one effect; the truth at ``at`` is changed."""
    plates = [picture(seed) for seed in range(5)]
    truths = [graded(plate) for plate in plates]
    truths[at] = np.asarray(change(truths[at]), np.float32)
    return [Sample(f"{i}.png", i, plates[i], truths[i]) for i in range(5)]


def test_good_pairs_raise_no_alarm():
    assert check_samples(samples(), "image") == []


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("shift", lambda t: moved(t, 0.5, 0)),
        ("shift", lambda t: moved(t, -3, 2.4)),
        ("scale", lambda t: moved(t, 0, 0, 1.01)),
        ("rotation", lambda t: moved(t, 0, 0, 1, 0.5)),
        ("grade", lambda t: np.clip(t * 1.25, 0, 1)),
        ("encoding", lambda t: np.where(t <= 0.04045, t / 12.92, ((t + 0.055) / 1.055) ** 2.4)),
        ("inverted", lambda t: 1 - t),
        ("grade", lambda t: t[..., [2, 0, 1]]),
        ("grain", lambda t: t + np.random.default_rng(3).normal(0, 0.04, t.shape)),
        ("padded", lambda t: np.concatenate([np.zeros_like(t[:10]), t[10:]])),
        ("same-as-plate", lambda t: picture(2)),
        ("order", lambda t: graded(picture(4))),
    ],
)
def test_a_fault_of_one_truth_is_found_at_that_truth(kind, change):
    found = check_samples(samples(change), "image")
    assert kind in {finding.kind for finding in found if finding.pair == 2}
    assert {finding.pair for finding in found} <= {2, 4}  # 4: the other one of two that are the same


def test_an_inverted_image_is_put_right_by_inverting_it_and_not_by_a_grade():
    (finding,) = check_samples(samples(lambda t: 1 - t), "image")
    assert np.allclose(finding.fix.curve, 1 - np.linspace(0, 1, finding.fix.curve.shape[1]))


def test_colours_that_no_gain_and_gamma_explains_are_not_put_right_by_one():
    (finding,) = check_samples(samples(lambda t: t[..., [2, 0, 1]]), "image")
    assert finding.fix is None


def test_a_shift_is_named_in_pixels_and_directions():
    (finding,) = check_samples(samples(lambda t: moved(t, 0.7, -0.4)), "image")
    assert re.search(r"0\.(69|7|71) px right, 0\.(39|4|41) px up", finding.measure)


def test_a_shift_common_to_all_pairs_is_found_on_all():
    shifted = [Sample(s.name, s.number, s.plate, moved(s.truth, 0.5, 0.5)) for s in samples()]
    assert [finding.kind for finding in check_samples(shifted, "image")] == ["shift"] * 5


def test_the_truth_of_the_frame_after_is_named_by_its_number():
    plates = [moved(picture(7), 2 * i, 0) for i in range(4)]
    pair = Sample("1.png", 1, plates[1], graded(plates[2]), ((0, plates[0]), (2, plates[2])))
    (finding,) = check_samples([pair], "image")
    assert (finding.kind, finding.fix.number) == ("off-by-one", 2)


def disc(x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    """A plate with a bright disc, and its matte."""
    down, across = np.mgrid[:120, :160]
    matte = np.clip(20.5 - np.hypot(across - x, down - y), 0, 1).astype(np.float32)[..., None]
    return picture(3) * 0.3 * (1 - matte) + matte * 0.9, matte


def discs(change=lambda matte: matte, at: int = 1) -> list[Sample]:
    pairs = [disc(40 + 18 * i, 50 + 4 * i) for i in range(5)]
    return [Sample(str(i), i, p, np.float32(change(m) if i == at else m)) for i, (p, m) in enumerate(pairs)]


def test_good_mattes_raise_no_alarm():
    assert check_samples(discs(), "matte") == []


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("inverted", lambda m: 1 - m),
        ("empty", lambda m: m * 0),
        ("shift", lambda m: moved(m[..., 0], 0.9, 0.5)[..., None]),
        ("order", lambda m: disc(94, 62)[1]),
    ],
)
def test_a_fault_of_one_matte_is_found_at_that_matte(kind, change):
    found = check_samples(discs(change), "matte")
    assert kind in {finding.kind for finding in found if finding.pair == 1}


@pytest.mark.parametrize(
    "change",
    [
        lambda m: moved(m[..., 0], 0.5, 0)[..., None],
        lambda m: moved(m[..., 0], 0, 0, 1.01)[..., None],
        lambda m: moved(m[..., 0], 0, 0, 1, 0.5)[..., None],
    ],
)
def test_a_matte_that_alone_was_resampled_is_found_by_its_softer_edges(change):
    (finding,) = check_samples(discs(change), "matte")
    assert finding.pair == 1 and finding.kind in ("shift", "scale", "rotation")
    assert "resampled" in finding.measure


def test_a_matte_moved_by_whole_pixels_is_put_back_by_as_many():
    (finding,) = check_samples(discs(lambda m: np.roll(m, (-1, 2), (0, 1))), "matte")
    assert (finding.pair, finding.kind, finding.fix.place) == (1, "shift", (2, -1, 0, 0))


def test_a_moved_matte_is_not_renumbered_to_a_frame_that_it_happens_to_lie_on_better():
    pairs = discs(lambda m: np.roll(m, (2, 4), (0, 1)))
    nearer = disc(62, 56)[0]  # the next frame, in which the disc has moved towards the matte
    pairs[1] = Sample("1", 1, pairs[1].plate, pairs[1].truth, ((2, nearer),))
    found = check_samples(pairs, "matte")
    assert [(f.pair, f.kind) for f in found] == [(1, "off-by-one")]  # exactly where the next one is
    pairs[1] = Sample("1", 1, pairs[1].plate, pairs[1].truth, ((2, disc(60, 55)[0]),))
    assert [(f.pair, f.kind) for f in check_samples(pairs, "matte")] == [(1, "shift")]


def test_two_resampled_mattes_of_seven_do_not_hide_each_other():
    pairs = [disc(30 + 16 * i, 50 + 3 * i) for i in range(7)]
    soft = [moved(m[..., 0], 0.5, 0.5)[..., None] if i in (1, 4) else m for i, (_, m) in enumerate(pairs)]
    mattes = [Sample(str(i), i, pairs[i][0], np.float32(soft[i])) for i in range(7)]
    assert {finding.pair for finding in check_samples(mattes, "matte")} == {1, 4}


@pytest.mark.parametrize("length", [5, 9, 15])
def test_motion_blur_of_one_matte_is_no_resampling(length):
    blurred = discs(lambda m: cv2.blur(m, (length, 1))[..., None])
    assert [f for f in check_samples(blurred, "matte") if "resampled" in f.measure] == []


def coded(pixels: np.ndarray, quality: int = 85, grid: tuple[int, int] = (0, 0)) -> np.ndarray:
    """``pixels`` after JPEG, its blocks beginning at ``grid``."""
    codes = np.pad(
        np.rint(pixels.clip(0, 1) * 255).astype(np.uint8), ((grid[0], 0), (grid[1], 0), (0, 0)), "edge"
    )
    _, data = cv2.imencode(".jpg", codes, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.float32(cv2.imdecode(data, cv2.IMREAD_COLOR)[grid[0] :, grid[1] :] / 255)


@pytest.mark.parametrize("quality", [70, 85, 95])
@pytest.mark.parametrize("grid", [(0, 0), (3, 5)])
def test_a_lossy_compression_is_found_wherever_its_blocks_begin(quality, grid):
    (finding,) = check_samples(samples(lambda t: coded(t, quality, grid)), "image")
    assert (finding.pair, finding.kind) == (2, "recompression")


def test_blocks_that_the_plate_has_too_are_no_fault():
    plates = [coded(picture(seed)) for seed in range(5)]
    pairs = [Sample(f"{i}.png", i, plate, np.clip(plate * 0.9, 0, 1)) for i, plate in enumerate(plates)]
    assert check_samples(pairs, "image") == []


def test_a_grade_that_clips_a_sky_is_no_bar():
    def with_sky(pixels: np.ndarray) -> np.ndarray:
        sky = np.clip(1.3 - np.arange(120)[:, None, None] / 60, 0, 1)
        return np.maximum(pixels, np.float32(sky) * 0.85)

    plates = [with_sky(picture(seed)) for seed in range(5)]
    truths = [plate * np.float32(1.25 if i == 2 else 0.95) for i, plate in enumerate(plates)]
    pairs = [
        Sample(f"{i}.png", i, p, t.clip(0, 1)) for i, (p, t) in enumerate(zip(plates, truths, strict=True))
    ]
    assert [(f.pair, f.kind) for f in check_samples(pairs, "image")] == [(2, "grade")]


def test_a_turned_truth_of_a_still_shot_is_not_taken_for_that_of_another_frame():
    rng = np.random.default_rng(5)
    plates = [picture(1) + rng.normal(0, 0.02, (120, 160, 3)).astype(np.float32) for _ in range(5)]
    truths = [moved(picture(1), 0, 0, 1, 2) if i == 2 else picture(1) + 0.001 * i for i in range(5)]
    pairs = [
        Sample(f"{i}.png", i, p, np.float32(t)) for i, (p, t) in enumerate(zip(plates, truths, strict=True))
    ]
    assert (2, "rotation") in {(f.pair, f.kind) for f in check_samples(pairs, "image")}


def enlarged(sample: Sample, change=lambda truth: truth) -> Sample:
    """The sample in 1280 x 960, as a file holds it, its truth changed there."""
    plate, truth = (cv2.resize(a, (1280, 960)).reshape(960, 1280, -1) for a in (sample.plate, sample.truth))
    if truth.shape[2] == 3:
        plate = truth = truth + np.random.default_rng(sample.number).normal(0, 0.02, truth.shape)
    changed = np.float32(change(np.rint(truth * 255) / 255))
    return Sample(sample.name, sample.number, np.float32(plate), changed)


def test_large_frames_are_looked_at_small_and_their_blocks_and_edges_as_they_are():
    images = [enlarged(s, coded if s.number == 2 else lambda t: t) for s in samples()]
    found = check_samples([small_sample(s, matte=False) for s in images], "image")
    assert [(f.pair, f.kind) for f in found] == [(2, "recompression")]

    def hard(truth: np.ndarray) -> np.ndarray:
        return np.float32(truth > 0.5)

    def soft(truth: np.ndarray) -> np.ndarray:
        return moved(hard(truth)[..., 0], 0.5, 0.5)[..., None]

    mattes = [enlarged(s, soft if s.number == 1 else hard) for s in discs()]
    (finding,) = check_samples([small_sample(s, matte=True) for s in mattes], "matte")
    assert finding.pair == 1 and "resampled" in finding.measure


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    out = oiio.ImageOutput.create(str(path))
    out.open(str(path), oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], "uint16"))
    out.write_image(pixels)
    out.close()


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    for s in samples(lambda t: moved(t, 0.5, 0)):
        write(tmp_path / "plate" / f"p.{s.number + 1:04d}.png", s.plate)
        write(tmp_path / "truth" / f"t.{s.number + 1:04d}.png", s.truth)
    return tmp_path


def specs(shot: Path) -> dict[str, str]:
    return {"input": str(shot / "plate/p.####.png"), "ground_truth": str(shot / "truth/t.####.png")}


def flags(shot: Path) -> list[str]:
    return ["--input", specs(shot)["input"], "--ground-truth", specs(shot)["ground_truth"]]


def test_a_repaired_truth_is_the_good_one_again_and_the_originals_stay(shot, tmp_path, capsys):
    before = {path: path.read_bytes() for path in (shot / "truth").iterdir()}
    folder = tmp_path / "repaired"
    assert run(["check", *flags(shot), "--repair", str(folder), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [(f["frame"], f["kind"]) for f in said["findings"]] == [(3, "shift")]
    assert {path: path.read_bytes() for path in before} == before
    made = open_shot(str(folder / "t.####.png")).read(3).planes(("R", "G", "B"))
    miss = np.abs(made - graded(picture(2)))[4:-4, 4:-4]
    assert miss.mean() < 0.004
    again = [*flags(shot)[:3], str(folder / "t.####.png")]
    assert run(["check", *again]) == 0


def test_how_far_the_look_has_come_is_shown_and_not_among_json(shot, tmp_path, capsys):
    assert run(["check", *flags(shot), "--repair", str(tmp_path / "new")]) == 1
    assert "15/15  written 5" in capsys.readouterr().out.splitlines()
    assert run(["check", *flags(shot)]) == 1
    assert "10/10  looked at 5" in capsys.readouterr().out.splitlines()
    assert run(["check", *flags(shot), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["pairs"] == 5


def test_where_repaired_truths_are_is_said_at_the_end(shot, tmp_path, capsys):
    folder = tmp_path / "put right"
    assert run(["check", *flags(shot), "--repair", str(folder)]) == 1
    assert capsys.readouterr().out.splitlines()[-1].endswith(f"--ground-truth '{folder}'")


def test_a_folder_that_holds_something_is_refused(shot):
    with pytest.raises(SettingError, match="folder of their own"):
        understudy.check(**specs(shot), repair=shot / "truth")
    assert run(["check", *flags(shot), "--repair", str(shot / "plate")]) == 2


def test_a_truth_of_another_size_is_named(shot):
    write(shot / "truth" / "t.0002.png", picture(1)[:100])
    found = understudy.check(**specs(shot)).findings
    assert ("size", "t.0002.png") in {(finding.kind, finding.name) for finding in found}


@pytest.mark.footage
def test_good_shots_raise_no_alarm(cases_folder):
    for name in ("enhance_bikepacking", "deblur_kids", "matte_bmx"):
        numbers = json.loads((cases_folder / name / "case.json").read_text())["train_frames"]
        frames = ",".join(map(str, numbers))
        shots = (str(cases_folder / name / part) for part in ("input", "groundtruth"))
        assert understudy.check(*shots, frames=frames).findings == ()


def test_a_folder_for_repairs_that_cannot_be_made_is_refused(shot, tmp_path):
    file = tmp_path / "file"
    file.write_text("no folder")
    with pytest.raises(SettingError, match="cannot be made"):
        understudy.check(**specs(shot), repair=file / "new" / "folder")
    assert file.read_text() == "no folder"
