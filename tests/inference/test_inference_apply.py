"""Apply: a model and a plate become frames on disk, whatever happens to some of them."""

from __future__ import annotations

import os
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch

from understudy.colour import LINEAR, SRGB, ColourEncoding
from understudy.errors import ChannelError, PairingError, SequenceError, SettingError, SizeError, WriteError
from understudy.frames import open_shot, open_sink, read_image_file, read_provenance, write_image_file
from understudy.inference.apply import ApplyResult, apply
from understudy.inference.colours import output_notes
from understudy.inference.events import (
    ApplyEnded,
    ApplyEvent,
    ApplyMessage,
    ApplyPlanned,
    FrameFailed,
    FrameWritten,
)
from understudy.inference.pipeline import Crew, plan_crew, run_frames
from understudy.inference.provenance import provenance_of, sort_out
from understudy.inference.values import encode_frame
from understudy.inference.work import own_threads
from understudy.network.model_file import ExtraInput
from understudy.settings import ApplySettings

sys.path.insert(0, str(Path(__file__).parent))
from tiny_model import tiny_header
from tiny_network import NothingNetwork, TinyNetwork

random = np.random.default_rng(11)


class PlacesNetwork(TinyNetwork):
    """Red and green say how far across and how far down the network takes a pixel to be."""

    placed = True

    def remainder(self, x: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        return x[:, :3]

    def finish(self, x: torch.Tensor, remainder: torch.Tensor) -> torch.Tensor:
        return torch.cat([x[:, -2:], remainder[:, :1]], 1)


class NegativeNetwork(TinyNetwork):
    """1 minus the first three channels."""

    def remainder(self, x: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        return 1 - x[:, :3]

    def finish(self, x: torch.Tensor, remainder: torch.Tensor) -> torch.Tensor:
        return remainder


Write = Callable[..., Path]


class Bench:
    """A plate, a model that never touches the disk, and an output folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = folder / "look.cat"
        self.model.write_bytes(b"model one")
        self.header: Any = tiny_header(LINEAR)
        self.network: Any = TinyNetwork()
        self.events: list[ApplyEvent] = []

    @property
    def plate(self) -> str:
        return str(self.folder / "plate" / "plate.####.exr")

    @property
    def output(self) -> str:
        return str(self.folder / "out" / "shot.####.exr")

    def write(
        self,
        number: int,
        channels: tuple[str, ...] = ("R", "G", "B"),
        size: tuple[int, int] = (40, 24),
        **more: Any,
    ) -> np.ndarray:
        pixels = random.random((size[1], size[0], len(channels))).astype(np.float16)
        return write_exr(self.folder / "plate" / f"plate.{number:04d}.exr", pixels, channels, **more)

    def run(self, stop: Any = None, **settings: Any) -> ApplyResult:
        values = {"model": str(self.model), "plate": self.plate, "output": self.output, **settings}
        return apply(ApplySettings(**{"engine": "torch", **values}), self.events.append, stop)

    def result(self, number: int) -> Path:
        return self.folder / "out" / f"shot.{number:04d}.exr"


def write_exr(path: Path, pixels: np.ndarray, channels: tuple[str, ...], **attributes: Any) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = pixels.shape[:2]
    kind = "half" if pixels.dtype == np.float16 else "float"
    spec = oiio.ImageSpec(width, height, len(channels), kind)
    spec.channelnames = channels
    spec.x, spec.y = attributes.pop("origin", (0, 0))
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = attributes.pop(
        "display", (spec.x, spec.y, width, height)
    )
    for name, value in attributes.items():
        spec.attribute(name, value)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(np.ascontiguousarray(pixels)) and output.close()
    return pixels


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)
    files = types.ModuleType("understudy.network.model_file")
    files.read_header = lambda path: made.header
    files.load_model = lambda path, device: (made.header, made.network)
    monkeypatch.setitem(sys.modules, "understudy.network.model_file", files)
    monkeypatch.setattr("understudy.device.resolve_devices", lambda text: [torch.device("cpu")])
    return made


def stored(path: Path, name: str) -> np.ndarray:
    return read_image_file(path).stored(name)


def test_every_frame_is_made_and_said(bench: Bench) -> None:
    for number in (1001, 1002, 1005):
        bench.write(number)
    result = bench.run()
    assert result.written == (1001, 1002, 1005) and result.failed == () and result.kept == ()
    assert not result.stopped
    assert all(bench.result(number).is_file() for number in result.written)
    assert isinstance(bench.events[0], ApplyPlanned) and bench.events[0].total == 3
    done = [event.done for event in bench.events if isinstance(event, FrameWritten)]
    assert done == [1, 2, 3]
    assert isinstance(bench.events[-1], ApplyEnded) and bench.events[-1].written == 3


def test_the_frames_are_what_the_model_gives_for_them(bench: Bench) -> None:
    from understudy.inference.model import load

    pixels = bench.write(7).astype(np.float32)
    bench.run()
    expected = load(str(bench.model), devices="cpu")(pixels).astype(np.float16)
    for index, name in enumerate("RGB"):
        assert np.array_equal(stored(bench.result(7), name), expected[..., index])


def test_channels_that_the_effect_does_not_touch_stay_bit_for_bit(bench: Bench) -> None:
    channels = ("R", "G", "B", "A", "depth.Z")
    pixels = bench.write(1, channels, timecode="x", show="pilot")
    pixels_with_holes = pixels.copy()
    pixels_with_holes[3, 4, 4] = np.inf
    write_exr(bench.folder / "plate" / "plate.0001.exr", pixels_with_holes, channels, show="pilot")
    bench.run()
    frame = read_image_file(bench.result(1))
    for index in (3, 4):
        assert frame.stored(channels[index]).tobytes() == pixels_with_holes[..., index].tobytes()
    assert frame.metadata["show"] == "pilot"
    assert not np.array_equal(frame.stored("R"), pixels[..., 0])


def test_a_network_that_changes_nothing_gives_back_the_plate_bit_for_bit(bench: Bench) -> None:
    bench.network = NothingNetwork()
    pixels = bench.write(1) * np.float16(40)
    write_exr(bench.folder / "plate" / "plate.0001.exr", pixels, ("R", "G", "B"))
    bench.run()
    assert stored(bench.result(1), "G").tobytes() == pixels[..., 1].tobytes()


def test_a_data_window_apart_from_the_display_window_stays_as_it_is(bench: Bench) -> None:
    bench.write(1, origin=(-5, 3), display=(0, 0, 64, 48))
    bench.run()
    frame = read_image_file(bench.result(1))
    assert (frame.data_window.x, frame.data_window.y) == (-5, 3)
    assert (frame.data_window.width, frame.data_window.height) == (40, 24)
    assert (frame.display_window.width, frame.display_window.height) == (64, 48)


def test_the_middle_of_the_frame_is_the_same_with_overscan_and_without(bench: Bench) -> None:
    bench.network = PlacesNetwork()
    bench.write(1, size=(24, 16))
    bench.write(2, origin=(-6, -4), display=(0, 0, 24, 16))
    bench.run()
    for name in "RG":
        plain, around = stored(bench.result(1), name), stored(bench.result(2), name)
        assert np.array_equal(around[4:20, 6:30], plain)
    across = stored(bench.result(2), "R")
    assert (across[:, :6] < -1).all() and (across[:, 30:] > 1).all()


def test_nan_and_inf_stay_where_they_are_and_go_nowhere_else(bench: Bench) -> None:
    pixels = bench.write(1)
    pixels[10, 10] = np.nan
    pixels[5, 20, 0] = np.inf
    write_exr(bench.folder / "plate" / "plate.0001.exr", pixels, ("R", "G", "B"))
    bench.run()
    red = stored(bench.result(1), "R")
    assert np.isnan(red[10, 10]) and np.isposinf(red[5, 20])
    assert np.isfinite(np.delete(red.ravel(), [10 * 40 + 10, 5 * 40 + 20])).all()


FAR = ("R", "G", "B", "Z")


@pytest.mark.parametrize("far", [1e30, 3e38, np.inf, np.nan])
def test_pixels_whose_depth_is_no_value_are_changed_where_the_depth_only_goes_in(
    bench: Bench, far: float
) -> None:
    bench.header, bench.network = tiny_header(LINEAR, input_channels=list(FAR)), NegativeNetwork()
    pixels = random.random((24, 40, 4)).astype(np.float32)
    pixels[:, 10:, 3] = far
    write_exr(bench.folder / "plate" / "plate.0001.exr", pixels, FAR)
    bench.run()
    red = stored(bench.result(1), "R")
    assert np.isfinite(red).all() and (red != pixels[..., 0]).all()
    assert stored(bench.result(1), "Z").tobytes() == pixels[..., 3].tobytes()


def test_channels_that_the_plate_lacks_are_written_as_new_ones_and_said(bench: Bench) -> None:
    bench.header = tiny_header(LINEAR, output_channels=["forward.u", "forward.v", "A"])
    pixels = bench.write(1)
    bench.run()
    frame = read_image_file(bench.result(1))
    assert frame.channels == ("R", "G", "B", "A", "forward.u", "forward.v")
    kinds = dict(zip(frame.part.channels, frame.part.kinds, strict=True))
    assert (kinds["R"], kinds["A"], kinds["forward.u"]) == ("half", "half", "float")
    from understudy.inference.model import load

    expected = load(str(bench.model), devices="cpu")(pixels.astype(np.float32))
    assert np.array_equal(stored(bench.result(1), "forward.v"), expected[..., 1])
    assert stored(bench.result(1), "G").tobytes() == pixels[..., 1].tobytes()
    notes = next(event.notes for event in bench.events if isinstance(event, ApplyPlanned))
    assert any("no forward.u, forward.v, A: written as new" in note for note in notes)


def test_new_channels_are_nothing_where_the_mask_is_black(bench: Bench) -> None:
    bench.header = tiny_header(LINEAR, output_channels=["forward.u", "forward.v", "forward.w"])
    bench.write(1)
    mask = np.zeros((24, 40, 1), np.float16)
    mask[:, :20] = 1
    write_exr(bench.folder / "mask.exr", mask, ("A",))
    bench.run(mask=str(bench.folder / "mask.exr"))
    made = stored(bench.result(1), "forward.u")
    assert (made[:, 20:] == 0).all() and (made[:, :20] != 0).any()


@pytest.mark.parametrize("ending", ["png", "tif", "jpg"])
def test_new_channels_that_the_output_has_no_room_for_are_refused_before_the_work(
    bench: Bench, ending: str
) -> None:
    bench.header = tiny_header(LINEAR, output_channels=["forward.u", "forward.v", "forward.w"])
    bench.write(1)
    with pytest.raises(SettingError) as caught:
        bench.run(output=str(bench.folder / "out" / f"shot.####.{ending}"))
    assert "forward.u, forward.v, forward.w" in caught.value.found
    assert not (bench.folder / "out").exists()


def test_an_alpha_that_the_plate_lacks_is_written_into_every_format_that_has_one(bench: Bench) -> None:
    bench.header = tiny_header(LINEAR, output_channels=["R", "G", "A"])
    bench.write(1)
    output = bench.folder / "out" / "shot.####.png"
    bench.run(output=str(output))
    assert read_image_file(bench.folder / "out" / "shot.0001.png").channels == ("R", "G", "B", "A")


def test_a_second_run_keeps_what_is_there(bench: Bench) -> None:
    for number in range(1, 5):
        bench.write(number)
    bench.run(frames="1-2")
    before = bench.result(1).stat().st_mtime_ns
    result = bench.run()
    assert result.kept == (1, 2) and result.written == (3, 4)
    assert bench.result(1).stat().st_mtime_ns == before


def ended(bench: Bench) -> ApplyEnded:
    last = bench.events[-1]
    assert isinstance(last, ApplyEnded)
    return last


def test_frames_whose_plate_was_rendered_again_are_made_again_and_the_end_says_why(bench: Bench) -> None:
    for number in (1, 2, 3):
        bench.write(number)
    bench.run()
    before = bench.result(2).read_bytes()
    pixels = bench.write(2)
    result = bench.run()
    assert result.kept == (1, 3) and result.written == (2,)
    assert result.again == {("the plate",): (2,)} and ended(bench).again == "1 as the plate changed"
    assert bench.result(2).read_bytes() != before
    assert not np.array_equal(stored(bench.result(2), "R"), pixels[..., 0])
    assert bench.run().kept == (1, 2, 3)


def test_another_plate_of_the_same_names_size_and_time_is_another_plate(bench: Bench) -> None:
    bench.write(1, compression="none")
    bench.run()
    plate = bench.folder / "plate" / "plate.0001.exr"
    was = plate.stat()
    bench.write(1, compression="none")
    os.utime(plate, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert plate.stat().st_size == was.st_size
    assert bench.run().again == {("the plate",): (1,)}


def test_a_plate_that_was_moved_or_copied_is_the_same_plate(bench: Bench) -> None:
    for number in (1, 2):
        bench.write(number)
    bench.run()
    shutil.copytree(bench.folder / "plate", bench.folder / "copy")
    assert bench.run(plate=str(bench.folder / "copy" / "plate.####.exr")).kept == (1, 2)


def test_a_plate_that_nobody_touched_is_not_read_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.write(1)
    bench.run()

    def read(*given: Any) -> Any:
        raise AssertionError("the plate was read")

    monkeypatch.setattr("understudy.frames.shot.FileShot.content", read)
    monkeypatch.setattr("understudy.frames.shot.FileShot.read", read)
    assert bench.run().kept == (1,)


def test_frames_whose_mask_was_rendered_again_are_made_again(bench: Bench) -> None:
    for number in (1, 2):
        bench.write(number)
        write_exr(bench.folder / f"mask.{number}.exr", random.random((24, 40, 1)).astype(np.float16), ("A",))
    mask = str(bench.folder / "mask.#.exr")
    bench.run(mask=mask)
    write_exr(bench.folder / "mask.2.exr", np.ones((24, 40, 1), np.float16), ("A",))
    result = bench.run(mask=mask)
    assert result.kept == (1,) and result.again == {("the mask",): (2,)}


def test_a_mask_is_known_by_what_it_holds_and_not_by_its_name(bench: Bench) -> None:
    bench.write(1)
    one, other = bench.folder / "mask.exr", bench.folder / "roto_v2.exr"
    write_exr(one, random.random((24, 40, 1)).astype(np.float16), ("A",))
    shutil.copy(one, other)
    bench.run(mask=str(one))
    assert bench.run(mask=str(other)).kept == (1,)


def test_frames_whose_extra_input_changed_are_made_again(bench: Bench) -> None:
    depth = ExtraInput(name="depth", channels=["Z"], colour=SRGB)
    bench.header, bench.network = tiny_header(LINEAR, extra=(depth,)), NegativeNetwork()
    bench.write(1)
    file = bench.folder / "depth.exr"
    write_exr(file, random.random((24, 40, 1)).astype(np.float16), ("Z",))
    bench.run(extra=(str(file),))
    assert bench.run(extra=(str(file),)).kept == (1,)
    write_exr(file, random.random((24, 40, 1)).astype(np.float16), ("Z",))
    assert bench.run(extra=(str(file),)).again == {("the extra inputs",): (1,)}


def test_a_changed_frame_is_made_again_with_those_that_see_it_as_their_neighbour(bench: Bench) -> None:
    beside = [
        ExtraInput(name=name, channels=list("RGB"), colour=LINEAR, offset=offset)
        for name, offset in (("before", -1), ("after", 1))
    ]
    bench.header = tiny_header(LINEAR, extra=tuple(beside), offsets=(-1, 1))
    bench.network = NegativeNetwork()
    for number in range(1, 6):
        bench.write(number)
    bench.run()
    bench.write(3)
    result = bench.run()
    assert result.kept == (1, 5) and result.written == (2, 3, 4)
    assert result.again == {("the frames before and after",): (2, 4), ("the plate",): (3,)}


def test_a_frame_says_how_it_was_made_and_not_how_its_plate_was(bench: Bench) -> None:
    bench.write(1)
    bench.run(mask="channel:R", mix=0.5)
    second = {"plate": bench.output, "output": str(bench.folder / "second" / "shot.####.exr")}
    bench.run(**second)
    assert "mask" not in read_provenance(bench.folder / "second" / "shot.0001.exr")
    assert bench.run(**second).kept == (1,)


def test_frames_of_older_versions_are_kept_unless_their_plate_is_newer(bench: Bench) -> None:
    for number in (1, 2):
        bench.write(number)
    bench.run()
    for number in (1, 2):
        frame = read_image_file(bench.result(number))
        made = {name: text for name, text in read_provenance(bench.result(number)).items() if "_" not in name}
        write_image_file(bench.result(number), frame, provenance=made)
    os.utime(bench.folder / "plate" / "plate.0002.exr", (4e9, 4e9))
    result = bench.run()
    assert result.kept == (1,) and result.written == (2,)


def test_a_movie_frame_is_known_by_its_pixels(bench: Bench) -> None:
    bench.header = tiny_header(SRGB)
    for number in range(1, 4):
        bench.write(number, size=(64, 48))
    plate = str(bench.folder / "plate.mov")
    render(bench.plate, plate)
    bench.run(plate=plate, frames="1-2")
    os.utime(plate)
    result = bench.run(plate=plate)
    assert result.kept == (1, 2) and result.written == (3,)
    bench.write(2, size=(64, 48))
    render(bench.plate, plate)
    assert bench.run(plate=plate).again == {("the plate",): (2,)}


def render(plate: str, movie: str) -> None:
    with open_shot(plate) as shot, open_sink(movie, like=shot, overwrite=True) as sink:
        for number in shot.numbers:
            sink.write(number, shot.read(number))


def test_a_run_with_nothing_left_to_do_loads_no_network(bench: Bench) -> None:
    bench.write(1)
    bench.run()
    bench.network = None
    assert bench.run().kept == (1,)


def test_frames_carry_the_hash_of_their_model(bench: Bench) -> None:
    bench.write(1)
    bench.run()
    first = read_provenance(bench.result(1))["model"]
    bench.model.write_bytes(b"model two")
    bench.run(overwrite=True)
    assert read_provenance(bench.result(1))["model"] != first


@pytest.mark.parametrize("change", ["model", "mix", "mask", "precision", "unknown"])
def test_frames_that_something_else_made_are_refused_by_name_before_the_work(
    bench: Bench, change: str
) -> None:
    for number in (1, 2):
        bench.write(number)
    bench.run(frames="2")
    settings: dict[str, Any] = {"mix": 0.5} if change == "mix" else {}
    if change == "mask":
        settings["mask"] = "channel:R"
    if change == "precision":
        settings["precision"] = "float32"
    if change == "model":
        bench.model.write_bytes(b"another")
    if change == "unknown":
        write_exr(bench.result(2), random.random((24, 40, 3)).astype(np.float16), ("R", "G", "B"))
    before = bench.result(2).read_bytes()
    with pytest.raises(SettingError) as caught:
        bench.run(**settings)
    assert "2" in caught.value.found and "--overwrite" in caught.value.remedy
    assert not bench.result(1).exists() and bench.result(2).read_bytes() == before
    assert bench.run(overwrite=True, **settings).written == (1, 2)


MODEL = "0123"
USUAL: dict[str, Any] = {"model": "m.cat", "plate": "p", "output": "o"}


def made_by(**settings: Any) -> dict[str, str]:
    """What goes with the frames of a job with these settings."""
    asked = ApplySettings(**USUAL, **settings)
    return provenance_of(MODEL, asked.plate, asked.output, asked.engine.precision)


def kept_by(found: dict[str, str], **settings: Any) -> bool:
    """Whether a frame with such a provenance is kept by a job with these settings."""
    sink = types.SimpleNamespace(
        is_movie=False,
        exists=lambda number: True,
        provenance=lambda number: found,
        path=lambda number: Path("a.1.exr"),
        made_at=lambda number: 2.0,
    )
    origins = types.SimpleNamespace(newest=lambda number: 1.0, changed=lambda number, found: ())
    wanted = made_by(**settings)
    try:
        return sort_out((1,), sink, wanted, origins, False).kept == (1,)
    except SettingError:
        return False


SETTINGS: list[dict[str, Any]] = [
    {},
    {"extra": ("depth.exr",)},
    {"extra": ("depth.exr", "hint.exr")},
    {"extra": ("depth.exr, hint.exr",)},
    {"part": "left"},
    {"part": "right"},
    {"input_channels": "beauty.rgb"},
    {"precision": "float32"},
    {"precision": "bfloat16"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_frames_are_kept_by_a_job_with_the_same_settings_and_by_no_other(settings: dict[str, Any]) -> None:
    made = made_by(**settings)
    assert [other for other in SETTINGS if kept_by(made, **other)] == [settings]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_frames_from_before_everything_was_noted_are_kept_by_model_mix_and_mask(
    settings: dict[str, Any],
) -> None:
    old = {"model": MODEL, "mix": "0.5", "mask": "a.exr"}
    assert kept_by(old, mix=0.5, mask="a.exr", **settings)
    assert not kept_by(old, mix=0.5, **settings) and not kept_by(old, mask="a.exr", **settings)
    assert not kept_by({**old, "model": "other"}, mix=0.5, mask="a.exr", **settings)


def test_an_unreadable_frame_is_named_and_the_others_are_made(bench: Bench) -> None:
    for number in range(1, 5):
        bench.write(number)
    broken = bench.folder / "plate" / "plate.0001.exr"
    broken.write_bytes(broken.read_bytes()[:300])
    result = bench.run()
    assert result.written == (2, 3, 4)
    assert [number for number, _ in result.failed] == [1]
    assert "plate.0001.exr" in str(result.failed[0][1])
    assert not bench.result(1).exists()
    assert any(isinstance(event, FrameFailed) and event.number == 1 for event in bench.events)


def test_a_plate_that_cannot_be_read_at_all_fails_frame_by_frame(bench: Bench) -> None:
    for number in (1, 2):
        bench.write(number)
        (bench.folder / "plate" / f"plate.{number:04d}.exr").write_bytes(b"not an image")
    result = bench.run()
    assert result.written == () and len(result.failed) == 2


def test_a_frame_that_cannot_be_written_is_named_and_the_others_are_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from understudy.frames.sink import FileSink

    for number in (1, 2, 3):
        bench.write(number)
    write = FileSink.write

    def full_at_two(self: FileSink, number: int, *more: Any) -> Path:
        if number == 2:
            raise WriteError("The disk is full.")
        return write(self, number, *more)

    monkeypatch.setattr(FileSink, "write", full_at_two)
    result = bench.run()
    assert result.written == (1, 3) and result.failed[0][0] == 2


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 1 GiB."),
        (RuntimeError, "DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes."),
        (MemoryError, ""),
    ],
)
def test_a_frame_that_memory_does_not_suffice_for_is_named_and_the_others_are_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: type[Exception], words: str
) -> None:
    for number in (1, 2, 3):
        bench.write(number, size=(40, 24) if number != 2 else (48, 24))

    def short_of_memory(header: Any, network: Any, plate: torch.Tensor, *more: Any) -> torch.Tensor:
        if plate.shape[1] == 48:
            raise kind(words)
        return encode_frame(header, network, plate, *more)

    monkeypatch.setattr("understudy.inference.model.encode_frame", short_of_memory)
    result = bench.run()
    assert result.written == (1, 3)
    ((number, told),) = result.failed
    assert number == 2 and "memory for frame 2" in told.message and "--tile-size" in told.remedy


def test_a_fault_that_is_no_lack_of_memory_ends_the_work(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: Any) -> torch.Tensor:
        raise RuntimeError("shapes do not match")

    bench.write(1)
    monkeypatch.setattr("understudy.inference.model.encode_frame", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        bench.run()


def test_a_plate_without_the_channels_is_refused_with_what_there_is(bench: Bench) -> None:
    bench.write(1, ("Y",))
    with pytest.raises(ChannelError) as caught:
        bench.run()
    assert "Y" in caught.value.found
    assert not (bench.folder / "out").exists()


LAYERS = ("R", "G", "B", "beauty.R", "beauty.G", "beauty.B", "beauty.A")


def test_another_layer_than_the_one_that_was_learned_from_can_be_worked_on(bench: Bench) -> None:
    from understudy.inference.model import load

    pixels = bench.write(1, LAYERS)
    bench.run(input_channels="beauty.rgb")
    expected = load(str(bench.model), devices="cpu")(pixels[..., 3:6].astype(np.float32)).astype(np.float16)
    for index, name in enumerate(LAYERS):
        wanted = expected[..., index - 3] if 3 <= index < 6 else pixels[..., index]
        assert np.array_equal(stored(bench.result(1), name), wanted), name


def test_a_matte_of_another_layer_goes_into_the_alpha_of_that_layer(bench: Bench) -> None:
    bench.header, bench.network = tiny_header(matte=True), TinyNetwork(out=1)
    pixels = bench.write(1, ("A", *LAYERS))
    bench.run(input_channels="beauty.rgb")
    assert np.array_equal(stored(bench.result(1), "A"), pixels[..., 0])
    assert not np.array_equal(stored(bench.result(1), "beauty.A"), pixels[..., -1])


@pytest.mark.parametrize("wish", ["beauty.rgba", "R", "diffuse.rgb"])
def test_other_channels_than_the_network_takes_are_refused_before_the_work(bench: Bench, wish: str) -> None:
    bench.write(1, LAYERS)
    with pytest.raises(ChannelError):
        bench.run(input_channels=wish)
    assert not (bench.folder / "out").exists()


@pytest.mark.parametrize("ending", [".jpg", ".png", ".mov"])
def test_files_that_would_leave_out_what_the_effect_changes_are_refused(bench: Bench, ending: str) -> None:
    bench.write(1, LAYERS)
    output = bench.folder / "out" / (f"shot.####{ending}" if ending != ".mov" else "shot.mov")
    with pytest.raises(SettingError) as caught:
        bench.run(input_channels="beauty.rgb", output=str(output))
    assert "beauty.R" in caught.value.found and not (bench.folder / "out").exists()
    assert bench.run(output=str(output)).written == (1,)


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(bench: Bench) -> None:
    bench.write(1)
    (bench.folder / "file").write_text("in the way")
    with pytest.raises(SequenceError):
        bench.run(output=str(bench.folder / "file" / "shot.####.exr"))


def test_an_output_folder_that_is_a_broken_link_is_called_that(bench: Bench) -> None:
    bench.write(1)
    (bench.folder / "link").symlink_to(bench.folder / "store")
    with pytest.raises(SequenceError) as caught:
        bench.run(output=str(bench.folder / "link" / "out" / "shot.####.exr"))
    assert f"a link to {bench.folder / 'store'}, which is not there" in str(caught.value)


def test_mix_lies_between_plate_and_effect(bench: Bench) -> None:
    pixels = bench.write(1).astype(np.float32)
    bench.run()
    full = stored(bench.result(1), "R").astype(np.float32)
    bench.run(mix=0.5, overwrite=True)
    half = stored(bench.result(1), "R").astype(np.float32)
    assert np.allclose(half, (pixels[..., 0] + full) / 2, atol=2e-3)


def test_where_the_mask_is_black_the_plate_stays_bit_for_bit(bench: Bench) -> None:
    pixels = bench.write(1)
    pixels[0, 0] = -0.0
    write_exr(bench.folder / "plate" / "plate.0001.exr", pixels, ("R", "G", "B"))
    mask = np.zeros((24, 40, 1), np.float16)
    mask[:, 20:] = 1
    write_exr(bench.folder / "mask.exr", mask, ("A",))
    bench.run()
    full = stored(bench.result(1), "B")
    bench.run(mask=str(bench.folder / "mask.exr"), overwrite=True)
    masked = stored(bench.result(1), "B")
    assert masked[:, :20].tobytes() == pixels[:, :20, 2].tobytes()
    assert np.array_equal(masked[:, 20:], full[:, 20:])


def test_a_mask_may_be_a_channel_of_the_plate(bench: Bench) -> None:
    pixels = bench.write(1, ("R", "G", "B", "mask"))
    pixels[..., 3] = np.arange(40) > 30
    write_exr(bench.folder / "plate" / "plate.0001.exr", pixels, ("R", "G", "B", "mask"))
    bench.run(mask="channel:mask")
    red = stored(bench.result(1), "R")
    assert np.array_equal(red[:, :31], pixels[:, :31, 0])
    assert not np.array_equal(red[:, 31:], pixels[:, 31:, 0])


def test_a_mask_sequence_goes_by_frame_number(bench: Bench) -> None:
    plates = {number: bench.write(number) for number in (1, 2)}
    for number in (1, 2):
        flat = np.full((24, 40, 1), number - 1, np.float16)
        write_exr(bench.folder / "mask" / f"m.{number:04d}.exr", flat, ("A",))
    bench.run(mask=str(bench.folder / "mask" / "m.####.exr"))
    assert np.array_equal(stored(bench.result(1), "R"), plates[1][..., 0])
    assert not np.array_equal(stored(bench.result(2), "R"), plates[2][..., 0])


def test_a_mask_of_another_size_is_refused_before_the_work(bench: Bench) -> None:
    bench.write(1)
    write_exr(bench.folder / "mask.exr", np.ones((8, 8, 1), np.float16), ("A",))
    with pytest.raises(SizeError):
        bench.run(mask=str(bench.folder / "mask.exr"))
    assert not (bench.folder / "out").exists()


def test_a_mask_without_the_frame_is_refused_before_the_work(bench: Bench) -> None:
    bench.write(1)
    for number in (5, 6):
        write_exr(bench.folder / "mask" / f"m.{number:04d}.exr", np.ones((24, 40, 1), np.float16), ("A",))
    with pytest.raises(PairingError):
        bench.run(mask=str(bench.folder / "mask" / "m.####.exr"))


def test_extra_inputs_are_read_by_frame_number(bench: Bench) -> None:
    from understudy.colour import PLAIN

    depth = ExtraInput(channels=["Z"], colour=PLAIN)
    bench.header, bench.network = tiny_header(LINEAR, extra=(depth,)), NegativeNetwork()
    bench.network = TinyNetwork(channels=4, out=3)
    bench.write(1)
    for value in (0.0, 1.0):
        flat = np.full((24, 40, 1), value, np.float32)
        write_exr(bench.folder / f"depth{value:.0f}.exr", flat, ("Z",))
    bench.run(extra=(str(bench.folder / "depth0.exr"),))
    near = stored(bench.result(1), "R").copy()
    bench.run(extra=(str(bench.folder / "depth1.exr"),), overwrite=True)
    assert not np.array_equal(near, stored(bench.result(1), "R"))


def test_what_else_the_file_of_an_extra_input_holds_is_said(bench: Bench) -> None:
    from understudy.colour import PLAIN

    bench.header = tiny_header(LINEAR, extra=(ExtraInput(channels=["Z"], colour=PLAIN),))
    bench.network = TinyNetwork(channels=4, out=3)
    bench.write(1)
    write_exr(bench.folder / "depth.exr", np.ones((24, 40, 2), np.float32), ("Z", "ZBack"))
    bench.run(extra=(str(bench.folder / "depth.exr"),))
    (planned,) = [event for event in bench.events if isinstance(event, ApplyPlanned)]
    assert "Of the extra input depth.exr Z is taken, and not ZBack." in planned.notes


def test_frames_that_were_requested_and_are_missing_are_named_and_counted(bench: Bench) -> None:
    for number in (1001, 1002, 1004):
        bench.write(number)
    result = bench.run(frames="1001-1006")
    assert result.written == (1001, 1002, 1004) and result.missing == (1003, 1005, 1006)
    assert "The plate has no frames 1003,1005-1006." in bench.events[0].notes  # type: ignore[attr-defined]
    assert isinstance(bench.events[-1], ApplyEnded) and bench.events[-1].missing == 3
    ranged = str(bench.folder / "plate" / "plate.1002-1003####.exr")
    assert bench.run(plate=ranged, overwrite=True).missing == (1003,)


def test_a_gap_that_nobody_requested_is_no_failure(bench: Bench) -> None:
    for number in (1001, 1003):
        bench.write(number)
    assert bench.run().missing == () and bench.run(frames="1001,1003").missing == ()


def test_a_frame_whose_link_is_broken_fails_and_says_where_the_link_leads(bench: Bench) -> None:
    for number in (1001, 1002):
        bench.write(number)
    (bench.folder / "plate" / "plate.1003.exr").symlink_to("/nowhere/plate.1003.exr")
    result = bench.run()
    assert result.written == (1001, 1002)
    ((number, error),) = result.failed
    assert number == 1003 and "/nowhere/plate.1003.exr, which is not there" in error.found


def test_a_missing_extra_input_is_refused(bench: Bench) -> None:
    from understudy.colour import PLAIN

    bench.header = tiny_header(extra=(ExtraInput(channels=["Z"], colour=PLAIN),))
    bench.write(1)
    with pytest.raises(SettingError) as caught:
        bench.run()
    assert "Z" in caught.value.expected and caught.value.where == "--extra"


def test_a_matte_from_a_colour_plate_is_a_file_of_one_channel_with_the_plates_windows(bench: Bench) -> None:
    bench.header, bench.network = tiny_header(matte=True), TinyNetwork(out=1)
    bench.write(1, origin=(4, 4), display=(0, 0, 60, 40))
    bench.run()
    frame = read_image_file(bench.result(1))
    assert len(frame.channels) == 1
    assert (frame.data_window.x, frame.display_window.width) == (4, 60)
    values = frame.stored(frame.channels[0])
    assert values.min() >= 0 and values.max() <= 1


def test_a_matte_goes_into_the_alpha_of_its_own_layer_and_the_colours_stay(bench: Bench) -> None:
    bench.header, bench.network = tiny_header(matte=True), TinyNetwork(out=1)
    channels = ("R", "G", "B", "A", "crypto.A")
    pixels = bench.write(1, channels)
    bench.run()
    frame = read_image_file(bench.result(1))
    assert set(frame.channels) == set(channels)
    for index in (0, 1, 2, 4):
        assert frame.stored(channels[index]).tobytes() == pixels[..., index].tobytes()
    assert not np.array_equal(frame.stored("A"), pixels[..., 3])


def test_stopping_finishes_the_frames_under_way_and_the_next_run_goes_on(bench: Bench) -> None:
    for number in range(1, 9):
        bench.write(number)
    stop = StopAfter(bench, 2)
    first = bench.run(stop=stop)
    assert first.stopped and 2 <= len(first.written) < 8
    second = bench.run()
    assert second.kept == first.written
    assert len(second.kept) + len(second.written) == 8 and not second.stopped


class StopAfter:
    """True as soon as that many frames are done."""

    def __init__(self, bench: Bench, count: int) -> None:
        self.bench, self.count = bench, count

    def __bool__(self) -> bool:
        return sum(isinstance(event, FrameWritten) for event in self.bench.events) >= self.count


def test_a_movie_holds_all_frames_in_order_and_starts_again(bench: Bench) -> None:
    pytest.importorskip("av")
    bench.network = NothingNetwork()
    for number in range(1, 7):
        flat = np.full((48, 64, 3), number / 8, np.float16)
        write_exr(bench.folder / "plate" / f"plate.{number:04d}.exr", flat, ("R", "G", "B"))
    movie = str(bench.folder / "out" / "shot.mov")
    assert bench.run(output=movie).written == (1, 2, 3, 4, 5, 6)
    shot = open_shot(movie)
    levels = [float(shot.read(number).planes(["G"]).mean()) for number in shot.numbers]
    shot.close()
    assert np.allclose(levels, np.arange(1, 7) / 8, atol=0.02)
    again = bench.run(output=movie)
    assert again.kept == () and len(again.written) == 6
    before = Path(movie).read_bytes()
    with pytest.raises(SettingError, match="exists already"):
        bench.run(output=movie, mix=0.5)
    assert Path(movie).read_bytes() == before


def test_a_movie_of_a_plate_with_a_gap_says_that_it_closes_up(bench: Bench) -> None:
    pytest.importorskip("av")
    for number in (1, 2, 5):
        bench.write(number, size=(64, 48))
    bench.run(output=str(bench.folder / "out" / "shot.mov"))
    (planned,) = [event for event in bench.events if isinstance(event, ApplyPlanned)]
    assert "The plate has no frames 3-4. The movie closes up: those after them come earlier." in planned.notes


def colour_notes_of(bench: Bench, plate: str, ending: str = ".exr", **header: Any) -> list[str]:
    """What apply says about the plate's colour before it begins."""
    bench.header = tiny_header(**header)
    bench.events.clear()
    result = bench.run(plate=plate, output=str(bench.folder / "out" / f"note.####{ending}"), overwrite=True)
    assert result.written and not result.failed, "it is said, and done all the same"
    (planned,) = [event for event in bench.events if isinstance(event, ApplyPlanned)]
    return [note for note in planned.notes if "values" in note and "clamped" not in note]


def write_8_bit(bench: Bench) -> str:
    from understudy.frames import open_sink

    bench.write(1)
    shot = open_shot(bench.plate)
    with open_sink(str(bench.folder / "eight" / "plate.####.png"), like=shot, overwrite=False) as sink:
        sink.write(1, shot.read(1))
    return str(bench.folder / "eight" / "plate.####.png")


def test_integers_for_a_network_of_scene_linear_are_said_in_one_sentence(bench: Bench) -> None:
    eight = write_8_bit(bench)
    (note,) = colour_notes_of(bench, eight, colour=LINEAR)
    assert "scene-linear" in note and "integers" in note and note.count(". ") == 0
    assert colour_notes_of(bench, bench.plate, colour=LINEAR) == []


def test_floats_for_a_network_of_srgb_are_said_in_one_sentence(bench: Bench) -> None:
    eight = write_8_bit(bench)
    (note,) = colour_notes_of(bench, bench.plate, colour=SRGB)
    assert "sRGB" in note and "floats" in note
    assert colour_notes_of(bench, eight, ".png", colour=SRGB) == []


def test_frames_in_files_of_another_kind_than_the_plates_are_said_to_hold_the_same_values(
    bench: Bench,
) -> None:
    eight = write_8_bit(bench)
    (note,) = colour_notes_of(bench, eight, colour=SRGB)
    assert "hold sRGB" in note and "scene-linear as a rule" in note
    assert colour_notes_of(bench, eight, ".tif", colour=SRGB) == []
    (note,) = colour_notes_of(bench, bench.plate, ".png", colour=LINEAR)
    assert "hold scene-linear" in note and "display-referred as a rule" in note
    header = tiny_header(colour=SRGB, kind="matte")
    shot = open_shot(eight)
    assert output_notes(header, shot.read(1), Path("out.1.exr")) == ()


def test_files_of_the_kind_that_a_network_learned_from_are_not_wondered_at(bench: Bench) -> None:
    eight = write_8_bit(bench)
    origin = {"pairs": [{"name": "plate.1001.PNG", "frame": 1001}]}
    assert colour_notes_of(bench, eight, colour=LINEAR, provenance=origin) == []
    assert colour_notes_of(bench, eight, colour=ColourEncoding(space="raw")) == []


def test_a_movie_of_integers_for_a_network_of_scene_linear_is_said_too(bench: Bench) -> None:
    pytest.importorskip("av")
    for number in (1, 2):
        bench.write(number, size=(64, 32))
    movie = str(bench.folder / "plate.mov")
    bench.run(output=movie)
    assert len(colour_notes_of(bench, movie, colour=LINEAR)) == 1


@pytest.mark.parametrize("name", ["shot.####.jpg", "shot.mov"])
def test_what_the_files_cannot_keep_is_said_before_the_first_frame_and_not_again(
    bench: Bench, name: str
) -> None:
    pytest.importorskip("av")
    for number in (1, 2, 3):
        bench.write(number, size=(64, 48))
    bench.run(output=str(bench.folder / "out" / name))
    (planned,) = [event for event in bench.events if isinstance(event, ApplyPlanned)]
    assert len([note for note in planned.notes if "float values are clamped to 0..1" in note]) == 1
    assert not [event for event in bench.events if isinstance(event, ApplyMessage)]


def test_a_movie_of_a_plate_whose_size_changes_ends_at_once_in_the_true_reason(bench: Bench) -> None:
    pytest.importorskip("av")
    for number in range(1, 21):
        bench.write(number, size=(64, 48) if number < 4 else (48, 64))
    with pytest.raises(WriteError, match="48x64"):
        bench.run(output=str(bench.folder / "out" / "shot.mov"))
    said = [event for event in bench.events if isinstance(event, (FrameWritten, FrameFailed))]
    assert len(said) < 12 and not list((bench.folder / "out").iterdir())


def test_a_stopped_movie_leaves_nothing_behind(bench: Bench) -> None:
    pytest.importorskip("av")
    for number in range(1, 9):
        bench.write(number, size=(64, 48))
    result = bench.run(stop=StopAfter(bench, 2), output=str(bench.folder / "out" / "shot.mov"))
    assert result.stopped and result.written == () and result.is_movie
    assert [path for path in (bench.folder / "out").iterdir() if path.is_file()] == []


def test_an_eight_bit_plate_of_one_pixel_width_goes_through(bench: Bench) -> None:
    bench.header = tiny_header()
    spec = oiio.ImageSpec(1, 90, 3, "uint8")
    (bench.folder / "plate").mkdir()
    path = bench.folder / "plate" / "p.0001.png"
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    assert output.write_image(random.integers(0, 256, (90, 1, 3), dtype=np.uint8)) and output.close()
    target = bench.folder / "out" / "p.0001.png"
    assert bench.run(plate=str(path), output=str(target), tile_size=64).written != ()
    frame = read_image_file(target)
    assert frame.is_integer and (frame.data_window.width, frame.data_window.height) == (1, 90)


def test_gaps_in_the_plate_are_named(bench: Bench) -> None:
    for number in (1, 2, 5):
        bench.write(number)
    bench.run()
    assert "3-4" in bench.events[0].notes[0]


def test_several_tiles_give_the_same_frames_as_whole_ones(bench: Bench) -> None:
    bench.write(1, size=(200, 150))
    bench.run(tile_size="none")
    whole = stored(bench.result(1), "R").astype(np.float32)
    bench.run(tile_size=128, overwrite=True)
    assert bench.events[-3].tile is not None
    assert np.abs(stored(bench.result(1), "R").astype(np.float32) - whole).max() < 1e-3


def test_torch_keeps_its_thread_count_after_the_job(bench: Bench) -> None:
    for number in (1, 2, 3):
        bench.write(number)
    before = torch.get_num_threads(), oiio.get_int_attribute("threads")
    bench.run()
    assert (torch.get_num_threads(), oiio.get_int_attribute("threads")) == before


def test_a_sequence_is_shared_out_so_that_each_core_has_a_frame_of_its_own() -> None:
    crew = plan_crew(cores=2, frames=100, frame_bytes=1e8, on_cpu=True, most_bytes=1e9)
    assert (crew.workers, crew.computing, crew.threads) == (3, 2, 1)


def test_frames_too_large_to_stand_side_by_side_get_all_cores_one_after_the_other() -> None:
    crew = plan_crew(cores=4, frames=100, frame_bytes=6e8, on_cpu=True, most_bytes=1e9)
    assert crew.computing == 1 and crew.threads == 4


def test_beside_an_accelerator_each_core_reads_or_writes_a_frame_of_its_own() -> None:
    crew = plan_crew(cores=16, frames=100, frame_bytes=1e8, on_cpu=False, most_bytes=8e9)
    assert (crew.workers, crew.computing, crew.threads) == (17, 1, 1)
    assert plan_crew(16, 100, 1e8, False, 5e8).workers == 5, "as many as there is memory for"
    assert plan_crew(16, 3, 1e8, False, 8e9).threads == 5, "few frames have several cores each"


@pytest.mark.parametrize(("workers", "threads", "alone"), [(17, 1, True), (3, 5, False), (1, 16, False)])
def test_beside_an_accelerator_many_frames_are_packed_by_their_own_threads(
    workers: int, threads: int, alone: bool
) -> None:
    before = oiio.get_int_attribute("threads"), oiio.get_int_attribute("exr_threads")
    with own_threads(Crew(workers, 1, threads), on_cpu=False):
        assert (oiio.get_int_attribute("exr_threads") == -1) == alone
    assert oiio.get_int_attribute("threads") == before[0]
    assert oiio.get_int_attribute("exr_threads") != -1


def test_a_single_frame_gets_all_cores() -> None:
    assert plan_crew(8, 1, 1e8, True, 1e9).threads == 8


def test_no_more_frames_are_under_way_than_there_are_workers() -> None:
    alive: list[int] = []
    peak: list[int] = []

    def work(index: int, item: int) -> int:
        alive.append(item)
        peak.append(len(alive))
        alive.remove(item)
        return item

    results = []
    for result in run_frames(range(50), work, 3, lambda: False):
        results.append(result)
    assert sorted(results) == list(range(50)) and max(peak) <= 3


def test_a_mistake_in_the_program_is_not_swallowed() -> None:
    def work(index: int, item: int) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(run_frames([1, 2, 3], work, 2, lambda: False))


def test_a_shot_that_was_made_opens_as_a_shot(bench: Bench) -> None:
    for number in (1, 2, 3):
        bench.write(number)
    bench.run(output=str(bench.folder / "folder"))
    assert open_shot(str(bench.folder / "folder")).numbers == (1, 2, 3)


def test_a_header_that_names_another_space_than_the_networks_is_said(bench: Bench) -> None:
    path = bench.folder / "log.0001.dpx"
    spec = oiio.ImageSpec(64, 32, 3, "uint16")
    spec.attribute("dpx:Transfer", "Logarithmic")
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec) and output.write_image(np.full((32, 64, 3), 0.4, np.float32))
    assert output.close()
    origin = {"pairs": [{"name": "plate.1001.dpx", "frame": 1001}]}
    notes = colour_notes_of(bench, str(path), ".dpx", colour=SRGB, provenance=origin)
    assert len(notes) == 1 and "KodakLog" in notes[0] and "transfer Logarithmic" in notes[0]


def test_video_for_a_network_of_srgb_is_said_to_look_alike_and_is_not_to_be_converted(bench: Bench) -> None:
    path = bench.folder / "video.0001.dpx"
    spec = oiio.ImageSpec(64, 32, 3, "uint16")
    spec.attribute("dpx:Transfer", "ITU-R 709-4")
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec) and output.write_image(np.full((32, 64, 3), 0.4, np.float32))
    assert output.close()
    (note,) = colour_notes_of(bench, str(path), ".dpx", colour=SRGB)
    assert "Rec.1886" in note and "displayed nearly alike" in note and "convert" not in note


