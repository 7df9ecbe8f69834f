"""Which frame to paint, before anything is trained."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import understudy
from understudy.artist.suggest import Looked, suggest
from understudy.artist.suggest.cover import NOISE, choose, gains_of, kernel_of, unknown
from understudy.artist.suggest.study import study_shot
from understudy.cli.main import run
from understudy.errors import FrameError, PairingError, SettingError
from understudy.frames import open_shot
from understudy.settings import SuggestSettings

WIDTH, HEIGHT = 96, 64
RNG = np.random.default_rng(5)
SCENES = [cv2.resize(RNG.random((21, 32, 3), np.float32), (WIDTH, HEIGHT)) for _ in range(4)]


def write_shot(folder: Path, pictures: list[np.ndarray], first: int = 1001) -> str:
    """8-bit files of float pictures (height, width, 3), 0 to 1; the spec of the shot."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures, start=first):
        cv2.imwrite(str(folder / f"plate.{number}.png"), np.rint(picture * 255).astype(np.uint8))
    return str(folder / "plate.####.png")


def moving(count: int, scene: int = 0) -> list[np.ndarray]:
    """A scene that slides to the left, two pixels a frame."""
    return [np.roll(SCENES[scene], -2 * each, axis=1) for each in range(count)]


def chosen(spec: str, **settings: Any) -> list[int]:
    return sorted(each.frame for each in suggest(SuggestSettings(plate=spec, **settings)).frames)


def test_a_shot_that_moves_evenly_is_covered_evenly(tmp_path: Path) -> None:
    frames = chosen(write_shot(tmp_path, moving(20)), count=4)
    apart = np.diff([1001, *frames, 1020])
    assert len(frames) == 4 and apart.max() <= 8


def test_what_is_there_for_a_few_frames_only_is_suggested(tmp_path: Path) -> None:
    """Evenly spread frames would miss it: three frames of forty show another scene."""
    pictures = [SCENES[0] + np.float32(0.002) * each for each in range(40)]
    pictures[27:30] = [SCENES[1]] * 3
    result = suggest(
        SuggestSettings(plate=write_shot(tmp_path, [np.clip(p, 0, 1) for p in pictures]), count=3)
    )
    found = [each for each in result.frames if each.frame in (1028, 1029, 1030)]
    assert len(found) == 1 and result.cuts == (1028, 1031)


def test_a_frame_that_is_held_is_suggested_once(tmp_path: Path) -> None:
    spec = write_shot(tmp_path, [SCENES[0]] * 8 + [SCENES[1]] * 8)
    result = suggest(SuggestSettings(plate=spec, count=5))
    assert sorted(each.frame for each in result.frames) == [1001, 1009]
    assert any("2 of the frames differ" in note for note in result.notes)


