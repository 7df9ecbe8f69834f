"""--stabilise: five frames at a time, nothing over cuts and gaps, painted frames as they were painted."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from understudy.colour import LINEAR, PLAIN, encode
from understudy.errors import FrameError, SettingError
from understudy.frames import open_shot, open_sink, read_image_file, read_provenance, write_image_file
from understudy.frames.difference import largest_difference
from understudy.frames.once import Once
from understudy.inference.painted import Painted
from understudy.inference.steady import WINDOW, Seen, Steady
from understudy.inference.steady_choice import choose_strength
from understudy.temporal import Look

sys.path.insert(0, str(Path(__file__).parent))
from test_inference_finishing import made, moving_shot
from test_inference_painted import Bench, correct, planes

HEIGHT, WIDTH = 64, 96


def picture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random((HEIGHT, WIDTH)).astype(np.float32)
    plane = cv2.GaussianBlur(noise, (0, 0), 2)
    plane = (plane - plane.min()) / np.ptp(plane) * 0.8 + 0.1
    return np.repeat(plane[..., None], 3, 2)


def boil(number: int, strength: float = 0.05) -> np.ndarray:
    return np.random.default_rng(number).normal(0, strength, (HEIGHT, WIDTH, 3)).astype(np.float32)


class Film:
    """Frames that stand still, and results that boil; ``cut``: the first frame of another shot."""

    def __init__(self, numbers: range | tuple[int, ...] = range(1, 13), cut: int = 100) -> None:
        self.numbers, self.cut = numbers, cut
        self.gain = dict.fromkeys(numbers, 1.0)
        self.seen: list[int] = []
        self.broken: set[int] = set()

    def plate(self, number: int) -> np.ndarray:
        return picture(2 if number >= self.cut else 1) * np.float32(self.gain[number])

    def see(self, number: int) -> Seen:
        if number in self.broken:
            raise FrameError("The frame cannot be read.")
        self.seen.append(number)
        plate = self.plate(number)
        result = plate + boil(number)
        return Seen(result, Look(result, plate[..., 0], plate[..., 0], plate))

    def steady(self, **values: Any) -> Steady:
        return Steady(self.see, frozenset(self.numbers), PLAIN, **values)

    def error(self, found: np.ndarray, number: int) -> float:
        return float((found - self.plate(number)).std())


def test_frames_in_order_are_made_once_and_five_are_held() -> None:
    film = Film()
    steady = film.steady()
    for number in film.numbers:
        found = steady.steadied(number)
        assert film.error(found, number) < (0.04 if number in (1, 12) else 0.03)
        assert len(steady._all) <= WINDOW and len(steady._links) < WINDOW
    assert sorted(film.seen) == list(film.numbers)


def test_nothing_of_another_shot_comes_over_a_cut() -> None:
    film = Film(cut=7)
    steady = film.steady()
    for number in (6, 7):
        assert film.error(steady.steadied(number), number) < 0.04
    film.seen.clear()
    assert [each.look.values is steady.seen(5).look.values for each in steady.beside(6)] == [True, False]


def test_nothing_comes_over_a_gap_a_jump_of_the_light_or_from_what_cannot_be_read() -> None:
    film = Film((1, 2, 3, 7, 8, 9))
    assert len(list(film.steady().beside(3))) == 2
    film = Film()
    film.gain |= {number: 0.5 for number in range(7, 13)}
    assert len(list(film.steady().beside(6))) == 2
    film = Film()
    film.broken.add(7)
    assert len(list(film.steady().beside(6))) == 2
    with pytest.raises(FrameError):
        film.steady().steadied(7)


def test_a_frame_is_the_same_whichever_others_are_made() -> None:
    whole, alone = Film().steady(), Film().steady()
    for number in range(1, 7):
        last = whole.steadied(number)
    assert (alone.steadied(6) == last).all()


def test_half_the_strength_leaves_more_of_what_boils() -> None:
    film = Film()
    plain, half, full = (film.error(film.steady(strength=s).steadied(6), 6) for s in (0.0, 0.5, 1.0))
    assert plain > half > full


def test_what_is_no_number_stays_and_infects_nothing() -> None:
    film = Film()

    def see(number: int) -> Seen:
        seen = film.see(number)
        result = seen.result.copy()
        result[10, 10] = np.nan if number == 6 else result[10, 10]
        return Seen(result, seen.look)

    found = Steady(see, frozenset(film.numbers), PLAIN).steadied(6)
    assert np.isnan(found[10, 10]).all() and np.isfinite(np.delete(found.reshape(-1, 3), 970, 0)).all()


def test_scene_linear_values_above_one_come_back_as_they_were() -> None:
    film = Film()

    def see(number: int) -> Seen:
        light = picture(1) * 20
        result = light * np.exp(boil(number, 0.1))
        values = encode(result, LINEAR)
        return Seen(result, Look(values, picture(1)[..., 0], picture(1)[..., 0], encode(light, LINEAR)))

    steady = Steady(see, frozenset(film.numbers), LINEAR)
    before, after = (np.log(each / (picture(1) * 20)).std() for each in (see(6).result, steady.steadied(6)))
    assert after < 0.6 * before


def test_auto_leaves_alone_what_does_not_boil_and_says_so() -> None:
    film = Film()

    def still(number: int) -> Seen:
        plate = film.plate(number)
        return Seen(plate, Look(plate, plate[..., 0], plate[..., 0], plate))

    strength, why = choose_strength(Steady(still, frozenset(film.numbers), PLAIN), Painted())
    assert strength == 0 and "off, as nothing boils" in why
    strength, why = choose_strength(film.steady(), Painted())
    assert strength == 1 and "on frames" in why


class Truth:
    """What was painted on frame 6."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.is_whole, self.marks = values, True, {6: "mark"}

    def read(self, number: int) -> Any:
        return self if number in self.marks else None