@pytest.mark.parametrize("names", [("red", "green", "blue"), ("Layer.R", "Layer.G", "Layer.B")])
def test_colours_of_other_names_are_worked_on_alike_and_said(bench: Bench, names: tuple[str, ...]) -> None:
    from understudy.inference.model import load

    pixels = bench.write(1, names)
    bench.run()
    expected = load(str(bench.model), devices="cpu")(pixels.astype(np.float32)).astype(np.float16)
    for index, name in enumerate(names):
        assert np.array_equal(stored(bench.result(1), name), expected[..., index])
    planned = [event for event in bench.events if isinstance(event, ApplyPlanned)][-1]
    assert any(f"{', '.join(names)} are taken" in note for note in planned.notes)


# -- masks as they come -----------------------------------------------------------------------------------


def write_mask(bench: Bench, name: str, planes: np.ndarray, kind: str = "uint8") -> str:
    """``planes`` (H, W, C) of codes, or of floats, as they are; returns the file."""
    path = bench.folder / name
    height, width, count = planes.shape
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), oiio.ImageSpec(width, height, count, kind)), output.geterror()
    assert output.write_image(planes.astype(kind.replace("float", "float32"))) and output.close()
    return str(path)


def left_half(value: float, count: int = 1) -> np.ndarray:
    planes = np.zeros((24, 40, count))
    planes[:, :20] = value
    return planes


