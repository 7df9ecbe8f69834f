"""Many pictures on the page: folders by name, lists and tar files, counted and shown before a training."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
import pytest
from monitor_stage import until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
COUNT = 14


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Pictures and mattes by name, in the footage folder; two of either have no partner."""
    random = np.random.default_rng(2)
    image, mask = tmp_path / "footage" / "image", tmp_path / "footage" / "mask"
    for folder in (image, mask):
        folder.mkdir(parents=True)
    for index in range(COUNT):
        matte = np.zeros((40, 48), np.uint8)
        matte[8 + index % 5 : 30, 10 : 30 + index % 7] = 255
        pixels = random.integers(0, 90, (40, 48, 3), np.uint8)
        pixels[matte > 0] += 120
        name = f"{'ab'[index % 2]}_{index:03d}_x.png"
        if index != 3:
            cv2.imwrite(str(image / name), pixels)
        if index != 8:
            cv2.imwrite(str(mask / name), matte)
    return image, mask


def report_of(api: Any, **settings: Any) -> Any:
    return api.post("/api/pairs", json={"settings": {"batch_size": "2", "epochs": "10", **settings}})


def test_pictures_by_name_are_counted_and_some_can_be_looked_at(api: Any, folders: tuple[Path, Path]) -> None:
    report = report_of(api, input=str(folders[0]), ground_truth=str(folders[1])).json()
    assert (report["count"], report["total_steps"], report["shots"], report["pairs"]) == (12, 60, [], [])
    said = " ".join(report["notes"])
    assert "Paired by name: 12 pictures" in said and "The headers of all 12 pairs" in said
    assert "a_008_x" in said and "b_003_x" in said and report["warnings"] == []
    assert (report["width"], report["height"]) == (48, 40) and len(report["shown"]) == 12
    one = report["shown"][0]
    frame = f"/api/footage/frame?spec={quote(one['input'])}&number={one['input_number']}"
    truth = f"spec={quote(one['ground_truth'])}&number={one['ground_truth_number']}"
    assert api.get(frame).status_code == 200
    assert api.get(f"/api/footage/frame?{truth}").status_code == 200


def test_what_cannot_be_read_is_named_before_a_training(api: Any, folders: tuple[Path, Path]) -> None:
    (folders[0] / "a_006_x.png").write_bytes(b"nothing")
    report = report_of(api, input=str(folders[0]), ground_truth=str(folders[1])).json()
    assert any("a_006_x.png" in warning for warning in report["warnings"])


def test_a_list_and_a_tar_need_no_ground_truth(api: Any, folders: tuple[Path, Path]) -> None:
    names = sorted(path.name for path in folders[0].iterdir() if (folders[1] / path.name).exists())
    listed = folders[0].parent / "list.csv"
    rows = [
        f"image/{name},mask/{name},{'validation' if at < 2 else 'train'}" for at, name in enumerate(names)
    ]
    listed.write_text("input,truth,split\n" + "\n".join(rows))
    report = report_of(api, input=str(listed)).json()
    assert report["count"] == 10 and len(report["shown"]) == 10
    assert any("2 pairs are kept for validation" in note for note in report["notes"])
    tar = folders[0].parent / "pairs.tar"
    with tarfile.open(tar, "w") as archive:
        for name in names:
            for folder, ending in zip(folders, (".png", ".mask.png"), strict=True):
                content = (folder / name).read_bytes()
                info = tarfile.TarInfo(name.replace(".png", ending))
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    report = report_of(api, input=str(tar)).json()
    assert (report["count"], report["shown"]) == (12, [])
    mixed = report_of(api, input=[str(tar), str(folders[0])], ground_truth=str(folders[1])).json()
    assert mixed["count"] == 24 and mixed["shown"]


@pytest.mark.browser
def test_a_list_shows_its_pairs_in_the_dialog_without_a_ground_truth(
    start_monitor: Callable[..., Any], open_page: Callable[..., Any], folders: tuple[Path, Path], data: Path
) -> None:
    names = sorted(path.name for path in folders[0].iterdir() if (folders[1] / path.name).exists())
    listed = folders[0].parent / "list.csv"
    listed.write_text("input,truth\n" + "\n".join(f"image/{name},mask/{name}" for name in names))
    page = open_page(start_monitor(data, listed.parent).url)
    page.get_by_role("button", name="New Training").click()
    dialog = page.locator(".us-large:visible")
    dialog.get_by_label("Input", exact=True).fill(str(listed))
    until(lambda: "12 pairs to learn from" in dialog.inner_text())
    assert "12, 48 x 40" in dialog.inner_text()
    viewer = dialog.locator(".us-viewer")
    until(lambda: names[0] in (viewer.get_attribute("data-shown") or ""))


def test_pictures_outside_of_the_folders_are_refused(
    api: Any, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    """A list that names them, and a link among pictures by name: in the report, and at the start."""
    store = tmp_path / "elsewhere"
    store.mkdir()
    picture = next(iter(folders[0].iterdir()))
    (store / picture.name).write_bytes(picture.read_bytes())
    listed = folders[0].parent / "list.csv"
    listed.write_text(f"input,truth\n{store / picture.name},mask/{picture.name}\n")
    linked = {"input": str(folders[0]), "ground_truth": str(folders[1])}
    picture.unlink()
    picture.symlink_to(store / picture.name)
    for settings in ({"input": str(listed)}, linked):
        for answer in (report_of(api, **settings), api.post("/api/runs", json={"settings": settings})):
            assert answer.status_code in (403, 422), answer.text
            assert "outside of the folders" in answer.json()["error"]["message"]


def test_lists_and_tars_are_offered_where_a_plate_is_typed(api: Any, folders: tuple[Path, Path]) -> None:
    for name in ("pairs.tar", "list.csv", "list.txt"):
        (folders[0].parent / name).write_text("x")
    text = quote(f"{folders[0].parent}/")
    offered = api.get(f"/api/footage/complete?text={text}").json()
    assert [each["label"] for each in offered if each["kind"] == "pairs"] == ["list.csv", "pairs.tar"]