def test_auto_goes_by_the_error_against_what_was_painted() -> None:
    film = Film()
    strength, why = choose_strength(film.steady(), Truth(film.plate(6)))  # type: ignore[arg-type]
    assert strength == 1 and "on frames 6 " in why and "the error against what was painted" in why
    strength, why = choose_strength(film.steady(), Truth(film.see(6).result))  # type: ignore[arg-type]
    assert why.startswith("Stabilise: o")


def test_what_all_threads_want_is_made_by_one() -> None:
    made, gate = [], threading.Event()
    once: Once[int] = Once(2)

    def make() -> int:
        gate.wait(5)
        made.append(1)
        return 7

    threads = [threading.Thread(target=lambda: once.get("a", make)) for _ in range(4)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert made == [1] and once.get("a", make) == 7

    def fail() -> int:
        raise ValueError("not now")

    with pytest.raises(ValueError, match="not now"):
        once.get("b", fail)
    assert once.get("b", lambda: 8) == 8


@pytest.fixture
def bench(make_shot: Any, tmp_path: Path) -> Bench:
    return Bench(make_shot(truth_numbers=(1001, 1005), size=(64, 48)), tmp_path)


def test_painted_frames_stand_and_those_about_them_come_nearer(bench: Bench) -> None:
    bench.apply(stabilise=1.0)
    assert all(largest_difference(bench.result(n), bench.shot.truth_file(n)) == 0 for n in (1001, 1005))
    assert largest_difference(bench.result(1002), bench.shot.plate_file(1002)) > 0
    assert read_provenance(bench.result(1002))["stabilise"] == "1"


def test_without_it_frames_are_as_they_always_were(bench: Bench) -> None:
    bench.apply()
    before = {number: bench.result(number).read_bytes() for number in bench.shot.numbers}
    assert "stabilise" not in read_provenance(bench.result(1002))
    bench.apply(stabilise=0.0, overwrite=True)
    assert {number: bench.result(number).read_bytes() for number in bench.shot.numbers} == before


def test_part_of_a_shot_is_the_same_as_in_the_whole(bench: Bench) -> None:
    bench.apply(stabilise=1.0)
    bench.apply(stabilise=1.0, frames="1003", output=str(bench.folder / "part" / "out.####.png"))
    assert largest_difference(bench.folder / "part" / "out.1003.png", bench.result(1003)) == 0


def test_frames_made_with_and_without_it_are_not_mixed_and_like_takes_it_over(bench: Bench) -> None:
    bench.apply(stabilise=0.5)
    assert bench.apply(stabilise=0.5).written == ()
    with pytest.raises(SettingError, match="with other settings"):
        bench.apply()
    assert bench.apply(like=bench.output).written == ()
    bench.apply(like=bench.output, output=str(bench.folder / "like" / "out.####.png"))
    assert read_provenance(bench.folder / "like" / "out.1002.png")["stabilise"] == "0.5"
    assert "stabilise 0.5" in bench.said


def test_what_changes_a_frame_changes_those_within_two_of_it(bench: Bench) -> None:
    bench.apply(stabilise=1.0)
    plate = read_image_file(bench.shot.plate_file(1003))
    values = plate.planes(("R", "G", "B"))
    correct(bench, 1003, values)
    assert bench.apply(stabilise=1.0).again == {("the painted frames",): (1002, 1003, 1004)}
    write_image_file(bench.shot.plate_file(1002), plate.with_planes(("R", "G", "B"), values * 0.5))
    again = bench.apply(stabilise=1.0).again
    assert {number for numbers in again.values() for number in numbers} == {1001, 1002, 1003, 1004}


def test_auto_says_what_it_found_before_the_first_frame(bench: Bench) -> None:
    bench.apply(stabilise="auto", painted="network")
    assert "Stabilise: off, as nothing boils on frames" in bench.said
    assert all(largest_difference(bench.result(n), bench.shot.plate_file(n)) == 0 for n in bench.shot.numbers)


def test_a_region_a_mix_and_confidence_go_with_it(bench: Bench) -> None:
    output = str(bench.folder / "region" / "out.####.exr")
    bench.apply(stabilise=1.0, region="8,8,24,16", mix=0.5, confidence=True, output=output)
    found = read_image_file(bench.folder / "region" / "out.1002.exr").planes(("R", "G", "B"))
    plate = read_image_file(bench.shot.plate_file(1002)).planes(("R", "G", "B"))
    changed = (np.abs(found - plate) > 1 / 1000).any(2)
    outside = np.ones_like(changed)
    outside[8:24, 8:32] = False
    assert changed[8:24, 8:32].any() and not changed[outside].any()


def test_an_update_gives_the_very_frames_that_making_all_anew_gives(bench: Bench) -> None:
    bench.apply(stabilise=1.0)
    bench.save(8 / 255)
    assert bench.apply(stabilise=1.0, update=True).written == (1002, 1003, 1004)
    anew = bench.folder / "anew"
    bench.apply(stabilise=1.0, output=str(anew / "out.####.png"))
    for number in bench.shot.numbers:
        assert largest_difference(bench.result(number), anew / f"out.{number}.png") == 0


def test_a_movie_is_steadied_and_into_a_movie_too(make_shot: Any, tmp_path: Path) -> None:
    pytest.importorskip("av")
    frames = make_shot(numbers=range(1, 6), truth_numbers=(1, 5), size=(64, 48))
    plate = str(tmp_path / "plate.mov")
    with open_shot(frames.plate) as shot, open_sink(plate, like=shot) as sink:
        for number in shot.numbers:
            sink.write(number, shot.read(number))
    bench = Bench(SimpleNamespace(plate=plate, truth=frames.truth), tmp_path)
    bench.apply(output=str(tmp_path / "plain" / "out.####.png"))
    bench.apply(stabilise=1.0)
    assert "As they were painted: frames 1,5" in bench.said
    assert largest_difference(bench.result(1), tmp_path / "plain" / "out.0001.png") == 0
    assert largest_difference(bench.result(2), tmp_path / "plain" / "out.0002.png") > 1
    bench.apply(stabilise=1.0, frames="3-4", output=str(tmp_path / "part" / "out.####.png"))
    for number in (3, 4):
        assert largest_difference(bench.result(number), tmp_path / "part" / f"out.{number:04d}.png") == 0
    movie = tmp_path / "out.mov"
    bench.apply(stabilise=1.0, output=str(movie))
    assert read_provenance(movie)["stabilise"] == "1"
    with open_shot(str(movie)) as found:
        for number in found.numbers:
            wanted = planes(bench.result(number))
            made_of_it = found.read(number).planes(("R", "G", "B"))
            assert np.abs(made_of_it - wanted).mean() < 4 / 255  # what the codec leaves
    assert bench.apply(stabilise=1.0, output=str(movie), update=True).written == ()
    bench.save(8 / 255)
    assert bench.apply(stabilise=1.0, output=str(movie), update=True).written == frames.numbers


def test_a_motion_blur_comes_after_it_and_knows_both_ranges_of_frames(tmp_path: Path) -> None:
    model, plate = moving_shot(tmp_path, 0.5)
    sharp: dict[str, Any] = {"clip_black": 0.45, "clip_white": 0.5}
    both = made(model, plate, tmp_path / "both.####.exr", **sharp, stabilise=1.0, motion_blur=0.5)
    blurred = made(model, plate, tmp_path / "blurred.####.exr", **sharp, motion_blur=0.5)
    steady = made(model, plate, tmp_path / "steady.####.exr", **sharp, stabilise=1.0)
    assert np.abs(both[1003] - steady[1003]).max() > 0.1
    assert np.abs(both[1003] - blurred[1003]).max() > 0
    given: dict[str, Any] = {"stabilise": 1.0, "motion_blur": 0.5, "frames": "1003"}
    alone = made(model, plate, tmp_path / "alone.####.exr", **sharp, **given)
    assert np.array_equal(alone[1003], both[1003])