def masked(bench: Bench, mask: str) -> tuple[np.ndarray, str]:
    """How much red changes in a plate under a mask, and what is said about it."""
    pixels = np.random.default_rng(3).random((24, 40, 3)).astype(np.float16)
    plate = write_exr(bench.folder / "plate" / "plate.0001.exr", pixels, ("R", "G", "B"))
    bench.run(mask=mask, overwrite=True)
    said = [event.notes for event in bench.events if isinstance(event, ApplyPlanned)][-1]
    change = np.abs(stored(bench.result(1), "R").astype(np.float32) - plate[..., 0])
    return change, " ".join(said)


WHITES: dict[str, tuple[str, str, float]] = {
    "a label image": ("mask.png", "uint8", 1),
    "8 bits in 16": ("mask.png", "uint16", 255),
    "a label image in 16 bits": ("mask.png", "uint16", 1),
    "10 bits in 16": ("mask.tif", "uint16", 1023),
    "floats to 255": ("mask.exr", "float", 255),
    "floats to 65535": ("mask.tif", "float", 65535),
    "a label image as floats": ("mask.exr", "float", 1 / 255),
}


@pytest.mark.parametrize("case", WHITES)
def test_a_mask_whose_white_is_not_1_is_scaled_and_said(bench: Bench, case: str) -> None:
    bench.network = NegativeNetwork()
    name, kind, white = WHITES[case]
    change, said = masked(bench, write_mask(bench, name, left_half(white), kind))
    plain, nothing = masked(bench, write_mask(bench, "plain.exr", left_half(1.0), "float"))
    assert "white is" in said and "scaled to 1" in said and "mask" not in nothing
    assert np.allclose(change, plain, atol=1e-3) and change.max() > 0 == change[:, 20:].max()


