"""Which picture belongs to which truth: by name, by a list, in tar files, beside shots."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.dataset.matching import Matched, match_all
from understudy.dataset.pairs import DataSet, load_data_set
from understudy.errors import ChannelError, FrameError, PairingError, SettingError
from understudy.settings import ColourSettings, DataSettings

Write = Callable[..., Path]
Files = dict[str, Path | bytes]
NAMES = ("ILSVRC_0004", "n0144_10026", "cat", "dog.2")


@pytest.fixture
def write(save_pixels: Any) -> Write:
    """``write(path, channels, value=0.5, size=(24, 16))``: an 8-bit picture, its left half of the value."""

    def put(path: Path, channels: int, value: float = 1.0, size: tuple[int, int] = (24, 16)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.zeros((size[1], size[0], channels), np.float32)
        pixels[:, : size[0] // 2] = value
        return save_pixels(path, pixels, "uint8")

    return put


@pytest.fixture
def folders(tmp_path: Path, write: Write) -> tuple[Path, Path]:
    """Four pictures and their masks, by name."""
    return fill(tmp_path, write, NAMES)


def fill(folder: Path, write: Write, names: Iterable[str]) -> tuple[Path, Path]:
    for at, name in enumerate(names):
        write(folder / "image" / f"{name}.jpg", 3, 0.2 + 0.1 * at, (24 + 8 * at, 16))
        write(folder / "mask" / f"{name}.png", 1, 1.0, (24 + 8 * at, 16))
    return folder / "image", folder / "mask"


def matched(image: Path | str, mask: Path | str, **more: Any) -> Matched:
    return match_all(DataSettings(input=(str(image),), ground_truth=(str(mask),), **more))


def loaded(*inputs: Path | str, truths: Iterable[Path | str] = (), **more: Any) -> DataSet:
    given = DataSettings(input=tuple(map(str, inputs)), ground_truth=tuple(map(str, truths)), **more)
    return load_data_set(given, ColourSettings())


def names(found: Matched) -> list[tuple[str, str]]:
    return [(s.name, s.truth.frame_name(s.truth_number)) for s in found.sources]


def test_files_of_two_folders_are_paired_by_their_names(folders: tuple[Path, Path]) -> None:
    found = matched(*folders)
    assert names(found) == [(f"{name}.jpg", f"{name}.png") for name in sorted(NAMES)]
    assert found.notes[0].startswith("Paired by name: 4 pictures of ")


def test_pictures_of_mixed_sizes_become_pairs(folders: tuple[Path, Path]) -> None:
    data = loaded(folders[0], truths=[folders[1]])
    assert data.kind == "matte" and data.output_channels == ("Y",)
    assert {pair.input.shape for pair in data.pairs} == {(16, 24 + 8 * at, 3) for at in range(4)}
    assert all(pair.truth[:, :12].min() == 1 and pair.truth[:, -12:].max() == 0 for pair in data.pairs)


def test_folders_within_folders_are_looked_into(tmp_path: Path, write: Write) -> None:
    for place in ("a", "b/c"):
        write(tmp_path / "image" / place / "same.jpg", 3)
        write(tmp_path / "mask" / place / "same.png", 1)
    write(tmp_path / "image" / "b" / "alone.jpg", 3)
    write(tmp_path / "mask" / "alone.png", 1)  # only one side has folders
    write(tmp_path / "image" / ".hidden.jpg", 3)
    found = matched(tmp_path / "image", tmp_path / "mask")
    assert len(found.sources) == 3
    assert all(s.name[:-4] == s.truth.frame_name(s.truth_number)[:-4] for s in found.sources)
    assert len(found.notes) == 1


def test_folders_of_one_sequence_each_are_shots(make_shot: Any) -> None:
    shot = make_shot(truth_numbers=(1002, 1004))
    found = matched(shot.folder / "plate", shot.folder / "truth")
    assert [source.plate_number for source in found.sources] == [1002, 1004]
    assert not found.sources[0].plate.is_set and "frames of a shot" in found.notes[0]


def test_a_sequence_is_paired_by_name_where_that_is_asked_for(make_shot: Any) -> None:
    shot = make_shot()
    for file in (shot.folder / "truth").iterdir():
        file.rename(file.with_name(file.name.replace("truth", "plate")))
    found = matched(shot.folder / "plate", shot.folder / "truth", pair_by="name")
    assert found.sources[0].plate.is_set and len(found.sources) == 5
    assert not any(source.beside.has(source.plate_number, [1]) for source in found.sources)


def test_what_has_no_partner_is_counted_and_the_first_ten_are_named(tmp_path: Path, write: Write) -> None:
    image, mask = fill(tmp_path, write, NAMES)
    for at in range(12):
        write(image / f"lonely_x{at:02d}.jpg", 3)
    write(mask / "widow.png", 1)
    notes = matched(image, mask).notes
    assert f": 12 of {image}: lonely_x00, " in notes[1] and notes[1].endswith("lonely_x09 and 2 more")
    assert notes[2].endswith(f": 1 of {mask}: widow")


def test_two_folders_without_a_common_name_are_refused(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "image" / "a.jpg", 3)
    write(tmp_path / "image" / "b.jpg", 3)
    write(tmp_path / "mask" / "c.png", 1)
    with pytest.raises(PairingError) as refused:
        matched(tmp_path / "image", tmp_path / "mask")
    assert "2 pictures (a, b) and 1 ground truths (c)" in refused.value.found


def test_two_pictures_of_one_name_are_refused(folders: tuple[Path, Path], write: Write) -> None:
    write(folders[0] / "cat.tif", 3)
    with pytest.raises(PairingError, match="one name"):
        matched(*folders)


def test_grey_coloured_and_transparent_pictures_are_one_set(tmp_path: Path, write: Write) -> None:
    for at, (plate, mask) in enumerate([(1, 1), (3, 3), (4, 1), (3, 2), (3, 1)]):
        write(tmp_path / "image" / f"p{at}_x.png", plate)
        write(tmp_path / "mask" / f"p{at}_x.png", mask)
    data = loaded(tmp_path / "image", truths=[tmp_path / "mask"])
    assert data.kind == "matte" and len(data.pairs) == 5
    assert all(pair.input.shape[2] == 3 and pair.truth.shape[2] == 1 for pair in data.pairs)
    assert all(np.all(pair.input[:, :12] == 1) and np.all(pair.truth[:, :12] == 1) for pair in data.pairs)


def test_a_coloured_mask_among_grey_ones_is_refused_by_name(
    folders: tuple[Path, Path], save_pixels: Any
) -> None:
    odd = np.zeros((16, 24, 3), np.float32)
    odd[..., 0] = 1
    (folders[1] / f"{NAMES[0]}.png").unlink()
    save_pixels(folders[1] / f"{NAMES[0]}.png", odd, "uint8")
    with pytest.raises(ChannelError) as refused:
        loaded(folders[0], truths=[folders[1]])
    assert NAMES[0] in refused.value.where


# -- lists -----------------------------------------------------------------------------------------------


def test_a_list_names_pairs_weights_and_splits(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    rows = [
        "input,truth,weight,split",
        f"image/{NAMES[0]}.jpg,mask/{NAMES[0]}.png,2,train",
        f"image/{NAMES[1]}.jpg,mask/{NAMES[1]}.png,,val",
        f"{folders[0]}/{NAMES[2]}.jpg,{folders[1]}/{NAMES[2]}.png,0.5,",
        f"image/{NAMES[3]}.jpg,mask/{NAMES[3]}.png,,test",
        f"image/{NAMES[3]}.jpg,,,",
    ]
    (tmp_path / "pairs.csv").write_text("\n".join(rows))
    found = match_all(DataSettings(input=(str(tmp_path / "pairs.csv"),)))
    assert [(s.name, s.share) for s in found.sources] == [(f"{NAMES[0]}.jpg", 2), (f"{NAMES[2]}.jpg", 0.5)]
    assert [s.name for s in found.validation] == [f"{NAMES[1]}.jpg"]
    assert "2 pairs to learn from, 1 for validation, 1 for tests" in found.notes[0]
    assert "1 of" in found.notes[1] and NAMES[3] in found.notes[1]


def test_a_list_of_json_lines_is_the_same(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    lines = [{"image": f"image/{name}.jpg", "mask": f"mask/{name}.png", "weight": 1} for name in NAMES]
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    assert len(loaded(path).pairs) == 4


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.csv", "input,truth\na.jpg,b.png,c,d\nx.jpg", "no row"),
        ("a.csv", "input,truth,weight\na.jpg,b.png,-1", "weight"),
        ("a.csv", "input,truth,weight\na.jpg,b.png,nan", "weight"),
        ("a.csv", "input,truth,split\na.jpg,b.png,later", "split"),
        ("a.csv", "one,two\na.jpg,b.png", "columns one, two"),
        ("a.csv", "", "no row"),
        ("a.jsonl", "[1]", "list"),
        ("a.jsonl", '{"input": 3, "truth": "b"}', "input"),
        ("a.jsonl", "[" * 100_000, ""),
    ],
)
def test_a_list_that_makes_no_sense_is_refused_with_its_line(
    tmp_path: Path, name: str, text: str, found: str
) -> None:
    (tmp_path / name).write_text(text)
    if "x.jpg" in text:
        (tmp_path / name).write_text("input,truth\nx.jpg,")
    with pytest.raises(PairingError) as refused:
        match_all(DataSettings(input=(str(tmp_path / name),)))
    assert found in refused.value.found and "line" in refused.value.where


# -- tar files -------------------------------------------------------------------------------------------


def shard(path: Path, files: Files) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            content = content if isinstance(content, bytes) else content.read_bytes()
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def pair_files(
    folders: tuple[Path, Path], name: str, key: str, ending: str = "png"
) -> dict[str, Path | bytes]:
    return {
        f"{key}.jpg": folders[0] / f"{name}.jpg",
        f"{key}.json": b"{}",
        f"{key}.{ending}": folders[1] / f"{name}.png",
    }


def test_tar_files_hold_the_same_pairs_as_folders(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    ordered = sorted(NAMES)
    for at in range(2):
        own = [pair_files(folders, name, f"a/{at}{k}") for k, name in enumerate(ordered[2 * at : 2 * at + 2])]
        shard(tmp_path / f"s-{at:03d}.tar", {**own[0], **own[1], "a/lonely.jpg": folders[0] / "cat.jpg"})
    data = loaded(tmp_path / "s-{000..001}.tar")
    plain = loaded(folders[0], truths=[folders[1]])
    assert [pair.hash for pair in data.pairs] == [pair.hash for pair in plain.pairs]
    assert any("4 pairs in 2 tar files" in note for note in data.notes)
    assert any("2 of" in note and "a/lonely.jpg" in note for note in data.notes)
    assert [p.hash for p in loaded(tmp_path / "s-*.tar").pairs] == [pair.hash for pair in data.pairs]


def test_a_truth_in_a_tar_is_told_by_its_name(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    files = pair_files(folders, "cat", "x", "mask.png")
    files["x.png"] = files.pop("x.jpg")  # both are PNG by name; the second word tells
    path = shard(tmp_path / "s.tar", files)
    found = match_all(DataSettings(input=(str(path),)))
    assert names(found) == [("x.png", "x.mask.png")]


def test_a_tar_that_is_cut_short_or_compressed_is_refused(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    whole = shard(tmp_path / "s.tar", pair_files(folders, "cat", "x")).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:900])
    with tarfile.open(tmp_path / "s.tar.gz", "w:gz") as archive:
        archive.add(folders[0] / "cat.jpg", "x.jpg")
    for name in ("cut.tar", "s.tar.gz"):
        with pytest.raises(FrameError, match="tar file cannot be used"):
            match_all(DataSettings(input=(str(tmp_path / name),)))


def test_a_length_or_a_header_that_a_tar_claims_is_not_believed(tmp_path: Path) -> None:
    for kind in (tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE):
        info = tarfile.TarInfo("x.jpg")
        info.size, info.type = 1 << 33, kind
        (tmp_path / "s.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 2048)
        with pytest.raises(FrameError, match="tar file cannot be used"):
            match_all(DataSettings(input=(str(tmp_path / "s.tar"),)))


def test_names_in_a_tar_lead_nowhere(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    """A name with ``..`` is a name: what it names on the disk is neither read nor written."""
    secret = tmp_path / "secret.jpg"
    files = pair_files(folders, "cat", "../secret")
    before = set(os.listdir(tmp_path))
    data = loaded(shard(tmp_path / "s.tar", files))
    assert len(data.pairs) == 1 and not secret.exists()
    assert set(os.listdir(tmp_path)) - before == {"s.tar"}


def test_missing_tar_files_are_named(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    shard(tmp_path / "s-0.tar", pair_files(folders, "cat", "x"))
    with pytest.raises(PairingError) as refused:
        match_all(DataSettings(input=(str(tmp_path / "s-{0..3}.tar"),)))
    assert "s-1.tar" in refused.value.found


# -- together --------------------------------------------------------------------------------------------


def test_shots_folders_lists_and_tars_are_learned_together(
    tmp_path: Path, folders: tuple[Path, Path], make_shot: Any
) -> None:
    shot = make_shot(effect="matte")
    tar = shard(tmp_path / "s.tar", pair_files(folders, "cat", "x"))
    (tmp_path / "l.csv").write_text("input,truth\nimage/cat.jpg,mask/cat.png")
    data = loaded(
        tmp_path / "l.csv", shot.plate, tar, folders[0], truths=[shot.truth, folders[1]], neighbours=0
    )
    assert len(data.pairs) == 1 + 5 + 1 + 4


def test_a_plate_without_a_truth_is_still_refused(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    with pytest.raises(SettingError, match="Ground Truth is missing"):
        DataSettings(input=(str(folders[0]), "x.csv"), ground_truth=())


def test_what_goes_by_frame_number_is_refused_for_pictures(folders: tuple[Path, Path]) -> None:
    with pytest.raises(SettingError, match="pictures"):
        matched(*folders, empty=("1-2",))


def test_some_pictures_are_learned_from_by_their_place(folders: tuple[Path, Path]) -> None:
    found = matched(*folders, frames="2-3")
    assert [source.plate_number for source in found.sources] == [2, 3]