def test_each_shot_between_cuts_gets_a_frame_and_says_so(tmp_path: Path) -> None:
    spec = write_shot(tmp_path, [*moving(10, 0), *moving(10, 1), *moving(10, 2)])
    result = suggest(SuggestSettings(plate=spec, count=3))
    assert sorted((each.frame - 1001) // 10 for each in result.frames) == [0, 1, 2]
    assert result.cuts == (1011, 1021)
    assert {"cut at 1011" in each.reason or "cut at 1021" in each.reason for each in result.frames} == {
        True,
        False,
    }


def test_painted_frames_count_as_shown(tmp_path: Path) -> None:
    spec = write_shot(tmp_path / "plate", [*moving(8, 0), *moving(8, 1)])
    painted = write_shot(tmp_path / "painted", [SCENES[3]], first=1004)
    result = suggest(SuggestSettings(plate=spec, painted=painted, count=1))
    assert result.frames[0].frame > 1008 and result.painted == (1004,)
    by_number = {each.frame: each for each in result.all}
    assert by_number[1004].reason == "Painted" and by_number[1004].score == 0
    assert by_number[1012].score > by_number[1005].score


def test_the_brightest_frame_of_a_flash_is_called_so(tmp_path: Path) -> None:
    pictures = [np.clip(picture * 0.5, 0, 1) for picture in moving(12)]
    pictures[6] = np.clip(pictures[6] * 1.9, 0, 1)
    result = suggest(SuggestSettings(plate=write_shot(tmp_path, pictures), count=4))
    assert "The brightest frame" in {each.frame: each.reason for each in result.frames}[1007]


def test_every_frame_is_read_once_and_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from understudy.frames.shot import FileShot

    read: list[int] = []
    real = FileShot.read
    monkeypatch.setattr(FileShot, "read", lambda self, number: read.append(number) or real(self, number))
    told: list[Any] = []
    suggest(SuggestSettings(plate=write_shot(tmp_path, moving(9))), told.append)
    assert sorted(read) == list(range(1001, 1010))
    looked = [event for event in told if isinstance(event, Looked)]
    assert [(event.done, event.total) for event in looked] == [(each, 9) for each in range(1, 10)]


def test_an_unreadable_frame_is_passed_over_and_named(tmp_path: Path) -> None:
    spec = write_shot(tmp_path, moving(6))
    (tmp_path / "plate.1003.png").write_bytes(b"no picture")
    result = suggest(SuggestSettings(plate=spec, count=2))
    assert any("1003" in note for note in result.notes)
    assert 1003 not in [each.frame for each in result.all]


def test_a_shot_without_a_readable_frame_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plate.1001.png").write_bytes(b"no picture")
    with pytest.raises(FrameError):
        suggest(SuggestSettings(plate=str(tmp_path / "plate.####.png")))


def test_painted_frames_of_another_shot_are_refused(tmp_path: Path) -> None:
    spec = write_shot(tmp_path / "plate", moving(4))
    painted = write_shot(tmp_path / "painted", [SCENES[0]], first=1)
    with pytest.raises(PairingError, match="Number the painted frames"):
        suggest(SuggestSettings(plate=spec, painted=painted))


def test_the_command_prints_one_json_object_and_a_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = write_shot(tmp_path, moving(7))
    sheet = tmp_path / "sheet.png"
    assert run(["suggest", spec, "--count", "3", "--sheet", str(sheet), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert len(said["frames"]) == 3 and len(said["all"]) == 7
    assert {"frame", "score", "expected_error", "reason"} == set(said["frames"][0])
    assert cv2.imread(str(sheet)) is not None


def test_a_sheet_that_cannot_be_written_is_refused_before_frames_are_read(tmp_path: Path) -> None:
    spec = write_shot(tmp_path, moving(3))
    told: list[Any] = []
    for sheet in (tmp_path / "none" / "sheet.png", tmp_path / "sheet.jpg"):
        with pytest.raises(SettingError) as refused:
            suggest(SuggestSettings(plate=spec, sheet=str(sheet)), told.append)
        assert refused.value.remedy
    assert told == []


def test_the_command_says_where_the_sheet_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, sheet = write_shot(tmp_path, moving(3)), tmp_path / "sheet.png"
    assert run(["suggest", spec, "--count", "1", "--sheet", str(sheet)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(str(sheet))


def test_python_callers_get_what_the_command_says(tmp_path: Path) -> None:
    spec = write_shot(tmp_path, moving(7))
    assert [each.frame for each in understudy.suggest(spec, count=2).frames] == [
        each.frame for each in suggest(SuggestSettings(plate=spec, count=2)).frames
    ]


def plane_kernel(seed: int, count: int = 9) -> np.ndarray:
    points = np.random.default_rng(seed).random((count, 2))
    return kernel_of(np.linalg.norm(points[:, None] - points[None], axis=2), 1.0)


def test_as_little_is_left_unknown_as_by_an_exhaustive_search() -> None:
    from itertools import combinations

    for seed in range(5):
        kernel = plane_kernel(seed)
        weights = np.random.default_rng(seed + 10).random(9)

        def left(frames: Any, kernel: np.ndarray = kernel, weights: np.ndarray = weights) -> float:
            return float(weights @ np.diagonal(unknown(kernel, frames)))

        best = min(left(each) for each in combinations(range(9), 3))
        assert left(choose(kernel, 3, weights=weights)) <= 1.02 * best


def test_what_a_frame_tells_is_what_is_less_unknown_once_it_is_painted() -> None:
    kernel = plane_kernel(1)
    before = unknown(kernel, [2])
    gains = gains_of(before)
    for place in (0, 5):
        less = np.diagonal(before).sum() - np.diagonal(unknown(kernel, [2, place])).sum()
        assert gains[place] == pytest.approx(less, rel=1e-6)
    assert gains[2] < 9 * NOISE < gains.max()


def test_a_frame_between_two_painted_ones_is_known_better_than_one_beside_the_last() -> None:
    at = np.arange(9.0)
    left = np.diagonal(unknown(kernel_of(np.abs(at[:, None] - at), 6.0), [2, 6]))
    assert left[4] < left[0] and left[3] < left[1] * 1.2


@pytest.mark.parametrize("pictures", [moving(24), [*moving(3, 0), *moving(14, 1), *moving(7, 2)]])
def test_what_frames_tell_of_each_other_is_a_covariance(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    spec, other = (write_shot(tmp_path / name, pictures) for name in ("plate", "other"))
    others = [(open_shot(other), number) for number in (1001, 1010, 1024)]
    study = study_shot(open_shot(spec), (1004,), None, others)[0]
    assert np.linalg.eigvalsh(study.kernel.astype(np.float64)).min() > -1e-4
    left = np.diagonal(unknown(study.kernel, study.known))
    assert left.min() > -1e-4 and left.max() <= 1


def test_a_shot_that_flows_on_is_painted_evenly_and_near_its_ends(tmp_path: Path) -> None:
    frames = chosen(write_shot(tmp_path, moving(41)), count=5)
    apart = np.diff(frames)
    assert frames[0] <= 1005 and frames[-1] >= 1037
    assert apart.max() <= 12 and apart.min() >= 7


def test_a_hundred_frames_of_film_size_take_a_fraction_of_the_time_allowed(
    tmp_path: Path, make_shot: Callable[..., Any]
) -> None:
    """20 s on two cores for a hundred: here five, on one."""
    shot = make_shot(numbers=range(1001, 1006), size=(1920, 1080))
    began = time.process_time()
    suggest(SuggestSettings(plate=shot.plate))
    assert time.process_time() - began < 6