def test_a_soft_mask_of_8_bits_in_16_keeps_its_greys(bench: Bench) -> None:
    bench.network = NegativeNetwork()
    change, _ = masked(bench, write_mask(bench, "mask.png", left_half(187), "uint16"))
    whole, _ = masked(bench, write_mask(bench, "soft.exr", left_half(187 / 255), "float"))
    assert np.allclose(change, whole, atol=1e-3)


def test_the_last_grey_edge_of_a_mask_on_one_frame_is_no_white(bench: Bench) -> None:
    for number in (1, 2, 3):
        bench.write(number)
        value = 1.0 if number == 3 else 1 / 255
        write_mask(bench, f"mask.{number}.exr", left_half(value), "float")
    mask = str(bench.folder / "mask.#.exr")
    bench.run(mask=mask, frames="1-2")
    before = read_image_file(bench.folder / "plate" / "plate.0001.exr").planes("RGB")
    assert np.abs(read_image_file(bench.result(1)).planes("RGB") - before).max() < 0.02


def test_the_colours_of_a_mask_are_taken_where_its_alpha_says_nothing(bench: Bench) -> None:
    picture = left_half(255, 4)
    picture[..., 3] = 255
    change, said = masked(bench, write_mask(bench, "mask.png", picture))
    assert change[:, :20].max() > 0 == change[:, 20:].max()
    assert "alpha is 1 everywhere: its R is taken" in said


