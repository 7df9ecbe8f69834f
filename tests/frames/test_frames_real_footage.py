"""Real files of many programs: each is read or refused, and what is read is written again bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.errors import FrameError
from understudy.frames import (
    Frame,
    open_shot,
    pair_shots,
    read_image_file,
    resolve_channels,
    write_image_file,
)

pytestmark = pytest.mark.footage


def entries(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "index.json").read_text())


def is_readable(entry: dict[str, Any]) -> bool:
    return "parts" in entry and all("read" not in part and not part["deep"] for part in entry["parts"])


def test_every_file_is_read_with_the_windows_channels_and_values_that_it_has(frames_folder: Path) -> None:
    for entry in filter(is_readable, entries(frames_folder)):
        frame = read_image_file(frames_folder / entry["file"])
        assert len(frame.parts) == len(entry["parts"])
        for part, expected in zip(frame.parts, entry["parts"], strict=True):
            window = part.data_window
            assert [window.x, window.y, window.width, window.height] == [
                expected[name] for name in ("x", "y", "width", "height")
            ]
            display = part.display_window
            assert [display.x, display.y, display.width, display.height] == expected["full"]
            assert list(part.channels) == expected["channels"] and part.name == expected["name"]
            values = Frame((part,), frame.path).planes(part.channels, window)
            assert np.isnan(values).sum() == expected["nan"] and np.isinf(values).sum() == expected["inf"]
            finite = values[np.isfinite(values)].astype(np.float64)
            assert finite.min() == pytest.approx(expected["min"]) and finite.max() == pytest.approx(
                expected["max"]
            )


def test_what_cannot_be_read_is_refused_in_words(frames_folder: Path) -> None:
    refused = [entry["file"] for entry in entries(frames_folder) if not is_readable(entry)]
    assert refused
    for name in refused:
        with pytest.raises(FrameError) as error:
            read_image_file(frames_folder / name)
        assert error.value.found and name in error.value.where


def test_every_file_that_is_read_is_written_again_bit_for_bit(
    frames_folder: Path, tmp_path: Path, same_bits: Callable[[Frame, Frame], None]
) -> None:
    lossy = ("dwaa", "dwab", "b44", "b44a", "pxr24")
    for entry in filter(is_readable, entries(frames_folder)):
        plate = read_image_file(frames_folder / entry["file"])
        write_image_file(tmp_path / entry["file"], plate)
        written = read_image_file(tmp_path / entry["file"])
        if entry["parts"][0]["compression"] not in lossy:
            same_bits(plate, written)
        assert [part.channels for part in written.parts] == [part.channels for part in plate.parts]


def test_damaged_versions_of_every_file_are_read_or_refused(frames_folder: Path, tmp_path: Path) -> None:
    import random

    chance = random.Random(7)
    for entry in entries(frames_folder):
        data = (frames_folder / entry["file"]).read_bytes()
        if len(data) > 500_000:
            continue
        broken = tmp_path / f"broken{Path(entry['file']).suffix}"
        for attempt in range(12):
            version = bytearray(data[: chance.randrange(1, len(data))] if attempt % 3 == 0 else data)
            for _ in range(chance.randint(1, 8)):
                version[chance.randrange(min(len(version), 600 if attempt % 2 else len(version)))] ^= 255
            broken.write_bytes(version)
            try:
                read_image_file(broken)
            except FrameError as refused:
                assert refused.text


def test_the_real_shots_pair_up_by_number(cases_folder: Path) -> None:
    for case in sorted(path for path in cases_folder.iterdir() if (path / "case.json").is_file()):
        plate, truth = open_shot(str(case / "input")), open_shot(str(case / "groundtruth"))
        trained = set(json.loads((case / "case.json").read_text())["train_frames"])
        assert trained <= {pair[0] for pair in pair_shots(plate, truth).pairs}
        frame = plate.read(plate.numbers[0])
        assert frame.planes(resolve_channels(frame)).shape[2] == 3
        painted = truth.read(truth.numbers[0])
        assert resolve_channels(painted) in (("R", "G", "B"), ("Y",))