def test_the_alpha_of_a_mask_is_taken_where_it_varies_on_any_frame(bench: Bench) -> None:
    for number in (1, 2):
        bench.write(number)
        planes = left_half(1.0, 4)
        planes[..., 3] = 1.0 if number == 1 else left_half(1.0)[..., 0]
        write_mask(bench, f"mask.{number}.exr", planes, "float")
    bench.run(mask=str(bench.folder / "mask.#.exr"), frames="1")
    plate = read_image_file(bench.folder / "plate" / "plate.0001.exr").planes("RGB")
    assert (read_image_file(bench.result(1)).planes("RGB") != plate)[:, 20:].any()


def test_which_of_the_mattes_in_the_colours_of_a_mask_is_taken_is_said(bench: Bench) -> None:
    planes = left_half(255, 3)
    planes[..., 1] = 255 - planes[..., 0]
    change, said = masked(bench, write_mask(bench, "mask.png", planes))
    assert change[:, :20].max() > 0 == change[:, 20:].max()
    assert "The mask's R, G, and B differ: its R is taken" in said
    _, alike = masked(bench, write_mask(bench, "alike.png", left_half(255, 3)))
    assert "differ" not in alike


def test_which_alpha_of_a_mask_is_taken_is_said_and_stays_so_in_all_frames(bench: Bench) -> None:
    layers = np.concatenate([left_half(1.0), 1 - left_half(1.0)], axis=2).astype(np.float32)
    for number in (1, 2):
        bench.write(number)
        names = ("fg.A", "hold.A") if number == 1 else ("fg.A", "bg.A")
        write_exr(bench.folder / "mask" / f"m.{number}.exr", layers, names)
    bench.run(mask=str(bench.folder / "mask" / "m.#.exr"))
    (planned,) = [event for event in bench.events if isinstance(event, ApplyPlanned)]
    assert any("Of the mask fg.A is taken; there is also hold.A" in note for note in planned.notes)
    plate = read_image_file(bench.folder / "plate" / "plate.0002.exr").planes("RGB")
    assert not (read_image_file(bench.result(2)).planes("RGB") != plate)[:, 20:].any()


@pytest.mark.parametrize("count", [1, 4])
def test_a_mask_that_is_black_on_all_frames_is_said(bench: Bench, count: int) -> None:
    planes = np.zeros((24, 40, count))
    planes[..., 3:] = 255
    change, said = masked(bench, write_mask(bench, "mask.png", planes))
    assert change.max() == 0 and "The mask is black on all frames" in said


def test_a_mask_that_is_black_on_all_of_many_frames_is_said_at_the_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("inference.layers.MOST", "frames.matte.MOST"):
        monkeypatch.setattr(f"understudy.{name}", 2)
    for number in (1, 2, 3):
        bench.write(number)
        write_mask(bench, f"mask.{number}.exr", left_half(0.0), "float")
    bench.run(mask=str(bench.folder / "mask.#.exr"))
    said = [event.text for event in bench.events if isinstance(event, ApplyMessage)]
    assert any("black on all frames" in text for text in said)


def test_a_mask_frame_that_is_missing_is_named_with_those_that_are_there(bench: Bench) -> None:
    for number in range(1, 5):
        bench.write(number)
        if number != 3:
            write_mask(bench, f"mask.{number}.exr", left_half(1.0), "float")
    result = bench.run(mask=str(bench.folder / "mask.#.exr"))
    ((number, error),) = result.failed
    assert number == 3 and error.found == "frames 1-2,4"


def test_names_that_are_no_utf_8_are_worked_on_and_found_again(bench: Bench) -> None:
    bench.write(1)
    plate = bench.folder / "pl\udce4te.0001.exr"
    try:
        open_shot(bench.plate).path(1).rename(plate)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    wishes = {"plate": str(bench.folder / "pl\udce4te.####.exr"), "output": str(bench.folder / "\udcf6ut/")}
    assert bench.run(**wishes).written == (1,)
    assert (bench.folder / "\udcf6ut" / plate.name).is_file()
    assert bench.run(**wishes).kept == (1,)


# -- what the network sees of alpha -----------------------------------------------------------------------


def half_covered() -> np.ndarray:
    """8 bit codes (24, 40, 4): nothing, a half and all of it covered, with colours everywhere."""
    picture = np.random.default_rng(5).integers(0, 256, (24, 40, 4)).astype(np.uint8)
    picture[..., 3] = 255
    picture[:8, :, 3], picture[8:16, :, 3] = 0, 128
    return picture


class SeeingNetwork(NegativeNetwork):
    """Keeps what it sees of a frame, and gives a half of it."""

    def remainder(self, x: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        self.seen = x[0].permute(1, 2, 0).numpy().copy()
        return x[:, :3] / 2


def test_a_network_sees_premultiplied_colours_and_straight_ones_come_out(bench: Bench) -> None:
    bench.header, bench.network = tiny_header(SRGB), SeeingNetwork()
    plate = write_mask(bench, "plate.png", half_covered())
    out = bench.folder / "out.png"
    bench.run(plate=plate, output=str(out))
    file, alpha = (read_image_file(Path(plate)).planes(names) for names in ("RGB", "A"))
    assert np.allclose(bench.network.seen[:24, :40], file * alpha, atol=1e-6)
    made = read_image_file(out).planes("RGB")
    assert np.abs(made[8:] - file[8:] / 2).max() < 0.51 / 255
    assert np.array_equal(made[:8], read_image_file(Path(plate)).planes("RGB")[:8])


def test_a_network_that_changes_nothing_gives_straight_colours_back_bit_for_bit(bench: Bench) -> None:
    bench.header, bench.network = tiny_header(SRGB), NothingNetwork()
    plate = write_mask(bench, "plate.png", half_covered())
    bench.run(plate=plate, output=str(bench.folder / "out.png"))
    for name in "RGBA":
        assert np.array_equal(stored(bench.folder / "out.png", name), stored(Path(plate), name))


def test_a_png_and_an_exr_and_a_png_again_are_the_same_picture_without_the_effect(bench: Bench) -> None:
    bench.header = tiny_header(SRGB)
    plate = write_mask(bench, "plate.png", half_covered())
    through, again = str(bench.folder / "through.exr"), bench.folder / "again.png"
    bench.run(plate=plate, output=through, mix=0)
    bench.run(plate=through, output=str(again), mix=0)
    before, after = (read_image_file(path).planes("RGBA") for path in (Path(plate), again))
    assert np.abs(before[8:] - after[8:]).max() < 0.51 / 255
    assert np.abs(before[..., :3] * before[..., 3:] - after[..., :3] * after[..., 3:]).max() < 0.51 / 255
    assert any("multiplied by alpha" in text for text in everything_said(bench))


def everything_said(bench: Bench) -> list[str]:
    planned = [note for event in bench.events if isinstance(event, ApplyPlanned) for note in event.notes]
    return planned + [event.text for event in bench.events if isinstance(event, ApplyMessage)]


def test_a_matte_in_the_alpha_leaves_the_colours_of_the_plate_in_every_format(bench: Bench) -> None:
    bench.header, bench.network = tiny_header(LINEAR, matte=True), TinyNetwork(out=1)
    pixels = bench.write(1, ("R", "G", "B", "A"))
    bench.run(output=str(bench.folder / "out" / "shot.####.png"))
    made = read_image_file(bench.folder / "out" / "shot.0001.png").planes("RGB")
    assert np.abs(made - pixels[..., :3]).max() < 1e-4
